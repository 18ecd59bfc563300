// Farthest-point sampling (Gonzalez, 1985): the tokens of mask 1, the start, and then again and again the
// token whose nearest chosen one is farthest (tokensieve.h, tsv_farthest_point).
//
// Distances come from differences, as native/kernels/farthest_point.h has them; by cosine, of unit rows, with
// d^2 = 2 for a zero vector. choose_farthest is one step, with greedy_choice.cuh; what decides its order is a
// rank: kept tokens, the start, tokens that are left. isolate_points finds each token's nearest neighbour,
// half a warp a token, rows coming from L1 that all of a block's 16 tokens use; start_points takes the
// farthest, a block an item.
//
// A step is 3 N C flops in float64 (half of float32's rate on an H100, 1/32 or less on most other cards) over
// N C floats from L2, and a launch: under about a million elements the launch is the limit, beyond that L2's
// bandwidth. Isolation costs 3 N^2 C flops, at float64's peak. Model for an H100 (34 TFLOP/s in float64): 577
// x 1024 takes 30 us to isolate, and 0.05 us a choice, less than any launch. 1 KB of shared memory a block.
#include "greedy_choice.cuh"

namespace tsv {
namespace cuda {

// Ranks of the order of choice, and of `nearest` in place of a distance: never chosen, and chosen when no
// distance is left.
constexpr int32_t kLeftRank = 0, kStartRank = 1, kKeptRank = 2;
constexpr double kTaken = -2.0, kWithoutDistance = -1.0;

__device__ inline double distance_of_points(const FarthestPointArguments& a, int64_t item, int i, int j) {
  const GreedyChoiceArguments& choice = a.choice;
  const int64_t first = item * choice.n;
  const double distance = squared_distance(choice.rows + (first + i) * choice.columns,
                                           choice.rows + (first + j) * choice.columns, choice.columns);
  const bool zero = choice.squares[first + i] == 0.0 || choice.squares[first + j] == 0.0;
  return a.cosine != 0 && zero ? 2.0 : distance;
}

// Whether a token has neighbours: it is there, and finite.
__device__ inline bool is_point(const GreedyChoiceArguments& choice, int64_t item, int i) {
  return token_state(choice.mask, item, i) != 2 && !isnan(choice.squares[item * choice.n + i]);
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(kChoiceThreads)
    tsv_isolate_points(const FarthestPointArguments a) {
  const GreedyChoiceArguments& choice = a.choice;
  const ChoicePart part(choice);
  for_each_token(part, [&](int mine) {
    const bool inside = mine < part.last;
    const int i = inside ? mine : part.first;
    double nearest = CUDART_INF;
    for (int j = 0; j < choice.n; ++j) {
      if (!is_point(choice, part.item, j)) continue;
      const double distance = distance_of_points(a, part.item, i, j);
      if (j != i && distance < nearest) nearest = distance;
    }
    if (inside && half_lane() == 0) a.nearest[part.item * choice.n + i] = nearest;
  });
}

// Finds the starts, and sets every token's distance to what it is before any choice.
extern "C" __global__ void __launch_bounds__(kChoiceThreads)
    tsv_start_points(const FarthestPointArguments a) {
  __shared__ GreedyCandidate memory[kMostWarps];
  const GreedyChoiceArguments& choice = a.choice;
  const int64_t item = blockIdx.x;
  double* nearest = a.nearest + item * choice.n;
  GreedyCandidate best = no_candidate();
  for (int i = int(threadIdx.x); i < choice.n && a.start < 0; i += kChoiceThreads) {
    if (token_state(choice.mask, item, i) != 0 || !is_point(choice, item, i)) continue;
    const GreedyCandidate candidate = {nearest[i], 0.0, i, 0, 0, 0};
    if (is_better(candidate, best)) best = candidate;
  }
  best = best_of_block(best, memory);
  if (threadIdx.x == 0) a.starts[item] = a.start < 0 ? best.index : int32_t(a.start);
  for (int i = int(threadIdx.x); i < choice.n; i += kChoiceThreads) {
    nearest[i] = token_state(choice.mask, item, i) == 2 ? kTaken
                 : is_point(choice, item, i)            ? CUDART_INF
                                                        : kWithoutDistance;
  }
}

extern "C" __global__ void __launch_bounds__(kChoiceThreads)
    tsv_choose_farthest(const FarthestPointArguments a) {
  __shared__ GreedyCandidate memory[kMostWarps];
  const GreedyChoiceArguments& choice = a.choice;
  const ChoicePart part(choice);
  const int centre = choice_before(choice, part, memory).index;
  if (choice.step == choice.count) return;
  const bool brings_near = centre >= 0 && is_point(choice, part.item, centre);
  const int start = a.starts[part.item];
  double* nearest = a.nearest + part.item * choice.n;
  GreedyCandidate best = no_candidate();
  for_each_token(part, [&](int mine) {
    const bool inside = mine < part.last;
    const int i = inside ? mine : part.first;
    const double before = nearest[i];
    const double distance = brings_near ? distance_of_points(a, part.item, i, centre) : CUDART_INF;
    if (!inside) return;
    const double now = i == centre ? kTaken : distance < before ? distance : before;
    if (half_lane() != 0) return;
    nearest[i] = now;
    if (now == kTaken) return;
    const int32_t rank = token_state(choice.mask, part.item, i) == 1 ? kKeptRank
                         : i == start                                ? kStartRank
                                                                     : kLeftRank;
    const GreedyCandidate candidate = {rank == kLeftRank ? now : 0.0, 0.0, i, rank, 0, 0};
    if (is_better(candidate, best)) best = candidate;
  });
  best = best_of_block(best, memory);
  if (threadIdx.x == 0) choice.after[part.item * choice.parts + part.part] = best;
}
