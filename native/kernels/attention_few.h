// Attention of a few query rows, where packing would cost more than the products: keys and values are read as
// they lie, once.
//
// Logits: row after row, as memory streams best, a vector of partial sums for each of a vector of keys; a
// transposition in registers turns those into one vector of products. Rows side by side, a piece of each in
// turn, took twice as long: so many streams are more than the hardware follows. Values: the exponential of a
// key times its row, as many vectors of the output in registers as there is room for. A step of keys is small
// enough to stay in L1 for all rows. Half a flop a byte and row, so up to some 8 rows the limit is the
// bandwidth of wherever keys and values lie. Measured on a Zen 4 beside the packed product: 2.0 times as fast
// at 32 x 1 x 2880 x 128, 1.5 times with values at 32/8 x 1 x 16384 x 128, where four rows share the keys.
#ifndef TOKENSIEVE_KERNELS_ATTENTION_FEW_H
#define TOKENSIEVE_KERNELS_ATTENTION_FEW_H
#include "kernels/kernels.h"
#include "kernels/load_rows.h"

namespace {

constexpr int kKeysAhead =
    16;  // rows that are fetched ahead: alone, the hardware's prefetchers come too late

// The products of one query with the L rows from `keys` on.
template <class V, int kType>
inline typename V::F products_of_rows(const float* query, const typename Stored<V, kType>::Element* keys,
                                      int64_t stride, int64_t depth) {
  using S = Stored<V, kType>;
  using F = typename V::F;
  constexpr int L = V::kLanes;
  F sums[L];
  const int64_t whole = depth / L * L;
  const int rest = int(depth - whole);
  TSV_UNROLL for (int lane = 0; lane < L; ++lane) {
    const auto* key = keys + lane * stride;
    F sum = V::zero();
    TSV_NO_UNROLL for (int64_t c = 0; c < whole; c += L) {
      sum = V::fma(V::load(query + c), S::load(key + c), sum);
      V::prefetch(key + c + kKeysAhead * stride);
    }
    if (rest > 0) sum = V::fma(V::load(query + whole, rest), S::load(key + whole, rest), sum);
    sums[lane] = sum;
  }
  transpose(sums);
  for (int half = L / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) sums[i] = V::add(sums[i], sums[i + half]);
  }
  return sums[0];
}

// The product of one query with one row.
template <class V, int kType>
inline float product_of_row(const float* query, const typename Stored<V, kType>::Element* key,
                            int64_t depth) {
  typename V::F sum = V::zero();
  for (int64_t c = 0; c < depth; c += V::kLanes) {
    const int n = depth - c < V::kLanes ? int(depth - c) : V::kLanes;
    sum = V::fma(V::load(query + c, n), Stored<V, kType>::load(key + c, n), sum);
  }
  return V::sum(sum);
}

template <class V, int kType>
void attention_few_logits_of(const tsv::AttentionFewLogits& a) {
  using F = typename V::F;
  using Element = typename Stored<V, kType>::Element;
  constexpr int L = V::kLanes;
  const auto* keys = static_cast<const Element*>(a.keys.data);
  const F hidden = V::set(tsv::kHidden), half_hidden = V::set(0.5f * tsv::kHidden), scale = V::set(a.scale);
  for (int64_t key = 0; key < a.count; key += L, keys += L * a.keys.stride) {
    const F bias = V::load(a.bias + key);
    for (int64_t r = 0; r < a.rows; ++r) {
      const float* query = a.queries + r * a.queries_stride;
      F products;
      if (key + L <= a.count) {
        products = products_of_rows<V, kType>(query, keys, a.keys.stride, a.depth);
      } else {
        float last[L] = {};
        for (int64_t j = 0; key + j < a.count; ++j) {
          last[j] = product_of_row<V, kType>(query, keys + j * a.keys.stride, a.depth);
        }
        products = V::load(last);
      }
      // Whatever a masked key holds, its logit is hidden.
      const F x = V::select(V::greater(half_hidden, bias), hidden, V::fma(products, scale, bias));
      V::store(a.strip + r * a.strip_stride + key, x);
      float* most = a.row_max + r * L;
      V::store(most, V::max(V::load(most), x));
    }
  }
}

template <class V>
void attention_few_logits(const tsv::AttentionFewLogits& a) {
  TSV_DISPATCH_TYPE(a.keys.dtype, attention_few_logits_of, a);
}

// Columns from `column` on of out[r] += sum_key strip[r][key] * value[key], over keys first..last-1.
template <class V, int kType, int kVectors>
inline void add_weighted_rows(const tsv::AttentionFewValues& a, int64_t r, int64_t first, int64_t last,
                              int64_t column) {
  using S = Stored<V, kType>;
  using F = typename V::F;
  constexpr int L = V::kLanes;
  const float* weights = a.strip + r * a.strip_stride;
  const auto* row = static_cast<const typename S::Element*>(a.values.data) + first * a.values.stride + column;
  const int rest = a.columns - column < kVectors * L ? int(a.columns - column - (kVectors - 1) * L) : L;
  F sums[kVectors];
  TSV_UNROLL for (int v = 0; v < kVectors; ++v) sums[v] = V::zero();
  TSV_NO_UNROLL for (int64_t key = first; key < last; ++key, row += a.values.stride) {
    if (a.hidden[key] == 2) continue;  // a NaN in padding must not meet a weight of 0
    const F weight = V::set(weights[key]);
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) {
      const F x = v + 1 == kVectors && rest < L ? S::load(row + v * L, rest) : S::load(row + v * L);
      sums[v] = V::fma(weight, x, sums[v]);
    }
  }
  float* out = a.out + r * a.out_stride + column;
  TSV_UNROLL for (int v = 0; v < kVectors; ++v) V::store(out + v * L, V::add(V::load(out + v * L), sums[v]));
}

template <class V, int kType>
void attention_few_values_of(const tsv::AttentionFewValues& a) {
  constexpr int64_t kKeys = 32;  // 16 KB at 128 channels
  constexpr int L = V::kLanes;
  for (int64_t first = 0; first < a.keys; first += kKeys) {
    const int64_t last = first + kKeys < a.keys ? first + kKeys : a.keys;
    for (int64_t r = 0; r < a.rows; ++r) {
      int64_t column = 0;
      for (; column + 7 * L < a.columns; column += 8 * L) {
        add_weighted_rows<V, kType, 8>(a, r, first, last, column);
      }
      for (; column + 3 * L < a.columns; column += 4 * L) {
        add_weighted_rows<V, kType, 4>(a, r, first, last, column);
      }
      for (; column < a.columns; column += L) add_weighted_rows<V, kType, 1>(a, r, first, last, column);
    }
  }
}

template <class V>
void attention_few_values(const tsv::AttentionFewValues& a) {
  TSV_DISPATCH_TYPE(a.values.dtype, attention_few_values_of, a);
}

}  // namespace
#endif
