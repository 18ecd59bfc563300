#include "memory_checks.h"

#include <stdio.h>

namespace tsv_sim {

std::string hexadecimal(uint64_t value) {
  char text[24];
  snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

int lane_at(const Access& access, uint64_t at) {
  for (uint32_t rest = access.mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    if (at - access.address[lane] < access.bytes) return lane;
  }
  return -1;
}

bool check_alignment(const Access& access) {
  uint64_t bits = 0;
  if (access.mask == kAllLanes) {
    for (int lane = 0; lane < kLanes; ++lane) bits |= access.address[lane];
  } else {
    for (uint32_t rest = access.mask; rest != 0; rest &= rest - 1)
      bits |= access.address[__builtin_ctz(rest)];
  }
  const uint64_t within = access.bytes - 1;
  if ((bits & within) == 0) return true;
  for (uint32_t rest = access.mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    const uint64_t address = access.address[lane];
    if ((address & within) == 0) continue;
    access.warp->raise(
        FaultKind::kMisaligned, *access.instruction, lane, address,
        "an access of " + std::to_string(access.bytes) + " bytes at an address that is no multiple of it");
    return false;
  }
  return true;
}

namespace {

// Whether two lanes of a store hold the same values. The first operand is the address.
bool same_values(const Access& access, int lane, int other) {
  const Instruction& instruction = *access.instruction;
  const int bits = 8 * int(access.bytes) / instruction.elements;
  for (size_t i = 1; i < instruction.operands.size(); ++i) {
    const Operand& operand = instruction.operands[i];
    uint64_t difference;
    if (operand.kind == OperandKind::kRegister64) {
      const uint64_t* values = access.warp->lanes64(operand);
      difference = values[lane] ^ values[other];
    } else {
      const uint32_t* values = access.warp->lanes32(operand);
      difference = values[lane] ^ values[other];
    }
    if (bits < 64) difference &= (uint64_t(1) << bits) - 1;
    if (difference != 0) return false;
  }
  return true;
}

}  // namespace

bool check_equal_stores(const Access& access, FaultKind kind, const char* where) {
  for (uint32_t rest = access.mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    for (uint32_t before = access.mask & ((1u << lane) - 1); before != 0; before &= before - 1) {
      const int other = __builtin_ctz(before);
      if (access.address[lane] != access.address[other]) continue;
      if (same_values(access, lane, other)) break;
      access.warp->raise(kind, *access.instruction, lane, access.address[lane],
                         "lanes " + std::to_string(other) + " and " + std::to_string(lane) +
                             " store different values to one address of " + where + " memory");
      return false;
    }
  }
  return true;
}

bool raise_uninitialised(const Access& access, uint64_t at, const char* where) {
  access.warp->raise(FaultKind::kUninitialised, *access.instruction, lane_at(access, at), at,
                     std::string("nothing has written this byte of ") + where + " memory");
  return false;
}

bool raise_race(const Access& access, FaultKind kind, const Race& race, uint64_t at, const char* other,
                const char* where) {
  const char* did = race.touch == Touch::kRead ? "read" : race.touch == Touch::kWrite ? "wrote" : "updated";
  const char* does = !writes(access.kind)                ? "reads"
                     : access.kind == AccessKind::kStore ? "writes"
                                                         : "updates";
  const std::string who =
      race.other < 0 ? std::string("several ") + other + "s" : other + (" " + std::to_string(race.other));
  access.warp->raise(kind, *access.instruction, lane_at(access, at), at,
                     std::string("it ") + does + " " + where + " memory that " + who + " " + did +
                         ", and nothing orders the two");
  return false;
}

}  // namespace tsv_sim
