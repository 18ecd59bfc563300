// The memory that one block sees: every access of a kernel is checked and counted here before the machine
// moves the data.
#ifndef TOKENSIEVE_EMULATOR_MEMORY_H
#define TOKENSIEVE_EMULATOR_MEMORY_H
#include <stddef.h>
#include <stdint.h>

#include <memory>

#include "counters.h"
#include "device_memory.h"
#include "ptx.h"
#include "warp.h"

namespace tsv_sim {

// kCopy: what an asynchronous copy reads
enum class AccessKind : uint8_t { kLoad, kStore, kAtomic, kReduction, kCopy };

// One warp-wide access.
struct Access {
  Warp* warp = nullptr;
  const Instruction* instruction = nullptr;
  AccessKind kind = AccessKind::kLoad;
  Space space = Space::kGeneric;  // as the instruction says; generic addresses are resolved lane by lane
  uint32_t bytes = 0;             // of one lane, the whole vector: 1 to 32
  uint32_t mask = 0;              // lanes that take part, never 0
  const uint64_t* address =
      nullptr;  // [32]; within the window for named spaces other than global and constant
};

// The memory that the threads of one block see: device memory, shared memory, each thread's local memory, and
// the asynchronous copies under way. One object serves the blocks that a host thread runs, one after another.
class BlockMemory {
 public:
  BlockMemory(const Kernel& kernel, DeviceMemory& device, uint32_t dynamic_shared, uint32_t threads,
              const uint8_t* parameters, MemoryCounters* counters);
  ~BlockMemory();
  BlockMemory(const BlockMemory&) = delete;
  BlockMemory& operator=(const BlockMemory&) = delete;

  // A new block: shared and local memory are uninitialised again, no copy is under way.
  void begin(const Block& block);

  // Checks and counts the access and gives the host's address of each lane's bytes: the machine (or the
  // executor of a matrix instruction) then loads, stores or updates there, for the lanes in `mask`. A store
  // counts as done, its bytes as initialised. False, with the fault raised on the warp, where the access is
  // not allowed.
  bool access(const Access& access, uint8_t* host[kLanes]);

  // A barrier is complete: what the warps in `arrived` did before happens before what those in `waited` do
  // after. Bits are warps of the block.
  void barrier(uint32_t arrived, uint32_t waited);
  // The lanes of one warp have met (bar.warp.sync and every .sync instruction).
  void warp_barrier(const Warp& warp, uint32_t lanes);
  // All lanes of the warp have exited.
  void exit(const Warp& warp);

  // For async_copy.cc: the state of copies under way.
  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace tsv_sim
#endif
