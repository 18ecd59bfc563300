// bar.sync, bar.arrive and bar.red, by the PTX ISA's "Parallel Synchronization and Communication
// Instructions".
#include "machine.h"

namespace tsv_sim {

// True where the whole warp stands at the barrier. Where lanes are on paths of their own to the kernel's end,
// this one is parked until they exit or come too.
bool BlockMachine::all_arrive(RunningWarp& warp, const Instruction& instruction, uint32_t lanes) {
  if (lanes == warp.live) return true;
  Path& path = warp.paths.back();
  const bool independent = size_t(path.until) == kernel_.code.size() && lanes == path.lanes;
  bool others_run = false, together = true;
  for (const Path& other : warp.paths) {
    others_run = others_run || (&other != &path && !other.parked);
    together = together && other.pc == path.pc;
  }
  if (independent && others_run) {
    Path parked = path;
    parked.parked = true;
    warp.paths.pop_back();
    warp.paths.insert(warp.paths.begin(), parked);
    return false;
  }
  if (independent && together) {
    warp.paths.assign(1, Path{path.pc, path.until, warp.live, false});
    return true;
  }
  warp.raise(
      FaultKind::kDivergentBarrier, instruction, __builtin_ctz(lanes), 0,
      "lanes of its warp are elsewhere, such as lane " + std::to_string(__builtin_ctz(warp.live & ~lanes)));
  return false;
}

void BlockMachine::arrive(RunningWarp& warp, const Instruction& instruction, uint32_t lanes) {
  if (!all_arrive(warp, instruction, lanes)) return;
  lanes = warp.live;
  const BarrierKind kind = BarrierKind(instruction.mode);
  const int lane = __builtin_ctz(lanes);
  const size_t at = instruction.destinations;
  const uint32_t number = warp.lanes32(instruction.operands[at])[lane];
  const uint32_t threads = instruction.mode2 ? warp.lanes32(instruction.operands[at + 1])[lane] : 0;
  const uint32_t bit = 1u << warp.index;
  const auto fail = [&](const char* what) {
    warp.raise(FaultKind::kDivergentBarrier, instruction, lane, 0, what);
  };
  if (number >= 16) return fail("a block has barriers 0 to 15");
  if (threads % kLanes != 0) return fail("the count of threads is no multiple of 32");
  Barrier& barrier = barriers_[number];
  if (barrier.arrived & bit) return fail("the warp arrives twice");
  if (barrier.arrived && barrier.threads != threads) return fail("warps expect different counts of threads");
  barrier.threads = threads;
  barrier.arrived |= bit;
  ++counts_.barriers;
  ++warp.paths.back().pc;
  if (kind >= BarrierKind::kPopulation) {
    const uint32_t holds = warp.predicate(instruction.operands.back()) & lanes;
    barrier.population += uint32_t(__builtin_popcount(holds));
    barrier.all = barrier.all && holds == lanes;
    barrier.any = barrier.any || holds != 0;
  }
  if (kind != BarrierKind::kArrive) {
    barrier.waiting |= bit;
    warp.status = RunningWarp::kWaiting;
    warp.barrier = &instruction;
    warp.barrier_lanes = lanes;
  }
  complete_barriers();
}

// A barrier without a count is complete when all warps that have not exited are there.
void BlockMachine::complete_barriers() {
  uint32_t left = 0;
  for (const RunningWarp& warp : warps_) {
    if (warp.status != RunningWarp::kDone) left |= 1u << warp.index;
  }
  for (Barrier& barrier : barriers_) {
    if (barrier.arrived == 0) continue;
    const uint32_t there = uint32_t(__builtin_popcount(barrier.arrived)) * kLanes;
    if (barrier.threads == 0 ? (left & ~barrier.arrived) == 0 : there >= barrier.threads) complete(barrier);
  }
}

void BlockMachine::complete(Barrier& barrier) {
  memory_.barrier(barrier.arrived, barrier.waiting);
  for (RunningWarp& warp : warps_) {
    if (!(barrier.waiting >> warp.index & 1)) continue;
    warp.status = RunningWarp::kReady;
    const Instruction& instruction = *warp.barrier;
    const BarrierKind kind = BarrierKind(instruction.mode);
    if (kind == BarrierKind::kPopulation) {
      uint32_t* const d = warp.lanes32(instruction.operands[0]);
      for (uint32_t rest = warp.barrier_lanes; rest != 0; rest &= rest - 1)
        d[__builtin_ctz(rest)] = barrier.population;
    } else if (kind != BarrierKind::kSync) {
      const bool result = kind == BarrierKind::kAnd ? barrier.all : barrier.any;
      uint32_t& predicate = warp.predicates[instruction.operands[0].slot];
      predicate = (predicate & ~warp.barrier_lanes) | (result ? warp.barrier_lanes : 0);
    }
  }
  barrier = Barrier();
}

}  // namespace tsv_sim
