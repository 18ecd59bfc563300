// An emulated device: its memory, and who holds what of it.
#ifndef TOKENSIEVE_CUDASIM_DEVICE_H
#define TOKENSIEVE_CUDASIM_DEVICE_H
#include <stdint.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "../memory.h"
#include "architecture.h"
#include "types.h"

namespace cudasim {

class Context;
struct Pool;

// Memory handed out in stream order. The numbers change under the mutex of the device's account.
struct Pool {
  int device = 0;
  uint64_t most_bytes = 0;  // 0: no limit of its own
  uint64_t release_threshold = 0;
  int reuse[3] = {1, 1, 1};
  uint64_t used = 0, used_high = 0;
};

// What a client has allocated.
struct Allocation {
  uint64_t address = 0, bytes = 0;
  Context* context = nullptr;
  std::shared_ptr<Pool> pool;  // null: from cuMemAlloc
  bool freed = false;          // by the client; a stream has yet to get there
};

class Device {
 public:
  explicit Device(int ordinal);

  const int ordinal;
  const Architecture& architecture;
  tsv_sim::DeviceMemory memory;
  // Held by the operation that works on the memory: one at a time.
  std::mutex work;

  // The client's account, which changes when the client asks and not when a stream gets there. 0: no room.
  uint64_t allocate(uint64_t bytes, Context& context, const std::shared_ptr<Pool>& pool);
  // The allocation around an address, unless the client has freed it; false if there is none.
  bool find(uint64_t address, Allocation* allocation);
  // Whether a range lies in one allocation that is not freed, in the variables of a module, or in page-locked
  // memory of the host.
  bool holds(uint64_t address, uint64_t bytes);
  // Marks the allocation that begins at `address` as freed. False where there is none, or where it must be
  // of a pool and is not.
  bool give_back(uint64_t address, bool pooled_only, Allocation* allocation);
  // Frees the memory of one that was given back.
  void release(uint64_t address);
  // Frees everything of a context.
  void release_all(const Context& context);
  void count(uint64_t* allocations, uint64_t* bytes);
  void read_use(const Pool& pool, uint64_t* used, uint64_t* high);
  void reset_high(Pool& pool);

  const std::shared_ptr<Pool>& default_pool() const { return default_pool_; }
  Handle default_pool_handle() const { return default_pool_handle_; }

  std::atomic<int> failure{kSuccess};  // of its last context: hardware needs a new process
  // Under the mutex of the primary contexts: contexts.cc
  std::shared_ptr<Context> primary;
  int retained = 0;

 private:
  std::mutex account_;
  std::map<uint64_t, Allocation> allocations_;
  std::shared_ptr<Pool> default_pool_;
  Handle default_pool_handle_;
};

// Made by cuInit; none before it.
std::vector<std::unique_ptr<Device>>& devices();

}  // namespace cudasim
#endif
