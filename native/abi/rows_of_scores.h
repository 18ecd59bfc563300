// What operations on rows of scores share: x [B,N] or [B,H,N].
#ifndef TOKENSIEVE_ABI_ROWS_OF_SCORES_H
#define TOKENSIEVE_ABI_ROWS_OF_SCORES_H
#include "abi/token_rows.h"

namespace tsv {

struct RowsOfScores : TokenRows {
  View x;
  const char* data(int64_t row) const { return x.data + row * n * x.item_bytes(); }
};

RowsOfScores read_rows_of_scores(Check& check, const tsv_tensor* x, const tsv_tensor* mask,
                                 const tsv_tensor* lengths, int32_t argument = TSV_ARG_X);

// No score that is not dropped is under 0: a share of a sum means something for the others only.
void check_not_negative(Check& check, const RowsOfScores& rows, int32_t argument, const char* expected);

// Rows of chosen indices, each written `room` after the one before with its number at offsets[row + 1], moved
// together, and the numbers made offsets. What is left of the room becomes 0.
void close_ranks(int64_t rows, int64_t room, int32_t* index, int32_t* offsets);

}  // namespace tsv
#endif
