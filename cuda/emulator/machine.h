// Runs one block after another: its warps, their barriers, and the order in which they take turns.
//
// A warp keeps a stack of paths, each a set of lanes at one place and the place where they meet the others
// again: the immediate post-dominator of the branch that parted them. Unlike running the lowest address
// first, that needs nothing of the order in which the compiler lays out its blocks, and never lets lanes that
// left a loop wait behind it for longer than the loop. Paths that meet again only at the kernel's end are
// independent: where one reaches a barrier, the others go on until they exit or reach it too.
#ifndef TOKENSIEVE_EMULATOR_MACHINE_H
#define TOKENSIEVE_EMULATOR_MACHINE_H
#include <stdint.h>

#include <memory>
#include <vector>

#include "emulator.h"
#include "random.h"
#include "warp.h"

namespace tsv_sim {

enum class BarrierKind : uint8_t { kSync, kArrive, kPopulation, kAnd, kOr };

struct Path {
  int32_t pc;
  int32_t until;
  uint32_t lanes;
  bool parked;  // at a barrier, until the independent paths get there
};

struct RunningWarp : Warp {
  enum Status : uint8_t { kReady, kWaiting, kDone } status = kReady;
  std::vector<Path> paths;
  const Instruction* barrier = nullptr;  // that it waits at
  uint32_t barrier_lanes = 0;
};

// One of the 16 barriers of a block. Warps are bits.
struct Barrier {
  uint32_t arrived = 0, waiting = 0;
  uint32_t threads = 0;  // expected; 0 for all of the block
  uint32_t population = 0;
  bool all = true, any = false;
};

// What the launches of one host thread count, by place in the code
struct MachineCounts {
  std::vector<InstructionCount> instructions;
  uint64_t branches = 0, divergent_branches = 0, barriers = 0;
  MemoryCounters memory;
};

class BlockMachine {
 public:
  BlockMachine(const Kernel& kernel, const LaunchConfig& config, const uint8_t* parameters,
               DeviceMemory& device);

  // Runs the block of that number to its end; false at a fault.
  bool run(uint64_t block);

  const Fault& fault() const { return block_.fault; }
  const MachineCounts& counts() const { return counts_; }

 private:
  void begin(uint64_t block);
  void fill_constants(RunningWarp& warp, bool specials);
  uint64_t fixed(const Constant& constant) const;
  uint32_t special(const Warp& warp, uint32_t which, uint32_t lane) const;
  RunningWarp* next_warp();
  void raise_deadlock();

  void run_warp(RunningWarp& warp, uint64_t instructions);
  // Executes from the top path's place until the path ends, waits or parts; returns instructions left.
  void branch(RunningWarp& warp, const Instruction& instruction, uint32_t taken);
  void branch_indexed(RunningWarp& warp, const Instruction& instruction, uint32_t lanes);
  void part(RunningWarp& warp, int32_t reconvergence, const std::vector<Path>& sides);
  void exit_lanes(RunningWarp& warp, uint32_t lanes);

  void arrive(RunningWarp& warp, const Instruction& instruction, uint32_t lanes);
  bool all_arrive(RunningWarp& warp, const Instruction& instruction, uint32_t lanes);
  void complete_barriers();
  void complete(Barrier& barrier);

  const Kernel& kernel_;
  const LaunchConfig& config_;
  const std::vector<bool> leads_to_exit_;
  Block block_;
  MachineCounts counts_;
  BlockMemory memory_;
  std::vector<RunningWarp> warps_;
  std::vector<uint8_t> registers_;
  std::vector<uint32_t> predicates_;
  Barrier barriers_[16];
  Random random_{0};
  uint64_t issued_ = 0;
  size_t last_warp_ = 0;
};

}  // namespace tsv_sim
#endif
