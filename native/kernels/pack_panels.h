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

// L rows to L columns of a panel, L the vector width. A square of L by L elements is loaded a row a register,
// transposed and stored a column a row; load(lane, k, n) gives n elements of a row.
template <class V, class Load>
inline void transpose_rows(int64_t depth, float* out, int width, const Load& load) {
  constexpr int L = V::kLanes;
  int64_t k = 0;
  for (; k + L <= depth; k += L) {
    typename V::F square[L];
    TSV_UNROLL for (int lane = 0; lane < L; ++lane) square[lane] = load(lane, k, L);
    transpose(square);
    TSV_UNROLL for (int i = 0; i < L; ++i) V::store(out + (k + i) * width, square[i]);
  }
  if (k < depth) {
    const int rest = int(depth - k);
    typename V::F square[L];
    TSV_UNROLL for (int lane = 0; lane < L; ++lane) square[lane] = load(lane, k, rest);
    transpose(square);
    for (int i = 0; i < rest; ++i) V::store(out + (k + i) * width, square[i]);
  }
}

template <class V, int kType>
void pack_key_panels_of(const tsv::PackPanels& a) {
  using S = Stored<V, kType>;
  constexpr int L = V::kLanes;
  const auto* source = static_cast<const typename S::Element*>(a.source.data);
  for (int64_t column = 0; column < a.columns; column += L) {
    const int64_t panel = column / PanelShape<V>::kWidth * PanelShape<V>::kWidth;
    const int width = PanelShape<V>::width(panel, a.columns);
    float* out = a.panels + panel * a.depth + (column - panel);
    const typename S::Element* rows[L];  // NULL: a column of zeros
    bool adjacent = a.column_scale == nullptr;
    for (int lane = 0; lane < L; ++lane) {
      const int64_t place = a.first + column + lane;
      const bool there = column + lane < a.columns && (a.mask == nullptr || a.mask[place] != 2);
      rows[lane] = there ? source + (a.index != nullptr ? a.index[place] : place) * a.source.stride : nullptr;
      adjacent = adjacent && there && a.index == nullptr;
    }
    if (adjacent) {
      const auto* first = rows[0];
      const int64_t stride = a.source.stride;
      constexpr int kSquaresAhead = 2;  // as many streams as lanes are too many for the hardware to follow
      transpose_rows<V>(a.depth, out, width, [=](int lane, int64_t k, int n) {
        const auto* at = first + lane * stride + k;
        V::prefetch(at + kSquaresAhead * L * stride);
        return n == L ? S::load(at) : S::load(at, n);
      });
    } else {
      transpose_rows<V>(a.depth, out, width, [&](int lane, int64_t k, int n) {
        if (rows[lane] == nullptr) return V::zero();
        const typename V::F x = n == L ? S::load(rows[lane] + k) : S::load(rows[lane] + k, n);
        return a.column_scale == nullptr ? x : V::mul(x, V::set(a.column_scale[a.first + column + lane]));
      });
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
