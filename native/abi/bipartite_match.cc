// Bipartite soft matching: each source finds its most similar destination, and the most similar sources merge
// into theirs.
#include <math.h>
#include <string.h>

#include <algorithm>
#include <atomic>

#include "abi/best_columns.h"
#include "abi/bipartite_partition.h"
#include "abi/check.h"
#include "cuda/driver/plans.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

using namespace tsv;

namespace {

// The slots of one item in order: the sources that stay and then the destinations, or every token when
// nothing merges. owner[i] is the slot of token i, -1 for none; returns how many slots there are. `merged`
// holds the token into which each merging one goes, else -1.
int32_t number_slots(const BipartiteSides& s, int64_t n, const int32_t* merged, bool any, int32_t* owner) {
  int32_t slots = 0;
  if (!any) {
    for (int64_t i = 0; i < n; ++i) owner[i] = s.side[i] == kAbsent ? -1 : slots++;
    return slots;
  }
  for (int64_t i = 0; i < n; ++i) {
    if (in_source_set(s.side[i]) && merged[i] < 0) owner[i] = slots++;
  }
  for (int64_t i = 0; i < n; ++i) {
    if (s.side[i] == kAbsent) owner[i] = -1;
    if (s.side[i] == kDestination || s.side[i] == kKeptDestination) owner[i] = slots++;
  }
  for (int64_t i = 0; i < n; ++i) {
    if (merged[i] >= 0) owner[i] = owner[merged[i]];
  }
  return slots;
}

// For each source of the items in which something merges, its best destination by cosine, as a place among
// them, and that cosine: both at [item * n + i]. `lists` has room for two an item.
tsv_status find_best_destinations(const tsv_context* context, const View& metric, const BipartiteSides* sides,
                                  TokenList* lists, float* similarity, int32_t* best) {
  const int64_t items = metric.dim[0], n = metric.dim[1];
  TokenList *sources = lists, *destinations = lists + items;
  for (int64_t b = 0; b < items; ++b) {
    const BipartiteSides& s = sides[b];
    sources[b] = {s.sources, s.merges > 0 ? s.source_count : 0};
    destinations[b] = {s.destinations, s.destination_count};
  }
  return find_best_columns({context, metric, metric, TSV_METRIC_COSINE, sources, destinations}, 1, n,
                           similarity, best);
}

// Merges the best of one item's sources: false when there is no memory.
bool merge_best(const BipartiteSides& s, int64_t n, double threshold, const float* similarity,
                const int32_t* best, int32_t* owner, int32_t* length) {
  const size_t scratch_bytes = top_k_scratch(s.source_count, s.merges);
  Workspace workspace(WorkspaceSize()
                          .add<char>(scratch_bytes)
                          .add<int32_t>(size_t(s.merges))
                          .add<int32_t>(size_t(n))
                          .bytes());
  if (!workspace.ok()) return false;
  char* scratch = workspace.take<char>(scratch_bytes);
  int32_t* chosen = workspace.take<int32_t>(size_t(s.merges));
  int32_t* merged = workspace.take<int32_t>(size_t(n));
  std::fill(merged, merged + n, -1);
  if (s.merges > 0) {
    kernels().top_k({similarity, TSV_FLOAT32, true, false, s.source_count, nullptr, s.source_count, s.merges,
                     0, scratch, chosen, nullptr});
  }
  bool any = false;
  for (int64_t m = 0; m < s.merges; ++m) {
    if (!std::isnan(threshold) && !(double(similarity[chosen[m]]) >= threshold)) continue;
    merged[s.sources[chosen[m]]] = s.destinations[best[chosen[m]]];
    any = true;
  }
  *length = number_slots(s, n, merged, any, owner);
  return true;
}

// Offsets and members out of the owners: a counting sort, which leaves members ascending.
void list_members(const int32_t* owners, const int32_t* lengths, int64_t items, int64_t n, int32_t* offsets,
                  int32_t* members) {
  int64_t slots = 0;
  for (int64_t b = 0; b < items; ++b) slots += lengths[b];
  memset(offsets, 0, size_t(slots + 1) * sizeof *offsets);
  const auto for_each_member = [&](auto&& body) {
    for (int64_t b = 0, first = 0; b < items; first += lengths[b++]) {
      for (int64_t i = 0; i < n; ++i) {
        if (owners[b * n + i] >= 0) body(first + owners[b * n + i], int32_t(i));
      }
    }
  };
  // Counted one place to the right of where they begin; filling then moves each up to its begin.
  for_each_member([&](int64_t slot, int32_t) { ++offsets[slot + 1]; });
  int32_t begin = 0;
  for (int64_t slot = 0; slot < slots; ++slot) {
    const int32_t count = offsets[slot + 1];
    offsets[slot + 1] = begin;
    begin += count;
  }
  for_each_member([&](int64_t slot, int32_t i) { members[offsets[slot + 1]++] = i; });
}

}  // namespace

tsv_status tsv_bipartite_match(tsv_context* context, const tsv_bipartite_match_args* arguments) {
  Check check(context, Devices::kCpuAndCuda);
  const tsv_bipartite_match_args a = read_arguments(check, arguments);
  const View metric = check.input(a.metric, TSV_ARG_METRIC, kFloats, 3, 3);
  const int64_t items = metric.dim[0], n = metric.dim[1];
  check.that(items * n <= INT32_MAX, TSV_ARG_METRIC, TSV_E_SHAPE, "of at most 2^31 - 1 tokens",
             double(items * n));
  const View mask = check.mask(a.mask, TSV_ARG_MASK, items, n);
  const View lengths = check.lengths(a.lengths, items, n);
  if (!check.failed()) check_partition(check, a, n);
  const View output_lengths = check.output(a.output_lengths, TSV_ARG_OUT_OUTPUT_LENGTHS, kInt32, {items});
  const View offsets = check.output(a.offsets, TSV_ARG_OUT_OFFSETS, kInt32, {items * n + 1});
  const View members = check.output(a.members, TSV_ARG_OUT_MEMBERS, kInt32, {items * n});
  const View assignment = check.output(a.assignment, TSV_ARG_OUT_ASSIGNMENT, kInt32, {items, n});
  check.no_overlap();
  if (check.failed()) return check.status();

  const size_t tokens = size_t(items * n);
  Workspace workspace(WorkspaceSize()
                          .add<BipartiteSides>(size_t(items))
                          .add<TokenList>(size_t(2 * items))
                          .add<uint8_t>(size_t(n))
                          .add<uint8_t>(tokens)
                          .add<int32_t>(tokens)
                          .add<int32_t>(tokens)
                          .add<float>(tokens)
                          .add<int32_t>(tokens)
                          .bytes());
  if (!workspace.ok()) {
    check.fail(TSV_ARG_METRIC, TSV_E_MEMORY, "none", "followed by working memory");
    return check.status();
  }
  BipartiteSides* sides = workspace.take<BipartiteSides>(size_t(items));
  TokenList* lists = workspace.take<TokenList>(size_t(2 * items));
  uint8_t* destination = workspace.take<uint8_t>(size_t(n));
  uint8_t* side = workspace.take<uint8_t>(tokens);
  int32_t* source_lists = workspace.take<int32_t>(tokens);
  int32_t* destination_lists = workspace.take<int32_t>(tokens);
  float* similarity = workspace.take<float>(tokens);
  int32_t* best = workspace.take<int32_t>(tokens);
  for (int64_t b = 0; b < items; ++b) {
    sides[b] = {side + b * n, source_lists + b * n, destination_lists + b * n, 0, 0, 0, 0};
  }
  mark_destinations(a, n, destination);
  if (mask.on_device || lengths.on_device) {
    return cuda::bipartite_match_by_mask(
        context, check, a, {metric, mask, lengths, output_lengths, offsets, members, assignment},
        destination);
  }
  choose_sides(a, mask, lengths, items, n, destination, sides);
  if (check.on_device()) {
    return cuda::bipartite_match(
        context, check, a, {metric, View(), View(), output_lengths, offsets, members, assignment}, sides);
  }
  const tsv_status status = find_best_destinations(context, metric, sides, lists, similarity, best);

  std::atomic<bool> starved{status == TSV_E_MEMORY};
  if (status == TSV_OK) {
    parallel_for(context, items, [&](int64_t b) {
      if (!merge_best(sides[b], n, a.threshold, similarity + b * n, best + b * n,
                      assignment.as<int32_t>() + b * n, output_lengths.as<int32_t>() + b)) {
        starved = true;
      }
    });
  }
  if (starved) check.fail(TSV_ARG_METRIC, TSV_E_MEMORY, "none", "followed by working memory");
  if (starved || cancelled(context)) return starved ? check.status() : TSV_E_CANCELLED;
  list_members(assignment.as<int32_t>(), output_lengths.as<int32_t>(), items, n, offsets.as<int32_t>(),
               members.as<int32_t>());
  if (a.longest != nullptr) {
    const int32_t* lengths_of = output_lengths.as<int32_t>();
    *a.longest = items > 0 ? *std::max_element(lengths_of, lengths_of + items) : 0;
  }
  return TSV_OK;
}
