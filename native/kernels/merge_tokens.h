// out[s] = the members of slot s put together: with f_m the size of member m times the map's weight for it,
//   mean: sum f_m x_m / sum f_m    sum: sum f_m x_m    max: the elementwise maximum, NaN if any is
//   norm: the mean's direction at the norm of the longest member
// and sizes[s] = the sum of the members' sizes. A slot of one member that is not rescaled is a copy, bit for
// bit. A member with f_m = 0 takes no part in a sum; a slot whose factors add up to 0 becomes zeros.
//
// Columns go in blocks of eight vectors that stay in registers while the members of the slot pass by, so
// every element is read once and written once, in float32 between: 2 flops an element, and the limit is
// memory bandwidth. `norm` reads its members a second time, out of cache, for their norms.
#ifndef TOKENSIEVE_KERNELS_MERGE_TOKENS_H
#define TOKENSIEVE_KERNELS_MERGE_TOKENS_H
#include <math.h>
#include <string.h>

#include "kernels/copy_row.h"
#include "kernels/kernels.h"
#include "kernels/load_rows.h"
#include "kernels/token_norms.h"

namespace {

// One slot.
struct SlotMembers {
  const int32_t* members;
  const float* weights;  // the map's, or NULL
  const float* sizes;    // of the row's tokens, or NULL
  int64_t count;

  float size(int64_t m) const { return sizes != nullptr ? sizes[members[m]] : 1.0f; }
  float factor(int64_t m) const { return weights != nullptr ? weights[m] * size(m) : size(m); }
};

// Columns of a slot, kVectors whole vectors or the first `rest` elements of one; divided where `total` is
// given.
template <class V, int kType, bool kMax, int kVectors>
inline void merge_columns(const typename Stored<V, kType>::Element* column, int64_t stride,
                          const SlotMembers& slot, int rest, const float* total, typename V::F* merged) {
  using S = Stored<V, kType>;
  using F = typename V::F;
  const auto load = [rest](const typename S::Element* p) {
    return rest < V::kLanes ? S::load(p, rest) : S::load(p);
  };
  for (int v = 0; v < kVectors; ++v) {
    merged[v] = kMax ? load(column + slot.members[0] * stride + v * V::kLanes) : V::zero();
  }
  for (int64_t m = kMax ? 1 : 0; m < slot.count; ++m) {
    const auto* x = column + slot.members[m] * stride;
    const float factor = kMax ? 1.0f : slot.factor(m);
    if (factor == 0.0f) continue;
    const F f = V::set(factor);
    for (int v = 0; v < kVectors; ++v) {
      const F value = load(x + v * V::kLanes);
      merged[v] = kMax ? V::select(V::nan(merged[v]), merged[v], V::max(merged[v], value))
                       : V::fma(f, value, merged[v]);
    }
  }
  if (total == nullptr) return;
  for (int v = 0; v < kVectors; ++v) merged[v] = V::div(merged[v], V::set(*total));
}

// All columns of a slot, to memory of type kOut.
template <class V, int kType, int kOut, bool kMax>
void merge_slot(const typename Stored<V, kType>::Element* source, int64_t stride, const SlotMembers& slot,
                int64_t columns, const float* total, typename Stored<V, kOut>::Element* out) {
  constexpr int kVectors = 8;
  typename V::F merged[kVectors];
  int64_t c = 0;
  for (; c + kVectors * V::kLanes <= columns; c += kVectors * V::kLanes) {
    merge_columns<V, kType, kMax, kVectors>(source + c, stride, slot, V::kLanes, total, merged);
    for (int v = 0; v < kVectors; ++v) Stored<V, kOut>::store(out + c + v * V::kLanes, merged[v], V::kLanes);
  }
  for (; c < columns; c += V::kLanes) {
    const int rest = columns - c < V::kLanes ? int(columns - c) : V::kLanes;
    merge_columns<V, kType, kMax, 1>(source + c, stride, slot, rest, total, merged);
    Stored<V, kOut>::store(out + c, merged[0], rest);
  }
}

// The mean into float32, and from there to the norm of the longest member.
template <class V, int kType>
void merge_to_norm(const typename Stored<V, kType>::Element* source, int64_t stride, const SlotMembers& slot,
                   int64_t columns, float total, float* mean, typename Stored<V, kType>::Element* out) {
  float longest = 0.0f;
  for (int64_t m = 0; m < slot.count; ++m) {
    const float norm = sqrtf(norm_of_row<V, kType, 2>(source + slot.members[m] * stride, columns));
    longest = norm <= longest ? longest : norm;  // a NaN stays
  }
  merge_slot<V, kType, TSV_FLOAT32, false>(source, stride, slot, columns, &total, mean);
  const float length = sqrtf(norm_of_row<V, TSV_FLOAT32, 2>(mean, columns));
  const typename V::F scale = V::set(length == 0.0f ? 0.0f : longest / length);
  for (int64_t c = 0; c < columns; c += V::kLanes) {
    const int rest = columns - c < V::kLanes ? int(columns - c) : V::kLanes;
    Stored<V, kType>::store(out + c, V::mul(V::load(mean + c, rest), scale), rest);
  }
}

template <class V, int kType>
void merge_tokens_of(const tsv::MergeTokens& a) {
  using Element = typename Stored<V, kType>::Element;
  const auto* source = static_cast<const Element*>(a.source.data);
  const int64_t stride = a.source.stride;
  auto* out = static_cast<Element*>(a.out);
  for (int64_t s = 0; s < a.count; ++s, out += a.columns) {
    const int64_t first = a.offsets[s];
    const SlotMembers slot{a.members + first, a.weights != nullptr ? a.weights + first : nullptr, a.sizes,
                           a.offsets[s + 1] - first};
    double size = 0, sum = 0;
    for (int64_t m = 0; m < slot.count; ++m) {
      size += double(slot.size(m));
      sum += double(slot.factor(m));
    }
    a.out_sizes[s] = float(size);
    const float total = float(sum);
    const bool alone = slot.count == 1, scaled = a.reduce == TSV_MERGE_SUM && total != 1.0f;
    if (a.reduce == TSV_MERGE_MAX && !alone) {
      merge_slot<V, kType, kType, true>(source, stride, slot, a.columns, nullptr, out);
    } else if (a.reduce != TSV_MERGE_MAX && total == 0.0f && a.reduce != TSV_MERGE_SUM) {
      memset(out, 0, size_t(a.columns) * sizeof *out);
    } else if (alone && !scaled && (a.reduce == TSV_MERGE_MAX || isfinite(total))) {
      copy_row<V>(reinterpret_cast<const char*>(source + slot.members[0] * stride),
                  size_t(a.columns) * sizeof *out, a.streamed, reinterpret_cast<char*>(out));
    } else if (a.reduce == TSV_MERGE_NORM) {
      merge_to_norm<V, kType>(source, stride, slot, a.columns, total, a.scratch, out);
    } else {
      merge_slot<V, kType, kType, false>(source, stride, slot, a.columns,
                                         a.reduce == TSV_MERGE_MEAN ? &total : nullptr, out);
    }
  }
  end_rows<V>(a.streamed);
}

template <class V>
void merge_tokens(const tsv::MergeTokens& a) {
  TSV_DISPATCH_TYPE(a.source.dtype, merge_tokens_of, a);
}

}  // namespace
#endif
