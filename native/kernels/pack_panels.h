// The right side of a product in the order that the microkernel reads it: k-major panels of two vectors of
// columns (the last panel is one vector wide where that is enough), widened to float32, missing columns zero.
// The panel of column c begins at c * depth.
//
// pack_key_panels: each source row is a column of the product (keys, a transposed matrix); squares of one
// vector by one vector are transposed in registers. pack_value_panels: each source row is a step of k
// (values); rows are copied in pieces. A masked row becomes zeros whatever it holds: a NaN in padding must
// not meet a weight of 0. Two memory operations an element and about as many shuffles; both are a percent or
// two of the product they feed once that has 64 rows.
#ifndef TOKENSIEVE_KERNELS_PACK_PANELS_H
#define TOKENSIEVE_KERNELS_PACK_PANELS_H
#include "kernels/kernels.h"
#include "kernels/load_rows.h"
#include "kernels/tile.h"

namespace {

template <class V, int kType>
void pack_key_panels_of(const tsv::PackPanels& a) {
  using S = Stored<V, kType>;
  using F = typename V::F;
  constexpr int L = V::kLanes;
  const auto* source = static_cast<const typename S::Element*>(a.source.data);
  for (int64_t column = 0; column < a.columns; column += L) {
    const int64_t panel = column / PanelShape<V>::kWidth * PanelShape<V>::kWidth;
    const int width = PanelShape<V>::width(panel, a.columns);
    float* out = a.panels + panel * a.depth + (column - panel);
    const typename S::Element* rows[L];
    F scale[L];
    int count = 0;  // lanes from here on have no source row
    for (int lane = 0; lane < L; ++lane) {
      const int64_t at = a.first + column + lane;
      rows[lane] = nullptr;
      scale[lane] = V::set(1.0f);
      if (column + lane >= a.columns) continue;
      count = lane + 1;
      const int64_t row = a.index != nullptr ? a.index[at] : at;
      if (a.mask != nullptr && a.mask[at] == 2) continue;
      rows[lane] = source + row * a.source.stride;
      if (a.column_scale != nullptr) scale[lane] = V::set(a.column_scale[at]);
    }
    for (int64_t k = 0; k < a.depth; k += L) {
      const int rest = a.depth - k < L ? int(a.depth - k) : L;
      F square[L];
      if (rest == L) {
        for (int lane = 0; lane < L; ++lane) {
          square[lane] = lane < count && rows[lane] != nullptr ? S::load(rows[lane] + k) : V::zero();
        }
      } else {
        for (int lane = 0; lane < L; ++lane) {
          square[lane] = lane < count && rows[lane] != nullptr ? S::load(rows[lane] + k, rest) : V::zero();
        }
      }
      if (a.column_scale != nullptr) {
        for (int lane = 0; lane < L; ++lane) square[lane] = V::mul(square[lane], scale[lane]);
      }
      transpose(square);
      for (int i = 0; i < rest; ++i) V::store(out + (k + i) * width, square[i]);
    }
  }
}

template <class V>
void pack_key_panels(const tsv::PackPanels& a) {
  TSV_DISPATCH_TYPE(a.source.dtype, pack_key_panels_of, a);
}

template <class V, int kType>
void pack_value_panels_of(const tsv::PackPanels& a) {
  using S = Stored<V, kType>;
  const auto* source = static_cast<const typename S::Element*>(a.source.data);
  for (int64_t k = 0; k < a.depth; ++k) {
    const bool masked = a.mask != nullptr && a.mask[a.first + k] == 2;
    const auto* row = source + (a.index != nullptr ? a.index[a.first + k] : a.first + k) * a.source.stride;
    for (int64_t column = 0; column < a.columns; column += V::kLanes) {
      const int64_t panel = column / PanelShape<V>::kWidth * PanelShape<V>::kWidth;
      const int width = PanelShape<V>::width(panel, a.columns);
      const int rest = a.columns - column < V::kLanes ? int(a.columns - column) : V::kLanes;
      const auto piece = masked              ? V::zero()
                         : rest == V::kLanes ? S::load(row + column)
                                             : S::load(row + column, rest);
      V::store(a.panels + panel * a.depth + k * width + (column - panel), piece);
    }
  }
}

template <class V>
void pack_value_panels(const tsv::PackPanels& a) {
  TSV_DISPATCH_TYPE(a.source.dtype, pack_value_panels_of, a);
}

}  // namespace
#endif
