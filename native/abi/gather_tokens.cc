#include <string.h>

#include <algorithm>

#include "abi/check.h"
#include "cuda/driver/plans.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

using namespace tsv;

tsv_status tsv_gather_tokens(tsv_context* context, const tsv_gather_tokens_args* arguments) {
  Check check(context, Devices::kCpuAndCuda);
  const tsv_gather_tokens_args a = read_arguments(check, arguments);
  const View x = check.input(a.x, TSV_ARG_X, kAnyType, 3, 3);
  const int64_t rows = x.dim[0], n = x.dim[1], channels = x.dim[2];
  const bool ragged = a.offsets != nullptr, packed = ragged && a.packed != 0;
  const View indices = check.input(a.indices, TSV_ARG_INDICES, kIntegers, ragged ? 1 : 2, ragged ? 1 : 2);
  const View offsets = check.optional(a.offsets, TSV_ARG_RAGGED_OFFSETS, kInt32, 1, 1);
  int64_t longest = 0;
  if (ragged) {
    check.same(offsets, TSV_ARG_RAGGED_OFFSETS, 0, rows + 1, "the rows of x and one");
    if (offsets.on_device && a.tokens != nullptr && a.tokens->ndim == 3) {
      longest = a.tokens->shape[1];  // that the tokens have room for
    }
    if (!offsets.on_device && !check.failed()) {
      const int32_t* at = offsets.as<int32_t>();
      check.that(at[0] == 0, TSV_ARG_RAGGED_OFFSETS, TSV_E_RANGE, "offsets that begin with 0", at[0]);
      for (int64_t r = 0; r < rows && !check.failed(); ++r) {
        check.range(TSV_ARG_RAGGED_OFFSETS, at[r + 1], at[r], indices.dim[0]);
        longest = std::max<int64_t>(longest, at[r + 1] - at[r]);
      }
      if (!check.failed()) check.range(TSV_ARG_RAGGED_OFFSETS, at[rows], indices.dim[0], indices.dim[0]);
    }
  } else {
    check.same(indices, TSV_ARG_INDICES, 0, rows, "the rows of x");
    longest = indices.dim[1];
  }
  check.elements(indices, TSV_ARG_INDICES, 0, n - 1);
  if (check.failed()) return check.status();
  const uint32_t type = 1u << x.dtype;
  const View tokens = packed ? check.output(a.tokens, TSV_ARG_OUT_TOKENS, type, {indices.dim[0], channels})
                             : check.output(a.tokens, TSV_ARG_OUT_TOKENS, type, {rows, longest, channels});
  const View lengths = check.optional_output(a.lengths, TSV_ARG_OUT_LENGTHS, kInt32, {rows});
  check.that(ragged || !lengths.present(), TSV_ARG_OUT_LENGTHS, TSV_E_TYPE, "absent without offsets", 1);
  check.no_overlap();
  if (check.failed()) return check.status();
  if (check.on_device()) {
    return cuda::gather_tokens(context, check, packed, x, indices, offsets, tokens, lengths);
  }
  for (int64_t r = 0; lengths.present() && r < rows; ++r) {
    lengths.as<int32_t>()[r] = offsets.as<int32_t>()[r + 1] - offsets.as<int32_t>()[r];
  }

  const int64_t total = indices.count(), row_bytes = channels * x.item_bytes();
  if (row_bytes == 0) return TSV_OK;  // tensors without elements need no address
  Workspace workspace(WorkspaceSize().add<int32_t>(size_t(total)).bytes());
  if (!workspace.ok()) {
    check.fail(TSV_ARG_INDICES, TSV_E_MEMORY, "none", "followed by working memory");
    return check.status();
  }
  int32_t* index = workspace.take<int32_t>(size_t(total));
  for (int64_t i = 0; i < total; ++i) index[i] = int32_t(indices.integer(i));

  // A task moves about 256 KB: longer than handing it out takes, and it splits a single row of long tokens
  // too.
  constexpr int64_t kBytes = 1 << 18;
  const int64_t step = std::max<int64_t>(1, kBytes / std::max<int64_t>(1, row_bytes));
  const int64_t tasks_a_row = std::max<int64_t>(1, (longest + step - 1) / step);
  parallel_for(context, rows * tasks_a_row, [&](int64_t task) {
    const int64_t r = task / tasks_a_row, first = task % tasks_a_row * step;
    const int64_t begin = ragged ? offsets.as<int32_t>()[r] : r * longest;
    const int64_t count = ragged ? offsets.as<int32_t>()[r + 1] - begin : longest;
    const int64_t out_row = packed ? begin : r * longest;
    char* out = tokens.data + (out_row + first) * row_bytes;
    const int64_t here = std::max<int64_t>(0, std::min(step, count - first));
    kernels().gather_tokens({x.data + r * n * row_bytes, index + begin + first, here, row_bytes, out,
                             2 * total * row_bytes >= kStreamedBytes});
    const int64_t room = std::min(step, longest - first);
    if (!packed && room > here) memset(out + here * row_bytes, 0, size_t((room - here) * row_bytes));
  });
  return cancelled(context) ? TSV_E_CANCELLED : TSV_OK;
}
