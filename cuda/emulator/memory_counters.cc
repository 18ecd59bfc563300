#include "counters.h"

namespace tsv_sim {
namespace {

struct Sum {
  const char* name;
  uint64_t MemoryCounters::*value;
};

#define TSV_SUM(name) \
  { \
#name, &MemoryCounters::name \
  }
constexpr Sum kSums[] = {
    TSV_SUM(global_load_requests),   TSV_SUM(global_load_sectors),      TSV_SUM(global_load_bytes),
    TSV_SUM(global_store_requests),  TSV_SUM(global_store_sectors),     TSV_SUM(global_store_bytes),
    TSV_SUM(global_atomic_requests), TSV_SUM(global_atomic_sectors),    TSV_SUM(global_atomic_lanes),
    TSV_SUM(async_copy_requests),    TSV_SUM(async_copy_sectors),       TSV_SUM(async_copy_bytes),
    TSV_SUM(shared_load_requests),   TSV_SUM(shared_load_wavefronts),   TSV_SUM(shared_load_conflicts),
    TSV_SUM(shared_store_requests),  TSV_SUM(shared_store_wavefronts),  TSV_SUM(shared_store_conflicts),
    TSV_SUM(shared_atomic_requests), TSV_SUM(shared_atomic_wavefronts), TSV_SUM(shared_atomic_lanes),
    TSV_SUM(local_load_requests),    TSV_SUM(local_load_bytes),         TSV_SUM(local_store_requests),
    TSV_SUM(local_store_bytes),      TSV_SUM(matrix_products),          TSV_SUM(l2_hit_sectors),
    TSV_SUM(l2_miss_sectors),        TSV_SUM(dram_read_bytes),          TSV_SUM(dram_write_bytes),
};
#undef TSV_SUM

}  // namespace

void MemoryCounters::add(const MemoryCounters& other) {
  for (const Sum& sum : kSums) this->*sum.value += other.*sum.value;
  for (const auto& [kernel, kernel_lines] : other.lines) {
    for (const auto& [line, accesses] : kernel_lines) {
      AccessCounters& mine = lines[kernel][line];
      mine.requests += accesses.requests;
      mine.sectors += accesses.sectors;
      mine.wavefronts += accesses.wavefronts;
    }
  }
}

std::vector<std::pair<const char*, uint64_t>> MemoryCounters::list() const {
  std::vector<std::pair<const char*, uint64_t>> named;
  for (const Sum& sum : kSums) named.emplace_back(sum.name, this->*sum.value);
  return named;
}

}  // namespace tsv_sim
