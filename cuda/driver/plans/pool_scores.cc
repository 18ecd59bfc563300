#include "cuda/driver/plans/pool_scores.h"

#include "cuda/driver/plans.h"

namespace tsv {
namespace cuda {

void pool_rows(Queue& queue, const RowsToPool& rows, int64_t kernel, int32_t mode, float* scores) {
  constexpr int kThreads = 256;
  constexpr int64_t kTile = 1024, kSharedBytes = 48 << 10;
  const int64_t n = rows.mask.n, reach = pool_reach(kernel, n);
  const int64_t bytes = 2 * (kTile + reach) * int64_t(sizeof(float));
  const bool shared = bytes <= kSharedBytes;
  const int64_t tile = shared ? kTile : n, tiles = blocks(n, shared ? kTile : n);
  const PoolScoresArguments arguments = {
      rows.x,     rows.mask, kernel,
      reach,      tile,      tiles,
      rows.dtype, mode,      shared ? nullptr : queue.scratch<float>(rows.rows * 2 * (n + reach)),
      scores};
  queue.launch(Kernel::pool_windows, {rows.rows * tiles}, kThreads, shared ? size_t(bytes) : 0, arguments);
}

tsv_status pool_scores(tsv_context* context, const Check& check, const tsv_pool_scores_args& a,
                       const RowsOfScores& rows, const View& scores) {
  Queue queue(context, check);
  pool_rows(queue, {queue.on_device(rows.x), rows.x.dtype, rows.rows, mask_arguments(queue, rows)}, a.kernel,
            a.mode, scores.as<float>());
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
