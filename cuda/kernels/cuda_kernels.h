// The CUDA kernels: their names and arguments, read by nvcc and by the launch plans. A kernel NAME of the
// list is the function tsv_NAME of one module's PTX and takes one argument struct by value.
//
// Strides count elements. Every pointer is a device pointer, NULL where an argument is absent.
#ifndef TOKENSIEVE_CUDA_KERNELS_H
#define TOKENSIEVE_CUDA_KERNELS_H
#include <stdint.h>

namespace tsv {
namespace cuda {

// What a kernel found wrong in data that the host cannot see. The first to report keeps its place; the host
// reads the record when it waits for the stream.
struct FaultRecord {
  int32_t status;    // tsv_status, 0 for none
  int32_t argument;  // tsv_argument
  int32_t kind;      // FaultKind
  int32_t unused;
  int64_t low, high;  // what an integer must be from and to
  int64_t element;    // where in the argument
  double got;
};

enum FaultKind : int32_t {
  kFaultRange = 0 /* an integer from low to high */,
  kFaultNegative = 1 /* a number from 0 */
};

// Tokens in rows [B,N] or [B,H,N]: 0 free, 1 keep, 2 drop.
struct MaskArguments {
  const uint8_t* mask;
  const int32_t* lengths;  // [B]
  int32_t rows_a_mask;     // row / rows_a_mask is the mask's row; 0: one mask for all
  int32_t heads;           // rows of a batch item
  int64_t n;
};

// Matrices of rows of elements, [B,H] of them.
struct MatrixArguments {
  const void* data;
  int64_t item_stride, head_stride, row_stride;
  int32_t dtype;  // tsv_dtype
  int32_t heads;
};

struct TokenNormsArguments {
  MatrixArguments x;
  MaskArguments mask;
  float* norms;     // [rows,n]
  int64_t rows, n;  // n tokens a row
  int32_t channels;
  int32_t p;  // 1 or 2
};

// Rows of given lengths that close ranks: see row_offsets.cu.
struct RowOffsetsArguments {
  const int32_t* lengths;  // [rows], each at most `most`
  int32_t* offsets;        // [rows + 1]
  FaultRecord* fault;
  int64_t rows, most, room;  // room: what the lengths add up to at most
  int32_t argument;          // tsv_argument that is to blame
};

// Slots listed from an assignment: see slots.cu. Arrays of [rows,n] but where another length stands.
struct SlotsArguments {
  const int32_t* assignment;
  const int32_t* output_lengths;  // [rows]
  int64_t rows, n;
  int32_t bits;  // that tell n + 1 slots apart, a multiple of 8
  uint32_t *keys, *spare_keys;
  int32_t *places, *spare_places;
  int32_t *starts, *listed;            // the first member of each slot, within its row; the row's members
  int32_t* row_members;                // [rows]
  int32_t *first_slot, *first_member;  // [rows + 1]
  int32_t *offsets, *members;          // [rows * n + 1], [rows * n]
};

struct CopyPeakArguments {
  const void* from;
  void* to;
  int64_t pieces;  // of 16 bytes
};

struct RatePeakArguments {
  float* never;  // 256 elements that stay as they are
  int32_t rounds;
  uint32_t seed;  // 0, which the compiler does not know
};

// Module (the .cu file), kernel, argument struct.
#define TSV_FOR_EACH_CUDA_KERNEL(ENTRY) \
  ENTRY(ceilings, copy_peak, CopyPeakArguments) \
  ENTRY(ceilings, matrix_peak, RatePeakArguments) \
  ENTRY(ceilings, fma_peak, RatePeakArguments) \
  ENTRY(token_norms, token_norms_f32, TokenNormsArguments) \
  ENTRY(token_norms, token_norms_f16, TokenNormsArguments) \
  ENTRY(token_norms, token_norms_bf16, TokenNormsArguments) \
  ENTRY(row_offsets, row_offsets, RowOffsetsArguments) \
  ENTRY(slots, sort_slots, SlotsArguments) \
  ENTRY(slots, place_slots, SlotsArguments)

enum class Kernel : int32_t {
#define TSV_CUDA_KERNEL_ENUM(module, name, Arguments) name,
  TSV_FOR_EACH_CUDA_KERNEL(TSV_CUDA_KERNEL_ENUM)
#undef TSV_CUDA_KERNEL_ENUM
};

}  // namespace cuda
}  // namespace tsv
#endif
