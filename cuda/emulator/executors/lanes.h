// An operation on one lane becomes a loop over 32 that the compiler vectorises. Everything here and in the
// files that include it has internal linkage: each instruction set compiles its own.
#ifndef TOKENSIEVE_EMULATOR_EXECUTORS_LANES_H
#define TOKENSIEVE_EMULATOR_EXECUTORS_LANES_H
#include <fenv.h>
#include <stdint.h>
#include <string.h>

#include <type_traits>
#include <utility>

#include "../executors.h"
#include "../warp.h"

namespace tsv_sim {
namespace {

template <class To, class From>
inline To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From), "the same bits");
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}

// What 8- and 16-bit slots hold of a value is zero-extended to 32 bits.
template <class T>
inline T read_lane(const uint8_t* slot, int lane) {
  if constexpr (sizeof(T) >= 4) {
    return reinterpret_cast<const T*>(slot)[lane];
  } else {
    return bits_as<T>(uint16_t(reinterpret_cast<const uint32_t*>(slot)[lane]));
  }
}

template <class T>
inline void write_lane(uint8_t* slot, int lane, T value) {
  if constexpr (sizeof(T) >= 4) {
    reinterpret_cast<T*>(slot)[lane] = value;
  } else {
    reinterpret_cast<uint32_t*>(slot)[lane] = bits_as<uint16_t>(value);
  }
}

// Where a loop reads an operand: pointers are taken before it, since its stores might touch the warp itself
// as far as the compiler knows. bool stands for a predicate.
template <class T>
struct Source {
  const uint8_t* slot;
  Source(const Warp& warp, uint32_t offset) : slot(warp.registers + offset) {}
  T at(int lane) const { return read_lane<T>(slot, lane); }
};
template <>
struct Source<bool> {
  uint32_t bits;
  Source(const Warp& warp, uint32_t index) : bits(warp.predicates[index]) {}
  bool at(int lane) const { return (bits >> lane & 1) != 0; }
};

// Keeps what the slot holds in lanes out of the mask. By arithmetic, which the compiler does not turn into
// branches.
template <class T>
inline void write_masked(uint8_t* slot, int lane, T value, uint32_t mask) {
  using Bits =
      std::conditional_t<sizeof(T) == 8, uint64_t, std::conditional_t<sizeof(T) == 4, uint32_t, uint16_t>>;
  const Bits old = read_lane<Bits>(slot, lane), chosen = Bits(0) - Bits(mask >> lane & 1);
  write_lane<Bits>(slot, lane, Bits(old ^ ((old ^ bits_as<Bits>(value)) & chosen)));
}

// Slots coincide or are disjoint, so lanes never depend on each other.
template <class F, class R, class... A>
inline void run_lanes(uint8_t* destination, uint32_t mask, Source<A>... sources) {
  if (mask == kAllLanes) {
#pragma GCC ivdep
    for (int lane = 0; lane < kLanes; ++lane) write_lane<R>(destination, lane, F::apply(sources.at(lane)...));
  } else {
#pragma GCC ivdep
    for (int lane = 0; lane < kLanes; ++lane) {
      write_masked<R>(destination, lane, F::apply(sources.at(lane)...), mask);
    }
  }
}
template <class F, class R, class... A, size_t... I>
inline void map_lanes(Warp& warp, const Instruction& instruction, uint32_t mask, R (*)(A...),
                      std::index_sequence<I...>) {
  const uint32_t slots[3] = {instruction.a, instruction.b, instruction.c};
  run_lanes<F, R, A...>(warp.registers + instruction.d, mask, Source<A>(warp, slots[I])...);
}

template <class R, class... A>
constexpr size_t arity(R (*)(A...)) {
  return sizeof...(A);
}

// Runs F::apply, a static function of up to three values, for every lane in the mask.
template <class F>
void map(Warp& warp, const Instruction& instruction, uint32_t mask) {
  map_lanes<F>(warp, instruction, mask, &F::apply, std::make_index_sequence<arity(&F::apply)>());
}

// The same with the host rounding in another direction. The registers are memory that fesetround might touch
// as far as the compiler knows, so no arithmetic leaves the bracket.
template <class F, int kDirection>
void map_rounded(Warp& warp, const Instruction& instruction, uint32_t mask) {
  const int before = fegetround();
  fesetround(kDirection);
  map<F>(warp, instruction, mask);
  fesetround(before);
}

template <class F>
Execute rounded(Rounding rounding) {
  switch (rounding) {
    case Rounding::kNone:
    case Rounding::kNearest:
      return map<F>;
    case Rounding::kZero:
      return map_rounded<F, FE_TOWARDZERO>;
    case Rounding::kDown:
      return map_rounded<F, FE_DOWNWARD>;
    case Rounding::kUp:
      return map_rounded<F, FE_UPWARD>;
    default:
      return nullptr;
  }
}

}  // namespace
}  // namespace tsv_sim
#endif
