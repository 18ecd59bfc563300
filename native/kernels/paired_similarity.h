// out[i] = the similarity of a_i and b_i:
//   cosine  a.b / (|a| |b|), 0 where either is a zero vector
//   dot     a.b
//   l2      -|a - b|^2
//
// Accumulated in float64, in sixteen sums that are added in one order on every instruction set: equal vectors
// come out as exactly 1 (cosine) or 0 (l2) whatever their length, so that ties between copies of a token are
// ties, and results are the same everywhere. No float32 overflows or vanishes on the way. Up to three
// multiplications and additions an element, at half the width of float32: for the winners of a match and for
// tokens in pairs, not for all pairs. The limit is reading both rows once.
#ifndef TOKENSIEVE_KERNELS_PAIRED_SIMILARITY_H
#define TOKENSIEVE_KERNELS_PAIRED_SIMILARITY_H
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/load_rows.h"

namespace {

constexpr int kPairSums = 16;

inline double sum_in_order(const double* sums) {
  double total = 0;
  for (int j = 0; j < kPairSums; ++j) total += sums[j];
  return total;
}

// What a pair of elements adds to, and what the sums come to.
template <int kMetric>
struct PairSums {
  double products[kPairSums] = {}, a_squares[kPairSums] = {}, b_squares[kPairSums] = {};
  inline void add(int j, double x, double y) {
    products[j] += x * y;
    if (kMetric != TSV_METRIC_COSINE) return;
    a_squares[j] += x * x;
    b_squares[j] += y * y;
  }
  inline double similarity() const {
    const double product = sum_in_order(products);
    if (kMetric != TSV_METRIC_COSINE) return product;
    const double a_square = sum_in_order(a_squares), b_square = sum_in_order(b_squares);
    return a_square == 0.0 || b_square == 0.0 ? 0.0 : product / (sqrt(a_square) * sqrt(b_square));
  }
};

template <>
struct PairSums<TSV_METRIC_L2> {
  double squares[kPairSums] = {};
  inline void add(int j, double x, double y) { squares[j] += (x - y) * (x - y); }
  inline double similarity() const { return 0.0 - sum_in_order(squares); }
};

// The first n of kPairSums elements; the rest of `out` stays as it was.
template <class V, int kType>
inline void load_block(const typename Stored<V, kType>::Element* row, int n, float* out) {
  using S = Stored<V, kType>;
  for (int j = 0; j < n; j += V::kLanes) {
    const int rest = n - j < V::kLanes ? n - j : V::kLanes;
    V::store(out + j, rest < V::kLanes ? S::load(row + j, rest) : S::load(row + j));
  }
}

template <class V, int kA, int kB, int kMetric>
float similarity_of_pair(const typename Stored<V, kA>::Element* a, const typename Stored<V, kB>::Element* b,
                         int64_t columns) {
  static_assert(kPairSums % V::kLanes == 0, "a block is whole vectors");
  PairSums<kMetric> sums;
  alignas(64) float x[kPairSums], y[kPairSums];
  int64_t c = 0;
  for (; c + kPairSums <= columns; c += kPairSums) {
    load_block<V, kA>(a + c, kPairSums, x);
    load_block<V, kB>(b + c, kPairSums, y);
    for (int j = 0; j < kPairSums; ++j) sums.add(j, double(x[j]), double(y[j]));
  }
  if (c < columns) {
    load_block<V, kA>(a + c, int(columns - c), x);
    load_block<V, kB>(b + c, int(columns - c), y);
    for (int j = 0; j < int(columns - c); ++j) sums.add(j, double(x[j]), double(y[j]));
  }
  return float(sums.similarity());
}

template <class V, int kA, int kB, int kMetric>
void similarity_of_pairs(const tsv::PairedSimilarity& p) {
  const auto* a = static_cast<const typename Stored<V, kA>::Element*>(p.a.data);
  const auto* b = static_cast<const typename Stored<V, kB>::Element*>(p.b.data);
  for (int64_t i = 0; i < p.count; ++i) {
    const int64_t first = p.first != nullptr ? p.first[i] : i, second = p.second != nullptr ? p.second[i] : i;
    p.out[i] =
        similarity_of_pair<V, kA, kB, kMetric>(a + first * p.a.stride, b + second * p.b.stride, p.columns);
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
