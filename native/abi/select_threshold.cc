#include <math.h>

#include <algorithm>
#include <atomic>

#include "abi/check.h"
#include "abi/rows_of_scores.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

using namespace tsv;

namespace {

void check_rule(Check& check, const tsv_select_threshold_args& a) {
  check.range(TSV_ARG_RULE, a.rule, TSV_RULE_ABOVE, TSV_RULE_MASS);
  check.that(!std::isnan(a.parameter), TSV_ARG_RULE, TSV_E_RANGE, "a number", a.parameter);
  if (a.rule == TSV_RULE_QUANTILE || a.rule == TSV_RULE_MASS) {
    check.that(a.parameter >= 0.0 && a.parameter <= 1.0, TSV_ARG_RULE, TSV_E_RANGE, "a number from 0 to 1",
               a.parameter);
  }
  if (a.rule == TSV_RULE_MEAN_STD) check.range(TSV_ARG_RULE, a.ddof, 0, 1);
  check.range(TSV_ARG_MIN, a.min, -1, INT32_MAX);
  if (a.max != -1) check.range(TSV_ARG_MAX, a.max, std::max<int64_t>(0, a.min), INT32_MAX);
}

}  // namespace

tsv_status tsv_select_threshold(tsv_context* context, const tsv_select_threshold_args* arguments) {
  Check check(context);
  const tsv_select_threshold_args a = read_arguments(check, arguments);
  const RowsOfScores rows = read_rows_of_scores(check, a.x, a.mask, a.lengths);
  check_rule(check, a);
  check.that(rows.rows * rows.n <= INT32_MAX, TSV_ARG_X, TSV_E_SHAPE, "of at most 2^31 - 1 scores",
             double(rows.rows * rows.n));
  if (a.rule == TSV_RULE_MASS) {
    check_not_negative(check, rows, TSV_ARG_X, "of scores from 0, for a share of their sum");
  }
  const View indices = check.output(a.indices, TSV_ARG_OUT_INDICES, kInt32, {rows.rows * rows.n});
  const View offsets = check.output(a.offsets, TSV_ARG_OUT_OFFSETS, kInt32, {rows.rows + 1});
  check.no_overlap();
  if (check.failed()) return check.status();

  // A task reads about 16 K scores. Each row is written where it would stand if all before it were full, and
  // its number where its end goes.
  constexpr int64_t kScores = 1 << 14;
  const int64_t step = std::max<int64_t>(1, kScores / std::max<int64_t>(1, rows.n));
  int32_t *index = indices.as<int32_t>(), *end = offsets.as<int32_t>();
  std::atomic<bool> starved{false};
  parallel_for(context, (rows.rows + step - 1) / step, [&](int64_t task) {
    const size_t scratch_bytes = select_threshold_scratch(rows.n);
    Workspace workspace(WorkspaceSize().add<char>(scratch_bytes).bytes());
    if (!workspace.ok()) {
      starved = true;
      return;
    }
    char* scratch = workspace.take<char>(scratch_bytes);
    for (int64_t r = task * step; r < std::min(rows.rows, (task + 1) * step); ++r) {
      int64_t selected = 0;
      kernels().select_threshold({rows.data(r), rows.x.dtype, a.rule, a.ddof, a.parameter, rows.n,
                                  rows.mask_of(r), rows.length_of(r), a.min, a.max, scratch,
                                  index + r * rows.n, &selected});
      end[r + 1] = int32_t(selected);
    }
  });
  if (starved) check.fail(TSV_ARG_X, TSV_E_MEMORY, "none", "followed by working memory");
  if (starved || cancelled(context)) return starved ? check.status() : TSV_E_CANCELLED;
  close_ranks(rows.rows, rows.n, index, end);
  return TSV_OK;
}
