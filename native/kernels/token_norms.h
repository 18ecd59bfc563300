// norms[i] = ||x_i||_2 or ||x_i||_1.
// One FMA or addition an element: the limit is reading x once. Four accumulators hide the latency of the
// additions; their sum, and so the result, depends on the vector width only within the rounding of float32.
#ifndef TOKENSIEVE_KERNELS_TOKEN_NORMS_H
#define TOKENSIEVE_KERNELS_TOKEN_NORMS_H
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/load_rows.h"

namespace {

template <class V, int kType, int kPower>
float norm_of_row(const typename Stored<V, kType>::Element* row, int64_t columns) {
  using S = Stored<V, kType>;
  using F = typename V::F;
  constexpr int kWays = 4;
  F sums[kWays] = {V::zero(), V::zero(), V::zero(), V::zero()};
  const auto step = [](F x, F sum) { return kPower == 2 ? V::fma(x, x, sum) : V::add(V::abs(x), sum); };
  int64_t c = 0;
  for (; c + kWays * V::kLanes <= columns; c += kWays * V::kLanes) {
    for (int w = 0; w < kWays; ++w) sums[w] = step(S::load(row + c + w * V::kLanes), sums[w]);
  }
  for (; c < columns; c += V::kLanes) {
    const int rest = columns - c < V::kLanes ? int(columns - c) : V::kLanes;
    sums[0] = step(S::load(row + c, rest), sums[0]);
  }
  return V::sum(V::add(V::add(sums[0], sums[1]), V::add(sums[2], sums[3])));
}

template <class V, int kType>
void token_norms_of(const tsv::TokenNorms& a) {
  const auto* source = static_cast<const typename Stored<V, kType>::Element*>(a.source.data);
  for (int64_t i = 0; i < a.count; ++i) {
    const auto* row = source + (a.first + i) * a.source.stride;
    a.out[i] =
        a.p == 2 ? sqrtf(norm_of_row<V, kType, 2>(row, a.columns)) : norm_of_row<V, kType, 1>(row, a.columns);
  }
}

template <class V>
void token_norms(const tsv::TokenNorms& a) {
  TSV_DISPATCH_TYPE(a.source.dtype, token_norms_of, a);
}

}  // namespace
#endif
