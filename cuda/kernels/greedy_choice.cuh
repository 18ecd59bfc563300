// Greedy choices of tokens, one step a launch, with nothing for the host to decide.
//
// An item's tokens are cut into parts, one a block, of which each step leaves its best candidate. The next
// step begins with every block comparing all of the item's candidates, which gives all of them the same
// choice without a barrier between blocks; then each brings its own tokens up to date and leaves a candidate
// again. Parts are 16 tokens or more, at most kMostParts an item; half a warp takes a token at a time, with
// sums as native/kernels/row_sums.h has them, so that values are the CPU's bit for bit.
#pragma once
#include "pair_similarity.cuh"
#include "scan.cuh"

namespace tsv {
namespace cuda {

constexpr int kChoiceThreads = 256;
constexpr int kChoiceHalves = kChoiceThreads / kHalfWarp;
constexpr int32_t kNoRank = -1;

__device__ inline GreedyCandidate no_candidate() { return {0.0, 0.0, -1, kNoRank, 0, 0}; }

// Higher rank first, then higher value, then lower index.
__device__ inline bool is_better(const GreedyCandidate& a, const GreedyCandidate& b) {
  if (a.rank != b.rank) return a.rank > b.rank;
  if (a.rank == kNoRank) return false;
  return a.value > b.value || (a.value == b.value && a.index < b.index);
}

// Of the candidates that the threads of a block have, the best, in all of them.
__device__ inline GreedyCandidate best_of_block(GreedyCandidate mine, GreedyCandidate (&memory)[kMostWarps]) {
#pragma unroll
  for (int step = kWarp / 2; step > 0; step /= 2) {
    GreedyCandidate other;
    other.value = __shfl_xor_sync(kFullWarp, mine.value, step);
    other.residual = __shfl_xor_sync(kFullWarp, mine.residual, step);
    other.index = __shfl_xor_sync(kFullWarp, mine.index, step);
    other.rank = __shfl_xor_sync(kFullWarp, mine.rank, step);
    other.pivots = __shfl_xor_sync(kFullWarp, mine.pivots, step);
    if (is_better(other, mine)) mine = other;
  }
  if (lane() == 0) memory[warp()] = mine;
  __syncthreads();
  for (int w = 0; w < warps(); ++w) {
    if (is_better(memory[w], mine)) mine = memory[w];
  }
  __syncthreads();
  return mine;
}

// A block's item and tokens.
struct ChoicePart {
  int64_t item;
  int part;
  int first, last;  // tokens
  __device__ explicit ChoicePart(const GreedyChoiceArguments& a)
      : item(blockIdx.x / a.parts),
        part(int(blockIdx.x % a.parts)),
        first(part * a.part),
        last(first + a.part < a.n ? first + a.part : a.n) {}
};

// What the step before chose; the first block of an item writes it down. Step 0 has nothing before it.
__device__ inline GreedyCandidate choice_before(const GreedyChoiceArguments& a, const ChoicePart& part,
                                                GreedyCandidate (&memory)[kMostWarps]) {
  GreedyCandidate chosen = no_candidate();
  if (a.step == 0) return chosen;
  for (int p = int(threadIdx.x); p < a.parts; p += kChoiceThreads) {
    const GreedyCandidate other = a.before[part.item * a.parts + p];
    if (is_better(other, chosen)) chosen = other;
  }
  chosen = best_of_block(chosen, memory);
  if (part.part == 0 && threadIdx.x == 0) {
    const bool refused = a.refused != nullptr && a.refused[part.item] != 0;
    a.indices[part.item * a.count + a.step - 1] = refused ? -1 : chosen.index;
  }
  return chosen;
}

// body(token) for the tokens of a part, half a warp at a time; both halves go through as many, one of them
// perhaps with a token past the end.
template <class Body>
__device__ inline void for_each_token(const ChoicePart& part, const Body& body) {
  const int half = int(threadIdx.x) / kHalfWarp;
  for (int first = part.first; first < part.last; first += kChoiceHalves) body(first + half);
}

// sum_c a_c b_c of two rows, and sum_c (a_c - b_c)^2 with the difference in float32, in float64.
__device__ inline double product_of_rows(const float* a, const float* b, int columns) {
  double sum = 0.0;
  for (int c = half_lane(); c < columns; c += kHalfWarp) sum = fma(double(a[c]), double(b[c]), sum);
  return half_warp_sum(sum);
}
__device__ inline double squared_distance(const float* a, const float* b, int columns) {
  double sum = 0.0;
  for (int c = half_lane(); c < columns; c += kHalfWarp) {
    const double difference = double(__fsub_rn(a[c], b[c]));
    sum = fma(difference, difference, sum);  // a float's square is exact
  }
  return half_warp_sum(sum);
}

}  // namespace cuda
}  // namespace tsv
