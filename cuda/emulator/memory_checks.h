// What the state spaces have in common when they check a warp-wide access.
#ifndef TOKENSIEVE_EMULATOR_MEMORY_CHECKS_H
#define TOKENSIEVE_EMULATOR_MEMORY_CHECKS_H
#include <stdint.h>
#include <string.h>

#include <string>

#include "memory.h"

namespace tsv_sim {

inline bool writes(AccessKind kind) { return kind != AccessKind::kLoad && kind != AccessKind::kCopy; }
inline bool reads(AccessKind kind) { return kind != AccessKind::kStore; }

inline Touch touch_of(AccessKind kind) {
  return !writes(kind) ? Touch::kRead : kind == AccessKind::kStore ? Touch::kWrite : Touch::kAtomic;
}

std::string hexadecimal(uint64_t value);

// The first lane whose bytes include the one at `at`.
int lane_at(const Access& access, uint64_t at);

// The first of `count` flags that is not `value`, or `count`. Most ranges are a few words, all of them right.
inline size_t find_other(const uint8_t* flags, uint8_t value, size_t count) {
  const uint64_t expected = 0x0101010101010101u * value;
  size_t i = 0;
  for (uint64_t word; i + 8 <= count; i += 8) {
    memcpy(&word, flags + i, 8);
    if (word != expected) break;
  }
  while (i < count && flags[i] == value) ++i;
  return i;
}

// All of these return false, with the fault raised, where the access is wrong.

// Addresses that are multiples of the access's size
bool check_alignment(const Access& access);
// Where lanes store to one address they should store one value: which one remains is undefined. `where` names
// the memory.
bool check_equal_stores(const Access& access, FaultKind kind, const char* where);
bool raise_uninitialised(const Access& access, uint64_t at, const char* where);
// `other` names the other side of the race, "warp" or "block".
bool raise_race(const Access& access, FaultKind kind, const Race& race, uint64_t at, const char* other,
                const char* where);

}  // namespace tsv_sim
#endif
