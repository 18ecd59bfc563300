// The two ends of a bipartite match (tokensieve.h, tsv_bipartite_match); between them lies the product of
// sources and destinations, kernels/similarity_argmax.cu, and after them kernels/slots.cu.
//
// bipartite_sides: which tokens may merge away and which may be merged into, where only the device has the
// mask. A block an item goes through its tokens, 256 at a time, and lists both sides in order by a scan. The
// shuffle of the random partition is one thread's: each of its r swaps waits for the last, as long as L2
// takes.
//
// bipartite_merge: a block an item. The key of the last source that merges is found 8 bits at a time, by a
// histogram of those that share the bits above: exact, since a key holds the similarity and the place, and no
// two are equal. Then slots are numbered by a scan: the sources that stay, the destinations; or every token
// when nothing merges.
//
// Eight passes over the sources' similarities and four over the tokens, 4 to 9 bytes each, by one SM: latency
// is the limit, and up to 132 items of an H100 share it. Model for its 3.35 TB/s: 32 x 577 tokens, 1.3 MB,
// take 0.4 us by bytes, which the passes' chain of barriers hides. 1.2 KB of shared memory.
#include "scan.cuh"
#include "similarity.cuh"

namespace tsv {
namespace cuda {

constexpr int kMatchThreads = 256;

// As abi/bipartite_partition.h.
enum Side : uint8_t { kAbsent, kSource, kDestination, kKeptSource, kKeptDestination };

__device__ inline bool in_source_set(uint8_t side) { return side == kSource || side == kKeptSource; }
__device__ inline bool in_destination_set(uint8_t side) {
  return side == kDestination || side == kKeptDestination;
}

// Steele, Lea and Flood (2014), as abi/bipartite_partition.cc.
class SplitMix64 {
 public:
  __device__ explicit SplitMix64(uint64_t seed) : state_(seed) {}
  __device__ uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  __device__ int64_t below(int64_t n) { return int64_t(((next() >> 32) * uint64_t(n)) >> 32); }

 private:
  uint64_t state_;
};

// body(token, how many before it were chosen) for each token of n that choose(token) is true of; returns how
// many are. All threads of a block.
template <class Choose, class Body>
__device__ inline int for_each_chosen(int n, ScanMemory<int>& memory, const Choose& choose,
                                      const Body& body) {
  int before = 0;
  for (int first = 0; first < n; first += kMatchThreads) {
    const int i = first + int(threadIdx.x);
    const bool chosen = i < n && choose(i);
    int total;
    const int place = before + block_exclusive_sum(int(chosen), memory, &total);
    if (chosen) body(i, place);
    before += total;
  }
  __syncthreads();
  return before;
}

// The sides of one item.
struct ItemSides {
  uint8_t* side;
  int32_t *sources, *destinations;
  int n;
  __device__ ItemSides(const BipartiteSides& s, int64_t item)
      : side(s.side + item * s.n),
        sources(s.sources + item * s.n),
        destinations(s.destinations + item * s.n),
        n(s.n) {}
};

struct SideCounts {
  int sources, destinations;
};

__device__ inline SideCounts list_sides(const ItemSides& s, ScanMemory<int>& memory) {
  const int sources = for_each_chosen(
      s.n, memory, [&](int i) { return s.side[i] == kSource; },
      [&](int i, int place) { s.sources[place] = i; });
  const int destinations = for_each_chosen(
      s.n, memory, [&](int i) { return s.side[i] == kDestination; },
      [&](int i, int place) { s.destinations[place] = i; });
  return {sources, destinations};
}

// The key of the `wanted`-th greatest of `count` keys.
template <class KeyOf>
__device__ inline Key select_key(int count, int wanted, ScanMemory<int>& memory, const KeyOf& key_of) {
  __shared__ int counters[kMatchThreads];
  __shared__ int digit, above;
  Key prefix = 0;
  for (int shift = 56; shift >= 0; shift -= 8) {
    counters[threadIdx.x] = 0;
    __syncthreads();
    for (int i = int(threadIdx.x); i < count; i += kMatchThreads) {
      const Key key = key_of(i);
      const bool shares = shift == 56 || key >> (shift + 8) == prefix >> (shift + 8);
      if (shares) atomicAdd(&counters[255 - int(key >> shift & 255)], 1);
    }
    __syncthreads();
    int total;
    const int here = counters[threadIdx.x], before = block_exclusive_sum(here, memory, &total);
    if (before < wanted && wanted <= before + here) {
      digit = 255 - int(threadIdx.x);
      above = before;
    }
    __syncthreads();
    prefix |= Key(digit) << shift;
    wanted -= above;
    __syncthreads();
  }
  return prefix;
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(256, 4) tsv_bipartite_sides(const BipartiteSidesArguments a) {
  __shared__ ScanMemory<int> memory;
  const int64_t item = blockIdx.x;
  const ItemSides s(a.sides, item);
  int kept = 0, present = 0;
  for (int i = int(threadIdx.x); i < s.n; i += kMatchThreads) {
    const int state = token_state(a.mask, item, i);
    const bool destination = a.destination[i] != 0;
    kept += state == 1;
    present += state != 2;
    s.side[i] = state == 2    ? kAbsent
                : state == 1  ? destination ? kKeptDestination : kKeptSource
                : destination ? kDestination
                              : kSource;
  }
  kept = block_sum(kept, memory);
  present = block_sum(present, memory);
  SideCounts counts = list_sides(s, memory);
  int64_t merges;
  if (a.seeds != nullptr) {
    const int64_t most = counts.destinations > 1 ? counts.destinations - 1 : 0;
    merges = a.r < most ? a.r : most;
    if (threadIdx.x == 0) {
      SplitMix64 random(a.seeds[item]);
      for (int64_t i = 0; i < merges; ++i) {
        const int64_t other = i + random.below(counts.destinations - i);
        const int32_t drawn = s.destinations[other];
        s.destinations[other] = s.destinations[i];
        s.side[drawn] = kSource;
      }
    }
    __syncthreads();
    counts = list_sides(s, memory);
  } else {
    const int64_t most = a.alternate != 0 ? (present - kept) / 2 : counts.sources;
    merges = a.r < most ? a.r : most;
    merges = merges < counts.sources ? merges : counts.sources;
  }
  if (counts.destinations == 0) merges = 0;
  if (threadIdx.x != 0) return;
  a.sides.merges[item] = int32_t(merges);
  a.sides.row_counts[item] = merges > 0 ? counts.sources : 0;
  a.sides.column_counts[item] = counts.destinations;
}

extern "C" __global__ void __launch_bounds__(256, 4) tsv_bipartite_merge(const BipartiteMergeArguments a) {
  __shared__ ScanMemory<int> memory;
  const int64_t item = blockIdx.x;
  const ItemSides s(a.sides, item);
  const float* similarity = a.similarity + item * a.most_sources;
  const int32_t* best = a.best + item * a.most_sources;
  int32_t *merged = a.merged + item * s.n, *owner = a.assignment + item * s.n;
  const int sources = a.sides.row_counts[item], merges = a.sides.merges[item];
  for (int i = int(threadIdx.x); i < s.n; i += kMatchThreads) merged[i] = -1;
  __syncthreads();
  bool any = false;
  if (merges > 0) {
    const auto key_of = [&](int place) { return make_key(similarity[place], place); };
    const Key last = select_key(sources, merges, memory, key_of);
    for (int place = int(threadIdx.x); place < sources; place += kMatchThreads) {
      if (key_of(place) < last) continue;
      if (!isnan(a.threshold) && !(double(similarity[place]) >= a.threshold)) continue;
      merged[s.sources[place]] = s.destinations[best[place]];
      any = true;
    }
  }
  any = __syncthreads_or(any) != 0;
  int slots;
  if (any) {
    const auto number = [&](int first, auto&& choose) {
      return first +
             for_each_chosen(s.n, memory, choose, [&](int i, int place) { owner[i] = first + place; });
    };
    slots = number(0, [&](int i) { return in_source_set(s.side[i]) && merged[i] < 0; });
    slots = number(slots, [&](int i) { return in_destination_set(s.side[i]); });
  } else {
    slots = for_each_chosen(
        s.n, memory, [&](int i) { return s.side[i] != kAbsent; },
        [&](int i, int place) { owner[i] = place; });
  }
  for (int i = int(threadIdx.x); i < s.n; i += kMatchThreads) {
    if (s.side[i] == kAbsent) owner[i] = -1;
    if (merged[i] >= 0) owner[i] = owner[merged[i]];
  }
  if (threadIdx.x == 0) a.output_lengths[item] = slots;
}
