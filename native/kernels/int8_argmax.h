// The columns of which each row's similarity may be the greatest, from products of bytes:
// x_ij = s_i t_j (a_i.b_j) + bias_j, s and t the scales of row and column.
//
// The microkernel of int8_tile.h, and of each row 32 running maxima, one a lane of a panel, with the column
// at which each was taken: 2 conversions, 2 multiplications, 2 multiply-adds, 2 comparisons and 4 selections
// a row and panel beside the depth / 2 VPDPBUSD of its products. Columns ascend and only a greater one
// replaces, so that of equal ones the lowest stays.
//
// Rounding to bytes adds to x an error with the variance (t_j^2 |a_i|^2 + s_i^2 |b_j|^2) / 12. A row's
// candidates are its maxima that are no further below the greatest than `deviations` times the standard
// deviation of the difference of two: whoever calls compares them exactly. The best column is missed where
// another of the same lane stands before it, which of two about equal ones happens once in 32 times.
//
// The limit is 4 times the FMA peak. With packing and exact comparisons 2.1 to 2.2 times of it is reached at
// 577 x 577 x 1024, 2880 x 2880 x 64 and 4096 x 256 x 384 on Zen 4, 2.6 to 2.8 times the speed of float32 in
// the same run. About half of the time at 577 and two thirds at 2880 go to the tiles; the rest to the
// candidates' comparison, whose rows come from L3, and to reading the tokens.
#ifndef TOKENSIEVE_KERNELS_INT8_ARGMAX_H
#define TOKENSIEVE_KERNELS_INT8_ARGMAX_H
#include <math.h>

#include "kernels/int8_kernels.h"
#include "kernels/int8_tile.h"

namespace {

template <class V>
struct Int8ArgmaxEpilogue {
  const float* scales;
  const float* bias;
  const float* row_scale;
  float* best;
  int32_t* column_of;
  int32_t column;
  template <int kVectors>
  inline void operator()(int r, typename V::I (&sums)[kVectors]) const {
    using F = typename V::F;
    const F row = V::set(row_scale[r]);
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) {
      const int64_t at = (2 * r + v) * V::kLanes;
      const F product = V::mul(V::to_float(sums[v]), V::load(scales + v * V::kLanes));
      const F x = V::fma(product, row, V::load(bias + v * V::kLanes)), most = V::load(best + at);
      const typename V::Mask better = V::greater(x, most);
      V::store(best + at, V::select(better, x, most));
      V::store(column_of + at,
               V::select(better, V::set_int(column + v * V::kLanes), V::load_int(column_of + at)));
    }
  }
};

// Stores the columns of the lanes that are not under `least`; returns how many.
template <class V>
inline int32_t columns_from(float least, const float* best, const int32_t* column_of, int32_t* out) {
  int32_t found = 0;
  TSV_UNROLL for (int v = 0; v < 2; ++v) {
    const unsigned under = V::bits(V::greater(V::set(least), V::load(best + v * V::kLanes)));
    const unsigned chosen = ~under & ((1u << V::kLanes) - 1);
    V::compress(out + found, chosen, V::add(V::load_int(column_of + v * V::kLanes), V::iota()));
    for (unsigned left = chosen; left != 0; left &= left - 1) ++found;
  }
  return found;
}

template <class V>
void int8_argmax(const tsv::Int8Argmax& a) {
  constexpr int kWide = PanelShape<V>::kWidth;
  for (int64_t i = 0; i < a.count * kWide; ++i) {
    a.best[i] = -INFINITY;
    a.column_of[i] = 0;
  }
  int8_product<V>(
      a.rows, a.stride, a.count, a.panels, a.starts, a.columns, a.quads, [&](int64_t row, int64_t column) {
        return Int8ArgmaxEpilogue<V>{a.scales + column,    a.bias + column,           a.row_scale + row,
                                     a.best + row * kWide, a.column_of + row * kWide, int32_t(column)};
      });
  int32_t* out = a.candidates;
  for (int64_t i = 0; i < a.count; ++i) {
    const float* best = a.best + i * kWide;
    const int32_t* column_of = a.column_of + i * kWide;
    const float most = V::maximum(V::max(V::load(best), V::load(best + V::kLanes)));
    columns_from<V>(most, best, column_of, out);
    const float column_scale = a.scales[*out], row_scale = a.row_scale[i];
    const float variance =
        (a.row_squares[i] * column_scale * column_scale + a.squares[*out] * row_scale * row_scale) *
        (2.0f / 12.0f);
    a.found[i] = columns_from<V>(most - a.deviations * sqrtf(variance), best, column_of, out);
    out += a.found[i];
  }
}

}  // namespace
#endif
