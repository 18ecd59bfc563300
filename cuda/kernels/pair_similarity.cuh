// The similarity of two tokens as native/kernels/paired_similarity.h gives it, bit for bit: in float64, by
// sixteen sums of which each has every sixteenth element, added by halves, and rounded once.
//
// Half a warp takes a pair, a lane a sum, so that both rows are read 16 elements at a time, next to each
// other.
#pragma once
#include "common.cuh"

namespace tsv {
namespace cuda {

constexpr int kHalfWarp = 16;

__device__ inline int half_lane() { return lane() & (kHalfWarp - 1); }

// Of values that the lanes of half a warp have, the sum in each of them, in row_sums.h's order.
__device__ inline double half_warp_sum(double x) {
#pragma unroll
  for (int step = kHalfWarp / 2; step > 0; step /= 2) x = __dadd_rn(x, __shfl_xor_sync(kFullWarp, x, step));
  return x;
}

// A row of a float type that only the call knows.
struct AnyRow {
  const void* data;
  int32_t dtype;
  __device__ float operator[](int64_t c) const {
    switch (dtype) {
      case TSV_FLOAT16:
        return to_float(static_cast<const __half*>(data)[c]);
      case TSV_BFLOAT16:
        return to_float(static_cast<const __nv_bfloat16*>(data)[c]);
      default:
        return static_cast<const float*>(data)[c];
    }
  }
};

__device__ inline AnyRow any_row(const MatrixArguments& x, int64_t row, int64_t token) {
  if (x.dtype == TSV_FLOAT32) return {token_at<float>(x, row, token), x.dtype};
  return {token_at<uint16_t>(x, row, token), x.dtype};
}

// All 32 lanes call this, each half with a pair of its own, and get its half's.
__device__ inline float pair_similarity(const AnyRow& a, const AnyRow& b, int channels, int metric) {
  double product = 0.0, a_square = 0.0, b_square = 0.0;
#pragma unroll 2
  for (int c = half_lane(); c < channels; c += kHalfWarp) {
    const double x = double(a[c]), y = double(b[c]);
    if (metric == TSV_METRIC_L2) {
      const double difference = x - y;  // whose square is not exact: not fused
      product = __dadd_rn(__dmul_rn(difference, difference), product);
    } else {
      product = fma(x, y, product);
      if (metric != TSV_METRIC_COSINE) continue;
      a_square = fma(x, x, a_square);
      b_square = fma(y, y, b_square);
    }
  }
  product = half_warp_sum(product);
  if (metric == TSV_METRIC_L2) return float(0.0 - product);
  if (metric == TSV_METRIC_DOT) return float(product);
  a_square = half_warp_sum(a_square);
  b_square = half_warp_sum(b_square);
  if (a_square == 0.0 || b_square == 0.0) return 0.0f;
  return float(product / (sqrt(a_square) * sqrt(b_square)));
}

}  // namespace cuda
}  // namespace tsv
