#include <algorithm>

#include "cuda/driver/plans.h"
#include "cuda/driver/queue.h"

namespace tsv {
namespace cuda {
namespace {

constexpr int64_t kBins = 2048;

// A row of several blocks: see top_k.cu.
void select_in_parts(Queue& queue, TopKArguments arguments, int64_t selections, int64_t longest) {
  constexpr int64_t kPart = 1 << 14;
  constexpr int kCountThreads = 512, kFindThreads = 1024;
  arguments.part_length = kPart;
  arguments.parts = blocks(longest, kPart);
  const int64_t parts = selections * arguments.parts;
  arguments.histograms = queue.scratch<int32_t>(parts * kBins);
  arguments.standing = queue.scratch<TopKPart>(parts);
  arguments.found = queue.scratch<TopKFound>(selections);
  for (arguments.pass = 0; arguments.pass < 3; ++arguments.pass) {
    queue.launch(Kernel::top_k_count, {parts}, kCountThreads, 0, arguments);
    queue.launch(Kernel::top_k_find, {selections}, kFindThreads, 0, arguments);
  }
  queue.launch(Kernel::top_k_collect, {parts}, kCountThreads, 0, arguments);
}

// Four to eight keys a thread; what is left of shared memory beside the kernel's own 9 KB holds the keys.
void select_in_one(Queue& queue, TopKArguments arguments, int64_t selections, int64_t longest) {
  constexpr int64_t kOwn = 9216;
  const int threads = longest <= 512 ? 128 : longest <= 2048 ? 256 : longest <= 8192 ? 512 : 1024;
  const int64_t bytes = longest * int64_t(sizeof(uint32_t));
  arguments.stores_keys = bytes + kOwn <= queue.device().shared_memory;
  queue.launch(Kernel::top_k_select, {selections}, threads, arguments.stores_keys != 0 ? size_t(bytes) : 0,
               arguments);
}

}  // namespace

tsv_status top_k(tsv_context* context, const Check& check, const tsv_top_k_args& a, const RowsOfScores& rows,
                 const View& offsets, int64_t segments, const View& indices, const View& values) {
  Queue queue(context, check);
  TopKArguments arguments{};
  arguments.x = queue.on_device(rows.x);
  arguments.mask = mask_arguments(queue, rows);
  arguments.fault = queue.fault();
  arguments.segment_offsets = queue.on_device(offsets);
  arguments.segment_bytes = int32_t(offsets.item_bytes());
  arguments.segments = segments;
  arguments.dtype = rows.x.dtype;
  arguments.largest = a.largest;
  arguments.k = a.k;
  arguments.indices = indices.as<int32_t>();
  arguments.values = values.data;

  const int64_t selections = rows.rows * segments;
  int64_t longest = offsets.present() && !offsets.on_device ? 0 : rows.n;
  for (int64_t s = 0; s < segments && longest < rows.n; ++s) {
    longest = std::max(longest, offsets.integer(s + 1) - offsets.integer(s));
  }
  constexpr int64_t kLongestOfOne = 1 << 16;
  if (longest > kLongestOfOne) {
    select_in_parts(queue, arguments, selections, longest);
  } else {
    select_in_one(queue, arguments, selections, longest);
  }
  if (a.order == TSV_ORDER_VALUE && a.k > 0) {
    const int64_t winners = selections * a.k;
    arguments.keys = queue.scratch<uint32_t>(winners);
    arguments.spare_keys = queue.scratch<uint32_t>(winners);
    arguments.places = queue.scratch<int32_t>(winners);
    arguments.spare_places = queue.scratch<int32_t>(winners);
    constexpr int kSortThreads = 256;
    queue.launch(Kernel::top_k_order, {selections}, kSortThreads, 0, arguments);
  }
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
