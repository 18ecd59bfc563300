// What attention's passes share: logits in units of log2(e), so that exp is a plain 2^x.
//
// Masked keys carry a bias of -Infinity; keys that a row does not see by its place are hidden by its range.
// Both are hidden by choice, never by arithmetic alone: whatever a masked key or query holds, NaN included,
// has no part in a result. 2^x is ex2.approx, good to 2 ulp (PTX ISA, "ex2") without flushing to zero: 2.4e-7
// of a probability, where the contract allows 1e-5.
#pragma once
#include "common.cuh"

namespace tsv {
namespace cuda {

constexpr float kHidden = -1e30f;  // at or under it, a bias masks its key, and a row has nothing
constexpr float kLn2 = 0.693147181f;

// The places of a block's work in one launch's row of blocks: the innermost first.
struct BlockPlaces {
  int64_t rest;
  __device__ BlockPlaces() : rest(blockIdx.x) {}
  __device__ int64_t take(int64_t of) {
    const int64_t place = rest % of;
    rest /= of;
    return place;
  }
};

// A known log-sum-exp in the units of logits.
__device__ inline float known_shift(float lse) { return float(double(lse) * 1.4426950408889634); }

__device__ inline float max_or_nan(float a, float b) { return isnan(a) || a > b ? a : b; }

// x -> cap tanh(x / cap), where there is a cap.
__device__ inline float soft_capped(float x, float cap) { return cap * tanhf(x / cap); }

// What to subtract of logits whose greatest is `greatest`: -Infinity is that of a row that sees nothing yet.
__device__ inline float shift_of(float greatest) { return greatest == -CUDART_INF_F ? 0.0f : greatest; }

__device__ inline bool is_empty(const AttentionPartial& row) {
  return row.greatest <= 0.5f * kHidden && !isnan(row.sum);
}

// Moves a row's sums to a new greatest logit; returns what they were multiplied by.
__device__ inline float raise(AttentionPartial& row, float greatest) {
  const float by = exp2f(row.greatest - shift_of(greatest));
  row.weighted =
      row.greatest == -CUDART_INF_F ? 0.0f : by * fmaf(row.sum, row.greatest - greatest, row.weighted);
  row.sum *= by;
  row.greatest = greatest;
  return by;
}

__device__ inline void add(AttentionPartial& row, AttentionPartial other) {
  const float greatest = fmaxf(row.greatest, other.greatest);
  raise(row, greatest);
  raise(other, greatest);
  row.sum += other.sum;
  row.weighted += other.weighted;
}

// 2^d for d = logit - shift, and what it adds to the weighted sum: nothing where it is 0.
__device__ inline float weighted_term(float e, float d) { return e * fmaxf(d, -1000.0f); }

// By what a row's summed values become its output; 0 where it sees nothing.
__device__ inline float output_scale(const AttentionPartial& row, const float* lse) {
  if (is_empty(row)) return 0.0f;
  if (lse == nullptr) return 1.0f / row.sum;
  const float known = known_shift(*lse);
  return known <= 0.5f * kHidden ? 0.0f : exp2f(row.greatest - known);
}

// The first element of row `token` of matrix `row`, of whichever type.
__device__ inline const void* row_at(const MatrixArguments& x, int64_t row, int64_t token) {
  const int64_t at = row / x.heads * x.item_stride + row % x.heads * x.head_stride + token * x.row_stride;
  return static_cast<const char*>(x.data) + at * (x.dtype == TSV_FLOAT32 ? 4 : 2);
}

// One element of a matrix of any float type.
__device__ inline void store_float(const MatrixArguments& to, int64_t row, int64_t token, int64_t column,
                                   float x) {
  const int64_t at =
      row / to.heads * to.item_stride + row % to.heads * to.head_stride + token * to.row_stride + column;
  void* data = const_cast<void*>(to.data);
  if (to.dtype == TSV_FLOAT32) {
    static_cast<float*>(data)[at] = x;
  } else if (to.dtype == TSV_FLOAT16) {
    static_cast<__half*>(data)[at] = from_float<__half>(x);
  } else {
    static_cast<__nv_bfloat16*>(data)[at] = from_float<__nv_bfloat16>(x);
  }
}

}  // namespace cuda
}  // namespace tsv
