// place[i] = argmax_j a_i . b_j and best[i] = the product there: which destination each source is most like,
// b being scaled to unit length when it is packed. Ties go to the lower j; a product that is NaN is below
// everything, and place[i] is -1 where nothing else was found.
//
// The microkernel of tile.h over the packed columns; its sums never reach memory as a matrix. Each row has
// one running maximum a lane, in L1, with the column at which that lane took it: two comparisons and four
// selections a row and panel beside the 2 k FMAs of the product, a few percent from k = 64 on. Columns come
// in ascending order and only a strictly greater product replaces, so the lowest index stays. A panel as deep
// as 768 or 1024 is larger than L1, but its 128 bytes a step come from L2 in the time of the step's FMAs. 2
// flops per (row, column, k); the limit is the FMA peak. Reached on Zen 4 with all that a match does beside
// it (norms, rows, packing, each winner again in float64): 62 % at 99 x 98 x 768, of which the last panel's
// empty columns cost a tenth, 79 % at 289 x 288 x 1024, 91 % at 2048 x 2048 x 320.
//
// The columns that fill up the last panel must give NaN: their zeros would beat negative products. Where rows
// have candidates of their own, or columns weights, candidate_columns.h comes between.
#ifndef TOKENSIEVE_KERNELS_SIMILARITY_ARGMAX_H
#define TOKENSIEVE_KERNELS_SIMILARITY_ARGMAX_H
#include <math.h>

#include "kernels/candidate_columns.h"
#include "kernels/kernels.h"

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
  product_of_candidates<V>(a, [&](int64_t row, int64_t column) {
    return ArgmaxEpilogue<V>{best + row * L, column_of + row * L, int32_t(column)};
  });
  for (int64_t i = 0; i < a.rows; ++i) {
    const typename V::F values = V::load(best + i * L);
    const float most = V::maximum(values);
    // Products are greater than -infinity, which is what a lane has that took none.
    unsigned less = V::bits(V::greater(V::set(most), values));
    a.best[i] = most > -INFINITY ? most : NAN;
    a.place[i] = INT32_MAX;
    for (int lane = 0; lane < L; ++lane, less >>= 1) {
      const int32_t column = column_of[i * L + lane] + lane;
      if ((less & 1) == 0 && column < a.place[i]) a.place[i] = column;
    }
    if (!(most > -INFINITY)) a.place[i] = -1;
  }
}

}  // namespace
#endif
