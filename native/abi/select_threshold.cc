#include <math.h>

#include <algorithm>

#include "abi/check.h"
#include "abi/rows_of_scores.h"
#include "cuda/driver/plans.h"
#include "runtime/dispatch.h"

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
  Check check(context, Devices::kCpuAndCuda);
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
  if (check.on_device()) return cuda::select_threshold(context, check, a, rows, indices, offsets);

  constexpr int64_t kScores = 1 << 14;
  return select_of_rows(check, context, rows, TSV_ARG_X, kScores, select_threshold_scratch(rows.n), rows.n,
                        indices.as<int32_t>(), offsets.as<int32_t>(),
                        [&](int64_t r, char* scratch, int32_t* index, int64_t* selected) {
                          kernels().select_threshold({rows.data(r), rows.x.dtype, a.rule, a.ddof, a.parameter,
                                                      rows.n, rows.mask_of(r), rows.length_of(r), a.min,
                                                      a.max, scratch, index, selected});
                        });
}
