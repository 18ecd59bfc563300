// The places of each row's scores that pass a rule, ascending; rules and statistics are those of the CPU's
// native/kernels/select_threshold.h, of which this follows every step, so that equal scores give equal
// places:
//   above t: x > t                       quantile p: x > the p-quantile, linear between order statistics
//   iqr c: x > Q3 + c (Q3 - Q1)          meanStd c: x > mean + c std, std over n - ddof
//   mass p: the shortest prefix, best first, whose sum reaches p of the whole
// then the best of the others up to `min`, and the worst dropped down to `max`.
//
// select_by_rule: a block a row, 256 threads. Keys stay in shared memory where they fit. An order statistic
// is one search of three passes (radix_select.cuh), at most four of them for iqr. Sums are in float64 and in
// the CPU's order: 16 lanes with one sum each, which are then added up. Multiplications and additions in
// float64 are kept apart as on the CPU, hence the intrinsics.
//
// mass_prefix, before it for mass: a block a row sorts the keys (radix_sort.cuh), adds them up in one chain
// (prefix_sums.cuh) and finds how many it takes.
//
// Two bytes or four read and at most four written a score; a row costs the latency of its passes, meanStd and
// mass that of their additions, n / 16 and n of them after one another.
#include "prefix_sums.cuh"
#include "radix_select.cuh"
#include "radix_sort.cuh"

namespace tsv {
namespace cuda {

struct ThresholdMemory {
  SelectMemory select;
  double sums[16];
};

// What a row's searches need; numbers: scores present that are not NaN.
struct RowOfScores {
  Keys keys;
  int64_t count, row;
  int32_t present, numbers;
};

constexpr Cut kNothing = {kKeptKey - 1, 0};

// The n-th least of the numbers, n from 0.
__device__ double order_statistic(const RowOfScores& s, int64_t n, ThresholdMemory& memory) {
  return double(number_of(find_cut(s.keys, s.count, int32_t(s.numbers - n), memory.select).key));
}

// numpy's linear quantile. Its one search stands in a loop, for it is long.
__device__ double quantile(const RowOfScores& s, double p, ThresholdMemory& memory) {
  const double place = __dmul_rn(p, double(s.numbers - 1)), below = floor(place);
  const double fraction = __dsub_rn(place, below);
  const int ends = fraction == 0.0 ? 1 : 2;
  double low = 0.0, high = 0.0;
#pragma unroll 1
  for (int end = 0; end < ends; ++end) {
    low = high;
    high = order_statistic(s, int64_t(below) + end, memory);
  }
  return ends == 1 || low == high ? high : __dadd_rn(low, __dmul_rn(fraction, __dsub_rn(high, low)));
}

// The p-quantile, or Q3 + c (Q3 - Q1).
__device__ double threshold_of_quantiles(const SelectThresholdArguments& a, const RowOfScores& s,
                                         ThresholdMemory& memory) {
  const bool quartiles = a.rule == TSV_RULE_IQR;
  double first = 0.0, last = 0.0;
#pragma unroll 1
  for (int q = 0; q < (quartiles ? 2 : 1); ++q) {
    first = last;
    last = quantile(s, !quartiles ? a.parameter : q == 0 ? 0.25 : 0.75, memory);
  }
  return quartiles ? __dadd_rn(last, __dmul_rn(a.parameter, __dsub_rn(last, first))) : last;
}

// Sixteen sums over the numbers, added up in order.
template <class Term>
__device__ double sum_numbers(const RowOfScores& s, ThresholdMemory& memory, const Term& term) {
  if (threadIdx.x < 16) {
    double sum = 0.0;
    for (int64_t i = threadIdx.x; i < s.count; i += 16) {
      const uint32_t key = s.keys(i);
      if (key > kNanKey) sum = __dadd_rn(sum, term(double(number_of(key))));
    }
    memory.sums[threadIdx.x] = sum;
  }
  __syncthreads();
  double total = 0.0;
  for (const double sum : memory.sums) total = __dadd_rn(total, sum);
  __syncthreads();
  return total;
}

__device__ double mean_and_deviations(const RowOfScores& s, double deviations, int ddof,
                                      ThresholdMemory& memory) {
  const double mean = sum_numbers(s, memory, [](double x) { return x; }) / double(s.numbers);
  const double squares = sum_numbers(s, memory, [mean](double x) {
    const double difference = __dsub_rn(x, mean);
    return __dmul_rn(difference, difference);
  });
  return __dadd_rn(mean, __dmul_rn(deviations, sqrt(squares / double(s.numbers - ddof))));
}

// All scores strictly above a threshold, which may be NaN: above the greatest key that is not above it.
__device__ Cut cut_above(double threshold) {
  if (threshold != threshold) return kNothing;
  const float limit = float(threshold);
  return {double(limit) > threshold ? key_of(limit) - 1 : key_of(limit), 0};
}

// Of the rules that are a threshold.
__device__ Cut cut_of_rule(const SelectThresholdArguments& a, const RowOfScores& s, ThresholdMemory& memory) {
  if (s.numbers == 0) return kNothing;
  if (a.rule == TSV_RULE_ABOVE) return cut_above(a.parameter);
  if (a.rule == TSV_RULE_MEAN_STD) return cut_above(mean_and_deviations(s, a.parameter, a.ddof, memory));
  return cut_above(threshold_of_quantiles(a, s, memory));
}

// Raises the kept tokens' keys above all, and takes those among the ties of a cut out of their number.
// Returns how many are kept.
__device__ int32_t raise_kept(RowOfScores& s, Cut* cut, ThresholdMemory& memory) {
  if (s.keys.source.mask.mask == nullptr) return 0;
  const MaskArguments& mask = s.keys.source.mask;
  Standing at = standing_before(s.keys, 0, s.count, cut->key, {0, 0}, memory.select.standing);
  const WarpPiece piece = piece_of_warp(s.count);
  int32_t kept = 0, kept_ties = 0;
  for (int64_t group = piece.begin; group < piece.end; group += kWarp) {
    const int64_t i = group + lane();
    const bool equal = i < s.count && s.keys(i) == cut->key;
    const unsigned all_equal = __ballot_sync(kFullWarp, equal);
    if (i < s.count && token_state(mask, s.row, i) == 1) {
      ++kept;
      kept_ties += equal && at.equal + __popc(all_equal & lanes_before()) < cut->ties;
      if (s.keys.stored != nullptr) s.keys.stored[i] = kKeptKey;
    }
    at.equal += __popc(all_equal);
  }
  cut->ties -= block_sum(kept_ties, memory.select.scan);
  s.keys.source.raised = true;
  return block_sum(kept, memory.select.scan);
}

// Keys to shared memory, and what there is of them.
__device__ void read_scores(RowOfScores& s, ThresholdMemory& memory) {
  int32_t present = 0, numbers = 0;
  for (int64_t i = threadIdx.x; i < s.count; i += blockDim.x) {
    const uint32_t key = s.keys.source(i);
    if (s.keys.stored != nullptr) s.keys.stored[i] = key;
    present += key != kDroppedKey;
    numbers += key > kNanKey;
  }
  s.present = block_sum(present, memory.select.scan);
  s.numbers = block_sum(numbers, memory.select.scan);
}

// How many scores pass a cut.
__device__ int64_t count_passing(const RowOfScores& s, Cut cut, ThresholdMemory& memory) {
  int32_t above = 0;
  for (int64_t i = threadIdx.x; i < s.count; i += blockDim.x) above += s.keys(i) > cut.key;
  return int64_t(block_sum(above, memory.select.scan)) + cut.ties;
}

// The cut of the rule, then that of the first `min`, then that of the first `max`, where they are asked for.
__device__ int32_t select_row(const SelectThresholdArguments& a, RowOfScores& s, ThresholdMemory& memory) {
  const bool mass = a.rule == TSV_RULE_MASS;
  Cut cut = mass ? kNothing : cut_of_rule(a, s, memory);
  int64_t passing = 0, most = 0;
  int64_t best = mass ? a.selected[s.row] : 0;  // so many, best first, instead
#pragma unroll 1
  for (int step = 0; step < 3; ++step) {
    if (step == 1) {
      const int32_t kept = raise_kept(s, &cut, memory);
      passing = count_passing(s, cut, memory);
      most = a.max > kept ? a.max : kept;
      const int64_t least = a.min < s.present ? a.min : s.present;
      best = passing < least ? least : 0;
    }
    if (step == 2) {
      const bool too_many = a.max >= 0 && passing > most;
      best = too_many ? most : 0;
      if (too_many) cut = kNothing;
    }
    if (best == 0) continue;
    cut = find_cut(s.keys, s.count, int32_t(best), memory.select);
    if (step > 0) passing = best;
  }
  collect(s.keys, 0, s.count, cut, {0, 0}, memory.select.standing,
          [&](int64_t place, int64_t i) { a.staged[s.row * s.count + place] = int32_t(i); });
  return int32_t(a.max >= 0 && passing > most ? most : passing);
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

// What mass_prefix could not make sense of.
constexpr int32_t kNoPrefix = -1;

extern "C" __global__ void __launch_bounds__(kSortThreads, 1)
    tsv_mass_prefix(const SelectThresholdArguments a) {
  __shared__ SortMemory memory;
  __shared__ int32_t prefix;
  const int64_t n = a.mask.n, at = blockIdx.x * n;
  double* sums = a.sums + at;
  for (int64_t row = blockIdx.x; row < a.rows; row += gridDim.x) {
    const ScoreKeys key_at = {a.x, a.dtype, true, false, a.mask, row, 0};
    int32_t numbers = 0, negative = 0;
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) {
      const uint32_t key = key_at(i);
      a.keys[at + i] = ~key;  // the best first, NaN and dropped scores behind the numbers
      numbers += key > kNanKey;
      if (key <= kNanKey || key >= key_of(0.0f)) continue;
      report_negative(a.fault, TSV_ARG_X, double(number_of(key)), row * n + i);
      negative = 1;
    }
    numbers = block_sum(numbers, memory.scan);
    negative = block_sum(negative, memory.scan);
    const Pairs sorted = sort_pairs({a.keys + at, nullptr}, {a.spare_keys + at, nullptr}, n, 32, memory);
    prefix_sums(numbers, sums, [&](int64_t i) { return number_of(~sorted.keys[i]); });
    if (threadIdx.x == 0) prefix = numbers;
    __syncthreads();
    const double aim = numbers == 0 ? 0.0 : __dmul_rn(a.parameter, sums[numbers - 1]);
    for (int32_t i = int32_t(threadIdx.x); i < numbers; i += kSortThreads) {
      if ((i == 0 ? 0.0 : sums[i - 1]) < aim) continue;
      atomicMin(&prefix, i);  // i scores reach it, and this thread's later ones are more
      break;
    }
    __syncthreads();
    if (threadIdx.x == 0) a.selected[row] = negative != 0 ? kNoPrefix : prefix;
    __syncthreads();
  }
}

extern "C" __global__ void __launch_bounds__(256, 1) tsv_select_by_rule(const SelectThresholdArguments a) {
  extern __shared__ uint32_t stored[];
  __shared__ ThresholdMemory memory;
  const int64_t row = blockIdx.x;
  RowOfScores s = {{{a.x, a.dtype, true, false, a.mask, row, 0}, a.stores_keys != 0 ? stored : nullptr},
                   a.mask.n,
                   row,
                   0,
                   0};
  const bool valid = a.rule != TSV_RULE_MASS || a.selected[row] != kNoPrefix;
  int32_t selected = 0;
  if (valid) {
    read_scores(s, memory);
    selected = select_row(a, s, memory);
  }
  __syncthreads();
  if (threadIdx.x == 0) a.selected[row] = selected;
}
