// What comes between a product and the choice of its best columns, where not every row may choose every
// column or columns have weights:
//   s'[r][c] = scale[c] (a_r . b_c) + bias[c], NaN where c is hidden from r
//
// The columns hidden from a row are one range, and neither end of it falls from row to row: that of the row
// itself, all from it on, or all up to it. So the rows that a panel has candidates for are one range too, and
// only those are multiplied with it: half of the product where a row chooses among those before it, or after.
// Beside the product a vector costs an FMA, a comparison, a selection and two loads.
#ifndef TOKENSIEVE_KERNELS_CANDIDATE_COLUMNS_H
#define TOKENSIEVE_KERNELS_CANDIDATE_COLUMNS_H
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/tile.h"

namespace {

template <class V, class Epilogue>
struct CandidateEpilogue {
  Epilogue epilogue;
  const int32_t* hidden;  // of the tile's first row
  const float* scale;     // of its first column
  const float* bias;
  int32_t column;
  template <int kVectors>
  inline void operator()(int r, typename V::F (&sums)[kVectors]) const {
    const int32_t from = hidden[2 * r];
    const typename V::I count = V::set_int(hidden[2 * r + 1] - from);
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) {
      // Columns before the hidden ones wrap to numbers above all counts.
      const typename V::I place = V::add(V::set_int(column + v * V::kLanes - from), V::iota());
      const typename V::F s = V::fma(sums[v], V::load(scale + v * V::kLanes), V::load(bias + v * V::kLanes));
      sums[v] = V::select(V::above(count, place), V::set(NAN), s);
    }
    epilogue(r, sums);
  }
};

// The product of an argmax or a top k: `Arguments` has its rows, panels and candidates.
template <class V, class Arguments, class MakeEpilogue>
inline void product_of_candidates(const Arguments& a, const MakeEpilogue& make_epilogue) {
  if (a.candidates == nullptr) {
    product<V>(a.rows_data, size_t(a.rows_stride), a.rows, a.panels, a.columns, a.depth, make_epilogue);
    return;
  }
  using Epilogue = CandidateEpilogue<V, decltype(make_epilogue(0, 0))>;
  const int32_t* hidden = a.candidates->hidden;
  for (int64_t column = 0; column < a.columns; column += PanelShape<V>::kWidth) {
    const int64_t left = a.columns - column;
    const int64_t here = left < PanelShape<V>::kWidth ? left : PanelShape<V>::kWidth;
    const auto is_hidden = [=](int64_t row) {
      return hidden[2 * row] <= column && hidden[2 * row + 1] >= column + here;
    };
    int64_t first = 0, last = a.rows;  // the rows that the panel has candidates for
    while (first < last && is_hidden(first)) ++first;
    while (first < last && is_hidden(last - 1)) --last;
    product<V>(a.rows_data + first * a.rows_stride, size_t(a.rows_stride), last - first,
               a.panels + column * a.depth, here, a.depth, [&](int64_t row, int64_t) {
                 return Epilogue{make_epilogue(first + row, column), hidden + 2 * (first + row),
                                 a.candidates->scale + column, a.candidates->bias + column, int32_t(column)};
               });
  }
}

}  // namespace
#endif
