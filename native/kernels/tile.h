// The matrix microkernel under every product here: sums[r][c] = sum_k a[r][k] * panel[k][c].
//
// Layout: rows of a as they are, `a_stride` floats apart; the other side packed k-major in panels of two
// vectors, so that one step of k reads two vectors and broadcasts one float of each row. Columns are the
// vector lanes. Blocking: kTileRows x 2 vectors of accumulators fill the registers (28 + 2 + 1 of AVX-512's
// 32): a step of k is 28 FMA for 2 vector loads and 14 broadcasts, so the FMA units and not the load ports
// are the limit. Row counts from 1 to kTileRows are all instantiated, and rows are split evenly, so that a
// remainder never runs on a near-empty tile. What happens to the sums is the epilogue's: they never go to
// memory before it. Cost 2 flops per (row, column, k); the limit is the FMA peak, reached to about 95 % from
// k = 64 on with the panel in L1.
#ifndef TOKENSIEVE_KERNELS_TILE_H
#define TOKENSIEVE_KERNELS_TILE_H
#include <stddef.h>
#include <stdint.h>

#include "simd/unroll.h"

namespace {

// How many steps of k ahead a panel is fetched that is not packed but lies in a matrix, a whole row apart,
// where no hardware prefetcher follows.
constexpr int kStepsAhead = 16;

// Calls epilogue(r, sums) for each row, sums being kVectors vectors.
template <class V, int kRows, int kVectors, bool kScattered, class Epilogue>
void tile(const float* a, size_t a_stride, const float* panel, size_t panel_stride, int64_t depth,
          const Epilogue& given) {
  using F = typename V::F;
  const Epilogue epilogue =
      given;  // a copy of its own stays in registers when the stores might alias the original
  F sums[kRows][kVectors];
  TSV_UNROLL for (int r = 0; r < kRows; ++r) {
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) sums[r][v] = V::zero();
  }
  // Four row pointers and three strides reach 16 rows: a pointer a row would not fit the general registers.
  const float *a0 = a, *a4 = a + 4 * a_stride, *a8 = a + 8 * a_stride, *a12 = a + 12 * a_stride;
  const size_t stride2 = 2 * a_stride, stride3 = 3 * a_stride;
  TSV_NO_UNROLL for (int64_t k = 0; k < depth; ++k) {
    F columns[kVectors];
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) {
      columns[v] = V::load(panel + v * V::kLanes);
      if (kScattered) V::prefetch(panel + kStepsAhead * panel_stride + v * V::kLanes);
    }
    TSV_UNROLL for (int r = 0; r < kRows; ++r) {
      const float* base = r < 4 ? a0 : r < 8 ? a4 : r < 12 ? a8 : a12;
      const size_t offset = (r & 3) == 0 ? 0 : (r & 3) == 1 ? a_stride : (r & 3) == 2 ? stride2 : stride3;
      const F left = V::set(base[offset]);
      TSV_UNROLL for (int v = 0; v < kVectors; ++v) sums[r][v] = V::fma(left, columns[v], sums[r][v]);
    }
    ++a0, ++a4, ++a8, ++a12;
    panel += panel_stride;
  }
  TSV_UNROLL for (int r = 0; r < kRows; ++r) epilogue(r, sums[r]);
}

// The instance for each number of rows and vectors.
template <class V, bool kScattered, class Epilogue>
struct TileTable {
  using Tile = void (*)(const float*, size_t, const float*, size_t, int64_t, const Epilogue&);
  Tile entries[V::kTileRows + 1][3];
  constexpr TileTable() : entries{} { fill<V::kTileRows>(); }
  template <int kRows>
  constexpr void fill() {
    entries[kRows][1] = tile<V, kRows, 1, kScattered, Epilogue>;
    entries[kRows][2] = tile<V, kRows, 2, kScattered, Epilogue>;
    if constexpr (kRows > 1) fill<kRows - 1>();
  }
};
template <class V, bool kScattered, class Epilogue>
constexpr TileTable<V, kScattered, Epilogue> kTiles{};

// Panels of one side of a product: two vectors wide, except a last one of a single vector where that is
// enough.
template <class V>
struct PanelShape {
  static constexpr int kWidth = 2 * V::kLanes;
  static inline int width(int64_t column, int64_t columns) {
    return columns - column > V::kLanes ? kWidth : V::kLanes;
  }
};

// Walks the product of `rows` rows of a with `columns` columns, panel by panel, each against all rows while
// it is in L1. panel(column) points to the panel that begins there; stride 0: packed, as wide as the panel.
// make_epilogue(row, column) gives the epilogue of the tile at that place.
template <class V, bool kScattered, class Panel, class MakeEpilogue>
inline void walk_tiles(const float* a, size_t a_stride, int64_t rows, const Panel& panel, size_t panel_stride,
                       int64_t columns, int64_t depth, const MakeEpilogue& make_epilogue) {
  using Epilogue = decltype(make_epilogue(0, 0));
  const int64_t groups = (rows + V::kTileRows - 1) / V::kTileRows;
  for (int64_t column = 0; column < columns; column += PanelShape<V>::kWidth) {
    const int width = PanelShape<V>::width(column, columns);
    for (int64_t group = 0, row = 0; group < groups; ++group) {
      const int64_t left = groups - group;
      const int64_t here = (rows - row + left - 1) / left;
      kTiles<V, kScattered, Epilogue>.entries[here][width / V::kLanes](
          a + row * a_stride, a_stride, panel(column), kScattered ? panel_stride : size_t(width), depth,
          make_epilogue(row, column));
      row += here;
    }
  }
}

// The product with packed panels.
template <class V, class MakeEpilogue>
inline void product(const float* a, size_t a_stride, int64_t rows, const float* panels, int64_t columns,
                    int64_t depth, const MakeEpilogue& make_epilogue) {
  walk_tiles<V, false>(
      a, a_stride, rows, [=](int64_t column) { return panels + column * depth; }, 0, columns, depth,
      make_epilogue);
}

// The product with a matrix as it lies, `stride` floats from row to row; columns a multiple of the vector
// width.
template <class V, class MakeEpilogue>
inline void product_in_place(const float* a, size_t a_stride, int64_t rows, const float* matrix,
                             size_t stride, int64_t columns, int64_t depth,
                             const MakeEpilogue& make_epilogue) {
  walk_tiles<V, true>(
      a, a_stride, rows, [=](int64_t column) { return matrix + column; }, stride, columns, depth,
      make_epilogue);
}

}  // namespace
#endif
