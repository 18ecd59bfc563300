#include <algorithm>

#include "abi/check.h"
#include "cuda/driver/plans.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

using namespace tsv;

tsv_status tsv_gather_channels(tsv_context* context, const tsv_gather_channels_args* arguments) {
  Check check(context, Devices::kCpuAndCuda);
  const tsv_gather_channels_args a = read_arguments(check, arguments);
  const View x = check.input(a.x, TSV_ARG_X, kAnyType, 3, 3);
  const int64_t rows = x.dim[0], n = x.dim[1], channels = x.dim[2];
  const View indices = check.input(a.indices, TSV_ARG_INDICES, kIntegers, 1, 2);
  const int64_t items = indices.rank == 2 ? indices.dim[0] : 1;
  check.that(items == rows || (items > 0 && rows % items == 0), TSV_ARG_INDICES, TSV_E_SHAPE,
             "of as many rows as x, of as many as its batch, or of one for all", double(items));
  check.elements(indices, TSV_ARG_INDICES, 0, channels - 1);
  if (check.failed()) return check.status();
  const int64_t count = indices.dim[indices.rank - 1];
  const View tokens = check.output(a.tokens, TSV_ARG_OUT_TOKENS, 1u << x.dtype, {rows, n, count});
  check.no_overlap();
  if (check.failed()) return check.status();
  if (rows * n * count == 0) return TSV_OK;  // tensors without elements need no address
  if (check.on_device()) return cuda::gather_channels(context, check, x, indices, tokens);

  Workspace workspace(WorkspaceSize().add<int32_t>(size_t(items * count)).bytes());
  if (!workspace.ok()) {
    check.fail(TSV_ARG_INDICES, TSV_E_MEMORY, "none", "followed by working memory");
    return check.status();
  }
  int32_t* index = workspace.take<int32_t>(size_t(items * count));
  for (int64_t i = 0; i < items * count; ++i) index[i] = int32_t(indices.integer(i));

  // Enough items a task that handing it out costs little beside moving them.
  constexpr int64_t kItems = 1 << 16;
  const int64_t step = std::max<int64_t>(1, kItems / count), tasks_a_row = (n + step - 1) / step;
  const int64_t item_bytes = x.item_bytes(), rows_an_item = rows / items;
  parallel_for(context, rows * tasks_a_row, [&](int64_t task) {
    const int64_t r = task / tasks_a_row, first = task % tasks_a_row * step, at = r * n + first;
    kernels().gather_channels({x.data + at * channels * item_bytes, channels * item_bytes,
                               index + r / rows_an_item * count, std::min(step, n - first), count, item_bytes,
                               tokens.data + at * count * item_bytes});
  });
  return cancelled(context) ? TSV_E_CANCELLED : TSV_OK;
}
