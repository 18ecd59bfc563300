// The asynchronous copies of a warp (cp.async), from their issue to the wait that finishes them.
#ifndef TOKENSIEVE_EMULATOR_ASYNC_COPY_H
#define TOKENSIEVE_EMULATOR_ASYNC_COPY_H
#include <stdint.h>

#include <vector>

#include "shared_memory.h"

namespace tsv_sim {

// What one instruction copies: the bytes are read when it is issued, and put in place when its thread waits.
struct AsyncCopy {
  uint32_t lanes = 0;       // whose bytes are still under way
  uint32_t bytes = 0;       // of each lane
  uint32_t offset[kLanes];  // in shared memory
  uint64_t group[kLanes];   // the thread's group that it belongs to, from 0
  uint8_t data[kLanes][16];
};

class AsyncCopies {
 public:
  void begin_block();
  // A copy that joins the group which each of its lanes commits next.
  void add(AsyncCopy copy);
  void commit(uint32_t lanes);
  // Finishes what the lanes have copied but for their `pending` latest groups.
  void wait(uint32_t lanes, uint32_t pending, uint32_t warp, SharedMemory* shared);
  // Finishes all, committed or not.
  void wait_all(uint32_t lanes, uint32_t warp, SharedMemory* shared);

 private:
  void finish(uint32_t lanes, const uint64_t limit[kLanes], uint32_t warp, SharedMemory* shared);

  uint64_t committed_[kLanes] = {};  // groups of each lane
  std::vector<AsyncCopy> copies_;
};

}  // namespace tsv_sim
#endif
