// Rows of signed bytes to the panels that int8_tile.h reads, with -128 times the sum of each row: 16 rows at
// a time, 64 channels of each to a register, transposed as 16 x 16 groups of four. Columns that fill up the
// last vector are zeros. About 100 operations for 1024 bytes.
#ifndef TOKENSIEVE_KERNELS_PACK_BYTES_H
#define TOKENSIEVE_KERNELS_PACK_BYTES_H
#include "kernels/int8_kernels.h"
#include "kernels/tile.h"

namespace {

template <class V>
void pack_bytes(const tsv::PackBytes& a) {
  using I = typename V::I;
  constexpr int L = V::kLanes;
  for (int64_t column = 0; column < a.columns; column += L) {
    const int64_t panel = column / PanelShape<V>::kWidth * PanelShape<V>::kWidth;
    const int64_t step = PanelShape<V>::width(panel, a.columns) * 4;
    int8_t* out = a.panels + panel * 4 * a.quads + (column - panel) * 4;
    const uint8_t* rows = a.rows + column * a.stride;
    I sums = V::zero_int();
    for (int64_t quad = 0; quad < a.quads; quad += L) {
      const int64_t quads = a.quads - quad;
      I words[L];
      for (int lane = 0; lane < L; ++lane) {
        const bool there = column + lane < a.columns;
        words[lane] =
            there ? V::load_bytes(rows + lane * a.stride + quad * 4, int(quads < L ? quads * 4 : 4 * L))
                  : V::zero_int();
      }
      V::transpose_words(words);
      TSV_UNROLL for (int i = 0; i < L; ++i) {
        if (i >= quads) break;
        V::store_bytes(out + (quad + i) * step, words[i]);
        sums = V::dot(sums, V::set_byte(128), words[i]);
      }
    }
    V::store(a.starts + column, V::sub(V::zero_int(), sums));
  }
}

}  // namespace
#endif
