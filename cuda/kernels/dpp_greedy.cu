// Greedy MAP inference for a determinantal point process (Chen, Zhang and Zhou, 2018): the tokens of mask 1,
// then the greatest gain while there is one, then by relevance (tokensieve.h, tsv_dpp_greedy).
//
// As native/kernels/dpp_greedy.h, whose formulas and order of sums these are: with c_i the row of token i in
// the Cholesky factor of the cosines S over the chosen ones, choosing token j, the t-th, sets
//   c_j[t] = sqrt(residual_j),   c_i[t] = (S_ij - sum_{s<t} c_i[s] c_j[s]) / c_j[t],   residual_i -= c_i[t]^2
// in float64, and what is left up to 2^-40 is 0. The gain is r_i^2 residual_i. choose_diverse is one step,
// with greedy_choice.cuh; what decides its order is a rank: kept tokens, tokens with a gain, the others.
//
// Step t is 2 N (C + t) flops in float64 over N C floats and N t doubles from L2, and a launch: under about a
// million elements the launch is the limit, beyond that L2's bandwidth, and on cards with few float64 units
// those. Model for an H100 (34 TFLOP/s in float64): a choice among 577 x 1024 tokens takes 0.04 us by flops,
// less than any launch. The factor takes 8 N K bytes; 1 KB of shared memory a block.
#include "greedy_choice.cuh"

namespace tsv {
namespace cuda {

constexpr double kNothingLeft = 0x1p-40;
constexpr double kChosen = -1.0;  // in place of a residual
constexpr int32_t kRelevanceRank = 0, kGainRank = 1, kKeptRank = 2;

// sum_{s<count} a[s] b[s], in the order of row_sums.h
__device__ inline double product_of_factors(const double* a, const double* b, int count) {
  double sum = 0.0;
  for (int t = half_lane(); t < count; t += kHalfWarp) sum = __dadd_rn(sum, __dmul_rn(a[t], b[t]));
  return half_warp_sum(sum);
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(kChoiceThreads) tsv_start_dpp(const DppGreedyArguments a) {
  const GreedyChoiceArguments& choice = a.choice;
  const ChoicePart part(choice);
  for (int i = part.first + int(threadIdx.x); i < part.last; i += kChoiceThreads) {
    const int64_t at = part.item * choice.n + i;
    const bool present = token_state(choice.mask, part.item, i) != 2;
    const double square = choice.squares[at];
    a.residual[at] = !present ? kChosen : square > 0.0 ? square : 0.0;
    const float relevance = a.relevance[at];
    if (a.fault == nullptr || !present || isnan(relevance)) continue;
    if (!(relevance >= 0.0f && relevance < CUDART_INF_F)) {
      report_negative(a.fault, TSV_ARG_RELEVANCE, double(relevance), at);
    }
  }
}

extern "C" __global__ void __launch_bounds__(kChoiceThreads) tsv_choose_diverse(const DppGreedyArguments a) {
  __shared__ GreedyCandidate memory[kMostWarps];
  const GreedyChoiceArguments& choice = a.choice;
  const ChoicePart part(choice);
  const GreedyCandidate chosen = choice_before(choice, part, memory);
  if (choice.step == choice.count) return;
  const int64_t first = part.item * choice.n;
  const bool is_pivot = chosen.index >= 0 && chosen.residual > 0.0;
  const int t = chosen.pivots, pivot = is_pivot ? chosen.index : 0;
  const float* pivot_row = choice.rows + (first + pivot) * choice.columns;
  const double* pivot_factor = a.factors + (first + pivot) * choice.count;
  const double pivot_root = sqrt(chosen.residual);
  GreedyCandidate best = no_candidate();
  for_each_token(part, [&](int mine) {
    const bool inside = mine < part.last;
    const int i = inside ? mine : part.first;
    const int64_t at = first + i;
    double* factor = a.factors + at * choice.count;
    double residual = a.residual[at];
    if (is_pivot) {
      const double product = product_of_rows(choice.rows + at * choice.columns, pivot_row, choice.columns);
      const double below = product_of_factors(factor, pivot_factor, t);
      const double next = (product - below) / pivot_root;
      const double left = __dsub_rn(residual, __dmul_rn(next, next));
      if (inside && half_lane() == 0) factor[t] = i == pivot ? pivot_root : next;
      if (residual > 0.0) residual = left > kNothingLeft ? left : 0.0;
    }
    if (!inside || half_lane() != 0) return;
    if (i == chosen.index) residual = kChosen;
    a.residual[at] = residual;
    if (residual == kChosen) return;
    const float relevance = a.relevance[at];
    const bool known = relevance >= 0.0f && relevance < CUDART_INF_F;
    const double gain = known ? double(relevance) * double(relevance) * residual : 0.0;
    const bool kept = token_state(choice.mask, part.item, i) == 1, gains = gain > 0.0;
    const double rank_value = known && !isnan(choice.squares[at]) ? double(relevance) : -1.0;
    const GreedyCandidate candidate = {kept    ? 0.0
                                       : gains ? gain
                                               : rank_value,
                                       residual,
                                       i,
                                       kept    ? kKeptRank
                                       : gains ? kGainRank
                                               : kRelevanceRank,
                                       0,
                                       0};
    if (is_better(candidate, best)) best = candidate;
  });
  best = best_of_block(best, memory);
  best.pivots = t + (is_pivot ? 1 : 0);
  if (threadIdx.x == 0) choice.after[part.item * choice.parts + part.part] = best;
}
