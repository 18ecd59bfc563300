#include "node/arguments.h"

#include <string.h>

#include <string>

namespace tsv_node {
namespace {

// napi_typedarray_type has no name for Float16Array in Node-API 8, but the runtime reports it by this number.
constexpr int kFloat16Array = 11;

size_t element_bytes(int type) {
  switch (type) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return 1;
    case napi_int16_array:
    case napi_uint16_array:
    case kFloat16Array:
      return 2;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array:
      return 8;
    default:
      return 4;
  }
}

// As an integer; what does not fit saturates, and what is no number is the least.
int64_t saturated(double value) {
  if (value >= 9e18) return INT64_MAX;
  if (value <= -9e18) return INT64_MIN;
  return value == value ? int64_t(value) : INT64_MIN;
}

bool refuse(napi_env env, const char* code, const std::string& message) {
  napi_throw_error(env, code, message.c_str());
  return false;
}

bool read_slot(napi_env env, const double* header, int index, napi_value value, Slot* slot) {
  memset(slot, 0, sizeof *slot);
  if (header[0] == 0) return true;
  const auto refuse_slot = [&](const char* what) {
    return refuse(env, "ERR_TOKENSIEVE_INTERNAL", "slot " + std::to_string(index) + what);
  };
  const int rank = int(header[1]);
  if (rank < 1 || rank > 4) return refuse_slot(" has no rank from 1 to 4");
  slot->present = true;
  slot->tensor.dtype = int32_t(header[0]) - 1;
  slot->tensor.ndim = rank;
  double count = 1;
  for (int i = 0; i < rank; ++i) {
    slot->shape[i] = saturated(header[2 + i]);
    count *= header[2 + i];
  }
  if (header[7] != 0) {
    slot->tensor.device_type = TSV_CUDA;
    slot->tensor.device_id = int32_t(header[7]) - 1;
    slot->tensor.data = address(header[8]);
  } else {
    ArrayView view;
    if (!view_array(env, value, &view)) return refuse_slot(" is not a typed array");
    bool own = true;
    napi_is_arraybuffer(env, view.buffer, &own);
    slot->shared = !own;
    slot->tensor.device_type = TSV_CPU;
    slot->tensor.data = view.data;
    // TypeScript found enough elements: what it read after that, such as a getter, took them away.
    if (!(count >= 0 && count * tsv_dtype_bytes(slot->tensor.dtype) <= double(view.bytes))) {
      return refuse(env, "ERR_TOKENSIEVE_DETACHED",
                    "the buffer of an argument was transferred away or shrunk while the arguments were read");
    }
    slot->bytes = size_t(count) * size_t(tsv_dtype_bytes(slot->tensor.dtype));
  }
  int64_t dense = 1;
  for (int i = rank - 1; i >= 0; --i) {
    slot->strides[i] = dense;
    dense *= slot->shape[i] > 0 ? slot->shape[i] : 1;
  }
  if (header[6] != 0 && rank == 4) {
    slot->strides[2] = slot->shape[1] * slot->shape[3];
    slot->strides[1] = slot->shape[3];
  }
  return true;
}

}  // namespace

tsv_tensor* Arguments::output(int i) {
  Slot& slot = slots[operation->inputs + i];
  return slot.present ? &slot.tensor : nullptr;
}

int64_t Arguments::integer(int i) const { return saturated(numbers[i]); }

int32_t Arguments::small(int i) const {
  const int64_t value = integer(i);
  return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : int32_t(value);
}

bool view_array(napi_env env, napi_value value, ArrayView* view) {
  bool is_typed = false;
  if (napi_is_typedarray(env, value, &is_typed) != napi_ok || !is_typed) return false;
  napi_typedarray_type type;
  size_t length, offset;
  if (napi_get_typedarray_info(env, value, &type, &length, &view->data, &view->buffer, &offset) != napi_ok)
    return false;
  view->bytes = length * element_bytes(int(type));
  return true;
}

bool read_call(napi_env env, size_t argc, napi_value* argv, Arguments* arguments) {
  ArrayView header;
  uint32_t index = UINT32_MAX;
  if (argc < 2 || napi_get_value_uint32(env, argv[0], &index) != napi_ok ||
      index >= uint32_t(kOperationCount) || !view_array(env, argv[1], &header)) {
    return refuse(env, "ERR_TOKENSIEVE_INTERNAL", "run() takes an operation, a header and arrays");
  }
  const Operation& operation = kOperations[index];
  const size_t slots = size_t(operation.slots());
  const size_t numbers = slots * kSlotNumbers + size_t(operation.numbers) + 1;
  if (header.bytes < numbers * sizeof(double) || argc < 2 + slots) {
    return refuse(env, "ERR_TOKENSIEVE_INTERNAL", std::string(operation.name) + " got too few arguments");
  }
  arguments->operation = &operation;
  const double* values = static_cast<const double*>(header.data);
  for (size_t i = 0; i < slots; ++i) {
    if (!read_slot(env, values + i * kSlotNumbers, int(i), argv[2 + i], &arguments->slots[i])) return false;
  }
  memcpy(arguments->numbers, values + slots * kSlotNumbers, size_t(operation.numbers) * sizeof(double));
  arguments->stream = address(values[numbers - 1]);
  // The struct may be copied, so what points into it is set last and again by whoever copies.
  for (size_t i = 0; i < slots; ++i) {
    arguments->slots[i].tensor.shape = arguments->slots[i].shape;
    arguments->slots[i].tensor.strides = arguments->slots[i].strides;
  }
  return true;
}

}  // namespace tsv_node
