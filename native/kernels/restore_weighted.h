// out[i] = residual[i] + weights[i] * restored, where restored is source[index[i]], or where the index is
// negative dropped[i]; without `dropped`, out[i] = residual[i]. In float32, rounded once to the type that all
// rows have: what puts the output of a layer that ran on fewer tokens back beside its input. One FMA an
// element; the limit is memory bandwidth, as in restore_tokens.h.
#ifndef TOKENSIEVE_KERNELS_RESTORE_WEIGHTED_H
#define TOKENSIEVE_KERNELS_RESTORE_WEIGHTED_H
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/load_rows.h"

namespace {

// residual + weight * row; `residual` NULL: weight * row.
template <class V, int kType>
inline void add_weighted_row(const typename Stored<V, kType>::Element* row, float weight,
                             const typename Stored<V, kType>::Element* residual, int64_t columns,
                             typename Stored<V, kType>::Element* out) {
  using S = Stored<V, kType>;
  using F = typename V::F;
  const F factor = V::set(weight);
  const int64_t whole = columns - columns % V::kLanes;
  const int rest = int(columns - whole);
  if (residual == nullptr) {
    for (int64_t c = 0; c < whole; c += V::kLanes) {
      S::store(out + c, V::mul(factor, S::load(row + c)), V::kLanes);
    }
    if (rest > 0) S::store(out + whole, V::mul(factor, S::load(row + whole, rest)), rest);
    return;
  }
  for (int64_t c = 0; c < whole; c += V::kLanes) {
    S::store(out + c, V::fma(factor, S::load(row + c), S::load(residual + c)), V::kLanes);
  }
  if (rest > 0) {
    const F added = V::fma(factor, S::load(row + whole, rest), S::load(residual + whole, rest));
    S::store(out + whole, added, rest);
  }
}

template <class V, int kType>
void restore_weighted_of(const tsv::RestoreWeighted& a) {
  using Element = typename Stored<V, kType>::Element;
  constexpr int64_t kAhead = 4;
  const auto* source = static_cast<const Element*>(a.source);
  const auto* dropped = static_cast<const Element*>(a.dropped);
  const auto* residual = static_cast<const Element*>(a.residual);
  auto* out = static_cast<Element*>(a.out);
  const size_t row_bytes = size_t(a.columns) * sizeof(Element);
  for (int64_t i = 0; i < a.count; ++i, out += a.columns) {
    if (i + kAhead < a.count && a.index[i + kAhead] >= 0) {
      V::prefetch(source + a.index[i + kAhead] * a.columns);
    }
    const Element* row = a.index[i] >= 0      ? source + a.index[i] * a.columns
                         : dropped != nullptr ? dropped + i * a.columns
                                              : nullptr;
    const Element* added = residual != nullptr ? residual + i * a.columns : nullptr;
    if (row != nullptr) {
      add_weighted_row<V, kType>(row, a.weights != nullptr ? a.weights[i] : 1.0f, added, a.columns, out);
    } else if (added != nullptr) {
      memcpy(out, added, row_bytes);
    } else {
      memset(out, 0, row_bytes);
    }
  }
}

template <class V>
void restore_weighted(const tsv::RestoreWeighted& a) {
  TSV_DISPATCH_TYPE(a.dtype, restore_weighted_of, a);
}

}  // namespace
#endif
