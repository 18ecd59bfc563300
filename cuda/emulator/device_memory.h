// The memory of one device: allocations with a record of which bytes were ever written.
#ifndef TOKENSIEVE_EMULATOR_DEVICE_MEMORY_H
#define TOKENSIEVE_EMULATOR_DEVICE_MEMORY_H
#include <stddef.h>
#include <stdint.h>

#include <atomic>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>

#include "races.h"

namespace tsv_sim {

// Device addresses are fake and not canonical on x86-64 or 64-bit Arm, so that the host faults on one it
// dereferences. In the generic space each state space has a window; the address within the space is the
// offset from the window.
constexpr uint64_t kDeviceBase = uint64_t(1) << 50;
constexpr uint64_t kSharedWindow = uint64_t(1) << 52;
constexpr uint64_t kLocalWindow = uint64_t(1) << 53;
constexpr uint64_t kParameterWindow = uint64_t(1) << 54;
constexpr uint64_t kWindowBytes = uint64_t(1) << 32;

struct FreeBytes {
  void operator()(uint8_t* bytes) const;
};
using Bytes = std::unique_ptr<uint8_t[], FreeBytes>;

// Memory that kernels may touch: an allocation, or host memory that was registered.
struct Allocation {
  uint64_t base = 0, size = 0;
  bool read_only = false;  // for kernels
  uint8_t* data = nullptr;
  Bytes owned;        // what `data` points to, unless it is the host's
  Bytes initialised;  // a byte for each byte, 1 once it was written; null for the host's memory
  std::unique_ptr<GlobalHistory> history;
};

// Allocations are aligned to 256 bytes, lie a GiB apart at least, so that an index out of the range of one
// does not reach the next, and keep their addresses for ever: a freed one is out of bounds. `read`, `write`,
// `fill` and `copy` return false, having done nothing, where the range does not lie in one allocation:
// `explain` says why. Every function may be called from several threads; what a launch uses must not be freed
// before its end.
class DeviceMemory {
 public:
  // Addresses begin at `base`: those of two devices must not meet.
  explicit DeviceMemory(uint64_t capacity = uint64_t(1) << 34, uint64_t base = kDeviceBase);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  uint64_t allocate(uint64_t size, bool read_only = false);  // 0: out of memory, or of size 0
  bool free(uint64_t address);                               // false: no allocation begins there
  bool write(uint64_t address, const void* host, uint64_t size);
  // `uninitialised` takes the number of bytes that nothing has written.
  bool read(void* host, uint64_t address, uint64_t size, uint64_t* uninitialised = nullptr) const;
  bool fill(uint64_t address, const void* pattern, uint32_t pattern_size, uint64_t count);
  // What was not initialised in the source is not in the destination.
  bool copy(uint64_t destination, uint64_t source, uint64_t size);

  // Page-locked host memory: kernels reach it at its own address. It counts as initialised. False where it
  // overlaps memory that is registered, or where none begins.
  bool register_host(void* memory, uint64_t size);
  bool unregister_host(void* memory);

  // The allocation around an address; false where there is none.
  bool find(uint64_t address, uint64_t* base, uint64_t* size) const;
  // Why the range is not in one allocation, in words; "" if it is.
  std::string explain(uint64_t address, uint64_t size) const;
  uint64_t used() const;
  uint64_t capacity() const { return capacity_; }

  // For launches: the allocation around an address, or null; the number of a new launch, from 1.
  Allocation* allocation_around(uint64_t address);
  uint32_t begin_launch() { return ++launches_; }
  uint32_t launch() const { return launches_; }

 private:
  const Allocation* containing(uint64_t address, uint64_t size) const;

  const uint64_t capacity_;
  mutable std::shared_mutex mutex_;
  std::map<uint64_t, Allocation> allocations_;  // by base
  std::map<uint64_t, uint64_t> freed_;          // sizes of the latest, by base
  uint64_t next_;
  uint64_t used_ = 0;
  std::atomic<uint32_t> launches_{0};
};

}  // namespace tsv_sim
#endif
