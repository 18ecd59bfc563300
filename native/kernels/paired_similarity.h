// out[i] = the similarity of a_i and b_i:
//   cosine  a.b / (|a| |b|), 0 where either is a zero vector
//   dot     a.b
//   l2      -|a - b|^2
//
// Accumulated in float64, in sixteen sums that are added in one order on every instruction set: equal vectors
// come out as exactly 1 (cosine) or 0 (l2) whatever their length, so that ties between copies of a token are
// ties, and results are the same everywhere. (The product of two floats is exact in float64, so that it does
// not matter whether its addition is fused.) No float32 overflows or vanishes on the way. The sums stay in
// registers: up to two conversions and three multiply-adds an element, at half the width of float32, for the
// winners of a match and for tokens in pairs, not for all pairs. The limit is reading both rows once; those
// of the next pair are fetched meanwhile, since winners lie anywhere.
#ifndef TOKENSIEVE_KERNELS_PAIRED_SIMILARITY_H
#define TOKENSIEVE_KERNELS_PAIRED_SIMILARITY_H
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/load_rows.h"
#include "simd/unroll.h"

namespace {

constexpr int kPairSums = 16;

// What the elements of a pair add to, vectors of double: kPairSums in all.
template <class V>
struct PairSum {
  static constexpr int kVectors = kPairSums / V::kLanes;
  static_assert(kVectors * V::kLanes == kPairSums, "a block is whole vectors");
  typename V::D sums[kVectors];
  inline PairSum() { TSV_UNROLL for (int v = 0; v < kVectors; ++v) sums[v] = V::zero_double(); }
  inline double total() const {
    double all[kPairSums];
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) V::store(all + v * V::kLanes, sums[v]);
    for (int half = kPairSums / 2; half > 0; half /= 2) {
      for (int j = 0; j < half; ++j) all[j] += all[j + half];
    }
    return all[0];
  }
};

// load(v, &x, &y) gives the v-th vectors of a block of both rows.
template <class V, int kMetric>
struct PairSums {
  PairSum<V> products, a_squares, b_squares;
  template <class Load>
  inline void add(const Load& load) {
    TSV_UNROLL for (int v = 0; v < PairSum<V>::kVectors; ++v) {
      typename V::D x, y;
      load(v, &x, &y);
      products.sums[v] = V::fma(x, y, products.sums[v]);
      if (kMetric != TSV_METRIC_COSINE) continue;
      a_squares.sums[v] = V::fma(x, x, a_squares.sums[v]);
      b_squares.sums[v] = V::fma(y, y, b_squares.sums[v]);
    }
  }
  inline double similarity() const {
    const double product = products.total();
    if (kMetric != TSV_METRIC_COSINE) return product;
    const double a_square = a_squares.total(), b_square = b_squares.total();
    return a_square == 0.0 || b_square == 0.0 ? 0.0 : product / (sqrt(a_square) * sqrt(b_square));
  }
};

template <class V>
struct PairSums<V, TSV_METRIC_L2> {
  PairSum<V> squares;
  template <class Load>
  inline void add(const Load& load) {
    TSV_UNROLL for (int v = 0; v < PairSum<V>::kVectors; ++v) {
      typename V::D x, y;
      load(v, &x, &y);
      const typename V::D difference = V::sub(x, y);  // whose square is not exact: not fused
      squares.sums[v] = V::add(V::mul(difference, difference), squares.sums[v]);
    }
  }
  inline double similarity() const { return 0.0 - squares.total(); }
};

template <class V, int kA, int kB, int kMetric>
float similarity_of_pair(const typename Stored<V, kA>::Element* a, const typename Stored<V, kB>::Element* b,
                         int64_t columns) {
  using D = typename V::D;
  PairSums<V, kMetric> sums;
  int64_t c = 0;
  for (; c + kPairSums <= columns; c += kPairSums) {
    sums.add([=](int v, D* x, D* y) {
      *x = V::widen(Stored<V, kA>::load(a + c + v * V::kLanes));
      *y = V::widen(Stored<V, kB>::load(b + c + v * V::kLanes));
    });
  }
  if (c < columns) {
    sums.add([=](int v, D* x, D* y) {
      const int64_t at = c + v * V::kLanes, left = columns - at;
      const int n = left < 0 ? 0 : left < V::kLanes ? int(left) : V::kLanes;
      *x = V::widen(Stored<V, kA>::load(a + at, n));
      *y = V::widen(Stored<V, kB>::load(b + at, n));
    });
  }
  return float(sums.similarity());
}

template <class V, int kA, int kB, int kMetric>
void similarity_of_pairs(const tsv::PairedSimilarity& p) {
  const auto* a = static_cast<const typename Stored<V, kA>::Element*>(p.a.data);
  const auto* b = static_cast<const typename Stored<V, kB>::Element*>(p.b.data);
  const auto a_row = [&](int64_t i) { return a + (p.first != nullptr ? p.first[i] : i) * p.a.stride; };
  const auto b_row = [&](int64_t i) { return b + (p.second != nullptr ? p.second[i] : i) * p.b.stride; };
  for (int64_t i = 0; i < p.count; ++i) {
    if (i + 1 < p.count) {
      fetch_row<V>(a_row(i + 1), p.columns);
      fetch_row<V>(b_row(i + 1), p.columns);
    }
    p.out[i] = similarity_of_pair<V, kA, kB, kMetric>(a_row(i), b_row(i), p.columns);
  }
}

template <class V, int kA, int kB>
void paired_similarity_by_metric(const tsv::PairedSimilarity& p) {
  switch (p.metric) {
    case TSV_METRIC_DOT:
      return similarity_of_pairs<V, kA, kB, TSV_METRIC_DOT>(p);
    case TSV_METRIC_L2:
      return similarity_of_pairs<V, kA, kB, TSV_METRIC_L2>(p);
    default:
      return similarity_of_pairs<V, kA, kB, TSV_METRIC_COSINE>(p);
  }
}

template <class V, int kA>
void paired_similarity_with(const tsv::PairedSimilarity& p) {
  switch (p.b.dtype) {
    case TSV_FLOAT16:
      return paired_similarity_by_metric<V, kA, TSV_FLOAT16>(p);
    case TSV_BFLOAT16:
      return paired_similarity_by_metric<V, kA, TSV_BFLOAT16>(p);
    default:
      return paired_similarity_by_metric<V, kA, TSV_FLOAT32>(p);
  }
}

template <class V>
void paired_similarity(const tsv::PairedSimilarity& p) {
  TSV_DISPATCH_TYPE(p.a.dtype, paired_similarity_with, p);
}

}  // namespace
#endif
