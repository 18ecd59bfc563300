#include "cache.h"

#include <stdlib.h>

#include <algorithm>

#include "coalescing.h"

namespace tsv_sim {

void CacheModel::Free::operator()(void* memory) const { free(memory); }

// calloc, since the parts of a large table that no launch reaches then cost nothing.
CacheModel::CacheModel(uint64_t bytes, uint32_t ways)
    : sets_(std::max<uint64_t>(1, bytes / kLine / ways)),
      ways_(ways),
      lines_(static_cast<uint64_t*>(calloc(sets_ * ways, sizeof(uint64_t)))),
      table_(static_cast<Way*>(calloc(sets_ * ways, sizeof(Way)))) {
  if (!lines_ || !table_) abort();
}

void CacheModel::access(uint64_t line, uint32_t sectors, Use use, MemoryCounters* counters) {
  const uint64_t set = line % sets_ * ways_;
  uint64_t* const lines = lines_.get() + set;
  Way* const ways = table_.get() + set;
  auto found = uint32_t(std::find(lines, lines + ways_, line + 1) - lines);
  if (found == ways_) {
    const auto older = [](const Way& a, const Way& b) { return a.used < b.used; };
    found = uint32_t(std::min_element(ways, ways + ways_, older) - ways);
    lines[found] = line + 1;
    ways[found] = {0, 0, 0};
  }
  Way* const way = ways + found;
  way->used = ++time_;
  const uint32_t misses = sectors & ~way->valid;
  constexpr uint8_t kBits[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
  const auto count = [&](uint32_t four) { return uint64_t(kBits[four & 15]); };
  counters->l2_hit_sectors += count(sectors & way->valid);
  counters->l2_miss_sectors += count(misses);
  if (use != Use::kStore) counters->dram_read_bytes += kSector * count(misses);
  way->valid |= uint8_t(sectors);
  if (use == Use::kLoad) return;
  counters->dram_write_bytes += kSector * count(sectors & ~way->dirty);
  way->dirty |= uint8_t(sectors);
}

}  // namespace tsv_sim
