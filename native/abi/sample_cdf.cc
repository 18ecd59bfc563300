#include "abi/rows_of_scores.h"
#include "cuda/driver/plans.h"
#include "runtime/dispatch.h"

using namespace tsv;

tsv_status tsv_sample_cdf(tsv_context* context, const tsv_sample_cdf_args* arguments) {
  Check check(context, Devices::kCpuAndCuda);
  const tsv_sample_cdf_args a = read_arguments(check, arguments);
  const RowsOfScores rows = read_rows_of_scores(check, a.scores, a.mask, a.lengths, TSV_ARG_SCORES);
  check.range(TSV_ARG_SAMPLE_COUNT, a.count, 0, rows.n);
  const bool countable = !rows.mask.on_device && !rows.lengths.on_device;  // else the kernel counts
  for (int64_t r = 0; r < rows.rows && countable && !check.failed(); ++r) {
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
  if (check.on_device()) return cuda::sample_cdf(context, check, a, rows, indices, offsets);

  // A task sorts about 4 K scores, some ten microseconds of work.
  constexpr int64_t kScores = 1 << 12;
  return select_of_rows(
      check, context, rows, TSV_ARG_SCORES, kScores, sample_cdf_scratch(rows.n), a.count,
      indices.as<int32_t>(), offsets.as<int32_t>(),
      [&](int64_t r, char* scratch, int32_t* index, int64_t* selected) {
        kernels().sample_cdf({rows.data(r), rows.x.dtype, rows.n, rows.mask_of(r), rows.length_of(r),
                              a.count - rows.count_tokens(r).kept, scratch, index, selected});
      });
}
