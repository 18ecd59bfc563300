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

// Module (the .cu file), kernel, argument struct.
#define TSV_FOR_EACH_CUDA_KERNEL(ENTRY) \
  ENTRY(token_norms, token_norms_f32, TokenNormsArguments) \
  ENTRY(token_norms, token_norms_f16, TokenNormsArguments) \
  ENTRY(token_norms, token_norms_bf16, TokenNormsArguments)

enum class Kernel : int32_t {
#define TSV_CUDA_KERNEL_ENUM(module, name, Arguments) name,
  TSV_FOR_EACH_CUDA_KERNEL(TSV_CUDA_KERNEL_ENUM)
#undef TSV_CUDA_KERNEL_ENUM
};

}  // namespace cuda
}  // namespace tsv
#endif
