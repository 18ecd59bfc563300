// A warp's registers and the block around it: what executors of instructions see.
#ifndef TOKENSIEVE_EMULATOR_WARP_H
#define TOKENSIEVE_EMULATOR_WARP_H
#include <stdint.h>

#include <string>

#include "counters.h"
#include "fault.h"
#include "ptx.h"

namespace tsv_sim {

constexpr int kLanes = 32;
constexpr uint32_t kAllLanes = 0xffffffffu;

class BlockMemory;
struct LaunchConfig;

// The block that a host thread runs at the moment.
struct Block {
  const Kernel* kernel = nullptr;
  const LaunchConfig* config = nullptr;
  const uint8_t* parameters = nullptr;
  BlockMemory* memory = nullptr;
  MemoryCounters* counters = nullptr;
  uint32_t index[3] = {};  // %ctaid
  uint32_t threads = 0;    // of a block
  Fault fault;             // the first one; the machine stops the block when it is set

  bool faulted() const { return bool(fault); }
};

struct Warp {
  uint8_t* registers = nullptr;    // slots of 32 lanes: 128 bytes for 32-bit values, 256 for 64-bit ones
  uint32_t* predicates = nullptr;  // a bit for each lane
  Block* block = nullptr;
  uint32_t index = 0;             // in its block
  uint32_t existing = kAllLanes;  // lanes that have a thread: the block's last warp may have fewer
  uint32_t live = kAllLanes;      // lanes that have not exited
  uint64_t clock = 0;             // instructions issued

  // The lanes of a slot: uint32_t or float in 32-bit slots, uint64_t or double in 64-bit ones.
  template <class T>
  T* lanes(uint32_t slot) {
    return reinterpret_cast<T*>(registers + slot);
  }
  uint32_t* lanes32(const Operand& operand) { return lanes<uint32_t>(operand.slot); }
  uint64_t* lanes64(const Operand& operand) { return lanes<uint64_t>(operand.slot); }
  uint32_t predicate(const Operand& operand) const {
    return operand.negated ? ~predicates[operand.slot] : predicates[operand.slot];
  }
  // The addresses that an address operand stands for: [register+offset]. Of lanes out of the mask they mean
  // nothing.
  void addresses(const Operand& operand, int32_t offset, uint64_t out[kLanes]);
  // Registers a fault of this instruction, of the thread in `lane` (-1: of the warp as a whole), unless the
  // block already has one.
  void raise(FaultKind kind, const Instruction& instruction, int lane, uint64_t address, std::string text);
};

}  // namespace tsv_sim
#endif
