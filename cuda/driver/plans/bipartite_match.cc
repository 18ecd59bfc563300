#include <math.h>

#include <algorithm>
#include <vector>

#include "abi/bipartite_partition.h"
#include "cuda/driver/plans.h"
#include "cuda/driver/plans/similarity.h"
#include "cuda/driver/plans/slots.h"

namespace tsv {
namespace cuda {
namespace {

// How many tokens of an item are on either side at most.
struct MostTokens {
  int64_t sources, destinations;
};

void match(Queue& queue, const tsv_bipartite_match_args& a, const BipartiteMatchViews& views,
           const BipartiteSides& sides, const MostTokens& most) {
  const int64_t items = views.metric.dim[0], n = views.metric.dim[1];
  const MaskArguments none = {nullptr, nullptr, 0, 1, n};
  const SimilaritySide rows = {views.metric, none, sides.sources, sides.row_counts, most.sources};
  const SimilaritySide columns = {views.metric, none, sides.destinations, sides.column_counts,
                                  most.destinations};
  float* similarity = queue.scratch<float>(items * most.sources);
  int32_t* best = queue.scratch<int32_t>(items * most.sources);
  if (most.sources > 0 && most.destinations > 0) {
    const SimilarityProduct product = prepare_product(queue, rows, columns, TSV_METRIC_COSINE);
    find_best_columns(queue, product, rows, columns, TSV_METRIC_COSINE, 1, most.sources, best, similarity);
  }
  const BipartiteMergeArguments merge = {sides,
                                         similarity,
                                         best,
                                         queue.scratch<int32_t>(items * n),
                                         views.assignment.as<int32_t>(),
                                         views.output_lengths.as<int32_t>(),
                                         a.threshold,
                                         int32_t(most.sources)};
  queue.launch(Kernel::bipartite_merge, {items}, 256, 0, merge);
  list_members(queue, merge.assignment, merge.output_lengths, items, n, views.offsets.as<int32_t>(),
               views.members.as<int32_t>());
}

}  // namespace

tsv_status bipartite_match(tsv_context* context, const Check& check, const tsv_bipartite_match_args& a,
                           const BipartiteMatchViews& views, const tsv::BipartiteSides* chosen) {
  Queue queue(context, check);
  const int64_t items = views.metric.dim[0], n = views.metric.dim[1];
  if (items == 0) {  // there are no slots, and offsets say so
    if (a.longest != nullptr) *a.longest = 0;
    list_members(queue, nullptr, nullptr, 0, n, views.offsets.as<int32_t>(), nullptr);
    return queue.status();
  }
  std::vector<int32_t> counts(size_t(3 * items));  // sources, destinations, merges
  MostTokens most = {0, 0};
  int64_t longest = 0;
  for (int64_t b = 0; b < items; ++b) {
    const tsv::BipartiteSides& s = chosen[b];
    const int64_t sources = s.merges > 0 ? s.source_count : 0;
    counts[size_t(b)] = int32_t(sources);
    counts[size_t(items + b)] = int32_t(s.destination_count);
    counts[size_t(2 * items + b)] = int32_t(s.merges);
    most.sources = std::max(most.sources, sources);
    most.destinations = std::max(most.destinations, s.destination_count);
    longest = std::max(longest, s.present - s.merges);
  }
  if (a.longest != nullptr) *a.longest = isnan(a.threshold) ? longest : n;
  int32_t* on_device = const_cast<int32_t*>(queue.upload(counts.data(), 3 * items));
  const BipartiteSides sides = {const_cast<uint8_t*>(queue.upload(chosen[0].side, items * n)),
                                const_cast<int32_t*>(queue.upload(chosen[0].sources, items * n)),
                                const_cast<int32_t*>(queue.upload(chosen[0].destinations, items * n)),
                                on_device,
                                on_device + items,
                                on_device + 2 * items,
                                int32_t(n)};
  match(queue, a, views, sides, most);
  return queue.status();
}

tsv_status bipartite_match_by_mask(tsv_context* context, const Check& check,
                                   const tsv_bipartite_match_args& a, const BipartiteMatchViews& views,
                                   const uint8_t* destination) {
  Queue queue(context, check);
  const int64_t items = views.metric.dim[0], n = views.metric.dim[1];
  const bool random = a.partition == TSV_PARTITION_RANDOM;
  std::vector<uint64_t> seeds(size_t(items), 0);
  draw_seeds(uint64_t(a.seed), items, seeds.data());
  const int64_t marked = std::count(destination, destination + n, uint8_t(1));
  const MostTokens most = {random ? std::min(a.r, n) : n - marked, marked};
  if (a.longest != nullptr) *a.longest = n;
  const BipartiteSidesArguments arguments = {
      item_mask(queue, views.mask, views.lengths, n),
      {queue.scratch<uint8_t>(items * n), queue.scratch<int32_t>(items * n),
       queue.scratch<int32_t>(items * n), queue.scratch<int32_t>(items), queue.scratch<int32_t>(items),
       queue.scratch<int32_t>(items), int32_t(n)},
      queue.upload(destination, n),
      random ? queue.upload(seeds.data(), items) : nullptr,
      a.r,
      a.partition == TSV_PARTITION_ALTERNATE};
  queue.launch(Kernel::bipartite_sides, {items}, 256, 0, arguments);
  match(queue, a, views, arguments.sides, most);
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
