// The k-th greatest of a row of scores, exactly, and the places of those that are at least as great: the
// CPU's native/kernels/radix_select.h for one block a row, with the same keys, ties and order, so that equal
// scores give equal indices.
//
// A pass counts the keys that share the digits found so far by their next 11, 11 or 10 bits, in 2048 shared
// counters; a scan over them from the top finds the digit in which the k-th lies. Counts are integers, so
// that the atomics' order does not matter; keys that share a digit wait for each other, up to 32 in a warp,
// which is what a row of ties costs. Places come out in order: every warp counts its piece of the row by
// ballots, adds up the pieces before it and goes through it again.
#pragma once
#include "scan.cuh"

namespace tsv {
namespace cuda {

constexpr uint32_t kKeptKey = 0xffffffffu;
constexpr uint32_t kNanKey = 1;
constexpr uint32_t kDroppedKey = 0;

__device__ inline float score_at(const void* scores, int32_t dtype, int64_t i) {
  if (dtype == TSV_FLOAT32) return static_cast<const float*>(scores)[i];
  if (dtype == TSV_FLOAT16) return to_float(static_cast<const __half*>(scores)[i]);
  return to_float(static_cast<const __nv_bfloat16*>(scores)[i]);
}

// The key of a number that is not NaN, and the number of a key.
__device__ inline uint32_t key_of(float x) {
  const uint32_t bits = __float_as_uint(x + 0.0f);  // -0 to +0
  return bits ^ ((bits >> 31) != 0 ? 0xffffffffu : 0x80000000u);
}
__device__ inline float number_of(uint32_t key) {
  return __uint_as_float(key ^ ((key >> 31) != 0 ? 0x80000000u : 0xffffffffu));
}
__device__ inline uint32_t order_key(float x, bool largest) {
  return x != x ? kNanKey : key_of(largest ? x : 0.0f - x);
}

// The keys of a piece of a row, from its scores and the mask.
struct ScoreKeys {
  const void* scores;
  int32_t dtype;
  bool largest;
  bool raised;  // kept tokens have the greatest key
  MaskArguments mask;
  int64_t row, first;
  __device__ uint32_t operator()(int64_t i) const {
    const int state = token_state(mask, row, first + i);
    if (state == 2) return kDroppedKey;
    if (state == 1 && raised) return kKeptKey;
    return order_key(score_at(scores, dtype, row * mask.n + first + i), largest);
  }
};

// The same, out of shared memory where they have been put there.
struct Keys {
  ScoreKeys source;
  uint32_t* stored;  // or NULL
  __device__ uint32_t operator()(int64_t i) const { return stored != nullptr ? stored[i] : source(i); }
};

// A selection: every key above `key`, and of those equal to it the first `ties`.
struct Cut {
  uint32_t key;
  int32_t ties;
};

constexpr int kBins = 2048;
constexpr int kPasses = 3;

// How the keys of each warp's piece stand.
struct StandingMemory {
  int32_t above[kMostWarps], equal[kMostWarps];
};

struct SelectMemory {
  int32_t bins[kBins];
  ScanMemory<int32_t> scan;
  int32_t bin, rank;
  StandingMemory standing;
};

__device__ inline int digit_shift(int pass) { return pass == 0 ? 21 : pass == 1 ? 10 : 0; }
__device__ inline uint32_t digit_of(uint32_t key, int pass) {
  return (key >> digit_shift(pass)) & (pass == 2 ? 1023 : 2047);
}
// Whether a key has the digits that were found before a pass.
__device__ inline bool shares_digits(uint32_t key, uint32_t found, int pass) {
  return pass == 0 || ((key ^ found) >> digit_shift(pass - 1)) == 0;
}

// Counts keys first..last-1 by their digit; of bins that hold nothing yet.
template <class KeyAt>
__device__ inline void count_digits(const KeyAt& keys, int64_t first, int64_t last, uint32_t found, int pass,
                                    SelectMemory& memory) {
  for (int i = int(threadIdx.x); i < kBins; i += int(blockDim.x)) memory.bins[i] = 0;
  __syncthreads();
  for (int64_t i = first + threadIdx.x; i < last; i += blockDim.x) {
    const uint32_t key = keys(i);
    if (shares_digits(key, found, pass)) atomicAdd(&memory.bins[digit_of(key, pass)], 1);
  }
  __syncthreads();
}

// The bin of the key of this rank, from 1 at the top, and its rank within the bin, to memory.bin and
// memory.rank. The number of threads divides that of the bins.
__device__ inline void find_bin(int32_t rank, SelectMemory& memory) {
  const int each = kBins / int(blockDim.x), top = kBins - 1 - int(threadIdx.x) * each;
  int32_t sum = 0, total;
  for (int j = 0; j < each; ++j) sum += memory.bins[top - j];
  const int32_t before = block_exclusive_sum(sum, memory.scan, &total);
  if (before < rank && rank <= before + sum) {
    int bin = top;
    int32_t left = rank - before;
    while (memory.bins[bin] < left) left -= memory.bins[bin--];
    memory.bin = bin;
    memory.rank = left;
  }
  __syncthreads();
}

// The cut that selects the `rank` greatest of the keys, of which at least that many are not dropped.
template <class KeyAt>
__device__ inline Cut find_cut(const KeyAt& keys, int64_t count, int32_t rank, SelectMemory& memory) {
  if (rank <= 0) return {kKeptKey, 0};
  uint32_t found = 0;
#pragma unroll 1
  for (int pass = 0; pass < kPasses; ++pass) {
    count_digits(keys, 0, count, found, pass, memory);
    find_bin(rank, memory);
    found |= uint32_t(memory.bin) << digit_shift(pass);
    rank = memory.rank;
    __syncthreads();
  }
  return {found, rank};
}

// How many keys are above one, and how many equal it.
struct Standing {
  int32_t above, equal;
};

// This warp's part of a piece of the row, and how the keys before it stand: those of the block's other warps,
// and `before` the block. Every thread calls.
template <class KeyAt>
__device__ inline Standing standing_before(const KeyAt& keys, int64_t first, int64_t last, uint32_t key,
                                           Standing before, StandingMemory& memory) {
  const WarpPiece piece = piece_of_warp(last - first);
  Standing here = {0, 0};
  for (int64_t group = first + piece.begin; group < first + piece.end; group += kWarp) {
    const int64_t i = group + lane();
    const uint32_t mine = i < last ? keys(i) : kDroppedKey;
    here.above += __popc(__ballot_sync(kFullWarp, i < last && mine > key));
    here.equal += __popc(__ballot_sync(kFullWarp, i < last && mine == key));
  }
  if (lane() == 0) {
    memory.above[warp()] = here.above;
    memory.equal[warp()] = here.equal;
  }
  __syncthreads();
  for (int w = 0; w < warp(); ++w) {
    before.above += memory.above[w];
    before.equal += memory.equal[w];
  }
  __syncthreads();
  return before;
}

// Calls emit(place, i) for each selected key of first..last-1: its place among all selected ones, in order of
// index, where those before `first` stand as `before` says.
template <class KeyAt, class Emit>
__device__ inline void collect(const KeyAt& keys, int64_t first, int64_t last, Cut cut, Standing before,
                               StandingMemory& memory, const Emit& emit) {
  Standing at = standing_before(keys, first, last, cut.key, before, memory);
  const WarpPiece piece = piece_of_warp(last - first);
  for (int64_t group = first + piece.begin; group < first + piece.end; group += kWarp) {
    const int64_t i = group + lane();
    const uint32_t key = i < last ? keys(i) : kDroppedKey;
    const bool above = i < last && key > cut.key, equal = i < last && key == cut.key;
    const unsigned all_above = __ballot_sync(kFullWarp, above), all_equal = __ballot_sync(kFullWarp, equal);
    const int32_t rank = at.equal + __popc(all_equal & lanes_before());
    if (above || (equal && rank < cut.ties)) {
      emit(at.above + __popc(all_above & lanes_before()) + (rank < cut.ties ? rank : cut.ties), i);
    }
    at.above += __popc(all_above);
    at.equal += __popc(all_equal);
  }
}

}  // namespace cuda
}  // namespace tsv
