// out[i] = avg or max of x over [i - kernel/2, i + kernel/2], kernel odd: the smoothing of SnapKV. Outside
// the row, and in place of dropped tokens, stand 0 for avg, which divides by the kernel all the same, and
// -inf for max. A NaN makes every window that holds it NaN.
//
// A window of any length in log2(kernel) passes: windows of 1, 2, 4, ... by joining two neighbours, in place.
// The average adds one such window for each bit of the kernel, so its error grows with log2(kernel) alone;
// the maximum joins two that overlap. Sums are made in the same order everywhere: the bits are those of every
// instruction set and of any cut into pieces. The limit at the kernels in use (3 to 13) is reading and
// writing once, since the passes stay in L1.
#ifndef TOKENSIEVE_KERNELS_POOL_SCORES_H
#define TOKENSIEVE_KERNELS_POOL_SCORES_H
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/load_rows.h"

namespace {

template <class V>
inline typename V::F greater_or_nan(typename V::F a, typename V::F b) {
  return V::select(V::nan(a), a, V::max(a, b));
}

// The pieces of the row that the windows of `places` results see, from `first` - reach on, with `padding`
// outside the row and where tokens are dropped, and in the two vectors after the last.
template <class V, int kType>
void load_windows(const tsv::PoolScores& a, int64_t reach, float padding, float* x) {
  using S = Stored<V, kType>;
  const auto* source = static_cast<const typename S::Element*>(a.source);
  const int64_t start = a.first - reach, seen = a.places + 2 * reach;
  const int64_t begin = start > 0 ? start : 0, stop = start + seen < a.count ? start + seen : a.count;
  for (int64_t i = 0; i < begin - start; ++i) x[i] = padding;
  for (int64_t i = begin; i < stop; i += V::kLanes) {
    const int here = stop - i < V::kLanes ? int(stop - i) : V::kLanes;
    V::store(x + (i - start), S::load(source + i, here), here);
  }
  for (int64_t i = begin; i < stop && a.mask != nullptr; ++i) {
    if (a.mask[i] == 2) x[i - start] = padding;
  }
  const int64_t end = a.length < stop ? (a.length > begin ? a.length : begin) : stop;
  for (int64_t i = end - start; i < seen + 2 * V::kLanes; ++i) x[i] = padding;
}

// windows[i] = join(windows[i], windows[i + by]), for the first `count`
template <class V, class Join>
inline void join_neighbours(float* windows, int64_t by, int64_t count, const Join& join) {
  for (int64_t i = 0; i < count; i += V::kLanes) {
    V::store(windows + i, join(V::load(windows + i), V::load(windows + i + by)));
  }
}

template <class V, int kType>
void pool_scores_of(const tsv::PoolScores& a) {
  const bool maximum = a.mode == TSV_POOL_MAX;
  const int64_t reach = tsv::pool_reach(a.kernel, a.count), window = 2 * reach + 1;
  const int64_t seen = a.places + 2 * reach;
  float *x = a.scratch, *result = x + seen + 2 * V::kLanes;
  load_windows<V, kType>(a, reach, maximum ? -INFINITY : 0.0f, x);
  const auto sum = [](typename V::F p, typename V::F q) { return V::add(p, q); };
  int64_t length = 1, added = 0;  // of the windows in x; of the part of each result that has been added up
  for (int64_t i = 0; i < a.places; i += V::kLanes) V::store(result + i, V::zero());
  for (;; length *= 2) {
    if (!maximum && (window & length) != 0) {
      for (int64_t i = 0; i < a.places; i += V::kLanes) {
        V::store(result + i, V::add(V::load(result + i), V::load(x + i + added)));
      }
      added += length;
    }
    if (2 * length > window) break;
    const int64_t count = seen - 2 * length + 1;
    if (maximum) {
      join_neighbours<V>(x, length, count, greater_or_nan<V>);
    } else {
      join_neighbours<V>(x, length, count, sum);
    }
  }
  const typename V::F kernel = V::set(float(a.kernel));
  for (int64_t i = 0; i < a.places; i += V::kLanes) {
    const int here = a.places - i < V::kLanes ? int(a.places - i) : V::kLanes;
    V::store(a.out + i,
             maximum ? greater_or_nan<V>(V::load(x + i), V::load(x + i + window - length))
                     : V::div(V::load(result + i), kernel),
             here);
  }
}

template <class V>
void pool_scores(const tsv::PoolScores& a) {
  TSV_DISPATCH_TYPE(a.dtype, pool_scores_of, a);
}

}  // namespace
#endif
