#include "cuda/driver/plans.h"
#include "cuda/driver/plans/ragged.h"

namespace tsv {
namespace cuda {

tsv_status select_threshold(tsv_context* context, const Check& check, const tsv_select_threshold_args& a,
                            const RowsOfScores& rows, const View& indices, const View& offsets) {
  Queue queue(context, check);
  constexpr int kThreads = 256;
  SelectThresholdArguments arguments{};
  arguments.x = queue.on_device(rows.x);
  arguments.mask = mask_arguments(queue, rows);
  arguments.fault = queue.fault();
  arguments.rows = rows.rows;
  arguments.parameter = a.parameter;
  arguments.min = a.min;
  arguments.max = a.max;
  arguments.rule = a.rule;
  arguments.ddof = a.ddof;
  arguments.dtype = rows.x.dtype;
  arguments.staged = queue.scratch<int32_t>(rows.rows * rows.n);
  arguments.selected = queue.scratch<int32_t>(rows.rows);
  if (a.rule == TSV_RULE_MASS) {
    const int64_t in_flight = blocks_for_rows(queue, rows.rows);
    arguments.keys = queue.scratch<uint32_t>(in_flight * rows.n);
    arguments.spare_keys = queue.scratch<uint32_t>(in_flight * rows.n);
    arguments.sums = queue.scratch<double>(in_flight * rows.n);
    queue.launch(Kernel::mass_prefix, {in_flight}, kThreads, 0, arguments);
  }
  constexpr int64_t kOwn = 9216;  // the kernel's shared memory besides the keys
  const int64_t bytes = rows.n * int64_t(sizeof(uint32_t));
  arguments.stores_keys = bytes + kOwn <= queue.device().shared_memory;
  queue.launch(Kernel::select_by_rule, {rows.rows}, kThreads, arguments.stores_keys != 0 ? size_t(bytes) : 0,
               arguments);
  close_ranks(queue, rows.rows, arguments.staged, rows.n, arguments.selected, rows.n, indices.as<int32_t>(),
              offsets.as<int32_t>());
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
