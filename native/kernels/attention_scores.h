// Attention received, without an attention matrix: s_j = sum_i w_i softmax_j(scale q_i.k_j + bias_j).
//
// A block of query rows works on a strip [rows][keys] that stays in the L2 cache: logits (the product, with
// the bias added and each row's maximum kept as the tile is stored), then one pass that turns each row into
// 2^(x - max) and sums it, then one that adds the rows into the columns with weight 1/sum. QK^T is computed
// once. The blocks are chosen in native/abi/attention_block.cc; the queries come multiplied by
// scale * log2(e), so that exp is a plain 2^x.
//
// Cost per (query, key): 2D flops for the product, about 12 for the rest, and 16 bytes of strip traffic. On
// AVX-512 at D = 64 the product takes 64 FMA issues for 16 pairs and the rest about 10: the limit is some
// 85 % of the FMA peak, and 92 % at D = 128. What is read next is fetched during the product: of keys and
// queries in the third level, that gave 6 % at 197 tokens. Measured on a Zen 4: 65 % at 12 x 197 x 197 x 64,
// where filling up the last panel costs 5, 74 % at 16 x 577 x 577 x 64, 82 to 86 % at 2048 x 2048 x 128.
#ifndef TOKENSIEVE_KERNELS_ATTENTION_SCORES_H
#define TOKENSIEVE_KERNELS_ATTENTION_SCORES_H
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/math.h"
#include "kernels/tile.h"

namespace {

// Stores logits with their scale and bias and keeps the greatest of each row, a vector of lanes a row.
template <class V>
struct LogitsEpilogue {
  float scale;
  float* strip;
  int64_t stride;
  const float* bias;
  float* row_max;
  template <int kVectors>
  inline void operator()(int r, typename V::F (&sums)[kVectors]) const {
    typename V::F most = V::load(row_max + r * V::kLanes);
    const typename V::F by = V::set(scale);
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) {
      const typename V::F x = V::fma(sums[v], by, V::load(bias + v * V::kLanes));
      V::store(strip + r * stride + v * V::kLanes, x);
      most = V::max(most, x);
    }
    V::store(row_max + r * V::kLanes, most);
  }
};

// Fetches rows in as many pieces as there are microkernel calls.
template <class V>
struct FetchAhead {
  const tsv::Rows& source;
  int64_t count;
  int64_t depth;
  int64_t done;
  inline void operator()(int64_t call, int64_t calls) {
    if (done == count) return;
    const int64_t item = source.dtype == TSV_FLOAT32 ? 4 : 2, last = count * call / calls;
    for (; done < last; ++done) {
      const char* row = static_cast<const char*>(source.data) + done * source.stride * item;
      for (int64_t byte = 0; byte < depth * item; byte += 64) V::prefetch(row + byte);
    }
  }
};

template <class V>
void attention_logits(const tsv::AttentionLogits& a) {
  const int64_t calls = (a.rows + V::kTileRows - 1) / V::kTileRows *
                        ((a.columns + PanelShape<V>::kWidth - 1) / PanelShape<V>::kWidth);
  int64_t call = 0;
  FetchAhead<V> fetch_queries = {a.next_queries, a.next_query_rows, a.depth, 0};
  FetchAhead<V> fetch_keys = {a.next_keys, a.next_key_rows, a.depth, 0};
  product<V>(a.queries, size_t(a.queries_stride), a.rows, a.key_panels, a.columns, a.depth,
             [&](int64_t row, int64_t column) {
               // A few before each microkernel call, which leaves the load ports half idle.
               ++call;
               fetch_queries(call, calls);
               fetch_keys(call, calls);
               return LogitsEpilogue<V>{a.scale, a.strip + row * a.strip_stride + column, a.strip_stride,
                                        a.bias + column, a.row_max + row * V::kLanes};
             });
}

// x = cap tanh(x / cap) + bias over a row, both in units of log2(e).
template <class V>
inline void soft_cap_row(float* row, int64_t columns, float cap, const float* bias) {
  const typename V::F size = V::set(cap), inverse = V::set(1.0f / cap);
  for (int64_t j = 0; j < columns; j += V::kLanes) {
    const typename V::F capped = V::mul(size, tanh<V>(V::mul(V::load(row + j), inverse)));
    V::store(row + j, V::add(capped, V::load(bias + j)));
  }
}

inline void hide_masked(float* row, int64_t columns, const float* bias) {
  for (int64_t j = 0; j < columns; ++j) {
    if (bias[j] <= tsv::kHidden) row[j] = tsv::kHidden;
  }
}

// Hides the columns outside [first, last).
inline void hide_columns(float* row, int64_t columns, int64_t first, int64_t last) {
  for (int64_t j = 0; j < first && j < columns; ++j) row[j] = tsv::kHidden;
  for (int64_t j = last > 0 ? last : 0; j < columns; ++j) row[j] = tsv::kHidden;
}

template <class V>
inline float greatest(const float* row, int64_t columns) {
  typename V::F most = V::set(tsv::kHidden);
  for (int64_t j = 0; j < columns; j += V::kLanes) most = V::max(most, V::load(row + j));
  return V::maximum(most);
}

template <class V>
inline bool any_nan(const float* row, int64_t columns) {
  for (int64_t j = 0; j < columns; j += V::kLanes) {
    if (V::bits(V::nan(V::load(row + j))) != 0) return true;
  }
  return false;
}

// row[j] = 2^(row[j] - shift); returns the sum, and in `weighted` the sum of row[j] * (its exponent) for the
// entropy.
template <class V, bool kWeighted>
inline float exponentials(float* row, int64_t columns, float shift, float* weighted) {
  using F = typename V::F;
  constexpr int kWays = 4;
  const F by = V::set(shift);
  F sums[kWays], terms[kWays];
  TSV_UNROLL for (int w = 0; w < kWays; ++w) sums[w] = terms[w] = V::zero();
  const auto step = [&](int64_t j, int w) {
    const F x = V::sub(V::load(row + j), by);
    const F e = exp2<V>(x);
    V::store(row + j, e);
    sums[w] = V::add(sums[w], e);
    if (kWeighted) terms[w] = V::fma(e, x, terms[w]);
  };
  int64_t j = 0;
  for (; j + kWays * V::kLanes <= columns; j += kWays * V::kLanes) {
    TSV_UNROLL for (int w = 0; w < kWays; ++w) step(j + w * V::kLanes, w);
  }
  for (; j < columns; j += V::kLanes) step(j, 0);
  if (kWeighted) *weighted = V::sum(V::add(V::add(terms[0], terms[1]), V::add(terms[2], terms[3])));
  return V::sum(V::add(V::add(sums[0], sums[1]), V::add(sums[2], sums[3])));
}

// The strip's rows to exponentials. A row without a visible key becomes zeros, its sum 0. Padding beyond the
// keys and masked keys hold tsv::kHidden, whose exponential is 0, and they can raise no maximum.
template <class V>
void attention_softmax(const tsv::AttentionSoftmax& a) {
  for (int64_t r = 0; r < a.rows; ++r) {
    float* row = a.strip + r * a.strip_stride;
    float most;
    if (a.soft_cap > 0) soft_cap_row<V>(row, a.columns, a.soft_cap, a.bias);
    if (a.hide_masked != 0) hide_masked(row, a.columns, a.bias);
    if (a.visible != nullptr) {
      hide_columns(row, a.columns, a.visible[2 * r] - a.first_key, a.visible[2 * r + 1] - a.first_key);
    }
    if (a.soft_cap > 0 || a.visible != nullptr || a.hide_masked != 0) {
      most = greatest<V>(row, a.columns);
    } else {
      most = V::maximum(V::load(a.row_max + r * V::kLanes));
    }
    // A maximum may pass a NaN by; a row with one is not empty, whatever else is hidden in it.
    if (most <= 0.5f * tsv::kHidden && any_nan<V>(row, a.columns)) most = NAN;
    float shift = a.known_lse != nullptr ? a.known_lse[r] : most;
    if (a.running_max != nullptr && a.running_max[r] > shift) shift = a.running_max[r];
    a.max[r] = shift;
    if (a.weighted != nullptr) a.weighted[r] = 0.0f;
    if (most <= 0.5f * tsv::kHidden || shift <= 0.5f * tsv::kHidden) {
      for (int64_t j = 0; j < a.columns; ++j) row[j] = 0.0f;
      a.max[r] = tsv::kHidden;
      a.sum[r] = 0.0f;
    } else if (a.weighted != nullptr) {
      a.sum[r] = exponentials<V, true>(row, a.columns, shift, a.weighted + r);
    } else {
      a.sum[r] = exponentials<V, false>(row, a.columns, shift, nullptr);
    }
  }
}

// NaN if either is.
template <class V>
inline typename V::F max_or_nan(typename V::F a, typename V::F b) {
  return V::select(V::nan(a), a, V::max(a, b));
}

// columns[j] += or max= weight_i * strip[i][j] over chosen rows. A block's rows are summed in registers first
// and added to the columns once, which also keeps the error of thousands of additions down.
template <class V, bool kMaximum, int kVectors>
inline void reduce_columns(const tsv::AttentionColumns& a, int64_t column) {
  using F = typename V::F;
  F sums[kVectors];
  TSV_UNROLL for (int v = 0; v < kVectors; ++v) sums[v] = V::zero();
  for (int64_t i = 0; i < a.rows; ++i) {
    const float* row = a.strip + int64_t(a.row_index[i]) * a.strip_stride + column;
    const F weight = V::set(a.row_weight[i]);
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) {
      const F e = V::load(row + v * V::kLanes);
      sums[v] = kMaximum ? max_or_nan<V>(sums[v], V::mul(weight, e)) : V::fma(weight, e, sums[v]);
    }
  }
  TSV_UNROLL for (int v = 0; v < kVectors; ++v) {
    float* out = a.columns_out + column + v * V::kLanes;
    V::store(out, kMaximum ? max_or_nan<V>(V::load(out), sums[v]) : V::add(V::load(out), sums[v]));
  }
}

template <class V>
void attention_columns(const tsv::AttentionColumns& a) {
  int64_t column = 0;
  for (; column + 4 * V::kLanes <= a.columns; column += 4 * V::kLanes) {
    a.maximum != 0 ? reduce_columns<V, true, 4>(a, column) : reduce_columns<V, false, 4>(a, column);
  }
  for (; column < a.columns; column += V::kLanes) {
    a.maximum != 0 ? reduce_columns<V, true, 1>(a, column) : reduce_columns<V, false, 1>(a, column);
  }
}

}  // namespace
#endif
