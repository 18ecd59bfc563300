// Farthest-point sampling: the tokens of mask 1, the start, and then the farthest from what is chosen.
#include <math.h>

#include "abi/greedy_choice.h"
#include "cuda/driver/plans.h"

using namespace tsv;

namespace {

// Ranks in place of distances: never chosen, and chosen when no distance is left.
constexpr double kTaken = -2.0, kWithoutDistance = -1.0;

struct Tokens {
  Points points;
  int64_t n;
  uint8_t* mask;    // 2 also for tokens that are not finite
  double* nearest;  // kTaken, kWithoutDistance or a squared distance
  int32_t* seen;
  int32_t* bests;  // by piece
};

// The free token whose nearest neighbour is farthest; -1 where no free token is finite. Blocks hand each
// other the greatest distance so far, under which a token need not be looked at to the end: who meets it when
// changes the work, not the answer. -1 also once the call is cancelled.
int32_t most_isolated(const Spread& spread, const Tokens& t, double* distances) {
  std::atomic<double> greatest{0.0};
  const int64_t blocks = (t.n + kIsolatedBlock - 1) / kIsolatedBlock;
  spread.run(blocks, [&](int64_t block) {
    const int64_t first = block * kIsolatedBlock;
    double least = greatest;
    kernels().isolated_point({t.points, t.mask, t.n, first, std::min<int64_t>(kIsolatedBlock, t.n - first),
                              least, t.bests + block, distances + block});
    if (t.bests[block] < 0) return;
    while (distances[block] > least && !greatest.compare_exchange_weak(least, distances[block])) continue;
  });
  if (spread.cancelled()) return -1;
  int64_t best = 0;
  for (int64_t block = 1; block < blocks; ++block) {
    if (t.bests[block] < 0) continue;
    if (t.bests[best] < 0 || distances[block] > distances[best]) best = block;
  }
  return t.bests[best];
}

bool choose_points(const Spread& spread, const GreedyChoice& choice, int64_t item, int64_t start,
                   bool cosine) {
  const int64_t n = choice.n, columns = whole_row_blocks(choice.channels);
  const size_t tokens = size_t(n), elements = size_t(n * columns);
  Workspace workspace(WorkspaceSize()
                          .add<float>(elements)
                          .add<double>(tokens)
                          .add<double>(tokens)
                          .add<double>(tokens)
                          .add<int32_t>(tokens)
                          .add<int32_t>(tokens)
                          .add<int32_t>(size_t(choice.count))
                          .add<uint8_t>(tokens)
                          .bytes());
  if (!workspace.ok()) return false;
  float* rows = workspace.take<float>(elements);
  double* squares = workspace.take<double>(tokens);
  double* nearest = workspace.take<double>(tokens);
  double* distances = workspace.take<double>(tokens);
  int32_t* seen = workspace.take<int32_t>(tokens);
  int32_t* bests = workspace.take<int32_t>(tokens);
  int32_t* centres = workspace.take<int32_t>(size_t(choice.count));
  uint8_t* mask = workspace.take<uint8_t>(tokens);
  make_rows(spread, choice, item, cosine, rows, squares);

  int32_t *out = choice.out(item), chosen = 0, centre_count = 0;
  const Tokens t = {{rows, columns, cosine ? squares : nullptr}, n, mask, nearest, seen, bests};
  const auto take = [&](int32_t i) {
    out[chosen++] = i;
    if (nearest[i] >= 0.0) centres[centre_count++] = i;  // what is not finite is near to nothing
    nearest[i] = kTaken;
  };
  const TokenMask states = choice.mask_of(item);
  for (int64_t i = 0; i < n; ++i) {
    const bool finite = !std::isnan(squares[i]);
    mask[i] = finite ? uint8_t(states[i]) : 2;
    nearest[i] = states[i] == 2 ? kTaken : finite ? double(INFINITY) : kWithoutDistance;
    seen[i] = 0;
  }
  for (int32_t i = 0; i < n; ++i) {
    if (states[i] == 1) take(i);
  }
  if (chosen == choice.count) return true;
  const int32_t first = start < 0 ? most_isolated(spread, t, distances) : int32_t(start);
  if (first >= 0 && nearest[first] != kTaken) take(first);

  const int64_t step = tokens_of_task(columns);
  const auto find = [&](int64_t begin, int64_t count, int32_t* best) {
    kernels().farthest_point({t.points, centres, centre_count, begin, count, seen, nearest, best});
  };
  while (chosen < choice.count) {
    const int32_t farthest =
        best_of_pieces(spread, n, step, bests, find, [&](int32_t i) { return nearest[i]; });
    if (farthest < 0) break;
    take(farthest);
  }
  return true;
}

}  // namespace

tsv_status tsv_farthest_point(tsv_context* context, const tsv_farthest_point_args* arguments) {
  Check check(context, Devices::kCpuAndCuda);
  const tsv_farthest_point_args a = read_arguments(check, arguments);
  GreedyChoice choice = read_greedy_choice(check, a.x, a.mask, a.lengths, a.count);
  check.that(a.metric == TSV_METRIC_COSINE || a.metric == TSV_METRIC_L2, TSV_ARG_SIMILARITY_METRIC,
             TSV_E_RANGE, "the cosine or l2", a.metric);
  if (a.start != -1 && choice.count > 0) {
    check.range(TSV_ARG_START, a.start, 0, choice.n - 1);
    for (int64_t item = 0; item < choice.items && choice.counts() && !check.failed(); ++item) {
      check.that(choice.mask_of(item)[a.start] != 2, TSV_ARG_START, TSV_E_RANGE,
                 "a token that is not dropped in any row", double(a.start));
    }
  }
  choice.indices = check.output(a.indices, TSV_ARG_OUT_INDICES, kInt32, {choice.items, choice.count});
  check.no_overlap();
  if (check.failed()) return check.status();
  if (check.on_device()) return cuda::farthest_point(context, check, a, choice);
  return choose_greedily(check, context, choice, [&](const Spread& spread, int64_t item) {
    return choose_points(spread, choice, item, a.start, a.metric == TSV_METRIC_COSINE);
  });
}
