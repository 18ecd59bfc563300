// Tokens stand in order of density, the densest first, so that those denser than row i are the columns before
// it:
//   place[i] = argmax_(j < own + i) a_i . b_j       the nearest of higher density
//   least[i] = min_(j < own + i) a_i . b_j          the farthest of them
// Products that are NaN count for neither; place[i] is -1 and least[i] infinite where nothing is left.
//
// The microkernel of tile.h over the packed columns; its sums never reach memory as a matrix. The order
// saves half of the product, and every pair of tokens is still seen once, which is what the greatest distance
// of all needs. Each row has a running maximum a lane, its column, and a running minimum, in L1. The caller
// passes only the panels that a block of rows reaches. 2 flops per (row, column, k); the limit is the FMA
// peak.
#ifndef TOKENSIEVE_KERNELS_NEAREST_DENSER_H
#define TOKENSIEVE_KERNELS_NEAREST_DENSER_H
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/tile.h"

namespace {

template <class V>
struct DenserEpilogue {
  float* best;
  int32_t* column_of;
  float* least;
  int32_t column;
  int32_t own;  // of the tile's first row
  template <int kVectors>
  inline void operator()(int r, typename V::F (&sums)[kVectors]) const {
    using F = typename V::F;
    using I = typename V::I;
    F most = V::load(best + r * V::kLanes), fewest = V::load(least + r * V::kLanes);
    I where = V::load_int(column_of + r * V::kLanes);
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) {
      const I here = V::add(V::set_int(column + v * V::kLanes), V::iota());
      const F s = V::select(V::above(V::set_int(own + r), here), sums[v], V::set(NAN));
      const typename V::Mask better = V::greater(s, most);
      most = V::select(better, s, most);
      where = V::select(better, here, where);
      fewest = V::min(s, fewest);
    }
    V::store(best + r * V::kLanes, most);
    V::store(least + r * V::kLanes, fewest);
    V::store(column_of + r * V::kLanes, where);
  }
};

template <class V>
void nearest_denser(const tsv::NearestDenser& a) {
  constexpr int L = V::kLanes;
  float *best = a.scratch, *least = best + a.rows * L;
  auto* column_of = reinterpret_cast<int32_t*>(least + a.rows * L);
  for (int64_t i = 0; i < a.rows * L; ++i) {
    best[i] = -INFINITY;
    least[i] = INFINITY;
    column_of[i] = -1;
  }
  product<V>(a.rows_data, size_t(a.rows_stride), a.rows, a.panels, a.columns, a.depth,
             [&](int64_t row, int64_t column) {
               return DenserEpilogue<V>{best + row * L, column_of + row * L, least + row * L, int32_t(column),
                                        int32_t(a.own + row)};
             });
  for (int64_t i = 0; i < a.rows; ++i) {
    float most = -INFINITY;
    a.place[i] = -1;
    a.least[i] = INFINITY;
    for (int lane = 0; lane < L; ++lane) {
      const float value = best[i * L + lane], fewest = least[i * L + lane];
      const int32_t column = column_of[i * L + lane];
      if (fewest < a.least[i]) a.least[i] = fewest;
      if (column < 0 || value < most || (value == most && a.place[i] >= 0 && column > a.place[i])) continue;
      most = value;
      a.place[i] = column;
    }
  }
}

}  // namespace
#endif
