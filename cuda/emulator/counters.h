// What a launch did, summed over its warps. The machine fills the first part, the memory system the second.
#ifndef TOKENSIEVE_EMULATOR_COUNTERS_H
#define TOKENSIEVE_EMULATOR_COUNTERS_H
#include <stdint.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace tsv_sim {

struct InstructionCount {
  uint64_t warps = 0;    // times a warp issued it
  uint64_t threads = 0;  // lanes that executed it
};

// What the accesses of one PTX instruction came to.
struct AccessCounters {
  uint64_t requests = 0;
  uint64_t sectors = 0;     // of device memory
  uint64_t wavefronts = 0;  // of shared memory
};

// Requests are warp-wide accesses; sectors are the distinct 32-byte pieces that a request touches. Wavefronts
// are the passes of shared memory that a request takes, conflicts those among them that no bank conflict
// would need (bank_conflicts.h). The L2 is a model (cache.h), cold at the start of each launch, one for each
// host thread.
struct MemoryCounters {
  uint64_t global_load_requests = 0, global_load_sectors = 0, global_load_bytes = 0;
  uint64_t global_store_requests = 0, global_store_sectors = 0, global_store_bytes = 0;
  uint64_t global_atomic_requests = 0, global_atomic_sectors = 0, global_atomic_lanes = 0;
  uint64_t async_copy_requests = 0, async_copy_sectors = 0, async_copy_bytes = 0;
  uint64_t shared_load_requests = 0, shared_load_wavefronts = 0, shared_load_conflicts = 0;
  uint64_t shared_store_requests = 0, shared_store_wavefronts = 0, shared_store_conflicts = 0;
  uint64_t shared_atomic_requests = 0, shared_atomic_wavefronts = 0, shared_atomic_lanes = 0;
  uint64_t local_load_requests = 0, local_load_bytes = 0, local_store_requests = 0, local_store_bytes = 0;
  uint64_t matrix_products = 0;  // mma instructions
  uint64_t l2_hit_sectors = 0, l2_miss_sectors = 0;
  uint64_t dram_read_bytes = 0, dram_write_bytes = 0;
  std::map<std::string, std::map<int, AccessCounters>> lines;  // by kernel and line of the PTX text

  void add(const MemoryCounters& other);
  // The sums above by name, always in the same order: {"global_load_requests", 12} and so on.
  std::vector<std::pair<const char*, uint64_t>> list() const;
};

struct Counters {
  std::map<std::string, InstructionCount> mix;  // by opcode with its modifiers, such as "fma.rn.f32"
  uint64_t warp_instructions = 0;
  uint64_t thread_instructions = 0;
  uint64_t branches = 0, divergent_branches = 0;  // conditional and indexed branches that warps issued
  uint64_t barriers = 0;                          // arrivals of warps at bar.sync and its kin
  MemoryCounters memory;

  void add(const Counters& other);
  // Share of lanes at work over all instructions issued; 1 with none.
  double simd_efficiency() const {
    return warp_instructions ? double(thread_instructions) / (32.0 * double(warp_instructions)) : 1.0;
  }
};

}  // namespace tsv_sim
#endif
