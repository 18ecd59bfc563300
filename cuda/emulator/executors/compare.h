// setp, set: comparisons, combined with a predicate by and, or, xor. By the PTX ISA's "Comparison and
// Selection".
#ifndef TOKENSIEVE_EMULATOR_EXECUTORS_COMPARE_H
#define TOKENSIEVE_EMULATOR_EXECUTORS_COMPARE_H
#include "half.h"

namespace tsv_sim {
namespace {

template <Comparison kComparison, class T>
inline bool holds(T a, T b) {
  const bool unordered = a != a || b != b;
  switch (kComparison) {
    case Comparison::kEq:
      return a == b;
    case Comparison::kNe:
      return !unordered && a != b;
    case Comparison::kLt:
      return a < b;
    case Comparison::kLe:
      return a <= b;
    case Comparison::kGt:
      return a > b;
    case Comparison::kGe:
      return a >= b;
    case Comparison::kEqu:
      return unordered || a == b;
    case Comparison::kNeu:
      return a != b;
    case Comparison::kLtu:
      return !(a >= b);
    case Comparison::kLeu:
      return !(a > b);
    case Comparison::kGtu:
      return !(a <= b);
    case Comparison::kGeu:
      return !(a < b);
    case Comparison::kNum:
      return !unordered;
    case Comparison::kNan:
      return unordered;
  }
  return false;
}

// How the operands of a comparison are read
template <class T>
struct Plain {
  using Stored = T;
  static T value(T stored) { return stored; }
};
struct FlushedFloat {
  using Stored = float;
  static float value(float stored) { return flushed(stored); }
};
template <class T, bool kFlush>
struct FromHalf {
  using Stored = T;
  static float value(T stored) { return to_float(flushed_half<T, kFlush>(stored)); }
};

template <Comparison kComparison, class Reader>
inline uint32_t compare_lanes(Warp& warp, const Instruction& instruction) {
  using Stored = typename Reader::Stored;
  const uint8_t *a = warp.registers + instruction.a, *b = warp.registers + instruction.b;
  uint32_t result = 0;
  for (int lane = 0; lane < kLanes; ++lane) {
    const bool is = holds<kComparison>(Reader::value(read_lane<Stored>(a, lane)),
                                       Reader::value(read_lane<Stored>(b, lane)));
    result |= uint32_t(is) << lane;
  }
  return result;
}

enum class Combine : uint8_t { kNone, kAnd, kOr, kXor };
inline uint32_t combined(const Warp& warp, const Instruction& instruction, uint32_t result) {
  if (Combine(instruction.mode2) == Combine::kNone) return result;
  const uint32_t other = warp.predicate(instruction.operands.back());
  switch (Combine(instruction.mode2)) {
    case Combine::kAnd:
      return result & other;
    case Combine::kOr:
      return result | other;
    default:
      return result ^ other;
  }
}
inline void write_predicate(Warp& warp, uint32_t slot, uint32_t value, uint32_t mask) {
  warp.predicates[slot] = (warp.predicates[slot] & ~mask) | (value & mask);
}

// setp p|q, a, b, c: p is (a cmp b) op c, q is !(a cmp b) op c.
template <Comparison kComparison, class Reader>
void compare(Warp& warp, const Instruction& instruction, uint32_t mask) {
  const uint32_t result = compare_lanes<kComparison, Reader>(warp, instruction);
  const uint32_t first = combined(warp, instruction, result), second = combined(warp, instruction, ~result);
  write_predicate(warp, instruction.operands[1].slot, second, mask);
  write_predicate(warp, instruction.d, first, mask);
}

// setp on pairs: p is the low halves' result, q the high halves'.
template <Comparison kComparison, class T, bool kFlush>
void compare_pairs(Warp& warp, const Instruction& instruction, uint32_t mask) {
  const uint32_t *a = warp.lanes<uint32_t>(instruction.a), *b = warp.lanes<uint32_t>(instruction.b);
  uint32_t result[2] = {};
  for (int lane = 0; lane < kLanes; ++lane) {
    for (int half = 0; half < 2; ++half) {
      const T x{uint16_t(a[lane] >> (16 * half))}, y{uint16_t(b[lane] >> (16 * half))};
      const bool is = holds<kComparison>(FromHalf<T, kFlush>::value(x), FromHalf<T, kFlush>::value(y));
      result[half] |= uint32_t(is) << lane;
    }
  }
  const uint32_t low = combined(warp, instruction, result[0]), high = combined(warp, instruction, result[1]);
  write_predicate(warp, instruction.operands[1].slot, high, mask);
  write_predicate(warp, instruction.d, low, mask);
}

// set d, a, b, c: `true` as the destination's type spells it (instruction.offset) where the comparison holds,
// else 0.
template <Comparison kComparison, class Reader>
void compare_to_value(Warp& warp, const Instruction& instruction, uint32_t mask) {
  const uint32_t result = combined(warp, instruction, compare_lanes<kComparison, Reader>(warp, instruction));
  uint32_t* const d = warp.lanes<uint32_t>(instruction.d);
  for (int lane = 0; lane < kLanes; ++lane) {
    const uint32_t value = result >> lane & 1 ? uint32_t(instruction.offset) : 0;
    d[lane] = mask >> lane & 1 ? value : d[lane];
  }
}
template <Comparison kComparison, class T, bool kFlush>
void compare_pairs_to_value(Warp& warp, const Instruction& instruction, uint32_t mask) {
  const uint32_t *a = warp.lanes<uint32_t>(instruction.a), *b = warp.lanes<uint32_t>(instruction.b);
  const uint32_t other = instruction.mode2 ? combined(warp, instruction, 0) : 0;
  const uint32_t inverse = instruction.mode2 ? combined(warp, instruction, ~0u) : ~0u;
  uint32_t* const d = warp.lanes<uint32_t>(instruction.d);
  for (int lane = 0; lane < kLanes; ++lane) {
    uint32_t value = 0;
    for (int half = 0; half < 2; ++half) {
      const T x{uint16_t(a[lane] >> (16 * half))}, y{uint16_t(b[lane] >> (16 * half))};
      const bool is = holds<kComparison>(FromHalf<T, kFlush>::value(x), FromHalf<T, kFlush>::value(y));
      const bool result = ((is ? inverse : other) >> lane & 1) != 0;
      value |= (result ? uint32_t(instruction.offset) & 0xffffu : 0u) << (16 * half);
    }
    d[lane] = mask >> lane & 1 ? value : d[lane];
  }
}

// The executor of one comparison out of fourteen.
template <template <Comparison> class Form>
Execute by_comparison(uint8_t mode) {
  static constexpr Execute table[] = {
      Form<Comparison::kEq>::run,  Form<Comparison::kNe>::run,  Form<Comparison::kLt>::run,
      Form<Comparison::kLe>::run,  Form<Comparison::kGt>::run,  Form<Comparison::kGe>::run,
      Form<Comparison::kEqu>::run, Form<Comparison::kNeu>::run, Form<Comparison::kLtu>::run,
      Form<Comparison::kLeu>::run, Form<Comparison::kGtu>::run, Form<Comparison::kGeu>::run,
      Form<Comparison::kNum>::run, Form<Comparison::kNan>::run};
  return table[mode];
}
template <class Reader>
struct Comparing {
  template <Comparison kComparison>
  struct ToPredicate {
    static constexpr Execute run = compare<kComparison, Reader>;
  };
  template <Comparison kComparison>
  struct ToValue {
    static constexpr Execute run = compare_to_value<kComparison, Reader>;
  };
};
template <class T, bool kFlush>
struct ComparingPairs {
  template <Comparison kComparison>
  struct ToPredicate {
    static constexpr Execute run = compare_pairs<kComparison, T, kFlush>;
  };
  template <Comparison kComparison>
  struct ToValue {
    static constexpr Execute run = compare_pairs_to_value<kComparison, T, kFlush>;
  };
};
template <class Kind>
Execute comparing(const Form& form) {
  return form.operation == Operation::kCompare ? by_comparison<Kind::template ToPredicate>(form.mode)
                                               : by_comparison<Kind::template ToValue>(form.mode);
}

inline Execute select_compare(const Form& form) {
  const bool ordered = Comparison(form.mode) <= Comparison::kGe;
  switch (form.source) {
    case Type::kF32:
      return form.flush ? comparing<Comparing<FlushedFloat>>(form) : comparing<Comparing<Plain<float>>>(form);
    case Type::kF16:
      return form.flush ? comparing<Comparing<FromHalf<Half, true>>>(form)
                        : comparing<Comparing<FromHalf<Half, false>>>(form);
    case Type::kF16x2:
      return form.flush ? comparing<ComparingPairs<Half, true>>(form)
                        : comparing<ComparingPairs<Half, false>>(form);
    default:
      break;
  }
  if (form.flush) return nullptr;
  switch (form.source) {
    case Type::kF64:
      return comparing<Comparing<Plain<double>>>(form);
    case Type::kBf16:
      return comparing<Comparing<FromHalf<Bfloat, false>>>(form);
    case Type::kBf16x2:
      return comparing<ComparingPairs<Bfloat, false>>(form);
    default:
      break;
  }
  if (!ordered) return nullptr;
  switch (form.source) {
    case Type::kB16:
    case Type::kU16:
      return comparing<Comparing<Plain<uint16_t>>>(form);
    case Type::kS16:
      return comparing<Comparing<Plain<int16_t>>>(form);
    case Type::kB32:
    case Type::kU32:
      return comparing<Comparing<Plain<uint32_t>>>(form);
    case Type::kS32:
      return comparing<Comparing<Plain<int32_t>>>(form);
    case Type::kB64:
    case Type::kU64:
      return comparing<Comparing<Plain<uint64_t>>>(form);
    case Type::kS64:
      return comparing<Comparing<Plain<int64_t>>>(form);
    default:
      return nullptr;
  }
}

}  // namespace
}  // namespace tsv_sim
#endif
