#include "cuda/driver/plans.h"
#include "cuda/driver/plans/ragged.h"

namespace tsv {
namespace cuda {

tsv_status sample_cdf(tsv_context* context, const Check& check, const tsv_sample_cdf_args& a,
                      const RowsOfScores& rows, const View& indices, const View& offsets) {
  Queue queue(context, check);
  constexpr int kThreads = 256;
  const int64_t in_flight = blocks_for_rows(queue, rows.rows), room = in_flight * rows.n;
  const SampleCdfArguments arguments = {queue.on_device(rows.x),
                                        mask_arguments(queue, rows),
                                        queue.fault(),
                                        rows.rows,
                                        a.count,
                                        rows.x.dtype,
                                        queue.scratch<int32_t>(rows.rows * a.count),
                                        queue.scratch<int32_t>(rows.rows),
                                        queue.scratch<uint32_t>(room),
                                        queue.scratch<uint32_t>(room),
                                        queue.scratch<int32_t>(room),
                                        queue.scratch<int32_t>(room),
                                        queue.scratch<double>(room)};
  queue.launch(Kernel::sample_rows, {in_flight}, kThreads, 0, arguments);
  close_ranks(queue, rows.rows, arguments.staged, a.count, arguments.selected, a.count, indices.as<int32_t>(),
              offsets.as<int32_t>());
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
