// One block sorts a row of keys, each with a place, ascending and stable: counting sorts of 8 bits from the
// lowest on.
//
// A warp takes one piece of the row. Lanes of one digit find each other by eight ballots, so that the first
// of them counts for all and a lane's rank is the number of those before it: no order depends on a schedule,
// and no atomic is needed. The counters are [digit][warp], 8 warps for 8 KB, and one scan over them gives
// each warp's first place for each digit. A digit that all keys share is not moved, which halves the passes
// of keys made of 16-bit floats.
//
// Both halves of the row's memory stay in L1 or L2; a pass reads each key twice and writes it once, at
// irregular places.
#pragma once
#include "scan.cuh"

namespace tsv {
namespace cuda {

constexpr int kSortThreads = 256;
constexpr int kSortWarps = kSortThreads / kWarp;
constexpr int kDigits = 256;

struct SortMemory {
  int32_t counters[kDigits * kSortWarps];
  ScanMemory<int32_t> scan;
  int32_t one_digit;  // whether all keys share it
};

// Keys, and the places that go with them, or NULL.
struct Pairs {
  uint32_t* keys;
  int32_t* places;
};

// The lanes that have the same digit, of those that have one.
__device__ inline unsigned lanes_of_digit(uint32_t digit, bool present) {
  unsigned same = __ballot_sync(kFullWarp, present);
#pragma unroll
  for (int bit = 0; bit < 8; ++bit) {
    const bool set = ((digit >> bit) & 1) != 0;
    const unsigned those = __ballot_sync(kFullWarp, set);
    same &= set ? those : ~those;
  }
  return same;
}

// Sorts by the keys' lowest `bits` bits, a multiple of 8, with `spare` as long as `pairs`; returns the one
// that holds the result. A block of kSortThreads threads, all of which see the result.
__device__ inline Pairs sort_pairs(Pairs pairs, Pairs spare, int64_t count, int bits, SortMemory& memory) {
  const WarpPiece piece = piece_of_warp(count);
#pragma unroll 1
  for (int shift = 0; shift < bits; shift += 8) {
    for (int i = int(threadIdx.x); i < kDigits * kSortWarps; i += kSortThreads) memory.counters[i] = 0;
    if (threadIdx.x == 0) memory.one_digit = 0;
    __syncthreads();
    for (int64_t first = piece.begin; first < piece.end; first += kWarp) {
      const int64_t i = first + lane();
      const bool present = i < count;
      const uint32_t digit = present ? (pairs.keys[i] >> shift) & (kDigits - 1) : 0;
      const unsigned same = lanes_of_digit(digit, present);
      if (present && (same & lanes_before()) == 0) {
        memory.counters[digit * kSortWarps + warp()] += __popc(same);
      }
      __syncwarp();
    }
    __syncthreads();
    int32_t* digit_counters = memory.counters + threadIdx.x * kSortWarps;
    int32_t here = 0, all;
    for (int w = 0; w < kSortWarps; ++w) here += digit_counters[w];
    if (here != 0 && here == count) memory.one_digit = 1;
    int32_t before = block_exclusive_sum(here, memory.scan, &all);
    for (int w = 0; w < kSortWarps; ++w) {
      const int32_t counted = digit_counters[w];
      digit_counters[w] = before;
      before += counted;
    }
    __syncthreads();
    if (memory.one_digit != 0) {
      __syncthreads();
      continue;
    }
    for (int64_t first = piece.begin; first < piece.end; first += kWarp) {
      const int64_t i = first + lane();
      const bool present = i < count;
      const uint32_t key = present ? pairs.keys[i] : 0, digit = (key >> shift) & (kDigits - 1);
      const unsigned same = lanes_of_digit(digit, present);
      int32_t* next = memory.counters + digit * kSortWarps + warp();
      const int32_t base = present ? *next : 0;
      __syncwarp();
      if (present) {
        const int32_t to = base + __popc(same & lanes_before());
        spare.keys[to] = key;
        if (pairs.places != nullptr) spare.places[to] = pairs.places[i];
        if ((same & lanes_before()) == 0) *next = base + __popc(same);
      }
      __syncwarp();
    }
    __syncthreads();
    const Pairs sorted = spare;
    spare = pairs;
    pairs = sorted;
  }
  return pairs;
}

}  // namespace cuda
}  // namespace tsv
