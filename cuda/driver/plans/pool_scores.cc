#include "cuda/driver/plans.h"
#include "cuda/driver/queue.h"

namespace tsv {
namespace cuda {

tsv_status pool_scores(tsv_context* context, const Check& check, const tsv_pool_scores_args& a,
                       const RowsOfScores& rows, const View& scores) {
  Queue queue(context, check);
  constexpr int kThreads = 256;
  constexpr int64_t kTile = 1024, kSharedBytes = 48 << 10;
  const int64_t reach = pool_reach(a.kernel, rows.n), bytes = 2 * (kTile + reach) * int64_t(sizeof(float));
  const bool shared = bytes <= kSharedBytes;
  const int64_t tile = shared ? kTile : rows.n, tiles = blocks(rows.n, shared ? kTile : rows.n);
  const PoolScoresArguments arguments = {
      queue.on_device(rows.x),
      mask_arguments(queue, rows),
      a.kernel,
      reach,
      tile,
      tiles,
      rows.x.dtype,
      a.mode,
      shared ? nullptr : queue.scratch<float>(rows.rows * 2 * (rows.n + reach)),
      scores.as<float>()};
  queue.launch(Kernel::pool_windows, {rows.rows * tiles}, kThreads, shared ? size_t(bytes) : 0, arguments);
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
