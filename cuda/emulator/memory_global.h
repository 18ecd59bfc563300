// Device memory as the kernels of one launch see it.
#ifndef TOKENSIEVE_EMULATOR_MEMORY_GLOBAL_H
#define TOKENSIEVE_EMULATOR_MEMORY_GLOBAL_H
#include "cache.h"
#include "coalescing.h"
#include "memory.h"

namespace tsv_sim {

class GlobalMemory {
 public:
  GlobalMemory(DeviceMemory& device, MemoryCounters* counters)
      : device_(device), counters_(counters), launch_(device.launch()) {}

  // `block` counts the blocks of the grid, x first.
  void begin_block(uint32_t block, bool checks) {
    block_ = block;
    checks_ = checks;
  }
  // As BlockMemory::access, with addresses of device memory. `lines` takes the request of this instruction.
  bool access(const Access& access, uint8_t* host[kLanes], AccessCounters* line);

 private:
  bool check(const Access& access, Allocation& allocation, const Footprint& footprint);
  bool raise_out_of_bounds(const Access& access);
  void count(const Access& access, const Footprint& footprint, AccessCounters* line);
  Allocation* around(uint64_t low, uint64_t high);

  DeviceMemory& device_;
  MemoryCounters* counters_;
  CacheModel cache_;
  const uint32_t launch_;
  uint32_t block_ = 0;
  bool checks_ = true;
  Allocation* recent_[8] = {};  // found last, by a hash of the address
};

}  // namespace tsv_sim
#endif
