// out[i] = (x_i - mean) / sqrt(variance + epsilon) * weight + bias, mean and variance over the channels of
// x_i.
//
// Three passes over a row, of which the first brings it into L1 and the others find it there: a mean m in
// float32; the sum and the sum of squares of x - m; the result. What m lacks to the true mean is the mean of
// x - m, which the second pass gives: it is taken off the variance and the result in terms that are small, so
// a mean a million times the deviation cancels nothing. Elements are multiplied by 1 / C before they are
// summed, so that the mean of finite ones is finite. Four accumulators of each kind hide the latency of the
// additions. About 9 flops an element, half of them fused; the limit is reading x and writing as much.
#ifndef TOKENSIEVE_KERNELS_LAYER_NORM_H
#define TOKENSIEVE_KERNELS_LAYER_NORM_H
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/load_rows.h"
#include "simd/unroll.h"

namespace {

template <class V, int kType>
float mean_of_row(const typename Stored<V, kType>::Element* row, int64_t columns) {
  using S = Stored<V, kType>;
  using F = typename V::F;
  constexpr int kWays = 4;
  const F share = V::set(1.0f / float(columns));
  F sums[kWays] = {V::zero(), V::zero(), V::zero(), V::zero()};
  int64_t c = 0;
  for (; c + kWays * V::kLanes <= columns; c += kWays * V::kLanes) {
    TSV_UNROLL for (int w = 0; w < kWays; ++w) {
      sums[w] = V::fma(S::load(row + c + w * V::kLanes), share, sums[w]);
    }
  }
  for (; c < columns; c += V::kLanes) {
    const int rest = columns - c < V::kLanes ? int(columns - c) : V::kLanes;
    sums[0] = V::fma(S::load(row + c, rest), share, sums[0]);
  }
  return V::sum(V::add(V::add(sums[0], sums[1]), V::add(sums[2], sums[3])));
}

// Of a row about `middle`.
struct RowMoments {
  double offset;  // of the mean
  double variance;
};

template <class V, int kType>
RowMoments moments_of_row(const typename Stored<V, kType>::Element* row, int64_t columns, float middle) {
  using S = Stored<V, kType>;
  using F = typename V::F;
  constexpr int kWays = 4;
  F sums[kWays] = {V::zero(), V::zero(), V::zero(), V::zero()};
  F squares[kWays] = {V::zero(), V::zero(), V::zero(), V::zero()};
  const auto step = [&](int w, F distance) {
    sums[w] = V::add(sums[w], distance);
    squares[w] = V::fma(distance, distance, squares[w]);
  };
  const F all = V::set(middle);
  int64_t c = 0;
  for (; c + kWays * V::kLanes <= columns; c += kWays * V::kLanes) {
    TSV_UNROLL for (int w = 0; w < kWays; ++w) step(w, V::sub(S::load(row + c + w * V::kLanes), all));
  }
  float middles[V::kLanes];  // of as many elements as there are, 0 past them
  V::store(middles, all);
  for (; c < columns; c += V::kLanes) {
    const int rest = columns - c < V::kLanes ? int(columns - c) : V::kLanes;
    step(0, V::sub(S::load(row + c, rest), V::load(middles, rest)));
  }
  const double sum = double(V::sum(V::add(V::add(sums[0], sums[1]), V::add(sums[2], sums[3]))));
  const double square =
      double(V::sum(V::add(V::add(squares[0], squares[1]), V::add(squares[2], squares[3]))));
  const double offset = sum / double(columns), variance = square / double(columns) - offset * offset;
  return {offset, variance < 0 ? 0 : variance};
}

template <class V, int kType>
void layer_norm_of(const tsv::LayerNorm& a) {
  using S = Stored<V, kType>;
  using F = typename V::F;
  const auto* source = static_cast<const typename S::Element*>(a.source.data);
  auto* out = static_cast<typename S::Element*>(a.out);
  for (int64_t i = 0; i < a.count; ++i, out += a.columns) {
    const auto* row = source + (a.first + i) * a.source.stride;
    const float middle = mean_of_row<V, kType>(row, a.columns);
    const RowMoments moments = moments_of_row<V, kType>(row, a.columns, middle);
    const double spread = moments.variance + a.epsilon;
    const double inverse = spread == 0 ? 0 : 1 / sqrt(spread);
    const F mean = V::set(middle), scale = V::set(float(inverse)),
            shift = V::set(float(-moments.offset * inverse));
    const auto norm = [&](int64_t c, int n) {
      const bool whole = n == V::kLanes;
      const auto load = [&](const float* p) { return whole ? V::load(p + c) : V::load(p + c, n); };
      const F x = whole ? S::load(row + c) : S::load(row + c, n);
      F y = V::fma(V::sub(x, mean), scale, shift);
      if (a.weight != nullptr) y = V::mul(y, load(a.weight));
      if (a.bias != nullptr) y = V::add(y, load(a.bias));
      S::store(out + c, y, n);
    };
    const int64_t end = a.columns - a.columns % V::kLanes;
    for (int64_t c = 0; c < end; c += V::kLanes) norm(c, V::kLanes);
    if (end < a.columns) norm(end, int(a.columns - end));
  }
}

template <class V>
void layer_norm(const tsv::LayerNorm& a) {
  TSV_DISPATCH_TYPE(a.source.dtype, layer_norm_of, a);
}

}  // namespace
#endif
