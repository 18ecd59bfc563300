#include "fault.h"

#include <stdio.h>

namespace tsv_sim {

const char* name(FaultKind kind) {
  switch (kind) {
    case FaultKind::kNone:
      return "no fault";
    case FaultKind::kBadLaunch:
      return "bad launch";
    case FaultKind::kOutOfBounds:
      return "out of bounds";
    case FaultKind::kMisaligned:
      return "misaligned address";
    case FaultKind::kReadOnly:
      return "store to read-only memory";
    case FaultKind::kUninitialised:
      return "uninitialised read";
    case FaultKind::kSharedRace:
      return "shared memory race";
    case FaultKind::kGlobalRace:
      return "global memory race";
    case FaultKind::kBadCopy:
      return "bad asynchronous copy";
    case FaultKind::kUnfinishedCopy:
      return "access to an unfinished copy";
    case FaultKind::kDivergentBarrier:
      return "divergent barrier";
    case FaultKind::kWrongMask:
      return "wrong mask";
    case FaultKind::kDeadlock:
      return "deadlock";
    case FaultKind::kEndless:
      return "endless launch";
    case FaultKind::kTrap:
      return "trap";
  }
  return "unknown fault";
}

std::string Fault::message() const {
  std::string message = std::string(name(kind)) + " in " + kernel;
  if (line > 0) message += ", PTX line " + std::to_string(line) + ": " + instruction;
  const auto triple = [](const uint32_t values[3]) {
    return "(" + std::to_string(values[0]) + ", " + std::to_string(values[1]) + ", " +
           std::to_string(values[2]) + ")";
  };
  message += "; block " + triple(block);
  if (thread >= 0) message += ", thread " + triple(thread3);
  if (address != 0) {
    char hexadecimal[32];
    snprintf(hexadecimal, sizeof hexadecimal, ", address 0x%llx", static_cast<unsigned long long>(address));
    message += hexadecimal;
  }
  return text.empty() ? message : message + ": " + text;
}

}  // namespace tsv_sim
