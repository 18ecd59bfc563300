// The shared memory of a block.
#ifndef TOKENSIEVE_EMULATOR_SHARED_MEMORY_H
#define TOKENSIEVE_EMULATOR_SHARED_MEMORY_H
#include <vector>

#include "memory.h"
#include "races.h"

namespace tsv_sim {

struct Footprint;

class SharedMemory {
 public:
  SharedMemory(uint32_t size, uint32_t warps, MemoryCounters* counters);

  void begin_block(bool checks);
  SharedHistory& history() { return history_; }
  // As BlockMemory::access, with offsets from the start of shared memory as addresses.
  bool access(const Access& access, uint8_t* host[kLanes], AccessCounters* line);

  // Asynchronous copies: their destination counts as written from the start, and nobody may touch it until
  // the bytes arrive, when it counts as written again: it is that moment which a barrier must follow.
  bool begin_copy(const Access& destination);
  void finish_copy(uint32_t warp, int lane, uint32_t offset, const uint8_t* data, uint32_t size);

 private:
  bool check_bounds(const Access& access) const;
  bool check(const Access& access, const Footprint& footprint);
  bool check_lanes(const Access& access, const Footprint& footprint);
  void set_lanes(const Access& access, bool several);
  void count(const Access& access, const Footprint& footprint, AccessCounters* line);

  MemoryCounters* counters_;
  std::vector<uint8_t> data_, initialised_;  // initialised: a byte for each byte, 1 once it was written
  std::vector<uint8_t> arriving_;            // 1 for the bytes of copies under way
  uint64_t copying_ = 0;                     // how many there are
  SharedHistory history_;
  bool checks_ = true;
};

}  // namespace tsv_sim
#endif
