// What every kernel needs: element types, rows, masks, sums over a warp, reports of faults.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <math_constants.h>

#include "cuda_kernels.h"
#include "tokensieve.h"

namespace tsv {
namespace cuda {

constexpr unsigned kFullWarp = 0xffffffffu;
constexpr int kWarp = 32;

__device__ inline float to_float(float x) { return x; }
__device__ inline float to_float(__half x) { return __half2float(x); }
__device__ inline float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }

template <class T>
__device__ inline T from_float(float x);
template <>
__device__ inline float from_float<float>(float x) {
  return x;
}
template <>
__device__ inline __half from_float<__half>(float x) {
  return __float2half_rn(x);
}
template <>
__device__ inline __nv_bfloat16 from_float<__nv_bfloat16>(float x) {
  return __float2bfloat16_rn(x);
}

// 16 bytes of elements, read or written by one instruction.
template <class T>
struct alignas(16) Chunk {
  static constexpr int kCount = 16 / sizeof(T);
  T element[kCount];
};

// 16 bytes of registers by one instruction: the compiler would write a Chunk element by element.
template <class T>
__device__ inline void store_chunk(T* to, const T* element) {
  uint32_t words[4];
  memcpy(words, element, sizeof words);
  asm volatile("st.global.v4.b32 [%0], {%1,%2,%3,%4};"
               :
               : "l"(__cvta_generic_to_global(to)), "r"(words[0]), "r"(words[1]), "r"(words[2]), "r"(words[3])
               : "memory");
}

// Two neighbours of 16 bits each, by one instruction where they lie in one word.
template <class T>
__device__ inline void store_pair(T* to, T first, T second) {
  static_assert(sizeof(T) == 2, "of a word");
  if ((reinterpret_cast<uintptr_t>(to) & 3) != 0) {
    to[0] = first, to[1] = second;
    return;
  }
  const T pair[2] = {first, second};
  uint32_t word;
  memcpy(&word, pair, sizeof word);
  *reinterpret_cast<uint32_t*>(to) = word;
}

__device__ inline bool aligned16(const void* pointer) {
  return (reinterpret_cast<uintptr_t>(pointer) & 15) == 0;
}

__device__ inline int lane() { return int(threadIdx.x) & (kWarp - 1); }
__device__ inline int warp() { return int(threadIdx.x) / kWarp; }

// Of values that every lane has, the sum in every lane, added in the same order each time.
__device__ inline float warp_sum(float x) {
#pragma unroll
  for (int step = kWarp / 2; step > 0; step /= 2) x += __shfl_xor_sync(kFullWarp, x, step);
  return x;
}

// What the mask and the lengths say of token i of a row: 0 free, 1 keep, 2 drop. Device data may hold
// anything: what is not 1 or 2 is free, and a length past the row ends with it.
__device__ inline int token_state(const MaskArguments& m, int64_t row, int64_t i) {
  if (m.lengths != nullptr && i >= m.lengths[row / m.heads]) return 2;
  if (m.mask == nullptr) return 0;
  const int state = m.mask[(m.rows_a_mask == 0 ? 0 : row / m.rows_a_mask) * m.n + i];
  return state > 2 ? 0 : state;
}

// The first element of row `token` of matrix `row` = item * heads + head.
template <class T>
__device__ inline const T* token_at(const MatrixArguments& x, int64_t row, int64_t token) {
  return static_cast<const T*>(x.data) + row / x.heads * x.item_stride + row % x.heads * x.head_stride +
         token * x.row_stride;
}

// Only the first report of a launch, and of those before it that nobody has read, is kept.
__device__ inline void report_range(FaultRecord* fault, int argument, double got, int64_t low, int64_t high,
                                    int64_t element) {
  if (atomicCAS(&fault->status, 0, int(TSV_E_RANGE)) != 0) return;
  fault->argument = argument;
  fault->kind = kFaultRange;
  fault->low = low;
  fault->high = high;
  fault->element = element;
  fault->got = got;
}

// A token that the mask of item `element` drops.
__device__ inline void report_dropped(FaultRecord* fault, int argument, double got, int64_t element) {
  if (atomicCAS(&fault->status, 0, int(TSV_E_RANGE)) != 0) return;
  fault->argument = argument;
  fault->kind = kFaultDropped;
  fault->element = element;
  fault->got = got;
}

__device__ inline void report_negative(FaultRecord* fault, int argument, double got, int64_t element) {
  if (atomicCAS(&fault->status, 0, int(TSV_E_RANGE)) != 0) return;
  fault->argument = argument;
  fault->kind = kFaultNegative;
  fault->element = element;
  fault->got = got;
}

__device__ inline void report_not_finite(FaultRecord* fault, int argument, double got, int64_t element) {
  if (atomicCAS(&fault->status, 0, int(TSV_E_RANGE)) != 0) return;
  fault->argument = argument;
  fault->kind = kFaultNotFinite;
  fault->element = element;
  fault->got = got;
}

}  // namespace cuda
}  // namespace tsv
