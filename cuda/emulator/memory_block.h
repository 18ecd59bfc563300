// The parts of a block's memory.
#ifndef TOKENSIEVE_EMULATOR_MEMORY_BLOCK_H
#define TOKENSIEVE_EMULATOR_MEMORY_BLOCK_H
#include <vector>

#include "async_copy.h"
#include "memory.h"
#include "memory_global.h"
#include "shared_memory.h"

namespace tsv_sim {

struct BlockMemory::Impl {
  Impl(const Kernel& kernel, DeviceMemory& device, uint32_t dynamic_shared, uint32_t threads,
       const uint8_t* parameters, MemoryCounters* counters);

  // The space that a named or generic address lies in, with the addresses as the space counts them.
  bool access(const Access& access, uint8_t* host[kLanes]);
  bool generic(const Access& access, uint8_t* host[kLanes]);
  bool local(const Access& access, uint8_t* host[kLanes]);
  bool parameter(const Access& access, uint8_t* host[kLanes]);

  const Kernel& kernel;
  const uint8_t* parameters;
  MemoryCounters* counters;
  GlobalMemory global;
  SharedMemory shared;
  std::vector<AsyncCopies> copies;                     // of each warp
  std::vector<uint8_t> local_data, local_initialised;  // of each thread, one after another
  std::vector<AccessCounters*> lines;  // of each instruction, in counters->lines; null until it accesses
  bool checks = true;
};

}  // namespace tsv_sim
#endif
