// The k best of a row: indices = the k greatest (or least) of source, ties to the lower index, NaN last.
// A radix search for the k-th key and one pass that compresses the places of the winners (radix_select.h), so
// the indices come out ascending without a sort. In order of value, the winners alone are sorted, by a radix
// sort that keeps equal ones in place: 2 k moves for each of three digits.
#ifndef TOKENSIEVE_KERNELS_TOP_K_H
#define TOKENSIEVE_KERNELS_TOP_K_H
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/radix_select.h"

namespace {

template <class V, int kType>
void top_k_of(const tsv::TopK& a) {
  using Element = typename Stored<V, kType>::Element;
  const int64_t room = tsv::top_k_room(a.count), winners_room = tsv::top_k_room(a.k);
  const auto* source = static_cast<const Element*>(a.source);
  auto* keys = static_cast<uint32_t*>(a.scratch);
  uint32_t* spare = keys + room;
  uint32_t* counters = spare + room;
  auto* places = reinterpret_cast<int32_t*>(counters + (4 << kDigitBits));
  auto* values = reinterpret_cast<Element*>(places + winners_room);
  auto* pairs = reinterpret_cast<uint64_t*>(places + 2 * winners_room);

  make_keys<V, kType>(source, a.count, a.largest, keys);
  fold_mask(a.mask, a.length, a.count, keys);
  emit<V>(keys, a.count, find_cut<V>(keys, a.count, a.k, spare, counters), 0, places);
  for (int64_t i = 0; i < a.k; ++i) values[i] = source[places[i]];

  auto* out = static_cast<Element*>(a.values);
  if (!a.by_value) {
    for (int64_t i = 0; i < a.k; ++i) a.indices[i] = a.first + places[i];
    if (out != nullptr) memcpy(out, values, size_t(a.k) * sizeof *values);
    return;
  }
  make_keys<V, kType>(values, a.k, a.largest, spare);
  const uint64_t* sorted = sort_by_key(spare, a.k, pairs, pairs + winners_room, counters);
  for (int64_t i = 0; i < a.k; ++i) {
    const uint32_t winner = uint32_t(sorted[i]);
    a.indices[i] = a.first + places[winner];
    if (out != nullptr) out[i] = values[winner];
  }
}

template <class V>
void top_k(const tsv::TopK& a) {
  TSV_DISPATCH_TYPE(a.dtype, top_k_of, a);
}

}  // namespace
#endif
