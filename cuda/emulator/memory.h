// Device memory, and the memory that one block sees: every access of a kernel is checked and counted here
// before the machine moves the data.
#ifndef TOKENSIEVE_EMULATOR_MEMORY_H
#define TOKENSIEVE_EMULATOR_MEMORY_H
#include <stddef.h>
#include <stdint.h>

#include <memory>

#include "counters.h"
#include "ptx.h"
#include "warp.h"

namespace tsv_sim {

// Device addresses are fake and not canonical on x86-64 or 64-bit Arm, so that the host faults on one it
// dereferences. In the generic space each state space has a window; the address within the space is the
// offset from the window.
constexpr uint64_t kDeviceBase = uint64_t(1) << 50;
constexpr uint64_t kSharedWindow = uint64_t(1) << 52;
constexpr uint64_t kLocalWindow = uint64_t(1) << 53;
constexpr uint64_t kParameterWindow = uint64_t(1) << 54;
constexpr uint64_t kWindowBytes = uint64_t(1) << 32;

// The memory of one device. Allocations are aligned to 256 bytes, lie apart, and keep their addresses for
// ever: a freed one is out of bounds. `read`, `write`, `fill` and `copy` return false, having done nothing,
// where the range does not lie in one allocation. Not to be changed by several threads at once, nor while a
// launch runs.
class DeviceMemory {
 public:
  explicit DeviceMemory(uint64_t capacity = uint64_t(1) << 34);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  uint64_t allocate(uint64_t size, bool read_only = false);  // 0: out of memory, or of size 0
  bool free(uint64_t address);                               // false: no allocation begins there
  bool write(uint64_t address, const void* host, uint64_t size);
  bool read(void* host, uint64_t address, uint64_t size) const;
  bool fill(uint64_t address, const void* pattern, uint32_t pattern_size, uint64_t count);
  bool copy(uint64_t destination, uint64_t source, uint64_t size);
  // The allocation around an address; false where there is none.
  bool find(uint64_t address, uint64_t* base, uint64_t* size) const;
  uint64_t used() const;
  uint64_t capacity() const;

 private:
  friend class BlockMemory;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

enum class AccessKind : uint8_t { kLoad, kStore, kAtomic, kReduction };

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
