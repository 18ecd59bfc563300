// How a call crosses from JavaScript: `run(operation, header, ...arrays)`.
//
// The header is a Float64Array: for each tensor slot of the operation, inputs first, kSlotNumbers numbers,
// then the operation's own numbers and the stream (0 when no tensor lies on a device). A slot: element type +
// 1 (0: absent), rank, four dims, 1 when dimensions 1 and 2 are exchanged in memory (layout 'bnhd'), the CUDA
// device + 1 (0: on the host), and there its pointer; pointers are below 2^53. The arrays come in slot order,
// undefined where absent and where on a device.
#ifndef TOKENSIEVE_NODE_ARGUMENTS_H
#define TOKENSIEVE_NODE_ARGUMENTS_H
#include <node_api.h>
#include <stddef.h>
#include <stdint.h>

#include "tokensieve.h"

namespace tsv_node {

constexpr int kMaxSlots = 20;
constexpr int kMaxNumbers = 32;
constexpr int kSlotNumbers = 9;

struct Slot {
  tsv_tensor tensor;
  int64_t shape[4];
  int64_t strides[4];
  size_t bytes;  // on the host
  bool present;
  bool shared;  // in a SharedArrayBuffer, which other threads may write meanwhile
};

struct Operation;

// Tensors and numbers of one call, as the operations' adapters read them.
struct Arguments {
  const Operation* operation;
  Slot slots[kMaxSlots];
  double numbers[kMaxNumbers];
  void* stream;  // that a call on device tensors goes to

  const tsv_tensor* input(int i) const { return slots[i].present ? &slots[i].tensor : nullptr; }
  tsv_tensor* output(int i);
  double number(int i) const { return numbers[i]; }
  // For numbers that TypeScript has found to be integers; what does not fit saturates.
  int64_t integer(int i) const;
  int32_t small(int i) const;
};

struct Operation {
  const char* name;
  int inputs, outputs, numbers;
  tsv_status (*run)(tsv_context*, Arguments&);
  // Bits of the float slots that decide where something is written, as scores do that are counted first and
  // placed after, or an output that is sorted by. Integers are taken to decide always.
  uint32_t deciding = 0;
  int slots() const { return inputs + outputs; }
  bool decides(int slot, int32_t dtype) const { return dtype >= TSV_INT32 || ((deciding >> slot) & 1); }
};

extern const Operation kOperations[];
extern const int kOperationCount;

// What a typed array holds now.
struct ArrayView {
  void* data;
  size_t bytes;
  napi_value buffer;
};
bool view_array(napi_env env, napi_value value, ArrayView* view);

// An address that crosses as a number.
inline void* address(double number) { return reinterpret_cast<void*>(uintptr_t(number)); }

// Reads `run`'s arguments from the third on. False, with a JavaScript exception pending, when they are not of
// the form above: that is a defect of the TypeScript layer, except for an array whose memory is gone.
bool read_call(napi_env env, size_t argc, napi_value* argv, Arguments* arguments);

}  // namespace tsv_node
#endif
