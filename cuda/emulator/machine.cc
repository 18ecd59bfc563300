#include "machine.h"

#include <string.h>

#include "control_flow.h"
#include "slots.h"

namespace tsv_sim {
namespace {

constexpr uint64_t kTurn = 4096;  // instructions of a warp before another takes its turn, in the plain order
constexpr uint64_t kDrawnTurn = 512;  // the most in a drawn one

}  // namespace

BlockMachine::BlockMachine(const Kernel& kernel, const LaunchConfig& config, const uint8_t* parameters,
                           DeviceMemory& device)
    : kernel_(kernel),
      config_(config),
      leads_to_exit_(leads_to_exit(kernel)),
      memory_(kernel, device, config.dynamic_shared, config.block[0] * config.block[1] * config.block[2],
              parameters, &counts_.memory) {
  block_.kernel = &kernel;
  block_.config = &config;
  block_.parameters = parameters;
  block_.memory = &memory_;
  block_.counters = &counts_.memory;
  block_.threads = config.block[0] * config.block[1] * config.block[2];
  counts_.instructions.resize(kernel.code.size());
  warps_.resize((block_.threads + kLanes - 1) / kLanes);
  constexpr size_t kAlignment = 128;
  registers_.resize(warps_.size() * kernel.register_bytes + kAlignment);
  predicates_.resize(warps_.size() * kernel.predicates);
  const size_t misaligned = reinterpret_cast<uintptr_t>(registers_.data()) % kAlignment;
  uint8_t* const registers = registers_.data() + (kAlignment - misaligned) % kAlignment;
  for (size_t i = 0; i < warps_.size(); ++i) {
    RunningWarp& warp = warps_[i];
    warp.registers = registers + i * kernel.register_bytes;
    warp.predicates = predicates_.data() + i * kernel.predicates;
    warp.block = &block_;
    warp.index = uint32_t(i);
    const uint32_t left = block_.threads - uint32_t(i) * kLanes;
    warp.existing = left >= kLanes ? kAllLanes : (1u << left) - 1;
    fill_constants(warp, false);
  }
}

void BlockMachine::begin(uint64_t block) {
  const uint32_t* const grid = config_.grid;
  block_.index[0] = uint32_t(block % grid[0]);
  block_.index[1] = uint32_t(block / grid[0] % grid[1]);
  block_.index[2] = uint32_t(block / grid[0] / grid[1]);
  random_ = Random(config_.seed * 0x2545f4914f6cdd1dull + block);
  for (Barrier& barrier : barriers_) barrier = Barrier();
  memory_.begin(block_);
  issued_ = 0;
  last_warp_ = warps_.size() - 1;
  for (RunningWarp& warp : warps_) {
    warp.live = warp.existing;
    warp.status = RunningWarp::kReady;
    warp.clock = 0;
    warp.paths.assign(1, Path{0, int32_t(kernel_.code.size()), warp.existing, false});
    warp.predicates[kTruePredicate] = kAllLanes;
    warp.predicates[kFalsePredicate] = 0;
    memset(warp.registers + kernel_.constant_bytes, 0, kernel_.register_bytes - kernel_.constant_bytes);
    fill_constants(warp, true);
  }
}

// Immediates and addresses never change; special registers may with the block.
void BlockMachine::fill_constants(RunningWarp& warp, bool specials) {
  for (const Constant& constant : kernel_.constants) {
    if ((constant.kind == Constant::kSpecial) != specials) continue;
    for (uint32_t lane = 0; lane < uint32_t(kLanes); ++lane) {
      const uint64_t value = specials ? special(warp, uint32_t(constant.value), lane) : fixed(constant);
      if (constant.wide)
        warp.lanes<uint64_t>(constant.slot)[lane] = value;
      else
        warp.lanes<uint32_t>(constant.slot)[lane] = uint32_t(value);
    }
  }
}

uint64_t BlockMachine::fixed(const Constant& constant) const {
  switch (constant.kind) {
    case Constant::kVariable:
      return kernel_.module->variables[constant.value].address + constant.addend;
    case Constant::kDynamicShared:
      return kernel_.dynamic_shared_base() + constant.addend;
    default:
      return constant.value;
  }
}

uint32_t BlockMachine::special(const Warp& warp, uint32_t which, uint32_t lane) const {
  const uint32_t *shape = config_.block, *grid = config_.grid;
  const uint32_t thread = warp.index * kLanes + lane, bit = 1u << lane;
  switch (Special(which)) {
    case Special::kTidX:
      return thread % shape[0];
    case Special::kTidY:
      return thread / shape[0] % shape[1];
    case Special::kTidZ:
      return thread / (shape[0] * shape[1]);
    case Special::kNtidX:
      return shape[0];
    case Special::kNtidY:
      return shape[1];
    case Special::kNtidZ:
      return shape[2];
    case Special::kCtaidX:
      return block_.index[0];
    case Special::kCtaidY:
      return block_.index[1];
    case Special::kCtaidZ:
      return block_.index[2];
    case Special::kNctaidX:
      return grid[0];
    case Special::kNctaidY:
      return grid[1];
    case Special::kNctaidZ:
      return grid[2];
    case Special::kLaneId:
      return lane;
    case Special::kWarpId:
      return warp.index;
    case Special::kNwarpId:
      return uint32_t(warps_.size());
    case Special::kSmId:
      return 0;
    case Special::kNsmId:
      return 1;
    case Special::kGridId:
      return 0;
    case Special::kLanemaskEq:
      return bit;
    case Special::kLanemaskLt:
      return bit - 1;
    case Special::kLanemaskLe:
      return (bit - 1) | bit;
    case Special::kLanemaskGt:
      return ~((bit - 1) | bit);
    case Special::kLanemaskGe:
      return ~(bit - 1);
    case Special::kDynamicSharedSize:
      return config_.dynamic_shared;
    case Special::kTotalSharedSize:
      return kernel_.dynamic_shared_base() + config_.dynamic_shared;
  }
  return 0;
}

// In the plain order the next that is ready, around; else any that is.
RunningWarp* BlockMachine::next_warp() {
  if (config_.seed == 0) {
    for (size_t step = 1; step <= warps_.size(); ++step) {
      const size_t at = (last_warp_ + step) % warps_.size();
      if (warps_[at].status != RunningWarp::kReady) continue;
      last_warp_ = at;
      return &warps_[at];
    }
    return nullptr;
  }
  uint64_t ready = 0;
  RunningWarp* chosen = nullptr;
  for (RunningWarp& warp : warps_) {
    if (warp.status == RunningWarp::kReady && random_.below(++ready) == 0) chosen = &warp;
  }
  return chosen;
}

void BlockMachine::raise_deadlock() {
  for (RunningWarp& warp : warps_) {
    if (warp.status != RunningWarp::kWaiting) continue;
    return warp.raise(FaultKind::kDeadlock, *warp.barrier, __builtin_ctz(warp.barrier_lanes), 0,
                      "every warp that is left waits at a barrier which the others do not reach");
  }
}

bool BlockMachine::run(uint64_t block) {
  begin(block);
  while (!block_.faulted()) {
    RunningWarp* const warp = next_warp();
    if (!warp) break;
    run_warp(*warp, config_.seed == 0 ? kTurn : 1 + random_.below(kDrawnTurn));
  }
  if (!block_.faulted()) raise_deadlock();
  return !block_.faulted();
}

void BlockMachine::run_warp(RunningWarp& warp, uint64_t instructions) {
  const Instruction* const code = kernel_.code.data();
  InstructionCount* const counts = counts_.instructions.data();
  while (instructions > 0 && warp.status == RunningWarp::kReady && !block_.faulted()) {
    Path& path = warp.paths.back();
    if (path.pc == path.until) {
      if (size_t(path.until) == kernel_.code.size())
        exit_lanes(warp, path.lanes);
      else
        warp.paths.pop_back();
      continue;
    }
    const Instruction& instruction = code[path.pc];
    const uint32_t guard = warp.predicates[instruction.guard];
    const uint32_t mask = path.lanes & (instruction.guard_negated ? ~guard : guard);
    counts[path.pc].warps += 1;
    counts[path.pc].threads += mask == kAllLanes ? kLanes : uint32_t(__builtin_popcount(mask));
    ++warp.clock;
    --instructions;
    if (++issued_ > config_.instruction_budget) {
      return warp.raise(FaultKind::kEndless, instruction, __builtin_ctz(path.lanes), 0,
                        "the block has spent its budget of instructions");
    }
    switch (instruction.flow) {
      case Flow::kNext:
      case Flow::kMayFault:
        ++path.pc;
        if (mask) instruction.execute(warp, instruction, mask);
        break;
      case Flow::kBranch:
        branch(warp, instruction, mask);
        break;
      case Flow::kIndexedBranch:
        branch_indexed(warp, instruction, mask);
        break;
      case Flow::kExit:
        ++path.pc;
        if (mask) exit_lanes(warp, mask);
        break;
      case Flow::kBarrier:
        if (mask)
          arrive(warp, instruction, mask);
        else
          ++path.pc;
        break;
    }
  }
}

void BlockMachine::branch(RunningWarp& warp, const Instruction& instruction, uint32_t taken) {
  Path& path = warp.paths.back();
  const uint32_t others = path.lanes & ~taken;
  if (instruction.guard != kTruePredicate) {
    ++counts_.branches;
    counts_.divergent_branches += taken != 0 && others != 0;
  }
  if (taken == 0)
    ++path.pc;
  else if (others == 0)
    path.pc = instruction.target;
  else
    part(warp, instruction.reconvergence,
         {{path.pc + 1, 0, others, false}, {instruction.target, 0, taken, false}});
}

void BlockMachine::branch_indexed(RunningWarp& warp, const Instruction& instruction, uint32_t lanes) {
  const auto& targets = kernel_.branch_targets[size_t(instruction.target)];
  const uint32_t* const index = warp.lanes32(instruction.operands[0]);
  const Path path = warp.paths.back();
  std::vector<Path> sides;
  if (path.lanes != lanes) sides.push_back({path.pc + 1, 0, path.lanes & ~lanes, false});
  for (uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    if (index[lane] >= targets.size()) {
      return warp.raise(FaultKind::kOutOfBounds, instruction, lane, index[lane],
                        "the index is behind the list of targets");
    }
    const int32_t target = targets[index[lane]];
    size_t at = 0;
    while (at < sides.size() && sides[at].pc != target) ++at;
    if (at == sides.size()) sides.push_back({target, 0, 0, false});
    sides[at].lanes |= 1u << lane;
  }
  ++counts_.branches;
  counts_.divergent_branches += sides.size() > 1;
  if (sides.size() == 1)
    warp.paths.back().pc = sides[0].pc;
  else
    part(warp, instruction.reconvergence, sides);
}

// The path becomes the one that goes on where its sides meet again, and the sides are run before it, one
// after another in an order drawn from the seed. A side that only exits goes first: a barrier behind need not
// wait for it.
void BlockMachine::part(RunningWarp& warp, int32_t reconvergence, const std::vector<Path>& sides) {
  std::vector<Path> order = sides;
  if (config_.seed != 0) {
    for (size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[random_.below(i + 1)]);
  }
  if (warp.paths.back().until == reconvergence)
    warp.paths.pop_back();
  else
    warp.paths.back().pc = reconvergence;
  for (const bool exits : {false, true}) {
    for (Path side : order) {
      if (side.pc == reconvergence && size_t(reconvergence) != kernel_.code.size()) continue;
      if (leads_to_exit_[size_t(side.pc)] != exits) continue;
      side.until = reconvergence;
      warp.paths.push_back(side);
    }
  }
}

void BlockMachine::exit_lanes(RunningWarp& warp, uint32_t lanes) {
  warp.live &= ~lanes;
  for (size_t i = warp.paths.size(); i-- > 0;) {
    warp.paths[i].lanes &= ~lanes;
    if (warp.paths[i].lanes == 0) warp.paths.erase(warp.paths.begin() + long(i));
  }
  if (warp.live != 0) return;
  warp.status = RunningWarp::kDone;
  memory_.exit(warp);
  complete_barriers();
}

}  // namespace tsv_sim
