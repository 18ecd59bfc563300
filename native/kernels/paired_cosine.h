// out[i] = cos(a_i, b_i) = a_i.b_i / (|a_i| |b_i|), 0 where either is a zero vector.
//
// Accumulated in float64, in sixteen sums that are added in one order on every instruction set: equal vectors
// come out as exactly 1 whatever their length, so that ties between copies of a token are ties, and results
// are the same everywhere. No float32 overflows or vanishes on the way. Three multiplications and additions
// an element, at half the width of float32: for the winners of a match, not for all pairs.
#ifndef TOKENSIEVE_KERNELS_PAIRED_COSINE_H
#define TOKENSIEVE_KERNELS_PAIRED_COSINE_H
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/load_rows.h"

namespace {

constexpr int kCosineSums = 16;

inline double sum_in_order(const double* sums) {
  double total = 0;
  for (int j = 0; j < kCosineSums; ++j) total += sums[j];
  return total;
}

template <class V, int kType>
float cosine_of(const typename Stored<V, kType>::Element* a, const typename Stored<V, kType>::Element* b,
                int64_t columns) {
  using S = Stored<V, kType>;
  double products[kCosineSums] = {}, a_squares[kCosineSums] = {}, b_squares[kCosineSums] = {};
  for (int64_t c = 0; c < columns; c += kCosineSums) {
    alignas(64) float x[kCosineSums] = {}, y[kCosineSums] = {};
    const int here = columns - c < kCosineSums ? int(columns - c) : kCosineSums;
    for (int j = 0; j < here; j += V::kLanes) {
      const int rest = here - j < V::kLanes ? here - j : V::kLanes;
      V::store(x + j, rest < V::kLanes ? S::load(a + c + j, rest) : S::load(a + c + j));
      V::store(y + j, rest < V::kLanes ? S::load(b + c + j, rest) : S::load(b + c + j));
    }
    for (int j = 0; j < kCosineSums; ++j) {
      products[j] += double(x[j]) * double(y[j]);
      a_squares[j] += double(x[j]) * double(x[j]);
      b_squares[j] += double(y[j]) * double(y[j]);
    }
  }
  const double a_square = sum_in_order(a_squares), b_square = sum_in_order(b_squares);
  if (a_square == 0.0 || b_square == 0.0) return 0.0f;
  return float(sum_in_order(products) / (sqrt(a_square) * sqrt(b_square)));
}

template <class V, int kType>
void paired_cosine_of(const tsv::PairedCosine& a) {
  const auto* source = static_cast<const typename Stored<V, kType>::Element*>(a.source.data);
  for (int64_t i = 0; i < a.count; ++i) {
    a.out[i] = cosine_of<V, kType>(source + a.first[i] * a.source.stride,
                                   source + a.second[i] * a.source.stride, a.columns);
  }
}

template <class V>
void paired_cosine(const tsv::PairedCosine& a) {
  TSV_DISPATCH_TYPE(a.source.dtype, paired_cosine_of, a);
}

}  // namespace
#endif
