// The k best of each row, or of each segment of it: indices = the k greatest (or least) of x, ties to the
// lower index, NaN last, kept tokens always and dropped ones never (radix_select.cuh).
//
// top_k_select: a block a selection, 128 to 1024 threads for some 4 to 8 keys each, so that a pass is short
// and the scan over 2048 bins still pays. Keys stay in shared memory where they fit, else each pass makes
// them again out of L2. A row of 64 K scores is where one SM begins to cost more than launching for several.
//
// Longer rows go in parts of 16 K scores: top_k_count fills a histogram for each part, top_k_find adds up
// those of a selection, part after part, and notes how each part's keys stand to the digit it found; after
// three such pairs top_k_collect knows how many winners lie before its part, and writes there. No part waits
// for another, and nothing depends on which ends first.
//
// top_k_order: winners by value, a stable sort of the k keys with their indices (radix_sort.cuh).
//
// One read of 2 or 4 bytes a score and 4 to 8 bytes written a winner from device memory, coalesced; about 30
// instructions a score for its key, three counts and the two passes of the collection. A row is bound by the
// latency of its passes, many rows by the shared-memory atomics, one a score and pass.
#include "radix_select.cuh"
#include "radix_sort.cuh"

namespace tsv {
namespace cuda {

// A piece of a row out of which k are selected.
struct Segment {
  int64_t row, begin, count;
};

// count is -1, and a fault reported, where the offsets on the device make no sense.
__device__ inline Segment segment_of(const TopKArguments& a, int64_t selection) {
  const int64_t row = selection / a.segments, s = selection % a.segments;
  if (a.segment_offsets == nullptr) return {row, 0, a.mask.n};
  const auto offset = [&](int64_t at) {
    return a.segment_bytes == 8 ? static_cast<const int64_t*>(a.segment_offsets)[at]
                                : int64_t(static_cast<const int32_t*>(a.segment_offsets)[at]);
  };
  const int64_t begin = offset(s), end = offset(s + 1), n = a.mask.n;
  const bool first = s == 0, last = s == a.segments - 1;
  if (begin < 0 || begin > (first ? 0 : n)) {
    report_range(a.fault, TSV_ARG_SEGMENTS, double(begin), 0, first ? 0 : n, s);
    return {row, 0, -1};
  }
  if (end < (last ? n : begin) || end > n) {
    report_range(a.fault, TSV_ARG_SEGMENTS, double(end), last ? n : begin, n, s + 1);
    return {row, 0, -1};
  }
  return {row, begin, end - begin};
}

__device__ inline ScoreKeys keys_of(const TopKArguments& a, const Segment& segment) {
  return {a.x, a.dtype, a.largest != 0, true, a.mask, segment.row, segment.begin};
}

__device__ inline void copy_score(const TopKArguments& a, int64_t from, int64_t to) {
  if (a.values == nullptr) return;
  if (a.dtype == TSV_FLOAT32) {
    static_cast<uint32_t*>(a.values)[to] = static_cast<const uint32_t*>(a.x)[from];
  } else {
    static_cast<uint16_t*>(a.values)[to] = static_cast<const uint16_t*>(a.x)[from];
  }
}

__device__ inline void write_winner(const TopKArguments& a, const Segment& segment, int64_t selection,
                                    int64_t place, int64_t i) {
  const int64_t index = segment.begin + i;
  a.indices[selection * a.k + place] = int32_t(index);
  copy_score(a, segment.row * a.mask.n + index, selection * a.k + place);
}

// A selection without a result: indices of -1 and values of 0.
__device__ inline void write_none(const TopKArguments& a, int64_t selection) {
  for (int64_t i = threadIdx.x; i < a.k; i += blockDim.x) {
    a.indices[selection * a.k + i] = -1;
    if (a.values == nullptr) continue;
    if (a.dtype == TSV_FLOAT32) {
      static_cast<float*>(a.values)[selection * a.k + i] = 0.0f;
    } else {
      static_cast<uint16_t*>(a.values)[selection * a.k + i] = 0;
    }
  }
}

// Whether k is one that the row allows. One thread reports.
__device__ inline bool check_count(const TopKArguments& a, int32_t kept, int32_t allowed) {
  if (a.k >= kept && a.k <= allowed) return true;
  if (threadIdx.x == 0) report_range(a.fault, TSV_ARG_COUNT_K, double(a.k), kept, allowed, -1);
  return false;
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(1024) tsv_top_k_select(const TopKArguments a) {
  extern __shared__ uint32_t stored[];
  __shared__ SelectMemory memory;
  const int64_t selection = blockIdx.x;
  const Segment segment = segment_of(a, selection);
  if (segment.count < 0) return write_none(a, selection);
  const Keys keys = {keys_of(a, segment), a.stores_keys != 0 ? stored : nullptr};
  int32_t kept = 0, allowed = 0;
  for (int64_t i = threadIdx.x; i < segment.count; i += blockDim.x) {
    const uint32_t key = keys.source(i);
    if (keys.stored != nullptr) keys.stored[i] = key;
    kept += key == kKeptKey;
    allowed += key != kDroppedKey;
  }
  kept = block_sum(kept, memory.scan);
  allowed = block_sum(allowed, memory.scan);
  if (!check_count(a, kept, allowed)) return write_none(a, selection);
  const Cut cut = find_cut(keys, segment.count, int32_t(a.k), memory);
  collect(keys, 0, segment.count, cut, {0, 0}, memory.standing,
          [&](int64_t place, int64_t i) { write_winner(a, segment, selection, place, i); });
}

extern "C" __global__ void __launch_bounds__(512) tsv_top_k_count(const TopKArguments a) {
  __shared__ SelectMemory memory;
  const int64_t selection = blockIdx.x / a.parts, part = blockIdx.x % a.parts;
  const Segment segment = segment_of(a, selection);
  const int64_t first = part * a.part_length, end = first + a.part_length;
  const int64_t last = end < segment.count ? end : segment.count;
  const ScoreKeys keys = keys_of(a, segment);
  TopKPart& standing = a.standing[blockIdx.x];
  if (a.pass == 0) {
    int32_t kept = 0, allowed = 0;
    for (int64_t i = first + threadIdx.x; i < last; i += blockDim.x) {
      const uint32_t key = keys(i);
      kept += key == kKeptKey;
      allowed += key != kDroppedKey;
    }
    kept = block_sum(kept, memory.scan);
    allowed = block_sum(allowed, memory.scan);
    if (threadIdx.x == 0) standing = {kept, allowed, 0, 0};
  }
  count_digits(keys, first, last, a.pass == 0 ? 0 : a.found[selection].key, a.pass, memory);
  int32_t* histogram = a.histograms + int64_t(blockIdx.x) * kBins;
  for (int i = int(threadIdx.x); i < kBins; i += int(blockDim.x)) histogram[i] = memory.bins[i];
}

extern "C" __global__ void __launch_bounds__(1024) tsv_top_k_find(const TopKArguments a) {
  __shared__ SelectMemory memory;
  const int64_t selection = blockIdx.x;
  TopKFound& found = a.found[selection];
  TopKPart* standing = a.standing + selection * a.parts;
  const int32_t* histograms = a.histograms + selection * a.parts * kBins;
  if (a.pass == 0) {
    int32_t kept = 0, allowed = 0;
    for (int64_t part = threadIdx.x; part < a.parts; part += blockDim.x) {
      kept += standing[part].kept;
      allowed += standing[part].allowed;
    }
    kept = block_sum(kept, memory.scan);
    allowed = block_sum(allowed, memory.scan);
    const bool valid = segment_of(a, selection).count >= 0 && check_count(a, kept, allowed);
    if (threadIdx.x == 0) found = {0, int32_t(a.k), valid};
    if (!valid) return write_none(a, selection);
    __syncthreads();
  }
  if (found.valid == 0 || a.k == 0) return;
  for (int i = int(threadIdx.x); i < kBins; i += int(blockDim.x)) {
    int32_t sum = 0;
    for (int64_t part = 0; part < a.parts; ++part) sum += histograms[part * kBins + i];
    memory.bins[i] = sum;
  }
  __syncthreads();
  find_bin(found.rank, memory);
  for (int64_t part = warp(); part < a.parts; part += warps()) {
    const int32_t* histogram = histograms + part * kBins;
    int32_t above = 0;
    for (int i = memory.bin + 1 + lane(); i < kBins; i += kWarp) above += histogram[i];
    above = warp_inclusive_sum(above);
    if (lane() != kWarp - 1) continue;
    standing[part].above += above;
    standing[part].equal = histogram[memory.bin];
  }
  if (threadIdx.x == 0) {
    found.key |= uint32_t(memory.bin) << digit_shift(a.pass);
    found.rank = memory.rank;
  }
}

extern "C" __global__ void __launch_bounds__(512) tsv_top_k_collect(const TopKArguments a) {
  __shared__ SelectMemory memory;
  const int64_t selection = blockIdx.x / a.parts, part = blockIdx.x % a.parts;
  const TopKFound found = a.found[selection];
  if (found.valid == 0 || a.k == 0) return;
  const Segment segment = segment_of(a, selection);
  const int64_t first = part * a.part_length, end = first + a.part_length;
  const int64_t last = end < segment.count ? end : segment.count;
  if (first >= last) return;
  Standing before = {0, 0};
  for (int64_t p = threadIdx.x; p < part; p += blockDim.x) {
    before.above += a.standing[selection * a.parts + p].above;
    before.equal += a.standing[selection * a.parts + p].equal;
  }
  before.above = block_sum(before.above, memory.scan);
  before.equal = block_sum(before.equal, memory.scan);
  collect(keys_of(a, segment), first, last, {found.key, found.rank}, before, memory.standing,
          [&](int64_t place, int64_t i) { write_winner(a, segment, selection, place, i); });
}

extern "C" __global__ void __launch_bounds__(kSortThreads) tsv_top_k_order(const TopKArguments a) {
  __shared__ SortMemory memory;
  const int64_t selection = blockIdx.x, row = selection / a.segments, at = selection * a.k;
  if (a.indices[at] < 0) return;
  const Pairs given = {a.keys + at, a.places + at};
  for (int64_t i = threadIdx.x; i < a.k; i += kSortThreads) {
    const int32_t index = a.indices[at + i];
    given.keys[i] = ~order_key(score_at(a.x, a.dtype, row * a.mask.n + index), a.largest != 0);
    given.places[i] = index;
  }
  const Pairs sorted = sort_pairs(given, {a.spare_keys + at, a.spare_places + at}, a.k, 32, memory);
  for (int64_t i = threadIdx.x; i < a.k; i += kSortThreads) {
    a.indices[at + i] = sorted.places[i];
    copy_score(a, row * a.mask.n + sorted.places[i], at + i);
  }
}
