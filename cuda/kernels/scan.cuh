// Sums along the threads of a block, in their order, and what a block's warps share out among them.
//
// Whole warps, at most 32 of them. Every thread of the block calls these; memory given to one of them may be
// used again as soon as it returns.
#pragma once
#include "common.cuh"

namespace tsv {
namespace cuda {

constexpr int kMostWarps = 32;

__device__ inline int warps() { return int(blockDim.x) / kWarp; }
__device__ inline unsigned lanes_before() { return (1u << lane()) - 1; }

template <class T>
__device__ inline T warp_inclusive_sum(T x) {
#pragma unroll
  for (int step = 1; step < kWarp; step *= 2) {
    const T before = __shfl_up_sync(kFullWarp, x, step);
    if (lane() >= step) x += before;
  }
  return x;
}

// Shared memory of a scan.
template <class T>
struct ScanMemory {
  T totals[kMostWarps + 1];
};

// The sum of the x of all threads before this one; `total`, of all.
template <class T>
__device__ inline T block_exclusive_sum(T x, ScanMemory<T>& memory, T* total) {
  const T inclusive = warp_inclusive_sum(x);
  if (lane() == kWarp - 1) memory.totals[warp()] = inclusive;
  __syncthreads();
  if (warp() == 0) {
    const T mine = lane() < warps() ? memory.totals[lane()] : T(0);
    const T sum = warp_inclusive_sum(mine);
    memory.totals[lane()] = sum - mine;
    if (lane() == kWarp - 1) memory.totals[kMostWarps] = sum;
  }
  __syncthreads();
  const T before = memory.totals[warp()] + inclusive - x;
  *total = memory.totals[kMostWarps];
  __syncthreads();
  return before;
}

template <class T>
__device__ inline T block_sum(T x, ScanMemory<T>& memory) {
  T total;
  block_exclusive_sum(x, memory, &total);
  return total;
}

// The greatest x of the threads up to this one.
__device__ inline int32_t block_inclusive_max(int32_t x, ScanMemory<int32_t>& memory) {
#pragma unroll
  for (int step = 1; step < kWarp; step *= 2) {
    const int32_t before = __shfl_up_sync(kFullWarp, x, step);
    if (lane() >= step && before > x) x = before;
  }
  if (lane() == kWarp - 1) memory.totals[warp()] = x;
  __syncthreads();
  for (int w = 0; w < warp(); ++w) x = memory.totals[w] > x ? memory.totals[w] : x;
  __syncthreads();
  return x;
}

// What a warp goes through of `count` things in groups of 32: one piece, so that the order of the warps is
// the order of the things. Its end may lie past `count`; both are multiples of 32.
struct WarpPiece {
  int64_t begin, end;
};
__device__ inline WarpPiece piece_of_warp(int64_t count) {
  const int64_t groups = (count + kWarp - 1) / kWarp, each = (groups + warps() - 1) / warps();
  const int64_t begin = warp() * each, end = begin + each;
  return {(begin < groups ? begin : groups) * kWarp, (end < groups ? end : groups) * kWarp};
}

}  // namespace cuda
}  // namespace tsv
