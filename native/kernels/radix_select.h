// The k-th greatest of a row of floats, exactly, and the places of those that are at least as great: what
// top-K and the thresholds read off a row are made of.
//
// Floats become unsigned keys in the same order, with NaN lowest and -0 as +0; a mask is folded in as the
// greatest key (kept) and 0 (dropped). Then a radix search from the top: count the keys by their highest 11
// bits, find the bin in which the k-th lies, keep only that bin's keys, and go on with the next 11 and the
// last 10 bits; once few are left, the remaining bits are found one by one by counting. Four interleaved
// counters a bin keep equal keys from waiting for each other's increments, and a bin that holds everything is
// not copied, so that a row of equal values costs three counts where random ones cost one and a little.
//
// About 1.3 ns an element at 16 floats a vector: one pass to make keys, one to count, one to compress the
// bin, one to compress the places. The limit is the counting, at a store and a load an element.
#ifndef TOKENSIEVE_KERNELS_RADIX_SELECT_H
#define TOKENSIEVE_KERNELS_RADIX_SELECT_H
#if defined(_MSC_VER)
#include <intrin.h>
#endif
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/load_rows.h"

namespace {

// Keys come in whole groups, the last filled up with 0, which no search finds. A multiple of every vector.
constexpr int64_t kKeyGroup = 16;

constexpr uint32_t kKeptKey = 0xffffffffu;
constexpr uint32_t kNanKey = 1;
constexpr uint32_t kDroppedKey = 0;

// A selection: every key above `key`, and of those equal to it the first `ties`.
struct Cut {
  uint32_t key;
  int64_t ties;
};

inline int64_t key_groups(int64_t count) { return (count + kKeyGroup - 1) / kKeyGroup * kKeyGroup; }

inline int count_bits(unsigned x) {
#if defined(_MSC_VER)
  return int(__popcnt(x));
#else
  return __builtin_popcount(x);
#endif
}

inline void fill_group(uint32_t* keys, int64_t count) {
  memset(keys + count, 0, size_t(key_groups(count) - count) * sizeof *keys);
}

// The keys of x, greatest first or, by negation, least first.
template <class V, int kType>
void make_keys(const typename Stored<V, kType>::Element* x, int64_t count, bool largest, uint32_t* keys) {
  using F = typename V::F;
  const auto key = [largest](F v) {
    return V::ordered(largest ? V::add(v, V::zero()) : V::sub(V::zero(), v));
  };
  auto* out = reinterpret_cast<int32_t*>(keys);
  int64_t i = 0;
  for (; i + V::kLanes <= count; i += V::kLanes) V::store(out + i, key(Stored<V, kType>::load(x + i)));
  if (i < count) V::store(out + i, key(Stored<V, kType>::load(x + i, int(count - i))));
  fill_group(keys, count);
}

// mask[i] 1: the greatest key; 2, or from `length` on: none.
inline void fold_mask(const uint8_t* mask, int64_t length, int64_t count, uint32_t* keys) {
  if (mask != nullptr) {
    for (int64_t i = 0; i < count; ++i) {
      const uint32_t kept = mask[i] == 1 ? kKeptKey : 0, free = mask[i] == 2 ? 0 : 0xffffffffu;
      keys[i] = (keys[i] | kept) & free;
    }
  }
  for (int64_t i = length > 0 ? length : 0; i < count; ++i) keys[i] = kDroppedKey;
}

// The key of a number that is not NaN, and the number of a key.
inline uint32_t key_of(float x) {
  const uint32_t b = bits_of(x + 0.0f);
  return b ^ ((b >> 31) != 0 ? 0xffffffffu : 0x80000000u);
}
inline float number_of(uint32_t key) {
  return float_of(key ^ ((key >> 31) != 0 ? 0x80000000u : 0xffffffffu));
}

template <class V>
int64_t count_above(const uint32_t* keys, int64_t count, uint32_t key) {
  const typename V::I limit = V::set_int(int32_t(key));
  int64_t n = 0;
  for (int64_t i = 0; i < key_groups(count); i += V::kLanes) {
    n += count_bits(V::bits(V::above(V::load_int(keys + i), limit)));
  }
  return n;
}

struct Search {
  const uint32_t* keys;  // that share the bits found so far
  int64_t count;
  int64_t rank;  // of the key sought among them, from 1
  uint32_t found;
};

constexpr int kDigitBits = 11;

// Finds the kBits bits of the sought key from bit kShift on.
template <class V, int kShift, int kBits>
void find_digit(Search& s, uint32_t* spare, uint32_t* counters) {
  constexpr uint32_t kBins = 1u << kBits;
  constexpr int kCopies = 4;
  memset(counters, 0, kCopies * kBins * sizeof *counters);
  alignas(64) int32_t shifted[kKeyGroup];
  const int64_t end = key_groups(s.count);
  for (int64_t i = 0; i < end; i += kKeyGroup) {
    for (int v = 0; v < kKeyGroup; v += V::kLanes) {
      typename V::I key = V::load_int(s.keys + i + v);
      if constexpr (kShift > 0) key = V::template shift_right<kShift>(key);
      V::store(shifted + v, key);
    }
    for (int j = 0; j < kKeyGroup; j += kCopies) {
      for (int c = 0; c < kCopies; ++c) ++counters[c * kBins + (uint32_t(shifted[j + c]) & (kBins - 1))];
    }
  }
  uint32_t bin = kBins;
  int64_t in_bin = 0;
  for (;;) {
    --bin;
    in_bin = 0;
    for (int c = 0; c < kCopies; ++c) in_bin += counters[c * kBins + bin];
    if (in_bin >= s.rank || bin == 0) break;
    s.rank -= in_bin;
  }
  s.found |= bin << kShift;
  if constexpr (kShift > 0) {
    const int64_t fill = bin == 0 ? end - s.count : 0;
    if (in_bin - fill == s.count) return;
    const typename V::I wanted = V::set_int(int32_t(s.found >> kShift));
    int64_t n = 0;
    for (int64_t i = 0; i < end; i += V::kLanes) {
      const typename V::I key = V::load_int(s.keys + i);
      const unsigned chosen = V::bits(V::equal(V::template shift_right<kShift>(key), wanted));
      V::compress(reinterpret_cast<int32_t*>(spare) + n, chosen, key);  // never past what has been read
      n += count_bits(chosen);
    }
    s.keys = spare;
    s.count = n;
    fill_group(spare, n);
  }
}

// The cut that selects the `rank` greatest of the keys, of which at least that many are not dropped.
// `spare` is as long as the keys and a group, `counters` has 4 << kDigitBits places.
template <class V>
Cut find_cut(const uint32_t* keys, int64_t count, int64_t rank, uint32_t* spare, uint32_t* counters) {
  if (rank <= 0) return {kKeptKey, 0};
  constexpr int64_t kFew = 32 * V::kLanes;
  Search s{keys, count, rank, 0};
  int bits = 32;
  if (s.count > kFew) find_digit<V, 21, kDigitBits>(s, spare, counters), bits = 21;
  if (s.count > kFew) find_digit<V, 10, kDigitBits>(s, spare, counters), bits = 10;
  if (s.count > kFew) {
    find_digit<V, 0, 10>(s, spare, counters);
    return {s.found, s.rank};
  }
  while (bits-- > 0) {
    const uint32_t higher = s.found | (1u << bits);
    if (count_above<V>(s.keys, s.count, higher - 1) >= s.rank) s.found = higher;
  }
  return {s.found, s.rank - count_above<V>(s.keys, s.count, s.found)};
}

// The places of the selected keys, ascending, numbered from `first`; returns how many. Writes up to a group
// past them.
template <class V>
int64_t emit(const uint32_t* keys, int64_t count, Cut cut, int32_t first, int32_t* places) {
  using I = typename V::I;
  const I limit = V::set_int(int32_t(cut.key)), step = V::set_int(V::kLanes);
  I place = V::add(V::iota(), V::set_int(first));
  int64_t n = 0;
  for (int64_t i = 0; i < key_groups(count); i += V::kLanes, place = V::add(place, step)) {
    const I key = V::load_int(keys + i);
    unsigned chosen = V::bits(V::above(key, limit));
    unsigned equal = cut.ties > 0 ? V::bits(V::equal(key, limit)) : 0;
    if (count_bits(equal) <= cut.ties) {
      chosen |= equal;
      cut.ties -= count_bits(equal);
    } else {
      for (; cut.ties > 0; --cut.ties, equal &= equal - 1) chosen |= equal & (~equal + 1);
    }
    V::compress(places + n, chosen, place);
    n += count_bits(chosen);
  }
  return n;
}

// Sorts positions 0..count-1 by key, greatest first, equal keys by position. A pair is the complement of a
// key above its position; `pairs` and `spare` have `count` places. Returns the one that holds the result.
inline uint64_t* sort_by_key(const uint32_t* keys, int64_t count, uint64_t* pairs, uint64_t* spare,
                             uint32_t* counters) {
  constexpr int64_t kFew = 64;
  constexpr uint32_t kBins = 1u << kDigitBits;
  for (int64_t i = 0; i < count; ++i) pairs[i] = uint64_t(~keys[i]) << 32 | uint64_t(i);
  if (count <= kFew) {
    for (int64_t i = 1; i < count; ++i) {
      const uint64_t pair = pairs[i];
      int64_t at = i;
      for (; at > 0 && pairs[at - 1] > pair; --at) pairs[at] = pairs[at - 1];
      pairs[at] = pair;
    }
    return pairs;
  }
  memset(counters, 0, 3 * kBins * sizeof *counters);
  for (int64_t i = 0; i < count; ++i) {
    for (uint32_t d = 0; d < 3; ++d) ++counters[d * kBins + ((~keys[i] >> (d * kDigitBits)) & (kBins - 1))];
  }
  for (uint32_t d = 0; d < 3; ++d) {
    uint32_t* starts = counters + d * kBins;
    const uint32_t shift = 32 + d * kDigitBits;
    if (starts[(pairs[0] >> shift) & (kBins - 1)] == uint64_t(count)) continue;  // one digit for all
    uint32_t sum = 0;
    for (uint32_t bin = 0; bin < kBins; ++bin) {
      const uint32_t here = starts[bin];
      starts[bin] = sum;
      sum += here;
    }
    for (int64_t i = 0; i < count; ++i) spare[starts[(pairs[i] >> shift) & (kBins - 1)]++] = pairs[i];
    uint64_t* const sorted = spare;
    spare = pairs;
    pairs = sorted;
  }
  return pairs;
}

}  // namespace
#endif
