// The places of a row's scores that pass a rule, ascending:
//   above t: x > t                       quantile p: x > the p-quantile, linear between order statistics
//   iqr c: x > Q3 + c (Q3 - Q1)          meanStd c: x > mean + c std, std over n - ddof
//   mass p: the shortest prefix, best first, whose sum reaches p of the whole
// Kept tokens always pass; then the best of the others are added up to `min` and the worst dropped down to
// `max`. Statistics are in float64, over the scores that are not dropped and are numbers: a NaN is never
// above anything and is chosen last.
//
// Every rule ends in one cut through the order of the scores (radix_select.h), so a row costs what top-K
// costs, and for quantiles a search for each order statistic; only the mass needs the scores sorted. A
// threshold in float64 is brought down to the greatest float not above it, which no float32 score is between.
#ifndef TOKENSIEVE_KERNELS_SELECT_THRESHOLD_H
#define TOKENSIEVE_KERNELS_SELECT_THRESHOLD_H
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/radix_select.h"

namespace {

// The keys of a row and what searches among them need. Dropped scores have the key 0, NaN the key 1.
struct ScoreKeys {
  uint32_t* keys;
  int64_t count;
  int64_t present;  // not dropped
  int64_t numbers;  // present and not NaN
  uint32_t* spare;
  uint32_t* counters;
  uint64_t* pairs;
};

// The n-th least of the numbers, n from 0.
template <class V>
double order_statistic(const ScoreKeys& s, int64_t n) {
  return double(number_of(find_cut<V>(s.keys, s.count, s.numbers - n, s.spare, s.counters).key));
}

// numpy's linear quantile.
template <class V>
double quantile(const ScoreKeys& s, double p) {
  const double place = p * double(s.numbers - 1), below = floor(place);
  const double low = order_statistic<V>(s, int64_t(below)), fraction = place - below;
  if (fraction == 0.0) return low;
  const double high = order_statistic<V>(s, int64_t(below) + 1);
  return low == high ? low : low + fraction * (high - low);
}

// Sixteen sums, added in one order on every instruction set. Keys stand for the numbers.
template <class Term>
double sum_numbers(const ScoreKeys& s, const Term& term) {
  constexpr int kSums = 16;
  double sums[kSums] = {}, total = 0;
  for (int64_t i = 0; i < s.count; i += kSums) {
    for (int j = 0; j < kSums; ++j) {  // past the row's end there are keys of 0
      const uint32_t key = s.keys[i + j];
      sums[j] += key > kNanKey ? term(double(number_of(key))) : 0.0;
    }
  }
  for (double sum : sums) total += sum;
  return total;
}

inline double mean_and_deviations(const ScoreKeys& s, double deviations, int ddof) {
  const double mean = sum_numbers(s, [](double x) { return x; }) / double(s.numbers);
  const double squares = sum_numbers(s, [mean](double x) { return (x - mean) * (x - mean); });
  return mean + deviations * sqrt(squares / double(s.numbers - ddof));
}

// All scores strictly above a threshold, which may be NaN.
inline Cut cut_above(double threshold) {
  if (threshold != threshold) return {kKeptKey - 1, 0};
  float limit = float(threshold);
  if (double(limit) > threshold) limit = nextafterf(limit, -INFINITY);
  return {key_of(limit), 0};
}

// The first `count` of the order: best first, then lower index.
template <class V>
Cut cut_first(const ScoreKeys& s, int64_t count) {
  return count > 0 ? find_cut<V>(s.keys, s.count, count, s.spare, s.counters) : Cut{kKeptKey - 1, 0};
}

// How many scores, best first, it takes to reach a share of their sum.
inline int64_t mass_prefix(const ScoreKeys& s, double share) {
  int64_t n = 0;
  for (int64_t i = 0; i < s.count; ++i) {
    if (s.keys[i] > kNanKey) s.spare[n++] = s.keys[i];
  }
  const uint64_t* sorted = sort_by_key(s.spare, n, s.pairs, s.pairs + tsv::top_k_room(s.count), s.counters);
  const auto number = [sorted](int64_t i) { return double(number_of(~uint32_t(sorted[i] >> 32))); };
  double total = 0, sum = 0;
  for (int64_t i = 0; i < n; ++i) total += number(i);
  int64_t length = 0;
  while (length < n && sum < share * total) sum += number(length++);
  return length;
}

template <class V>
Cut cut_of_rule(const ScoreKeys& s, const tsv::SelectThreshold& a) {
  if (s.numbers == 0) return {kKeptKey - 1, 0};
  switch (a.rule) {
    case TSV_RULE_QUANTILE:
      return cut_above(quantile<V>(s, a.parameter));
    case TSV_RULE_IQR: {
      const double first = quantile<V>(s, 0.25), third = quantile<V>(s, 0.75);
      return cut_above(third + a.parameter * (third - first));
    }
    case TSV_RULE_MEAN_STD:
      return cut_above(mean_and_deviations(s, a.parameter, a.ddof));
    case TSV_RULE_MASS:
      return cut_first<V>(s, mass_prefix(s, a.parameter));
    default:
      return cut_above(a.parameter);
  }
}

// Raises the kept tokens' keys above all, and takes those among the ties of a cut out of their number.
inline int64_t raise_kept(const uint8_t* mask, const ScoreKeys& s, Cut* cut) {
  int64_t kept = 0, ties = cut->ties;
  for (int64_t i = 0; mask != nullptr && i < s.count; ++i) {
    const bool tied = s.keys[i] == cut->key && ties > 0;
    ties -= tied;
    if (mask[i] != 1 || s.keys[i] == kDroppedKey) continue;
    ++kept;
    cut->ties -= tied;
    s.keys[i] = kKeptKey;
  }
  return kept;
}

template <class V, int kType>
void select_threshold_of(const tsv::SelectThreshold& a) {
  using Element = typename Stored<V, kType>::Element;
  const int64_t room = tsv::top_k_room(a.count);
  ScoreKeys s{};
  s.keys = static_cast<uint32_t*>(a.scratch);
  s.spare = s.keys + room;
  auto* places = reinterpret_cast<int32_t*>(s.spare + room);
  s.counters = s.spare + 2 * room;
  s.pairs = reinterpret_cast<uint64_t*>(s.counters + (4 << kDigitBits));
  s.count = a.count;

  make_keys<V, kType>(static_cast<const Element*>(a.source), a.count, true, s.keys);
  for (int64_t i = 0; i < a.count; ++i) {
    if (i >= a.length || (a.mask != nullptr && a.mask[i] == 2)) s.keys[i] = kDroppedKey;
    s.present += s.keys[i] != kDroppedKey;
    s.numbers += s.keys[i] > kNanKey;
  }
  Cut cut = cut_of_rule<V>(s, a);
  const int64_t kept = raise_kept(a.mask, s, &cut);
  const int64_t passing = count_above<V>(s.keys, s.count, cut.key) + cut.ties;
  const int64_t least = a.min < s.present ? a.min : s.present, most = a.max > kept ? a.max : kept;
  if (passing < least) cut = cut_first<V>(s, least);
  if (passing > most && a.max >= 0) cut = cut_first<V>(s, most);
  *a.selected = emit<V>(s.keys, s.count, cut, 0, places);
  if (*a.selected > 0) memcpy(a.indices, places, size_t(*a.selected) * sizeof *places);
}

template <class V>
void select_threshold(const tsv::SelectThreshold& a) {
  TSV_DISPATCH_TYPE(a.dtype, select_threshold_of, a);
}

}  // namespace
#endif
