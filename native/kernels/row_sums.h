// Sums over one or two rows of floats, accumulated in float64.
//
// Sixteen sums, added in one order on every instruction set. The product of two floats is exact in float64,
// so that a fused multiplication would change nothing, and what comes out is the same bits everywhere: a
// greedy choice that fell differently once would make all later ones differ. Rows are whole blocks of
// sixteen, filled up with zeros. A conversion or two, a multiplication and an addition an element at half the
// width of float32: the limit is the bandwidth of the cache that holds the rows from the second level on.
#ifndef TOKENSIEVE_KERNELS_ROW_SUMS_H
#define TOKENSIEVE_KERNELS_ROW_SUMS_H
#include "kernels/kernels.h"

namespace {

struct RowSums {
  double sums[tsv::kRowBlock] = {};
  inline double total() {
    for (int half = tsv::kRowBlock / 2; half > 0; half /= 2) {
      for (int j = 0; j < half; ++j) sums[j] += sums[j + half];
    }
    return sums[0];
  }
};

// sum_c a_c b_c
inline double product_of_rows(const float* a, const float* b, int64_t columns) {
  RowSums s;
  for (int64_t c = 0; c < columns; c += tsv::kRowBlock) {
    for (int j = 0; j < tsv::kRowBlock; ++j) s.sums[j] += double(a[c + j]) * double(b[c + j]);
  }
  return s.total();
}

// sum_c (a_c - b_c)^2. The difference is rounded to float32, which leaves it exact where a and b are close.
inline double squared_distance(const float* a, const float* b, int64_t columns) {
  RowSums s;
  for (int64_t c = 0; c < columns; c += tsv::kRowBlock) {
    for (int j = 0; j < tsv::kRowBlock; ++j) {
      const double difference = double(a[c + j] - b[c + j]);
      s.sums[j] += difference * difference;
    }
  }
  return s.total();
}

}  // namespace
#endif
