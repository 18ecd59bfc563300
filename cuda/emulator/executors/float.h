// float32 and float64 arithmetic, by the PTX ISA's "Floating Point Instructions". NaN results of float32 are
// the canonical 0x7fffffff. What the ISA calls approximate (sin, ex2, rcp.approx, ...) is computed in float64
// and rounded once, so it is within the stated error of a device, and seldom equal to it.
#ifndef TOKENSIEVE_EMULATOR_EXECUTORS_FLOAT_H
#define TOKENSIEVE_EMULATOR_EXECUTORS_FLOAT_H
#include <math.h>

#include "lanes.h"

namespace tsv_sim {
namespace {

inline float canonical(float value) { return value == value ? value : bits_as<float>(0x7fffffffu); }
inline double canonical(double value) { return value; }

// Subnormal numbers become zeros of their sign.
inline float flushed(float value) {
  const uint32_t bits = bits_as<uint32_t>(value);
  return bits_as<float>((bits & 0x7f800000u) == 0 ? bits & 0x80000000u : bits);
}
// [0, 1], NaN to 0
inline float saturated(float value) { return value > 0 ? (value < 1 ? value : 1.0f) : 0.0f; }
inline double saturated(double value) { return value > 0 ? (value < 1 ? value : 1.0) : 0.0; }

inline float fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double fused(double a, double b, double c) { return __builtin_fma(a, b, c); }

template <class T>
struct FloatAdd {
  static T apply(T a, T b) { return a + b; }
};
template <class T>
struct FloatSubtract {
  static T apply(T a, T b) { return a - b; }
};
template <class T>
struct FloatMultiply {
  static T apply(T a, T b) { return a * b; }
};
template <class T>
struct FloatFused {
  static T apply(T a, T b, T c) { return fused(a, b, c); }
};
template <class T>
struct FloatDivide {
  static T apply(T a, T b) { return a / b; }
};
template <class T>
struct FloatReciprocal {
  static T apply(T a) { return T(1) / a; }
};
template <class T>
struct FloatRoot {
  static T apply(T a) {
    return std::is_same_v<T, float> ? T(__builtin_sqrtf(float(a))) : T(__builtin_sqrt(double(a)));
  }
};

template <double (*kFunction)(double)>
struct InFloat64 {
  static float apply(float a) { return float(kFunction(a)); }
};

// 2^a: the fraction by its series, of which the terms past the 13th are below a unit of float64's last place;
// the whole part as an exponent. Branch-free, so that lanes run side by side.
inline double exponential2(double a) {
  const double within = a > -1000 ? (a < 1000 ? a : 1000.0) : -1000.0;
  const double shifter = 0x1.8p52, shifted = within + shifter;  // rounds to whole numbers, in the low bits
  const double x = (within - (shifted - shifter)) * 0.69314718055994530942;
  double sum = 1.0 / 6227020800;
  for (const double term : {1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
                            1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0}) {
    sum = sum * x + term;
  }
  const uint64_t exponent = (bits_as<uint64_t>(shifted) - bits_as<uint64_t>(shifter) + 1023) << 52;
  const double result = sum * bits_as<double>(exponent);
  return a == a ? result : a;
}
inline double reciprocal_root(double a) { return 1 / sqrt(a); }

// div.approx is a product with the reciprocal: a divisor beyond 2^126 gives 0 (NaN with an infinite
// dividend). div.full scales its operands and is within 2 ulp over the whole range.
struct DivideApproximate {
  static float apply(float a, float b) {
    const float size = __builtin_fabsf(b);
    if (size > 0x1p126f && size <= 0x1.fffffep127f)
      return a * bits_as<float>(bits_as<uint32_t>(b) & 0x80000000u);
    return float(double(a) / double(b));
  }
};

// Of two zeros -0 is the smaller. A NaN yields the other operand, or with .NaN a NaN.
template <class T, bool kMinimum, bool kNan>
struct FloatExtreme {
  static T apply(T a, T b) {
    const T zeros = kMinimum ? (signbit(a) ? a : b) : (signbit(a) ? b : a);
    const T chosen = a == b ? zeros : (kMinimum ? a < b : a > b) ? a : b;
    if (kNan && (a != a || b != b))
      return bits_as<T>(std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>(
          sizeof(T) == 4 ? 0x7fffffffu : 0x7fffffffffffffffull));
    return a != a ? b : b != b ? a : chosen;
  }
};
// .xorsign.abs: the extreme of the sizes, with the sign of the product.
template <class F>
struct XorSign {
  static float apply(float a, float b) {
    const uint32_t sign = (bits_as<uint32_t>(a) ^ bits_as<uint32_t>(b)) & 0x80000000u;
    const float size = F::apply(__builtin_fabsf(a), __builtin_fabsf(b));
    return bits_as<float>((bits_as<uint32_t>(size) & 0x7fffffffu) | sign);
  }
};
template <class T>
struct FloatNegate {
  static T apply(T a) { return -a; }
};
template <class T>
struct FloatAbsolute {
  static T apply(T a) {
    return std::is_same_v<T, float> ? T(__builtin_fabsf(float(a))) : T(__builtin_fabs(double(a)));
  }
};
// The sign of a on b.
template <class T>
struct CopySign {
  static T apply(T a, T b) {
    return std::is_same_v<T, float> ? T(__builtin_copysignf(float(b), float(a)))
                                    : T(__builtin_copysign(double(b), double(a)));
  }
};

// .ftz on operands and results, .sat on the result; results' NaNs made canonical.
template <class F, bool kFlush, bool kSaturate>
struct Adjusted {
  template <class T>
  static T in(T value) {
    if constexpr (kFlush && std::is_same_v<T, float>) return flushed(value);
    return value;
  }
  template <class R, class... A>
  static R adjusted(R (*)(A...), A... operands) {
    const R value = in(F::apply(in(operands)...));
    if constexpr (kSaturate) return saturated(value);
    return canonical(value);
  }
};
template <class F, bool kFlush, bool kSaturate>
struct Adjusted1 : Adjusted<F, kFlush, kSaturate> {
  static float apply(float a) { return Adjusted<F, kFlush, kSaturate>::adjusted(&F::apply, a); }
};
template <class F, bool kFlush, bool kSaturate>
struct Adjusted2 : Adjusted<F, kFlush, kSaturate> {
  static float apply(float a, float b) { return Adjusted<F, kFlush, kSaturate>::adjusted(&F::apply, a, b); }
};
template <class F, bool kFlush, bool kSaturate>
struct Adjusted3 : Adjusted<F, kFlush, kSaturate> {
  static float apply(float a, float b, float c) {
    return Adjusted<F, kFlush, kSaturate>::adjusted(&F::apply, a, b, c);
  }
};

enum class Property : uint8_t { kFinite, kInfinite, kNumber, kNotANumber, kNormal, kSubnormal };
template <class T>
inline bool has_property(T a, Property property) {
  const int kind = __builtin_fpclassify(FP_NAN, FP_INFINITE, FP_NORMAL, FP_SUBNORMAL, FP_ZERO, a);
  switch (property) {
    case Property::kFinite:
      return kind != FP_NAN && kind != FP_INFINITE;
    case Property::kInfinite:
      return kind == FP_INFINITE;
    case Property::kNumber:
      return kind != FP_NAN;
    case Property::kNotANumber:
      return kind == FP_NAN;
    case Property::kNormal:
      return kind == FP_NORMAL;
    case Property::kSubnormal:
      return kind == FP_SUBNORMAL;
  }
  return false;
}
template <class T>
void test_property(Warp& warp, const Instruction& instruction, uint32_t mask) {
  uint32_t holds = 0;
  for (int lane = 0; lane < kLanes; ++lane) {
    const bool has = has_property(warp.lanes<T>(instruction.a)[lane], Property(instruction.mode));
    holds |= uint32_t(has) << lane;
  }
  uint32_t& predicate = warp.predicates[instruction.d];
  predicate = (predicate & ~mask) | (holds & mask);
}

}  // namespace
}  // namespace tsv_sim
#endif
