#include "cache.h"

#include <stdlib.h>

#include <algorithm>

#include "coalescing.h"

namespace tsv_sim {

void CacheModel::Free::operator()(Way* ways) const { free(ways); }

// calloc, since the parts of a large table that no launch reaches then cost nothing.
CacheModel::CacheModel(uint64_t bytes, uint32_t ways)
    : sets_(std::max<uint64_t>(1, bytes / kLine / ways)),
      ways_(ways),
      table_(static_cast<Way*>(calloc(sets_ * ways, sizeof(Way)))) {
  if (!table_) abort();
}

void CacheModel::access(uint64_t line, uint32_t sectors, Use use, MemoryCounters* counters) {
  Way* const set = table_.get() + line % sets_ * ways_;
  Way* way = std::find_if(set, set + ways_, [&](const Way& w) { return w.line_from_1 == line + 1; });
  if (way == set + ways_) {
    way = std::min_element(set, set + ways_, [](const Way& a, const Way& b) { return a.used < b.used; });
    *way = {line + 1, 0, 0, 0};
  }
  way->used = ++time_;
  const uint32_t misses = sectors & ~way->valid;
  const auto count = [](uint32_t bits) { return uint64_t(__builtin_popcount(bits)); };
  counters->l2_hit_sectors += count(sectors & way->valid);
  counters->l2_miss_sectors += count(misses);
  if (use != Use::kStore) counters->dram_read_bytes += kSector * count(misses);
  way->valid |= sectors;
  if (use == Use::kLoad) return;
  counters->dram_write_bytes += kSector * count(sectors & ~way->dirty);
  way->dirty |= sectors;
}

}  // namespace tsv_sim
