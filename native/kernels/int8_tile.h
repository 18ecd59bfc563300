// The microkernel under products of bytes: sums[r][c] = start[c] + sum_k a[r][k] * panel[k][c], a unsigned,
// the panel signed, the sums 32-bit integers and exact.
//
// Layout: four channels of k are one step. Rows of a as they are, read four bytes at a time and broadcast;
// the other side in panels of two vectors, a step being two vectors of 16 columns of 4 bytes. Unsigned bytes
// stand for q + 128: `start` is -128 times the sum of a column's bytes and takes that off. Blocking as in
// tile.h, with 14 x 2 vectors of sums: a step is 28 VPDPBUSD for 2 vector loads and 14 broadcasts. 64
// products an instruction against an FMA's 16 are a limit of 4 times the FMA peak; what an epilogue does with
// a sum weighs 4 times as much here. Sums stay exact up to 2^31 / (255 * 128) = 65 536 channels.
#ifndef TOKENSIEVE_KERNELS_INT8_TILE_H
#define TOKENSIEVE_KERNELS_INT8_TILE_H
#include <stddef.h>
#include <stdint.h>

#include "kernels/tile.h"
#include "simd/unroll.h"

namespace {

// Calls epilogue(r, sums) for each row, sums being kVectors vectors of integers.
template <class V, int kRows, int kVectors, class Epilogue>
void int8_tile(const uint8_t* a, size_t a_stride, const int8_t* panel, const int32_t* start, int64_t quads,
               const Epilogue& given) {
  using I = typename V::I;
  const Epilogue epilogue = given;  // as in tile.h, a copy that no store can alias
  I sums[kRows][kVectors];
  TSV_UNROLL for (int r = 0; r < kRows; ++r) {
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) sums[r][v] = V::load_int(start + v * V::kLanes);
  }
  const uint8_t *a0 = a, *a4 = a + 4 * a_stride, *a8 = a + 8 * a_stride, *a12 = a + 12 * a_stride;
  const size_t stride2 = 2 * a_stride, stride3 = 3 * a_stride;
  TSV_NO_UNROLL for (int64_t quad = 0; quad < quads; ++quad) {
    I columns[kVectors];
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) columns[v] = V::load_bytes(panel + v * V::kBytes);
    TSV_UNROLL for (int r = 0; r < kRows; ++r) {
      const uint8_t* base = r < 4 ? a0 : r < 8 ? a4 : r < 12 ? a8 : a12;
      const size_t offset = (r & 3) == 0 ? 0 : (r & 3) == 1 ? a_stride : (r & 3) == 2 ? stride2 : stride3;
      const I left = V::four_bytes(base + offset);
      TSV_UNROLL for (int v = 0; v < kVectors; ++v) sums[r][v] = V::dot(sums[r][v], left, columns[v]);
    }
    a0 += 4, a4 += 4, a8 += 4, a12 += 4;
    panel += kVectors * V::kBytes;
  }
  TSV_UNROLL for (int r = 0; r < kRows; ++r) epilogue(r, sums[r]);
}

template <class V, class Epilogue>
struct Int8TileTable {
  using Tile = void (*)(const uint8_t*, size_t, const int8_t*, const int32_t*, int64_t, const Epilogue&);
  Tile entries[V::kTileRows + 1][3];
  constexpr Int8TileTable() : entries{} { fill<V::kTileRows>(); }
  template <int kRows>
  constexpr void fill() {
    entries[kRows][1] = int8_tile<V, kRows, 1, Epilogue>;
    entries[kRows][2] = int8_tile<V, kRows, 2, Epilogue>;
    if constexpr (kRows > 1) fill<kRows - 1>();
  }
};
template <class V, class Epilogue>
constexpr Int8TileTable<V, Epilogue> kInt8Tiles{};

// The product of `rows` rows of a, a_stride bytes apart, with packed panels, each against all rows while it
// is in L1. make_epilogue(row, column) gives the epilogue of the tile at that place.
template <class V, class MakeEpilogue>
inline void int8_product(const uint8_t* a, int64_t a_stride, int64_t rows, const int8_t* panels,
                         const int32_t* starts, int64_t columns, int64_t quads,
                         const MakeEpilogue& make_epilogue) {
  using Epilogue = decltype(make_epilogue(0, 0));
  const int64_t groups = (rows + V::kTileRows - 1) / V::kTileRows;
  for (int64_t column = 0; column < columns; column += PanelShape<V>::kWidth) {
    const int vectors = PanelShape<V>::width(column, columns) / V::kLanes;
    for (int64_t group = 0, row = 0; group < groups; ++group) {
      const int64_t left = groups - group, here = (rows - row + left - 1) / left;
      kInt8Tiles<V, Epilogue>.entries[here][vectors](a + row * a_stride, size_t(a_stride),
                                                     panels + column * 4 * quads, starts + column, quads,
                                                     make_epilogue(row, column));
      row += here;
    }
  }
}

}  // namespace
#endif
