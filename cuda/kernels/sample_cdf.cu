// Inverse-transform sampling of each row of scores, as native/kernels/sample_cdf.h does it and step by step
// the same: the free tokens in ascending order of score have cumulative sums c_0 <= ... <= c_F-1, brought to
// y_j = (c_j - c_0) / (c_F-1 - c_0). Of K points spread evenly from the least y above 0 up to 1, each picks
// the token of the nearest y, the first of those as near; a single point is 1. What is picked twice is there
// once, and kept tokens always, for which a point less each is left.
//
// A block a row, 256 threads: a sort (radix_sort.cuh), one chain of float64 additions (prefix_sums.cuh), and
// then every point finds its rank by itself, with two binary searches along the sums. The chain is the limit.
// 40 bytes a score of working memory, in L2; places are irregular.
#include "prefix_sums.cuh"
#include "radix_select.cuh"
#include "radix_sort.cuh"

namespace tsv {
namespace cuda {

// Keys are those of the negated scores.
__device__ inline float score_of(uint32_t sorted_key) { return 0.0f - number_of(~sorted_key); }

// The ranks of a row's sums, as places between 0 and 1.
struct Ranks {
  const double* sums;
  int32_t count;  // above 1
  double least, span;

  __device__ double y(int32_t rank) const { return __dsub_rn(sums[rank], least) / span; }

  // The first rank from `from` on of which less(rank) is false, or `count`; less falls once.
  template <class Less>
  __device__ int32_t first_not(int32_t from, const Less& less) const {
    int32_t low = from, high = count;
    while (low < high) {
      const int32_t middle = low + (high - low) / 2;
      if (less(middle)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  // Where the first of the points lies: the least y above 0.
  __device__ double start() const {
    const int32_t above = first_not(1, [this](int32_t rank) { return sums[rank] == least; });
    return y(above < count ? above : count - 1);
  }

  __device__ int32_t nearest(double point) const {
    const int32_t at = first_not(1, [this, point](int32_t rank) { return y(rank) < point; });
    const double under = sums[at - 1];
    const int32_t before = first_not(0, [this, under](int32_t rank) { return sums[rank] < under; });
    if (at == count) return before;
    return __dsub_rn(point, y(before)) <= __dsub_rn(y(at), point) ? before : at;
  }
};

// What there is of a row.
struct SampledRow {
  int32_t kept, present, free, numbers, negative;
};

// Keys and places of a row to sort; tokens that are not free have the key of the last.
__device__ inline SampledRow read_row(const SampleCdfArguments& a, int64_t row, Pairs to,
                                      ScanMemory<int32_t>& memory) {
  SampledRow found = {0, 0, 0, 0, 0};
  for (int64_t i = threadIdx.x; i < a.mask.n; i += blockDim.x) {
    const int state = token_state(a.mask, row, i);
    const float score = score_at(a.scores, a.dtype, row * a.mask.n + i);
    const uint32_t key = state == 0 ? order_key(score, false) : kDroppedKey;
    to.keys[i] = ~key;
    to.places[i] = int32_t(i);
    found.kept += state == 1;
    found.present += state != 2;
    found.free += state == 0;
    found.numbers += key > kNanKey;
    if (state == 2 || !(score < 0.0f)) continue;
    report_negative(a.fault, TSV_ARG_SCORES, double(score), row * a.mask.n + i);
    found.negative = 1;
  }
  found.kept = block_sum(found.kept, memory);
  found.present = block_sum(found.present, memory);
  found.free = block_sum(found.free, memory);
  found.numbers = block_sum(found.numbers, memory);
  found.negative = block_sum(found.negative, memory);
  return found;
}

// Adds up what each score counts for: scores that are all 0, or all NaN, are equal, an infinite one is
// everything.
__device__ inline void sum_scores(const uint32_t* sorted, int32_t candidates, int32_t numbers, double* sums) {
  const float greatest = numbers > 0 ? score_of(sorted[numbers - 1]) : 0.0f;
  const bool equal = greatest == 0.0f, infinite = greatest == CUDART_INF_F;
  prefix_sums(candidates, sums, [=](int64_t i) {
    if (equal) return 1.0f;
    const float score = score_of(sorted[i]);
    return infinite ? (score == CUDART_INF_F ? 1.0f : 0.0f) : score;
  });
}

// Marks the token that each point picks.
__device__ inline void mark_points(const double* sums, int32_t candidates, int64_t points,
                                   const int32_t* places, uint32_t* marks) {
  if (points <= 0 || candidates == 0) return;
  if (candidates == 1) {
    if (threadIdx.x == 0) marks[places[0]] = kKeptKey;
    return;
  }
  const Ranks ranks = {sums, candidates, sums[0], __dsub_rn(sums[candidates - 1], sums[0])};
  const double start = ranks.start();
  for (int64_t k = threadIdx.x; k < points; k += blockDim.x) {
    const double way = __dsub_rn(double(k), __dmul_rn(start, double(k)));
    const double point = points == 1 ? 1.0 : __dadd_rn(start, way / double(points - 1));
    marks[places[ranks.nearest(point)]] = kKeptKey;
  }
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(kSortThreads, 1) tsv_sample_rows(const SampleCdfArguments a) {
  __shared__ SortMemory memory;
  __shared__ StandingMemory standing;
  const int64_t n = a.mask.n, at = blockIdx.x * n;
  for (int64_t row = blockIdx.x; row < a.rows; row += gridDim.x) {
    const Pairs given = {a.keys + at, a.places + at};
    const SampledRow found = read_row(a, row, given, memory.scan);
    const bool fits = a.count >= found.kept && a.count <= found.present;
    if (!fits && threadIdx.x == 0) {
      report_range(a.fault, TSV_ARG_SAMPLE_COUNT, double(a.count), found.kept, found.present, -1);
    }
    if (!fits || found.negative != 0) {
      if (threadIdx.x == 0) a.selected[row] = 0;
      continue;
    }
    const Pairs sorted = sort_pairs(given, {a.spare_keys + at, a.spare_places + at}, n, 32, memory);
    const int32_t candidates = found.numbers > 0 ? found.numbers : found.free;
    double* sums = a.sums + at;
    sum_scores(sorted.keys, candidates, found.numbers, sums);
    __syncthreads();
    uint32_t* marks = sorted.keys;  // by token, once the keys have been added up
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) {
      marks[i] = token_state(a.mask, row, i) == 1 ? kKeptKey : kDroppedKey;
    }
    __syncthreads();
    mark_points(sums, candidates, a.count - found.kept, sorted.places, marks);
    __syncthreads();
    const auto mark_at = [marks](int64_t i) { return marks[i]; };
    int32_t marked = 0;
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) marked += marks[i] == kKeptKey;
    marked = block_sum(marked, memory.scan);
    if (threadIdx.x == 0) a.selected[row] = marked;
    collect(mark_at, 0, n, {kKeptKey - 1, 0}, {0, 0}, standing,
            [&](int64_t place, int64_t i) { a.staged[row * a.count + place] = int32_t(i); });
    __syncthreads();
  }
}
