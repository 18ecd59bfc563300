// Sums in float64 of sorted scores, added one by one as the CPU adds them, so that shares and points fall on
// the same scores: sums[i] = weights[0] + ... + weights[i].
//
// One warp loads 32 weights at a time and every lane adds all of them, handed around by shuffles that do not
// wait for the sum: the chain of additions is the limit, some 8 cycles a score on a GPU with full-rate
// float64.
#pragma once
#include "scan.cuh"

namespace tsv {
namespace cuda {

template <class Weight>
__device__ inline void prefix_sums(int64_t count, double* sums, const Weight& weight) {
  if (warp() != 0) return;
  double sum = 0.0;
  for (int64_t first = 0; first < count; first += kWarp) {
    const int64_t i = first + lane();
    const float mine = i < count ? weight(i) : 0.0f;
    double up_to_mine = 0.0;
#pragma unroll 8
    for (int j = 0; j < kWarp; ++j) {
      sum += double(__shfl_sync(kFullWarp, mine, j));
      if (lane() == j) up_to_mine = sum;
    }
    if (i < count) sums[i] = up_to_mine;
  }
}

}  // namespace cuda
}  // namespace tsv
