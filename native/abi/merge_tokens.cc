#include <string.h>

#include <algorithm>
#include <atomic>

#include "abi/check.h"
#include "abi/token_map.h"
#include "cuda/driver/plans.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

using namespace tsv;

tsv_status tsv_merge_tokens(tsv_context* context, const tsv_merge_tokens_args* arguments) {
  Check check(context, Devices::kCpuAndCuda);
  const tsv_merge_tokens_args a = read_arguments(check, arguments);
  const View x = check.input(a.x, TSV_ARG_X, kFloats, 3, 3);
  const int64_t rows = x.dim[0], n = x.dim[1], channels = x.dim[2];
  MapView map = read_map(check, a.map);
  check_map_fits(check, map, rows, n);
  read_slots(check, a.map, &map);
  const TokenWeights weights = read_token_weights(check, a.weights, rows, n);
  check.range(TSV_ARG_REDUCE, a.reduce, TSV_MERGE_MEAN, TSV_MERGE_NORM);
  if (check.failed()) return check.status();
  const bool packed = a.packed != 0;
  int64_t slots = map.slots;
  if (map.on_device() && a.tokens != nullptr) {  // the tokens say what they have room for
    if (packed && a.tokens->ndim == 2) slots = a.tokens->shape[0];
    if (!packed && a.tokens->ndim == 3) map.longest = a.tokens->shape[1];
  }
  const uint32_t type = 1u << x.dtype;
  const View tokens = packed
                          ? check.output(a.tokens, TSV_ARG_OUT_TOKENS, type, {slots, channels})
                          : check.output(a.tokens, TSV_ARG_OUT_TOKENS, type, {rows, map.longest, channels});
  const View sizes = packed ? check.output(a.sizes, TSV_ARG_OUT_SIZES, kFloat32, {slots})
                            : check.output(a.sizes, TSV_ARG_OUT_SIZES, kFloat32, {rows, map.longest});
  const View row_offsets = check.optional_output(a.row_offsets, TSV_ARG_OUT_OFFSETS, kInt32, {rows + 1});
  check.no_overlap();
  if (check.failed()) return check.status();
  if (check.on_device()) {
    return cuda::merge_tokens(context, check, a, x, map, weights.values, tokens, sizes, row_offsets);
  }

  Workspace workspace(WorkspaceSize().add<int64_t>(size_t(rows) + 1).bytes());
  if (!workspace.ok()) {
    check.fail(TSV_ARG_MAP, TSV_E_MEMORY, "none", "followed by working memory");
    return check.status();
  }
  int64_t* first_slot = workspace.take<int64_t>(size_t(rows) + 1);
  first_slot[0] = 0;
  for (int64_t r = 0; r < rows; ++r) first_slot[r + 1] = first_slot[r] + map.length(r);
  for (int64_t r = 0; row_offsets.present() && r <= rows; ++r) {
    row_offsets.as<int32_t>()[r] = int32_t(first_slot[r]);
  }

  // A task reads about 256 KB of members where slots are of equal size.
  constexpr int64_t kBytes = 1 << 18;
  const int64_t row_bytes = channels * x.item_bytes();
  const int64_t slot_bytes = row_bytes * (map.members.dim[0] + map.slots) / std::max<int64_t>(1, map.slots);
  const int64_t step = std::max<int64_t>(1, kBytes / std::max<int64_t>(1, slot_bytes));
  const int64_t tasks_a_row = (map.longest + step - 1) / step;
  std::atomic<bool> starved{false};
  parallel_for(context, rows * tasks_a_row, [&](int64_t task) {
    const int64_t r = task / tasks_a_row, first = task % tasks_a_row * step;
    const int64_t here = std::max<int64_t>(0, std::min(step, map.length(r) - first));
    const int64_t slot = first_slot[r] + first, at = packed ? slot : r * map.longest + first;
    char* out = tokens.data + at * row_bytes;
    float* out_sizes = sizes.as<float>() + at;
    if (here > 0) {
      Workspace scratch(WorkspaceSize().add<float>(size_t(channels)).bytes());
      if (!scratch.ok()) {
        starved = true;
        return;
      }
      kernels().merge_tokens({x.rows(r), map.offsets.as<int32_t>() + slot, map.members.as<int32_t>(),
                              map.weights.present() ? map.weights.as<float>() : nullptr, weights.of_row(r, n),
                              here, channels, a.reduce, scratch.take<float>(size_t(channels)), out, out_sizes,
                              (rows * n + map.slots) * row_bytes >= kStreamedBytes});
    }
    const int64_t room = packed ? here : std::min(step, map.longest - first);
    if (room > here) {
      memset(out + here * row_bytes, 0, size_t((room - here) * row_bytes));
      memset(out_sizes + here, 0, size_t(room - here) * sizeof *out_sizes);
    }
  });
  if (starved) check.fail(TSV_ARG_X, TSV_E_MEMORY, "none", "followed by working memory");
  return starved ? check.status() : cancelled(context) ? TSV_E_CANCELLED : TSV_OK;
}
