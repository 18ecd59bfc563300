#include <algorithm>
#include <atomic>

#include "abi/check.h"
#include "abi/rows_of_scores.h"
#include "cuda/driver/plans.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

using namespace tsv;

namespace {

// Offsets from 0 to the length of a row.
void check_segments(Check& check, const View& offsets, int64_t segments, int64_t n) {
  int64_t least = 0;
  for (int64_t s = 0; s <= segments && !offsets.on_device && !check.failed(); ++s) {
    check.range(TSV_ARG_SEGMENTS, offsets.integer(s), s == segments ? n : least, s == 0 ? 0 : n);
    least = offsets.integer(s);
  }
}

// Every row's own k must fit: at least the kept tokens of each segment, at most those not dropped. Where any
// of what says so lies on the device, the kernel counts.
void check_count(Check& check, const RowsOfScores& rows, const View& offsets, int64_t segments, int64_t k) {
  if (rows.mask.on_device || rows.lengths.on_device || offsets.on_device) return;
  const bool masked = rows.mask.present() || rows.lengths.present();
  for (int64_t r = 0; r < (masked ? rows.rows : std::min<int64_t>(rows.rows, 1)); ++r) {
    const uint8_t* mask = rows.mask_of(r);
    const int64_t length = rows.length_of(r);
    for (int64_t s = 0; s < segments && !check.failed(); ++s) {
      const int64_t begin = offsets.present() ? offsets.integer(s) : 0;
      const int64_t end = std::min(length, offsets.present() ? offsets.integer(s + 1) : rows.n);
      int64_t kept = 0, allowed = std::max<int64_t>(0, end - begin);
      for (int64_t i = begin; mask != nullptr && i < end; ++i) {
        kept += mask[i] == 1;
        allowed -= mask[i] == 2;
      }
      check.range(TSV_ARG_COUNT_K, k, kept, allowed);
    }
  }
}

}  // namespace

tsv_status tsv_top_k(tsv_context* context, const tsv_top_k_args* arguments) {
  Check check(context, Devices::kCpuAndCuda);
  const tsv_top_k_args a = read_arguments(check, arguments);
  const RowsOfScores rows = read_rows_of_scores(check, a.x, a.mask, a.lengths);
  const View offsets = check.optional(a.segment_offsets, TSV_ARG_SEGMENTS, kIntegers, 1, 1);
  int64_t segments = 1;
  if (offsets.present() && !check.failed()) {
    segments = offsets.dim[0] - 1;
    check.that(segments >= 0, TSV_ARG_SEGMENTS, TSV_E_SHAPE, "offsets from 0 to the length of a row",
               double(offsets.dim[0]));
    check_segments(check, offsets, segments, rows.n);
  }
  check.range(TSV_ARG_ORDER, a.order, TSV_ORDER_INDEX, TSV_ORDER_VALUE);
  check.range(TSV_ARG_COUNT_K, a.k, 0, rows.n);
  check_count(check, rows, offsets, segments, a.k);
  if (check.failed()) return check.status();
  const int64_t batch = rows.x.dim[0], winners = segments * a.k;
  const uint32_t type = 1u << rows.x.dtype;
  View indices, values;
  if (rows.x.rank == 3) {
    indices = check.output(a.indices, TSV_ARG_OUT_INDICES, kInt32, {batch, rows.heads, winners});
    values = check.optional_output(a.values, TSV_ARG_OUT_VALUES, type, {batch, rows.heads, winners});
  } else {
    indices = check.output(a.indices, TSV_ARG_OUT_INDICES, kInt32, {batch, winners});
    values = check.optional_output(a.values, TSV_ARG_OUT_VALUES, type, {batch, winners});
  }
  check.no_overlap();
  if (check.failed()) return check.status();
  if (check.on_device()) return cuda::top_k(context, check, a, rows, offsets, segments, indices, values);
  if (a.k == 0) return TSV_OK;

  // A task selects from about 16 K scores, ten microseconds of work.
  constexpr int64_t kScores = 1 << 14;
  const int64_t step = std::max<int64_t>(1, kScores * segments / std::max<int64_t>(1, rows.n));
  const int64_t selections = rows.rows * segments, item = rows.x.item_bytes();
  std::atomic<bool> starved{false};
  parallel_for(context, (selections + step - 1) / step, [&](int64_t task) {
    const int64_t first = task * step, last = std::min(selections, first + step);
    int64_t longest = offsets.present() ? 0 : rows.n;
    for (int64_t s = first; s < last && offsets.present(); ++s) {
      longest = std::max(longest, offsets.integer(s % segments + 1) - offsets.integer(s % segments));
    }
    Workspace workspace(top_k_scratch(longest, a.k));
    if (!workspace.ok()) {
      starved = true;
      return;
    }
    char* scratch = workspace.take<char>(top_k_scratch(longest, a.k));
    for (int64_t s = first; s < last; ++s) {
      const int64_t row = s / segments, begin = offsets.present() ? offsets.integer(s % segments) : 0;
      const int64_t end = offsets.present() ? offsets.integer(s % segments + 1) : rows.n;
      const uint8_t* mask = rows.mask_of(row);
      kernels().top_k({rows.data(row) + begin * item, rows.x.dtype, a.largest != 0,
                       a.order == TSV_ORDER_VALUE, end - begin, mask == nullptr ? nullptr : mask + begin,
                       rows.length_of(row) - begin, a.k, int32_t(begin), scratch,
                       indices.as<int32_t>() + s * a.k,
                       values.present() ? values.data + s * a.k * item : nullptr});
    }
  });
  if (starved) check.fail(TSV_ARG_X, TSV_E_MEMORY, "none", "followed by working memory");
  return starved ? check.status() : cancelled(context) ? TSV_E_CANCELLED : TSV_OK;
}
