// What operations on rows of scores share: x [B,N] or [B,H,N].
#ifndef TOKENSIEVE_ABI_ROWS_OF_SCORES_H
#define TOKENSIEVE_ABI_ROWS_OF_SCORES_H
#include "abi/token_rows.h"

namespace tsv {

struct RowsOfScores : TokenRows {
  View x;
  const char* data(int64_t row) const { return x.data + row * n * x.item_bytes(); }
};

inline RowsOfScores read_rows_of_scores(Check& check, const tsv_tensor* x, const tsv_tensor* mask,
                                        const tsv_tensor* lengths) {
  RowsOfScores found;
  found.x = check.input(x, TSV_ARG_X, kFloats, 2, 3);
  if (check.failed()) return found;
  const View& v = found.x;
  static_cast<TokenRows&>(found) =
      read_token_rows(check, v.dim[0], v.rank == 3 ? v.dim[1] : 1, v.dim[v.rank - 1], mask, lengths);
  return found;
}

}  // namespace tsv
#endif
