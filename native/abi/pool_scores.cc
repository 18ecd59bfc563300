#include <algorithm>
#include <atomic>

#include "abi/check.h"
#include "abi/rows_of_scores.h"
#include "cuda/driver/plans.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

using namespace tsv;

tsv_status tsv_pool_scores(tsv_context* context, const tsv_pool_scores_args* arguments) {
  Check check(context, Devices::kCpuAndCuda);
  const tsv_pool_scores_args a = read_arguments(check, arguments);
  const RowsOfScores rows = read_rows_of_scores(check, a.x, a.mask, a.lengths);
  check.that(a.kernel > 0 && a.kernel % 2 == 1 && a.kernel <= INT32_MAX, TSV_ARG_KERNEL, TSV_E_RANGE,
             "an odd integer from 1 to 2147483647", double(a.kernel));
  check.range(TSV_ARG_MODE, a.mode, TSV_POOL_AVG, TSV_POOL_MAX);
  const View& x = rows.x;
  const View scores = x.rank == 3
                          ? check.output(a.scores, TSV_ARG_OUT, kFloat32, {x.dim[0], x.dim[1], x.dim[2]})
                          : check.output(a.scores, TSV_ARG_OUT, kFloat32, {x.dim[0], x.dim[1]});
  check.no_overlap();
  if (check.failed()) return check.status();
  if (check.on_device()) return cuda::pool_scores(context, check, a, rows, scores);

  // A task pools about 16 K scores, more where its windows see that far beyond them.
  constexpr int64_t kScores = 1 << 14;
  const int64_t step = std::max(kScores, 4 * pool_reach(a.kernel, rows.n));
  std::atomic<bool> starved{false};
  for_pieces_of_rows(context, rows, step, [&](int64_t row, int64_t first, int64_t count) {
    const size_t bytes = pool_scores_scratch(a.kernel, rows.n, count);
    Workspace workspace(WorkspaceSize().add<char>(bytes).bytes());
    if (!workspace.ok()) {
      starved = true;
      return;
    }
    float* out = scores.as<float>() + row * rows.n + first;
    kernels().pool_scores({rows.data(row), x.dtype, a.mode, rows.n, rows.mask_of(row), rows.length_of(row),
                           first, count, a.kernel, workspace.take<float>(bytes / sizeof(float)), out});
    rows.zero_dropped(row, first, count, out);
  });
  if (starved) check.fail(TSV_ARG_X, TSV_E_MEMORY, "none", "followed by working memory");
  return starved ? check.status() : cancelled(context) ? TSV_E_CANCELLED : TSV_OK;
}
