// sums[i] += sum_j f(a_i . b_j), j over the columns but, where asked, the row's own:
//   elu       s - m where s > m, else exp(s - m) - 1
//   gaussian  exp(-((1 - s) / sigma)^2 / 2), given 1 / sigma
//   count     1 where s > t, else 0
//   square    s^2
// s is first clamped to where a cosine can be, if it is one.
//
// The microkernel of tile.h over the packed columns; its sums never reach memory as a matrix. Each row adds
// f to a vector of partial sums in L1; every kPanelsInFloat panels they go over to float64, so that the
// rounding of a sum over any number of tokens is that over a few. f costs about 12 operations a vector beside
// the 2 k FMAs of the product where it has an exponential (kernels/math.h), 1 or 2 else. 2 flops per (row,
// column, k); the limit is the FMA peak.
#ifndef TOKENSIEVE_KERNELS_SIMILARITY_REDUCE_H
#define TOKENSIEVE_KERNELS_SIMILARITY_REDUCE_H
#include "kernels/kernels.h"
#include "kernels/math.h"
#include "kernels/tile.h"

namespace {

constexpr int64_t kPanelsInFloat = 16;

template <class V, int kFunction>
inline typename V::F similarity_function(typename V::F s, float parameter) {
  using F = typename V::F;
  const F one = V::set(1.0f);
  if constexpr (kFunction == TSV_SIMILARITY_ELU) {
    const F over = V::sub(s, V::set(parameter));
    const F below = V::sub(exp2<V>(V::mul(over, V::set(kLog2E))), one);
    return V::select(V::greater(over, V::zero()), over, below);
  } else if constexpr (kFunction == TSV_SIMILARITY_GAUSSIAN) {
    const F far = V::mul(V::sub(one, s), V::set(parameter));
    return exp2<V>(V::mul(V::mul(far, far), V::set(-0.5f * kLog2E)));
  } else if constexpr (kFunction == TSV_SIMILARITY_SQUARE) {
    return V::mul(s, s);
  } else {
    return V::select(V::greater(s, V::set(parameter)), one, V::zero());
  }
}

template <class V, int kFunction>
struct ReduceEpilogue {
  float* partial;   // of the tile's first row
  int32_t column;   // of the tile's first lane
  int32_t columns;  // that exist
  int32_t own;      // the column that the tile's first row leaves out, the next row the next; or far off
  bool whole;       // every lane counts
  float parameter;
  float bound;
  template <int kVectors>
  inline void operator()(int r, typename V::F (&sums)[kVectors]) const {
    using F = typename V::F;
    float* at = partial + r * V::kLanes;
    F total = V::load(at);
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) {
      const F s = V::min(V::set(bound), V::max(V::set(-bound), sums[v]));
      F f = similarity_function<V, kFunction>(s, parameter);
      if (!whole) {
        const typename V::I here = V::add(V::set_int(column + v * V::kLanes), V::iota());
        f = V::select(V::above(V::set_int(columns), here), f, V::zero());
        f = V::select(V::equal(V::set_int(own + r), here), V::zero(), f);
      }
      total = V::add(total, f);
    }
    V::store(at, total);
  }
};

template <class V, int kFunction>
void similarity_reduce_by(const tsv::SimilarityReduce& a) {
  constexpr int64_t kWide = PanelShape<V>::kWidth, kStep = kPanelsInFloat * kWide;
  for (int64_t first = 0; first < a.columns; first += kStep) {
    const int64_t here = a.columns - first < kStep ? a.columns - first : kStep;
    for (int64_t i = 0; i < a.rows * V::kLanes; ++i) a.partial[i] = 0.0f;
    product<V>(a.rows_data, size_t(a.rows_stride), a.rows, a.panels + first * a.depth, here, a.depth,
               [&](int64_t row, int64_t column) {
                 const int64_t at = first + column;
                 const bool meets_own = a.own + row < at + kWide && a.own + row + V::kTileRows > at;
                 return ReduceEpilogue<V, kFunction>{a.partial + row * V::kLanes,
                                                     int32_t(at),
                                                     int32_t(a.columns),
                                                     int32_t(a.own + row),
                                                     !meets_own && at + kWide <= a.columns,
                                                     a.parameter,
                                                     a.bound};
               });
    for (int64_t i = 0; i < a.rows; ++i) a.sums[i] += double(V::sum(V::load(a.partial + i * V::kLanes)));
  }
}

template <class V>
void similarity_reduce(const tsv::SimilarityReduce& a) {
  switch (a.function) {
    case TSV_SIMILARITY_GAUSSIAN:
      return similarity_reduce_by<V, TSV_SIMILARITY_GAUSSIAN>(a);
    case TSV_SIMILARITY_COUNT_ABOVE:
      return similarity_reduce_by<V, TSV_SIMILARITY_COUNT_ABOVE>(a);
    case TSV_SIMILARITY_SQUARE:
      return similarity_reduce_by<V, TSV_SIMILARITY_SQUARE>(a);
    default:
      return similarity_reduce_by<V, TSV_SIMILARITY_ELU>(a);
  }
}

}  // namespace
#endif
