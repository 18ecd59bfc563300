// Attention received, from products of bytes: e_ij = 2^(s_i t_j (q_i.k_j) + bias_j - shift_i), q and k bytes,
// s and t their scales, and the sums of e over the keys. No pass looks for a row's maximum: a softmax is the
// same for any shift, and 0 does where the norms say that nothing can overflow; whoever calls checks the sums
// and computes rows that left the range in another way.
//
// The exponentials are the tile's epilogue, and the strip keeps panels: [panel][row][32 keys], so that a tile
// writes one piece of memory and the columns are summed from it in order. A masked key's bias is
// tsv::kHidden, and its exponential 0.
#ifndef TOKENSIEVE_KERNELS_INT8_ATTENTION_H
#define TOKENSIEVE_KERNELS_INT8_ATTENTION_H
#include "kernels/int8_kernels.h"
#include "kernels/int8_tile.h"
#include "kernels/math.h"

namespace {

// 2^x with a relative error of 7.5e-5: under what rounding to bytes does to x.
template <class V>
inline typename V::F exp2_coarse(typename V::F x) {
  const typename V::F f = V::fraction(x);
  typename V::F p = V::set(0.0780245168f);
  p = V::fma(p, f, V::set(0.226067164f));
  p = V::fma(p, f, V::set(0.695833538f));
  p = V::fma(p, f, V::set(0.999925219f));
  return V::scale(p, x);
}

template <class V, bool kRanges>
struct ExponentialsEpilogue {
  float* strip;
  const float* scales;
  const float* bias;
  const float* row_scale;
  const float* shift;
  const int32_t* visible;
  int64_t first_key;
  float* row_sums;
  template <int kVectors>
  inline void operator()(int r, typename V::I (&sums)[kVectors]) const {
    using F = typename V::F;
    const F row = V::set(row_scale[r]), by = V::set(shift[r]);
    F total = V::load(row_sums + r * V::kLanes);
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) {
      const F product = V::mul(V::to_float(sums[v]), V::load(scales + v * V::kLanes));
      const F x = V::sub(V::fma(product, row, V::load(bias + v * V::kLanes)), by);
      F e = exp2_coarse<V>(x);
      if (kRanges) {
        const int64_t key = first_key + v * V::kLanes;
        e = V::keep(V::between(visible[2 * r] - key, visible[2 * r + 1] - key), e);
      }
      V::store(strip + (r * kVectors + v) * V::kLanes, e);
      total = V::add(total, e);
    }
    V::store(row_sums + r * V::kLanes, total);
  }
};

template <class V, bool kRanges>
void exponentials_of(const tsv::Int8Exponentials& a) {
  int8_product<V>(a.queries, 4 * a.quads, a.rows, a.panels, a.starts, a.columns, a.quads,
                  [&](int64_t row, int64_t column) {
                    const int width = PanelShape<V>::width(column, a.columns);
                    return ExponentialsEpilogue<V, kRanges>{a.strip + column * a.rows + row * width,
                                                            a.scales + column,
                                                            a.bias + column,
                                                            a.row_scale + row,
                                                            a.shift + row,
                                                            a.visible + 2 * row,
                                                            a.first_key + column,
                                                            a.sums + row * V::kLanes};
                  });
}

template <class V>
void int8_exponentials(const tsv::Int8Exponentials& a) {
  a.visible != nullptr ? exponentials_of<V, true>(a) : exponentials_of<V, false>(a);
}

// A panel's columns over the chosen rows, four rows in flight: each is one multiplication behind another's
// sum.
template <class V, bool kMaximum, int kVectors>
inline void reduce_panel(const tsv::Int8Columns& a, const float* panel, float* out) {
  using F = typename V::F;
  constexpr int kWays = 4;
  F sums[kWays][kVectors];
  TSV_UNROLL for (int w = 0; w < kWays; ++w) {
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) sums[w][v] = V::zero();
  }
  const auto add = [&](int64_t i, int w) {
    const float* row = panel + a.row_index[i] * (kVectors * V::kLanes);
    const F weight = V::set(a.row_weight[i]);
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) {
      const F e = V::load(row + v * V::kLanes);
      sums[w][v] = kMaximum ? V::max(sums[w][v], V::mul(weight, e)) : V::fma(weight, e, sums[w][v]);
    }
  };
  int64_t i = 0;
  for (; i + kWays <= a.rows; i += kWays) {
    TSV_UNROLL for (int w = 0; w < kWays; ++w) add(i + w, w);
  }
  for (; i < a.rows; ++i) add(i, 0);
  const auto join = [](F x, F y) { return kMaximum ? V::max(x, y) : V::add(x, y); };
  TSV_UNROLL for (int v = 0; v < kVectors; ++v) {
    const F sum = join(join(sums[0][v], sums[1][v]), join(sums[2][v], sums[3][v]));
    V::store(out + v * V::kLanes, join(V::load(out + v * V::kLanes), sum));
  }
}

template <class V, bool kMaximum>
void int8_columns_of(const tsv::Int8Columns& a) {
  for (int64_t column = 0; column < a.columns; column += PanelShape<V>::kWidth) {
    const float* panel = a.strip + column * a.strip_rows;
    if (PanelShape<V>::width(column, a.columns) == PanelShape<V>::kWidth) {
      reduce_panel<V, kMaximum, 2>(a, panel, a.columns_out + column);
    } else {
      reduce_panel<V, kMaximum, 1>(a, panel, a.columns_out + column);
    }
  }
}

template <class V>
void int8_columns(const tsv::Int8Columns& a) {
  a.maximum != 0 ? int8_columns_of<V, true>(a) : int8_columns_of<V, false>(a);
}

}  // namespace
#endif
