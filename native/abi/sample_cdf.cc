#include <algorithm>
#include <atomic>

#include "abi/check.h"
#include "abi/rows_of_scores.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

using namespace tsv;

tsv_status tsv_sample_cdf(tsv_context* context, const tsv_sample_cdf_args* arguments) {
  Check check(context);
  const tsv_sample_cdf_args a = read_arguments(check, arguments);
  const RowsOfScores rows = read_rows_of_scores(check, a.scores, a.mask, a.lengths, TSV_ARG_SCORES);
  check.range(TSV_ARG_SAMPLE_COUNT, a.count, 0, rows.n);
  for (int64_t r = 0; r < rows.rows && !check.failed(); ++r) {
    const TokenCounts tokens = rows.count_tokens(r);
    check.range(TSV_ARG_SAMPLE_COUNT, a.count, tokens.kept, tokens.present);
  }
  if (check.failed()) return check.status();
  check.that(rows.rows * a.count <= INT32_MAX, TSV_ARG_SAMPLE_COUNT, TSV_E_SHAPE,
             "at most 2^31 - 1 samples in all", double(rows.rows * a.count));
  check_not_negative(check, rows, TSV_ARG_SCORES, "of scores from 0, to be sampled by");
  const View indices = check.output(a.indices, TSV_ARG_OUT_INDICES, kInt32, {rows.rows * a.count});
  const View offsets = check.output(a.offsets, TSV_ARG_OUT_OFFSETS, kInt32, {rows.rows + 1});
  check.no_overlap();
  if (check.failed()) return check.status();

  // A task sorts about 4 K scores, some ten microseconds of work.
  constexpr int64_t kScores = 1 << 12;
  const int64_t step = std::max<int64_t>(1, kScores / std::max<int64_t>(1, rows.n));
  int32_t *index = indices.as<int32_t>(), *end = offsets.as<int32_t>();
  std::atomic<bool> starved{false};
  parallel_for(context, (rows.rows + step - 1) / step, [&](int64_t task) {
    const size_t scratch_bytes = sample_cdf_scratch(rows.n);
    Workspace workspace(WorkspaceSize().add<char>(scratch_bytes).bytes());
    if (!workspace.ok()) {
      starved = true;
      return;
    }
    char* scratch = workspace.take<char>(scratch_bytes);
    for (int64_t r = task * step; r < std::min(rows.rows, (task + 1) * step); ++r) {
      int64_t selected = 0;
      kernels().sample_cdf({rows.data(r), rows.x.dtype, rows.n, rows.mask_of(r), rows.length_of(r),
                            a.count - rows.count_tokens(r).kept, scratch, index + r * a.count, &selected});
      end[r + 1] = int32_t(selected);
    }
  });
  if (starved) check.fail(TSV_ARG_SCORES, TSV_E_MEMORY, "none", "followed by working memory");
  if (starved || cancelled(context)) return starved ? check.status() : TSV_E_CANCELLED;
  close_ranks(rows.rows, a.count, index, end);
  return TSV_OK;
}
