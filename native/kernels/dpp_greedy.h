// Greedy MAP inference for a determinantal point process (Chen, Zhang and Zhou, 2018): which token adds most
// to the determinant of the chosen ones' kernel diag(r) S diag(r), S the cosines.
//
// With c_i the row of token i in the Cholesky factor of S over the chosen tokens, what is left of it is
// residual_i = S_ii - |c_i|^2 and its gain is r_i^2 residual_i. Choosing token j, the t-th, sets
//   c_j[t] = sqrt(residual_j),   c_i[t] = (S_ij - sum_{s<t} c_i[s] c_j[s]) / c_j[t],   residual_i -= c_i[t]^2
// for the others. Relevance stays out of the factor, so that a token of relevance 0 that is chosen all the
// same still counts for those that are like it. Each token catches up with the choices only while it may
// still win (greedy_argmax.h), which is why its row of c lies together.
//
// S is taken from the same float32 rows throughout and everything else is in float64: what is left of a copy
// of a chosen token is 0 to within K roundings of float64. A residual up to kNothingLeft is 0: the sine of
// the angle to the span of the chosen is then 1e-6, sixteen times the rounding of the rows.
//
// C + t multiplications and additions for token i and the t-th choice, at most; K N C + K^2 N / 2 in all. The
// limit is the bandwidth of the cache that holds rows and factor.
#ifndef TOKENSIEVE_KERNELS_DPP_GREEDY_H
#define TOKENSIEVE_KERNELS_DPP_GREEDY_H
#include <math.h>

#include "kernels/greedy_argmax.h"
#include "kernels/kernels.h"
#include "kernels/row_sums.h"

namespace {

constexpr double kNothingLeft = 0x1p-40;

// sum_{s<count} a[s] b[s], in one order on every instruction set
inline double product_of_factors(const double* a, const double* b, int64_t count) {
  RowSums s;
  int64_t t = 0;
  for (; t + tsv::kRowBlock <= count; t += tsv::kRowBlock) {
    for (int j = 0; j < tsv::kRowBlock; ++j) s.sums[j] += a[t + j] * b[t + j];
  }
  for (int j = 0; t < count; ++t, ++j) s.sums[j] += a[t] * b[t];
  return s.total();
}

template <class V>
void dpp_greedy(const tsv::DppGreedy& a) {
  const auto gain = [&](int64_t i) { return a.weights[i] * a.residual[i]; };
  const auto update = [&](int64_t i, double least) {
    double* factor = a.factors + i * a.factor_stride;
    for (; a.seen[i] < a.pivot_count && a.residual[i] > 0.0 && gain(i) >= least; ++a.seen[i]) {
      const int32_t t = a.seen[i];
      const int64_t pivot = a.pivots[t];
      const double* pivot_factor = a.factors + pivot * a.factor_stride;
      const double product = product_of_rows(a.rows + i * a.columns, a.rows + pivot * a.columns, a.columns);
      factor[t] = (product - product_of_factors(factor, pivot_factor, t)) / pivot_factor[t];
      const double left = a.residual[i] - factor[t] * factor[t];
      a.residual[i] = left > kNothingLeft ? left : 0.0;
    }
  };
  *a.best = int32_t(greedy_argmax(a.first, a.count, gain, update));
}

}  // namespace
#endif
