// What stops an emulated launch, and where.
#ifndef TOKENSIEVE_EMULATOR_FAULT_H
#define TOKENSIEVE_EMULATOR_FAULT_H
#include <stdint.h>

#include <string>

namespace tsv_sim {

enum class FaultKind : uint8_t {
  kNone,
  kBadLaunch,      // grid, block, shared memory or parameters that the device would refuse
  kOutOfBounds,    // an access that lies in no allocation, or passes the end of one
  kMisaligned,     // an address that is no multiple of the access's size
  kReadOnly,       // a store to constant memory or to parameters
  kUninitialised,  // a read of memory that nothing has written
  kSharedRace,     // two warps on one byte of shared memory with no barrier between them, one of them writing
  kGlobalRace,     // two blocks of a launch, or lanes of an instruction, on one byte of device memory, one
                   // writing
  kUnfinishedCopy,    // a read of, or a store to, what an asynchronous copy has not been waited for
  kBadCopy,           // an asynchronous copy of more bytes than it takes
  kDivergentBarrier,  // a barrier reached by some lanes of a warp while others are elsewhere
  kWrongMask,  // a membermask that names lanes which do not execute the instruction, or misses one that does
  kDeadlock,   // every warp that is left waits
  kEndless,    // the instruction budget is spent
  kTrap,       // the kernel's own trap
};

const char* name(FaultKind kind);

struct Fault {
  FaultKind kind = FaultKind::kNone;
  std::string kernel;
  int line = 0;             // of the PTX text, from 1
  std::string instruction;  // its text
  uint32_t block[3] = {};
  int32_t thread = -1;  // linear within the block; -1 where no single thread is to blame
  uint32_t thread3[3] = {};
  uint64_t address = 0;
  std::string text;  // what is wrong, in words

  explicit operator bool() const { return kind != FaultKind::kNone; }
  // One line for a user: kind, kernel, PTX line and text of the instruction, block, thread, address, words.
  std::string message() const;
};

}  // namespace tsv_sim
#endif
