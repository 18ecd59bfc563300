// What operations on rows of scores share: x [B,N] or [B,H,N].
#ifndef TOKENSIEVE_ABI_ROWS_OF_SCORES_H
#define TOKENSIEVE_ABI_ROWS_OF_SCORES_H
#include <algorithm>
#include <atomic>

#include "abi/token_rows.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

namespace tsv {

struct RowsOfScores : TokenRows {
  View x;
  const char* data(int64_t row) const { return x.data + row * n * x.item_bytes(); }
};

RowsOfScores read_rows_of_scores(Check& check, const tsv_tensor* x, const tsv_tensor* mask,
                                 const tsv_tensor* lengths, int32_t argument = TSV_ARG_X);

// No score that is not dropped is under 0: a share of a sum means something for the others only. Of scores on
// a device, the kernel says so.
void check_not_negative(Check& check, const RowsOfScores& rows, int32_t argument, const char* expected);

// Rows of chosen indices, each written `room` after the one before with its number at offsets[row + 1], moved
// together, and the numbers made offsets. What is left of the room becomes 0.
void close_ranks(int64_t rows, int64_t room, int32_t* index, int32_t* offsets);

// Runs select(row, scratch, indices, selected) for every row, on several threads, a task about `task_scores`
// scores. Each row writes where it would stand if all before it were full, with `room` places, and its number
// goes where its end will be; then the rows close ranks.
template <class Select>
tsv_status select_of_rows(Check& check, const tsv_context* context, const RowsOfScores& rows,
                          int32_t argument, int64_t task_scores, size_t scratch_bytes, int64_t room,
                          int32_t* indices, int32_t* offsets, const Select& select) {
  const int64_t step = std::max<int64_t>(1, task_scores / std::max<int64_t>(1, rows.n));
  std::atomic<bool> starved{false};
  parallel_for(context, (rows.rows + step - 1) / step, [&](int64_t task) {
    Workspace workspace(WorkspaceSize().add<char>(scratch_bytes).bytes());
    if (!workspace.ok()) {
      starved = true;
      return;
    }
    char* scratch = workspace.take<char>(scratch_bytes);
    for (int64_t r = task * step; r < std::min(rows.rows, (task + 1) * step); ++r) {
      int64_t selected = 0;
      select(r, scratch, indices + r * room, &selected);
      offsets[r + 1] = int32_t(selected);
    }
  });
  if (starved) check.fail(argument, TSV_E_MEMORY, "none", "followed by working memory");
  if (starved || cancelled(context)) return starved ? check.status() : TSV_E_CANCELLED;
  close_ranks(rows.rows, room, indices, offsets);
  return TSV_OK;
}

}  // namespace tsv
#endif
