// 16-bit floats, one or two in a register, by the PTX ISA's "Half Precision Floating Point Instructions".
// Arithmetic is exact in float64 and rounded once to the 16-bit type; NaN results are 0x7fff.
#ifndef TOKENSIEVE_EMULATOR_EXECUTORS_HALF_H
#define TOKENSIEVE_EMULATOR_EXECUTORS_HALF_H
#include "float.h"

namespace tsv_sim {
namespace {

struct Half {
  uint16_t bits;
};
struct Bfloat {
  uint16_t bits;
};

inline float to_float(Bfloat value) { return bits_as<float>(uint32_t(value.bits) << 16); }
// Exponent and fraction in their places for float32; scaling by 2^112 puts the bias right, subnormals
// included.
inline float to_float(Half value) {
  const uint32_t size = uint32_t(value.bits & 0x7fffu) << 13;
  const uint32_t scaled = bits_as<uint32_t>(bits_as<float>(size) * 0x1p112f);
  const uint32_t special = (size & 0x7fffffu) | 0x7f800000u;  // infinities and NaNs
  return bits_as<float>((size >= 0x0f800000u ? special : scaled) | uint32_t(value.bits & 0x8000u) << 16);
}

// The nearest float32 whose last bit is set unless the value is exact ("round to odd"): rounding it again to
// a shorter type is then right (Boldo and Melquiond, 2005).
inline float to_odd_float(double value) {
  const float nearest = float(value);
  const uint32_t bits = bits_as<uint32_t>(nearest);
  const bool beyond = __builtin_fabs(double(nearest)) > __builtin_fabs(value);
  const bool exact = double(nearest) == value || value != value;
  return bits_as<float>(exact ? bits : (bits - uint32_t(beyond)) | 1u);
}
inline double to_odd_sum(double a, double b) {
  const double sum = a + b;
  const double part = sum - a;
  const double error = (a - (sum - part)) + (b - part);  // of the sum, exactly (Knuth)
  const uint64_t bits = bits_as<uint64_t>(sum);
  const bool inexact = error > 0 || error < 0;
  const bool away = (error > 0) == (sum > 0);
  return bits_as<double>(inexact && (bits & 1) == 0 ? (away ? bits + 1 : bits - 1) : bits);
}

// How a float32 becomes a 16-bit one. Each rounding needs only the value's bits: what is cut off, and the bit
// before.
template <class T>
struct Narrow;
template <>
struct Narrow<Bfloat> {
  static constexpr uint16_t kNan = 0x7fff;
  // Branch-free, as Narrow<Half>::nearest
  static Bfloat nearest(float value) {
    const uint32_t bits = bits_as<uint32_t>(value);
    const uint32_t rounded_up = (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
    return {uint16_t(value == value ? rounded_up : kNan)};
  }
  static Bfloat apply(float value, Rounding rounding) {
    const uint32_t bits = bits_as<uint32_t>(value);
    if (value != value) return {kNan};
    uint32_t increment = 0x7fffu + (bits >> 16 & 1);
    if (rounding == Rounding::kZero) increment = 0;
    if (rounding == Rounding::kUp) increment = bits >> 31 ? 0 : 0xffffu;
    if (rounding == Rounding::kDown) increment = bits >> 31 ? 0xffffu : 0;
    if ((bits & 0x7fffffffu) == 0x7f800000u) increment = 0;
    const uint32_t result = bits + increment;
    return {uint16_t(result >> 16)};
  }
};
template <>
struct Narrow<Half> {
  static constexpr uint16_t kNan = 0x7fff;
  // 13 bits of the fraction go; below 2^-14 the sum with 0.5, whose last place is 2^-24, leaves the result in
  // the low bits.
  static Half nearest(float value) {
    const uint32_t bits = bits_as<uint32_t>(value);
    const uint32_t sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
    const uint32_t normal = (size - (112u << 23) + 0xfffu + (size >> 13 & 1)) >> 13;
    const uint32_t subnormal = bits_as<uint32_t>(bits_as<float>(size) + 0.5f) - bits_as<uint32_t>(0.5f);
    const uint32_t finite = size < 113u << 23 ? subnormal : normal;
    const uint32_t result = size >= 0x477ff000u ? 0x7c00u : finite;
    return {uint16_t(value == value ? sign | result : kNan)};
  }
  static Half apply(float value, Rounding rounding) {
    const uint32_t bits = bits_as<uint32_t>(value);
    const uint32_t sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
    if (size > 0x7f800000u) return {kNan};
    if (size == 0x7f800000u) return {uint16_t(sign | 0x7c00u)};
    const bool upwards = (rounding == Rounding::kUp && !sign) || (rounding == Rounding::kDown && sign);
    const bool nearest = rounding == Rounding::kNone || rounding == Rounding::kNearest;
    // 2^-14 and up: 13 bits of the fraction go. Below, the implicit bit moves right to 2^-24: more bits go.
    const uint32_t exponent = size >> 23;
    uint32_t cut = 13, significand = size - (112u << 23);
    if (size < 113u << 23) {
      cut = exponent >= 101 ? 126 - exponent : 25;
      significand = exponent == 0 ? size : (size & 0x7fffffu) | 0x800000u;
    }
    const uint32_t unit = 1u << cut, tail = significand & (unit - 1);
    uint32_t result = significand >> cut;
    if (cut == 25 && size != 0) {  // under half the smallest subnormal
      result = upwards;
    } else if (nearest) {
      result += tail > unit / 2 || (tail == unit / 2 && (result & 1));
    } else {
      result += upwards && tail != 0;
    }
    if (result >= 0x7c00u) result = nearest || upwards ? 0x7c00u : 0x7bffu;
    return {uint16_t(sign | result)};
  }
};
template <class T>
inline T narrowed(double value) {
  return Narrow<T>::nearest(to_odd_float(value));
}

template <class T>
inline bool is_subnormal(T value) {
  constexpr uint16_t exponent = std::is_same_v<T, Half> ? 0x7c00 : 0x7f80;
  return (value.bits & exponent) == 0;
}
template <class T, bool kFlush>
inline T flushed_half(T value) {
  return {uint16_t(kFlush && is_subnormal(value) ? value.bits & 0x8000u : value.bits)};
}

struct HalfAdd {
  static double apply(double a, double b) { return to_odd_sum(a, b); }
};
struct HalfSubtract {
  static double apply(double a, double b) { return to_odd_sum(a, -b); }
};
struct HalfMultiply {
  static double apply(double a, double b) { return a * b; }
};
struct HalfFused {
  static double apply(double a, double b, double c) { return to_odd_sum(a * b, c); }
};
struct HalfExp2 {
  static double apply(double a) { return exponential2(a); }
};
struct HalfTanh {
  static double apply(double a) { return tanh(a); }
};

// An operation in float64 as one on T, with .ftz, .sat and .relu.
template <class F, class T, bool kFlush, bool kSaturate, bool kRelu>
struct InHalf {
  static T finish(double value) {
    if (kSaturate) value = saturated(value);
    if (kRelu && value < 0) value = 0;
    return flushed_half<T, kFlush>(narrowed<T>(value));
  }
  static double in(T value) { return to_float(flushed_half<T, kFlush>(value)); }
};
template <class F, class T, bool kFlush, bool kSaturate, bool kRelu>
struct InHalf1 : InHalf<F, T, kFlush, kSaturate, kRelu> {
  using Base = InHalf<F, T, kFlush, kSaturate, kRelu>;
  static T apply(T a) { return Base::finish(F::apply(Base::in(a))); }
};
template <class F, class T, bool kFlush, bool kSaturate, bool kRelu>
struct InHalf2 : InHalf<F, T, kFlush, kSaturate, kRelu> {
  using Base = InHalf<F, T, kFlush, kSaturate, kRelu>;
  static T apply(T a, T b) { return Base::finish(F::apply(Base::in(a), Base::in(b))); }
};
template <class F, class T, bool kFlush, bool kSaturate, bool kRelu>
struct InHalf3 : InHalf<F, T, kFlush, kSaturate, kRelu> {
  using Base = InHalf<F, T, kFlush, kSaturate, kRelu>;
  static T apply(T a, T b, T c) { return Base::finish(F::apply(Base::in(a), Base::in(b), Base::in(c))); }
};

template <class T>
struct HalfNegate {
  static T apply(T a) { return {uint16_t(a.bits ^ 0x8000u)}; }
};
template <class T>
struct HalfAbsolute {
  static T apply(T a) { return {uint16_t(a.bits & 0x7fffu)}; }
};
template <class T, bool kMinimum, bool kNan, bool kXorSign>
struct HalfExtreme {
  static T apply(T a, T b) {
    using Extreme = FloatExtreme<float, kMinimum, kNan>;
    const float x = to_float(a), y = to_float(b);
    return Narrow<T>::apply(kXorSign ? XorSign<Extreme>::apply(x, y) : Extreme::apply(x, y),
                            Rounding::kNearest);
  }
};

// The same for two values in a register.
template <class F, class T, class... A>
inline uint32_t both_halves(T (*)(A...), decltype(uint32_t(sizeof(A)))... operands) {
  const uint32_t low = F::apply(A{uint16_t(operands)}...).bits;
  const uint32_t high = F::apply(A{uint16_t(operands >> 16)}...).bits;
  return low | high << 16;
}
template <class F>
struct Pair1 {
  static uint32_t apply(uint32_t a) { return both_halves<F>(&F::apply, a); }
};
template <class F>
struct Pair2 {
  static uint32_t apply(uint32_t a, uint32_t b) { return both_halves<F>(&F::apply, a, b); }
};
template <class F>
struct Pair3 {
  static uint32_t apply(uint32_t a, uint32_t b, uint32_t c) { return both_halves<F>(&F::apply, a, b, c); }
};

}  // namespace
}  // namespace tsv_sim
#endif
