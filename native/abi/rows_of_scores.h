// What operations on rows of scores share: x [B,N] or [B,H,N] with one mask for all, for each batch item or
// for each row.
#ifndef TOKENSIEVE_ABI_ROWS_OF_SCORES_H
#define TOKENSIEVE_ABI_ROWS_OF_SCORES_H
#include "abi/check.h"

namespace tsv {

struct RowsOfScores {
  View x, mask, lengths;
  int64_t rows = 0;
  int64_t n = 0;
  int64_t heads = 1;  // rows of a batch item

  const char* data(int64_t row) const { return x.data + row * n * x.item_bytes(); }
  // The mask of a row, or NULL.
  const uint8_t* mask_of(int64_t row) const {
    if (!mask.present()) return nullptr;
    const int64_t at = mask.rank == 1 ? 0 : mask.dim[0] == rows ? row : row / heads;
    return mask.as<uint8_t>() + at * n;
  }
  int64_t length_of(int64_t row) const { return lengths.present() ? lengths.as<int32_t>()[row / heads] : n; }
};

inline RowsOfScores read_rows_of_scores(Check& check, const tsv_tensor* x, const tsv_tensor* mask,
                                        const tsv_tensor* lengths) {
  RowsOfScores found;
  found.x = check.input(x, TSV_ARG_X, kFloats, 2, 3);
  if (check.failed()) return found;
  const int64_t batch = found.x.dim[0];
  found.heads = found.x.rank == 3 ? found.x.dim[1] : 1;
  found.rows = batch * found.heads;
  found.n = found.x.dim[found.x.rank - 1];
  const bool each = mask != nullptr && mask->ndim == 2 && mask->shape[0] == found.rows;
  found.mask = check.mask(mask, TSV_ARG_MASK, each ? found.rows : batch, found.n);
  found.lengths = check.lengths(lengths, batch, found.n);
  return found;
}

}  // namespace tsv
#endif
