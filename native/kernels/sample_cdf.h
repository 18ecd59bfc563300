// Inverse-transform sampling of a row of scores (adaptive token sampling, Fayyaz et al. 2022, arXiv
// 2111.15667, as its authors' code does it). The free tokens in ascending order of score, equal ones by
// index, have cumulative sums c_0 <= ... <= c_F-1, brought to y_j = (c_j - c_0) / (c_F-1 - c_0). Of K points
// spread evenly from the least y above 0 up to 1, each picks the token of the nearest y, the first of those
// as near; a single point is 1. What is picked twice is there once.
//
// NaN takes part only where no free score is a number. Scores that are all 0 (or all NaN) count as equal, and
// an infinite one as everything. Sums are in float64, added in that order: the same on every instruction set.
//
// A radix sort of the row (radix_select.h), one pass to add up, and one walk along sums and points together.
#ifndef TOKENSIEVE_KERNELS_SAMPLE_CDF_H
#define TOKENSIEVE_KERNELS_SAMPLE_CDF_H
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/radix_select.h"

namespace {

// A score by its place in the ascending order. Keys are those of the negated scores.
inline double score_of(uint64_t pair) { return -double(number_of(~uint32_t(pair >> 32))); }

// What each score counts for.
struct ScoreWeight {
  bool equal, infinite;
  double operator()(uint64_t pair) const {
    return equal ? 1.0 : infinite ? (score_of(pair) == INFINITY ? 1.0 : 0.0) : score_of(pair);
  }
};

// The points' tokens, by rank among the `count` sums, count > 1, marked by mark(rank).
template <class Mark>
void walk_points(const double* sums, int64_t count, int64_t points, const Mark& mark) {
  const double least = sums[0], span = sums[count - 1] - least;
  const auto y = [=](int64_t j) { return (sums[j] - least) / span; };
  int64_t first_above = 1;
  while (first_above + 1 < count && sums[first_above] == least) ++first_above;
  const double start = y(first_above);
  int64_t before = 0, at = 1;  // the first of the ranks whose y is the greatest under y(at)
  for (int64_t k = 0; k < points; ++k) {
    const double point = points == 1 ? 1.0 : start + (double(k) - start * double(k)) / double(points - 1);
    for (; at < count && y(at) < point; ++at) {
      if (sums[at] != sums[before]) before = at;
    }
    mark(at == count || point - y(before) <= y(at) - point ? before : at);
  }
}

template <class V, int kType>
void sample_cdf_of(const tsv::SampleCdf& a) {
  using Element = typename Stored<V, kType>::Element;
  const int64_t room = tsv::top_k_room(a.count);
  auto* keys = static_cast<uint32_t*>(a.scratch);
  uint32_t* counters = keys + room;
  auto* pairs = reinterpret_cast<uint64_t*>(counters + (4 << kDigitBits));
  make_keys<V, kType>(static_cast<const Element*>(a.source), a.count, false, keys);
  int64_t numbers = 0, free = 0;
  for (int64_t i = 0; i < a.count; ++i) {
    if (i >= a.length || (a.mask != nullptr && a.mask[i] != 0)) keys[i] = kDroppedKey;
    numbers += keys[i] > kNanKey;
    free += keys[i] != kDroppedKey;
  }
  const uint64_t* sorted = sort_by_key(keys, a.count, pairs, pairs + room, counters);
  auto* sums = reinterpret_cast<double*>(sorted == pairs ? pairs + room : pairs);

  const int64_t candidates = numbers > 0 ? numbers : free;
  const double greatest = numbers > 0 ? score_of(sorted[numbers - 1]) : 0.0;
  const ScoreWeight weight{greatest == 0.0, greatest == INFINITY};
  double sum = 0;
  for (int64_t j = 0; j < candidates; ++j) sums[j] = sum += weight(sorted[j]);

  for (int64_t i = 0; i < a.count; ++i) {
    keys[i] = i < a.length && a.mask != nullptr && a.mask[i] == 1 ? kKeptKey : kDroppedKey;
  }
  const auto mark = [&](int64_t rank) { keys[uint32_t(sorted[rank])] = kKeptKey; };
  if (a.points > 0 && candidates == 1) mark(0);
  if (a.points > 0 && candidates > 1) walk_points(sums, candidates, a.points, mark);
  int64_t n = 0;
  for (int64_t i = 0; i < a.count; ++i) {
    if (keys[i] == kKeptKey) a.indices[n++] = int32_t(i);
  }
  *a.selected = n;
}

template <class V>
void sample_cdf(const tsv::SampleCdf& a) {
  TSV_DISPATCH_TYPE(a.dtype, sample_cdf_of, a);
}

}  // namespace
#endif
