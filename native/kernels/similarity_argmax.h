// place[i] = argmax_j a_i . b_j and best[i] = the product there: which destination each source is most like,
// b being scaled to unit length when it is packed. Ties go to the lower j; a product that is NaN is below
// everything, and place[i] is -1 where nothing else was found.
//
// The microkernel of tile.h over the packed columns; its sums never reach memory as a matrix. Each row has
// one running maximum a lane, in L1, with the column at which that lane took it: two comparisons and four
// selections a row and panel beside the 2 k FMAs of the product, a few percent from k = 64 on. Columns come
// in ascending order and only a strictly greater product replaces, so the lowest index stays. 2 flops per
// (row, column, k); the limit is the FMA peak.
//
// The columns that fill up the last panel must give NaN: their zeros would beat negative products.
#ifndef TOKENSIEVE_KERNELS_SIMILARITY_ARGMAX_H
#define TOKENSIEVE_KERNELS_SIMILARITY_ARGMAX_H
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/tile.h"

namespace {

template <class V>
struct ArgmaxEpilogue {
  float* best;
  int32_t* column_of;
  int32_t column;
  template <int kVectors>
  inline void operator()(int r, typename V::F (&sums)[kVectors]) const {
    float* best_row = best + r * V::kLanes;
    int32_t* column_row = column_of + r * V::kLanes;
    typename V::F most = V::load(best_row);
    typename V::I where = V::load_int(column_row);
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) {
      const typename V::Mask better = V::greater(sums[v], most);
      most = V::select(better, sums[v], most);
      where = V::select(better, V::set_int(column + v * V::kLanes), where);
    }
    V::store(best_row, most);
    V::store(column_row, where);
  }
};

template <class V>
void similarity_argmax(const tsv::SimilarityArgmax& a) {
  constexpr int L = V::kLanes;
  float* best = a.scratch;
  auto* column_of = reinterpret_cast<int32_t*>(best + a.rows * L);
  for (int64_t i = 0; i < a.rows * L; ++i) {
    best[i] = -INFINITY;
    column_of[i] = -1;
  }
  product<V>(a.rows_data, size_t(a.rows_stride), a.rows, a.panels, a.columns, a.depth,
             [&](int64_t row, int64_t column) {
               return ArgmaxEpilogue<V>{best + row * L, column_of + row * L, int32_t(column)};
             });
  for (int64_t i = 0; i < a.rows; ++i) {
    a.best[i] = NAN;
    a.place[i] = -1;
    for (int lane = 0; lane < L; ++lane) {
      const float value = best[i * L + lane];
      const int32_t column = column_of[i * L + lane];
      if (column < 0) continue;
      const bool better =
          a.place[i] < 0 || value > a.best[i] || (value == a.best[i] && column + lane < a.place[i]);
      if (!better) continue;
      a.best[i] = value;
      a.place[i] = column + lane;
    }
  }
}

}  // namespace
#endif
