#include <algorithm>

#include "abi/check.h"
#include "abi/token_map.h"
#include "cuda/driver/plans.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

using namespace tsv;

namespace {

// owners with each -1 replaced by the owner of the nearest token that has one, the lower of two as near; -1
// where no token of the row has one.
void nearest_owners(const int32_t* owners, int64_t n, int32_t* nearest) {
  int64_t before = -1;  // the last owned token up to i
  for (int64_t i = 0; i < n; ++i) {
    if (owners[i] >= 0) {
      // From the middle of the gap on, this one is nearer.
      for (int64_t j = before < 0 ? 0 : (before + i) / 2 + 1; j < i; ++j) nearest[j] = owners[i];
      before = i;
    }
    nearest[i] = before < 0 ? -1 : owners[before];
  }
}

}  // namespace

tsv_status tsv_restore_tokens(tsv_context* context, const tsv_restore_tokens_args* arguments) {
  Check check(context, Devices::kCpuAndCuda);
  const tsv_restore_tokens_args a = read_arguments(check, arguments);
  // Then tokens are computed, else they are moved.
  const bool weighted = a.weights != nullptr || a.residual != nullptr;
  const View y = check.input(a.y, TSV_ARG_Y, weighted ? kFloats : kAnyType, 3, 3);
  MapView map = read_map(check, a.map);
  check.same(y, TSV_ARG_Y, 0, map.rows, "the map has rows");
  if (map.on_device()) map.longest = y.dim[1];
  check.same(y, TSV_ARG_Y, 1, map.longest, "the map's longest row has slots");
  read_assignment(check, a.map, &map);
  check.range(TSV_ARG_DROPPED, a.dropped, TSV_DROPPED_ZERO, TSV_DROPPED_TENSOR);
  if (check.failed()) return check.status();
  const int64_t rows = map.rows, n = map.input_length, channels = y.dim[2];
  const uint32_t type = 1u << y.dtype;
  const auto read_tokens = [&](const tsv_tensor* tensor, int32_t argument) {
    const View view = check.input(tensor, argument, type, 3, 3);
    check.same(view, argument, 0, rows, "y has");
    check.same(view, argument, 1, n, "the map has tokens");
    check.same(view, argument, 2, channels, "y has");
    return view;
  };
  const View dropped =
      a.dropped == TSV_DROPPED_TENSOR ? read_tokens(a.dropped_tokens, TSV_ARG_DROPPED) : View();
  const TokenWeights weights = read_token_weights(check, a.weights, rows, n);
  const View residual = a.residual != nullptr ? read_tokens(a.residual, TSV_ARG_RESIDUAL) : View();
  const View tokens = check.output(a.tokens, TSV_ARG_OUT_TOKENS, type, {rows, n, channels});
  check.no_overlap();
  if (check.failed()) return check.status();

  const bool nearest = a.dropped == TSV_DROPPED_NEAREST;
  if (check.on_device()) {
    return cuda::restore_tokens(context, check, nearest, y, map, dropped, weights, residual, tokens);
  }
  const int32_t* index = map.assignment.as<int32_t>();
  Workspace workspace(WorkspaceSize().add<int32_t>(nearest ? size_t(rows * n) : 0).bytes());
  if (!workspace.ok()) {
    check.fail(TSV_ARG_MAP, TSV_E_MEMORY, "none", "followed by working memory");
    return check.status();
  }
  if (nearest) {
    int32_t* found = workspace.take<int32_t>(size_t(rows * n));
    for (int64_t r = 0; r < rows; ++r) nearest_owners(index + r * n, n, found + r * n);
    index = found;
  }

  // A task writes about 256 KB.
  constexpr int64_t kBytes = 1 << 18;
  const int64_t row_bytes = channels * y.item_bytes();
  if (row_bytes == 0) return TSV_OK;  // tensors without elements need no address
  const int64_t step = std::max<int64_t>(1, kBytes / std::max<int64_t>(1, row_bytes));
  const int64_t tasks_a_row = (n + step - 1) / step;
  parallel_for(context, rows * tasks_a_row, [&](int64_t task) {
    const int64_t r = task / tasks_a_row, first = task % tasks_a_row * step, at = r * n + first;
    const int64_t count = std::min(step, n - first);
    const char* source = y.data + r * map.longest * row_bytes;
    const char* filling = dropped.present() ? dropped.data + at * row_bytes : nullptr;
    char* out = tokens.data + at * row_bytes;
    if (weighted) {
      const float* factors = weights.of_row(r, n);
      kernels().restore_weighted(
          {source, y.dtype, index + at, filling, factors != nullptr ? factors + first : nullptr,
           residual.present() ? residual.data + at * row_bytes : nullptr, count, channels, out});
    } else {
      kernels().restore_tokens({source, index + at, filling, count, row_bytes, out,
                                rows * (map.longest + n) * row_bytes >= kStreamedBytes});
    }
  });
  return cancelled(context) ? TSV_E_CANCELLED : TSV_OK;
}
