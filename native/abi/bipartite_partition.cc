#include "abi/bipartite_partition.h"

#include <algorithm>

namespace tsv {
namespace {

// Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (2014): the same on every machine.
class SplitMix64 {
 public:
  explicit SplitMix64(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  int64_t below(int64_t n) { return int64_t(((next() >> 32) * uint64_t(n)) >> 32); }

 private:
  uint64_t state_;
};

// One destination in each whole block of the grid; cells past the last whole block are sources.
void mark_grid(const tsv_bipartite_match_args& a, uint8_t* destination) {
  const int64_t width = a.grid[1], high = a.stride[0], wide = a.stride[1];
  SplitMix64 random{uint64_t(a.seed)};
  for (int64_t y = 0; y + high <= a.grid[0]; y += high) {
    for (int64_t x = 0; x + wide <= width; x += wide) {
      const int64_t cell = a.seed < 0 ? 0 : random.below(high * wide);
      destination[(y + cell / wide) * width + x + cell % wide] = 1;
    }
  }
}

// The last of each `every` tokens, and what is left at the end.
void mark_every(int64_t every, int64_t n, uint8_t* destination) {
  const int64_t whole = n / every * every;
  for (int64_t i = every - 1; i < whole; i += every) destination[i] = 1;
  for (int64_t i = whole; i < n; ++i) destination[i] = 1;
}

// Makes sources of `count` free tokens, all of which stand as destinations.
void draw_sources(uint64_t seed, int64_t count, BipartiteSides* s) {
  SplitMix64 random(seed);
  for (int64_t i = 0; i < count; ++i) {
    std::swap(s->destinations[i], s->destinations[i + random.below(s->destination_count - i)]);
    s->side[s->destinations[i]] = kSource;
  }
}

void list_sides(int64_t n, BipartiteSides* s) {
  s->source_count = s->destination_count = s->present = 0;
  for (int64_t i = 0; i < n; ++i) {
    s->present += s->side[i] != kAbsent;
    if (s->side[i] == kSource) s->sources[s->source_count++] = int32_t(i);
    if (s->side[i] == kDestination) s->destinations[s->destination_count++] = int32_t(i);
  }
}

}  // namespace

void check_partition(Check& check, const tsv_bipartite_match_args& a, int64_t n) {
  check.that(a.r >= 0, TSV_ARG_R, TSV_E_RANGE, "an integer from 0", double(a.r));
  check.range(TSV_ARG_PARTITION, a.partition, TSV_PARTITION_ALTERNATE, TSV_PARTITION_EVERY);
  if (a.partition == TSV_PARTITION_GRID) {
    for (int i = 0; i < 2; ++i) check.range(TSV_ARG_PARTITION_STRIDE, a.stride[i], 1, INT32_MAX);
    for (int i = 0; i < 2; ++i) check.range(TSV_ARG_PARTITION_GRID, a.grid[i], 0, INT32_MAX);
    if (check.failed()) return;
    const int64_t cells = a.grid[0] * a.grid[1];
    if (cells != n) check.range(TSV_ARG_PARTITION_GRID, cells, n, n);
  }
  if (a.partition == TSV_PARTITION_RANDOM) {
    check.that(a.seed >= 0, TSV_ARG_PARTITION_SEED, TSV_E_RANGE, "an integer from 0", double(a.seed));
  }
  if (a.partition == TSV_PARTITION_EVERY) check.range(TSV_ARG_PARTITION_EVERY, a.every, 1, INT32_MAX);
}

void mark_destinations(const tsv_bipartite_match_args& a, int64_t n, uint8_t* destination) {
  memset(destination, a.partition == TSV_PARTITION_RANDOM ? 1 : 0, size_t(n));
  for (int64_t i = 1; i < n && a.partition == TSV_PARTITION_ALTERNATE; i += 2) destination[i] = 1;
  if (a.partition == TSV_PARTITION_GRID) mark_grid(a, destination);
  if (a.partition == TSV_PARTITION_EVERY) mark_every(a.every, n, destination);
}

void draw_seeds(uint64_t seed, int64_t items, uint64_t* seeds) {
  SplitMix64 random(seed);
  for (int64_t b = 0; b < items; ++b) seeds[b] = random.next();
}

void choose_sides(const tsv_bipartite_match_args& a, const View& mask, const View& lengths, int64_t items,
                  int64_t n, const uint8_t* destination, BipartiteSides* sides) {
  const bool random = a.partition == TSV_PARTITION_RANDOM;
  SplitMix64 seeds{uint64_t(a.seed)};
  for (int64_t b = 0; b < items; ++b) {
    BipartiteSides& s = sides[b];
    const TokenMask state(mask, lengths, b, n);
    int64_t kept = 0;
    for (int64_t i = 0; i < n; ++i) {
      const int token = state[i];
      kept += token == 1;
      s.side[i] = token == 2       ? kAbsent
                  : token == 1     ? destination[i] ? kKeptDestination : kKeptSource
                  : destination[i] ? kDestination
                                   : kSource;
    }
    list_sides(n, &s);
    if (random) {
      s.merges = std::min(a.r, std::max<int64_t>(0, s.destination_count - 1));
      draw_sources(seeds.next(), s.merges, &s);
      list_sides(n, &s);
    } else {
      const bool alternate = a.partition == TSV_PARTITION_ALTERNATE;
      s.merges = std::min(a.r, alternate ? (s.present - kept) / 2 : s.source_count);
      s.merges = std::min(s.merges, s.source_count);
    }
    if (s.destination_count == 0) s.merges = 0;
  }
}

}  // namespace tsv
