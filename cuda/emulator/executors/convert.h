// cvt, by the PTX ISA's "Data Movement and Conversion Instructions: cvt".
#ifndef TOKENSIEVE_EMULATOR_EXECUTORS_CONVERT_H
#define TOKENSIEVE_EMULATOR_EXECUTORS_CONVERT_H
#include <limits>

#include "bits.h"
#include "half.h"

namespace tsv_sim {
namespace {

struct Conversion {
  Rounding rounding;
  bool flush, saturate, relu;
};
inline uint8_t pack_flags(const Form& form) {
  return uint8_t(form.flush | form.saturate << 1 | form.relu << 2);
}
inline Conversion conversion_of(const Instruction& instruction) {
  const uint8_t flags = instruction.mode2;
  return {Rounding(instruction.mode), (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0};
}

template <class T>
constexpr bool kIsInteger = std::is_integral_v<T>;

inline double round_integral(double value, Rounding rounding) {
  switch (rounding) {
    case Rounding::kNearestInteger:
      return __builtin_nearbyint(value);
    case Rounding::kZeroInteger:
      return __builtin_trunc(value);
    case Rounding::kDownInteger:
      return __builtin_floor(value);
    case Rounding::kUpInteger:
      return __builtin_ceil(value);
    default:
      return value;
  }
}

// True where `nearest`, a rounding of the value, lies on the wrong side of it, and one unit further is right.
inline bool too_far(bool above, bool below, bool negative, Rounding rounding) {
  switch (rounding) {
    case Rounding::kZero:
      return negative ? below : above;
    case Rounding::kDown:
      return above;
    case Rounding::kUp:
      return below;
    default:
      return false;
  }
}
inline float float_rounded(double value, Rounding rounding) {
  const float nearest = float(value);
  const bool above = double(nearest) > value, below = double(nearest) < value;
  if (!too_far(above, below, value < 0, rounding)) return nearest;
  return __builtin_nextafterf(nearest, above ? -__builtin_inff() : __builtin_inff());
}

// Not every 64-bit integer is a double: round to odd what is not, and the next rounding is right.
template <class T>
inline double odd_double(T value) {
  if constexpr (sizeof(T) < 8) return double(value);
  const T high = T(value & ~T(0xffffffff));
  return to_odd_sum(double(high), double(uint32_t(value)));
}
template <class T>
inline double double_rounded(T value, Rounding rounding) {
  const double nearest = double(value);
  if constexpr (sizeof(T) < 8) return nearest;
  const Int128 reached = Int128(nearest);
  const bool above = reached > Int128(value), below = reached < Int128(value);
  if (!too_far(above, below, value < 0, rounding)) return nearest;
  return __builtin_nextafter(nearest, above ? -__builtin_inf() : __builtin_inf());
}

// Integers clamp; NaN is 0, or the middle of the range where one of the types has 64 bits.
template <class D, bool kWide>
inline D integer_from(double value, Rounding rounding) {
  constexpr D low = std::numeric_limits<D>::min(), high = std::numeric_limits<D>::max();
  if (value != value) return kWide ? D(Unsigned<D>(1) << (8 * sizeof(D) - 1)) : D(0);
  const double whole = round_integral(value, rounding);
  constexpr double past = double(uint64_t(1) << (8 * sizeof(D) - 1 - std::is_signed_v<D>)) * 2;
  if (whole >= past) return high;
  if (whole < double(low)) return low;
  return D(whole);
}

template <class S>
inline double float_value(S value, bool flush) {
  if constexpr (std::is_same_v<S, double>) {
    return value;
  } else if constexpr (std::is_same_v<S, float>) {
    return flush ? flushed(value) : value;
  } else {
    return to_float(value);
  }
}

template <class D>
inline D float_from(double value, const Conversion& how) {
  if (how.saturate) value = saturated(value);
  if (how.relu && value < 0) value = 0;
  if constexpr (std::is_same_v<D, double>) {
    return value;
  } else if constexpr (std::is_same_v<D, float>) {
    const float narrow = canonical(float_rounded(value, how.rounding));
    return how.flush ? flushed(narrow) : narrow;
  } else {
    return Narrow<D>::apply(to_odd_float(value), how.rounding);
  }
}

template <class D, class S>
inline D converted(S value, const Conversion& how) {
  if constexpr (kIsInteger<S> && kIsInteger<D>) {
    if (!how.saturate) return D(value);
    constexpr Int128 low = std::numeric_limits<D>::min(), high = std::numeric_limits<D>::max();
    return D(Int128(value) < low ? low : Int128(value) > high ? high : Int128(value));
  } else if constexpr (kIsInteger<S> && std::is_same_v<D, double>) {
    return float_from<double>(double_rounded(value, how.rounding), how);
  } else if constexpr (kIsInteger<S>) {
    return float_from<D>(odd_double(value), how);
  } else if constexpr (kIsInteger<D>) {
    return integer_from < D,
           std::is_same_v<S, double> || sizeof(D) == 8 > (float_value(value, how.flush), how.rounding);
  } else {
    return float_from<D>(round_integral(float_value(value, how.flush), how.rounding), how);
  }
}

// A result of 8 bits is extended to the 16 bits of its register.
template <class D>
using Held = std::conditional_t<std::is_same_v<D, int8_t>, int16_t,
                                std::conditional_t<std::is_same_v<D, uint8_t>, uint16_t, D>>;

// The low bytes of a register that may be wider than the type
template <class S>
inline S read_source(const uint8_t* slot, size_t stride, int lane) {
  S value;
  memcpy(&value, slot + size_t(lane) * stride, sizeof value);
  return value;
}

template <class D, class S>
void convert(Warp& warp, const Instruction& instruction, uint32_t mask) {
  const Conversion how = conversion_of(instruction);
  const uint8_t* const from = warp.registers + instruction.a;
  uint8_t* const to = warp.registers + instruction.d;
  const size_t stride = instruction.operands[1].kind == OperandKind::kRegister64 ? 8 : 4;
#pragma GCC ivdep
  for (int lane = 0; lane < kLanes; ++lane) {
    const Held<D> value = Held<D>(converted<D, S>(read_source<S>(from, stride, lane), how));
    write_masked<Held<D>>(to, lane, value, mask);
  }
}

// Two float32 to a pair: the first operand goes to the high half.
template <class D>
void convert_pair(Warp& warp, const Instruction& instruction, uint32_t mask) {
  const Conversion how = conversion_of(instruction);
  const float *high = warp.lanes<float>(instruction.a), *low = warp.lanes<float>(instruction.b);
  uint32_t* const d = warp.lanes<uint32_t>(instruction.d);
#pragma GCC ivdep
  for (int lane = 0; lane < kLanes; ++lane) {
    const uint32_t value =
        uint32_t(float_from<D>(high[lane], how).bits) << 16 | float_from<D>(low[lane], how).bits;
    d[lane] = mask >> lane & 1 ? value : d[lane];
  }
}

// float32 with 10 bits of fraction, ties to even or away from zero
template <bool kAway>
struct ToTf32 {
  static uint32_t apply(uint32_t a) {
    if ((a & 0x7fffffffu) > 0x7f800000u) return 0x7fffffffu;
    if ((a & 0x7fffffffu) == 0x7f800000u) return a;
    return (a + (kAway ? 0x1000u : 0xfffu + (a >> 13 & 1))) & ~0x1fffu;
  }
};

// The conversions that kernels are full of, without a choice for each lane
template <class D, class S>
struct Cut {
  static D apply(S value) { return D(value); }
};
template <class D>
struct NarrowNearest {
  static D apply(float value) { return Narrow<D>::nearest(value); }
};
template <class S>
struct Widen {
  static float apply(S value) { return canonical(to_float(value)); }
};
template <class D>
struct TowardZero {
  static D apply(float value) { return integer_from<D, false>(double(value), Rounding::kZeroInteger); }
};
template <class D>
struct PairNearest {
  static uint32_t apply(float high, float low) {
    return uint32_t(NarrowNearest<D>::apply(high).bits) << 16 | NarrowNearest<D>::apply(low).bits;
  }
};

inline Execute select_common(const Form& form) {
  if (form.flush || form.saturate || form.relu || form.wide_source) return nullptr;
  const auto is = [&](Type to, Type from, Rounding rounding) {
    return form.type == to && form.source == from && form.rounding == rounding;
  };
  if (is(Type::kF32, Type::kF16, Rounding::kNone)) return map<Widen<Half>>;
  if (is(Type::kF32, Type::kBf16, Rounding::kNone)) return map<Widen<Bfloat>>;
  if (is(Type::kF16, Type::kF32, Rounding::kNearest)) return map<NarrowNearest<Half>>;
  if (is(Type::kBf16, Type::kF32, Rounding::kNearest)) return map<NarrowNearest<Bfloat>>;
  if (is(Type::kF16x2, Type::kF32, Rounding::kNearest)) return map<PairNearest<Half>>;
  if (is(Type::kBf16x2, Type::kF32, Rounding::kNearest)) return map<PairNearest<Bfloat>>;
  if (is(Type::kF32, Type::kS32, Rounding::kNearest)) return map<Cut<float, int32_t>>;
  if (is(Type::kF32, Type::kU32, Rounding::kNearest)) return map<Cut<float, uint32_t>>;
  if (is(Type::kS32, Type::kF32, Rounding::kZeroInteger)) return map<TowardZero<int32_t>>;
  if (is(Type::kU32, Type::kF32, Rounding::kZeroInteger)) return map<TowardZero<uint32_t>>;
  if (is(Type::kU64, Type::kU32, Rounding::kNone)) return map<Cut<uint64_t, uint32_t>>;
  if (is(Type::kS64, Type::kS32, Rounding::kNone)) return map<Cut<int64_t, int32_t>>;
  if (is(Type::kU32, Type::kU64, Rounding::kNone)) return map<Cut<uint32_t, uint64_t>>;
  if (is(Type::kU32, Type::kU16, Rounding::kNone)) return map<Cut<uint32_t, uint16_t>>;
  if (is(Type::kU16, Type::kU32, Rounding::kNone)) return map<Cut<uint16_t, uint32_t>>;
  return nullptr;
}

template <class D>
Execute convert_to(Type source) {
  switch (source) {
    case Type::kU8:
      return convert<D, uint8_t>;
    case Type::kS8:
      return convert<D, int8_t>;
    case Type::kU16:
      return convert<D, uint16_t>;
    case Type::kS16:
      return convert<D, int16_t>;
    case Type::kU32:
      return convert<D, uint32_t>;
    case Type::kS32:
      return convert<D, int32_t>;
    case Type::kU64:
      return convert<D, uint64_t>;
    case Type::kS64:
      return convert<D, int64_t>;
    case Type::kF16:
      return convert<D, Half>;
    case Type::kBf16:
      return convert<D, Bfloat>;
    case Type::kF32:
      return convert<D, float>;
    case Type::kF64:
      return convert<D, double>;
    default:
      return nullptr;
  }
}

inline bool is_float(Type type) { return type >= Type::kF16; }

// Whether the rounding is one that the pair of types takes: none where the result is exact.
inline bool rounding_fits(const Form& form) {
  const bool to_float = is_float(form.type), from_float = is_float(form.source);
  const bool integral = form.rounding >= Rounding::kNearestInteger && form.rounding <= Rounding::kUpInteger;
  if (!to_float && !from_float) return form.rounding == Rounding::kNone;
  if (!to_float) return integral;
  if (!from_float) return form.rounding != Rounding::kNone && !integral;
  const bool narrows =
      bytes(form.type) < bytes(form.source) || (form.type != form.source && bytes(form.type) == 2);
  if (narrows) return form.rounding != Rounding::kNone && !integral;
  return form.rounding == Rounding::kNone || (form.type == form.source && integral);
}

inline Execute select_convert(const Form& form) {
  if (const Execute common = select_common(form)) return common;
  if (form.type == Type::kTf32 && !form.wide_source && form.source == Type::kF32 && !form.flush &&
      !form.saturate && !form.relu) {
    if (form.rounding == Rounding::kNearestAway) return map<ToTf32<true>>;
    return form.rounding == Rounding::kNearest ? map<ToTf32<false>> : nullptr;
  }
  if (form.type == Type::kF16x2 || form.type == Type::kBf16x2) {
    const bool known = form.source == Type::kF32 &&
                       (form.rounding == Rounding::kNearest || form.rounding == Rounding::kZero);
    return !known ? nullptr : form.type == Type::kF16x2 ? convert_pair<Half> : convert_pair<Bfloat>;
  }
  if (!rounding_fits(form) || form.rounding == Rounding::kNearestAway) return nullptr;
  switch (form.type) {
    case Type::kU8:
      return convert_to<uint8_t>(form.source);
    case Type::kS8:
      return convert_to<int8_t>(form.source);
    case Type::kU16:
      return convert_to<uint16_t>(form.source);
    case Type::kS16:
      return convert_to<int16_t>(form.source);
    case Type::kU32:
      return convert_to<uint32_t>(form.source);
    case Type::kS32:
      return convert_to<int32_t>(form.source);
    case Type::kU64:
      return convert_to<uint64_t>(form.source);
    case Type::kS64:
      return convert_to<int64_t>(form.source);
    case Type::kF16:
      return convert_to<Half>(form.source);
    case Type::kBf16:
      return convert_to<Bfloat>(form.source);
    case Type::kF32:
      return convert_to<float>(form.source);
    case Type::kF64:
      return convert_to<double>(form.source);
    default:
      return nullptr;
  }
}

}  // namespace
}  // namespace tsv_sim
#endif
