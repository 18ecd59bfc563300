// The floating-point forms.
#ifndef TOKENSIEVE_EMULATOR_EXECUTORS_SELECT_FLOAT_H
#define TOKENSIEVE_EMULATOR_EXECUTORS_SELECT_FLOAT_H
#include "compare.h"
#include "convert.h"

namespace tsv_sim {
namespace {

// ---- float32 ----

template <template <class, bool, bool> class WithOperands, class F>
Execute with_flags(const Form& form) {
  if (form.flush) {
    return form.saturate ? rounded<WithOperands<F, true, true>>(form.rounding)
                         : rounded<WithOperands<F, true, false>>(form.rounding);
  }
  return form.saturate ? rounded<WithOperands<F, false, true>>(form.rounding)
                       : rounded<WithOperands<F, false, false>>(form.rounding);
}
template <class F>
Execute unary32(const Form& form) {
  return with_flags<Adjusted1, F>(form);
}
template <class F>
Execute binary32(const Form& form) {
  return with_flags<Adjusted2, F>(form);
}
template <class F>
Execute ternary32(const Form& form) {
  return with_flags<Adjusted3, F>(form);
}

// neg and abs change the sign bit, of NaN too; only .ftz does more.
template <class F>
Execute sign32(const Form& form) {
  return form.flush ? map<Adjusted1<F, true, false>> : map<F>;
}

template <bool kMinimum>
Execute extreme32(const Form& form) {
  if (form.xor_sign) {
    return form.keep_nan ? binary32<XorSign<FloatExtreme<float, kMinimum, true>>>(form)
                         : binary32<XorSign<FloatExtreme<float, kMinimum, false>>>(form);
  }
  return form.keep_nan ? binary32<FloatExtreme<float, kMinimum, true>>(form)
                       : binary32<FloatExtreme<float, kMinimum, false>>(form);
}

// Functions that exist only as approximations
inline Execute select_function32(const Form& form) {
  if (form.variant != Variant::kApproximate || form.rounding != Rounding::kNone || form.saturate)
    return nullptr;
  switch (form.operation) {
    case Operation::kReciprocal:
      return unary32<FloatReciprocal<float>>(form);
    case Operation::kRoot:
      return unary32<FloatRoot<float>>(form);
    case Operation::kReciprocalRoot:
      return unary32<InFloat64<reciprocal_root>>(form);
    case Operation::kSine:
      return unary32<InFloat64<sin>>(form);
    case Operation::kCosine:
      return unary32<InFloat64<cos>>(form);
    case Operation::kLog2:
      return unary32<InFloat64<log2>>(form);
    case Operation::kExp2:
      return unary32<InFloat64<exponential2>>(form);
    case Operation::kTanh:
      return form.flush ? nullptr : unary32<InFloat64<tanh>>(form);
    default:
      return nullptr;
  }
}

inline Execute select_float32(const Form& form) {
  const bool extreme = form.operation == Operation::kMinimum || form.operation == Operation::kMaximum;
  if (form.carry || form.relu || (!extreme && (form.keep_nan || form.xor_sign))) return nullptr;
  if (form.operation == Operation::kDivide && form.variant != Variant::kNone) {
    if (form.rounding != Rounding::kNone || form.saturate) return nullptr;
    return form.variant == Variant::kFull ? binary32<FloatDivide<float>>(form)
                                          : binary32<DivideApproximate>(form);
  }
  if (form.variant != Variant::kNone) return select_function32(form);
  const bool has_rounding = form.rounding != Rounding::kNone;
  switch (form.operation) {
    case Operation::kAdd:
      return binary32<FloatAdd<float>>(form);
    case Operation::kSubtract:
      return binary32<FloatSubtract<float>>(form);
    case Operation::kMultiply:
      return binary32<FloatMultiply<float>>(form);
    case Operation::kMultiplyAdd:
    case Operation::kFusedMultiplyAdd:
      return has_rounding ? ternary32<FloatFused<float>>(form) : nullptr;
    case Operation::kDivide:
      return has_rounding && !form.saturate ? binary32<FloatDivide<float>>(form) : nullptr;
    case Operation::kReciprocal:
      return has_rounding && !form.saturate ? unary32<FloatReciprocal<float>>(form) : nullptr;
    case Operation::kRoot:
      return has_rounding && !form.saturate ? unary32<FloatRoot<float>>(form) : nullptr;
    default:
      break;
  }
  if (has_rounding || form.saturate) return nullptr;
  switch (form.operation) {
    case Operation::kMinimum:
      return extreme32<true>(form);
    case Operation::kMaximum:
      return extreme32<false>(form);
    case Operation::kNegate:
      return sign32<FloatNegate<float>>(form);
    case Operation::kAbsolute:
      return sign32<FloatAbsolute<float>>(form);
    case Operation::kCopySign:
      return form.flush ? nullptr : map<CopySign<float>>;
    case Operation::kTestProperty:
      return form.flush ? nullptr : test_property<float>;
    default:
      return nullptr;
  }
}

// ---- float64 ----

struct ReciprocalRoot64 {
  static double apply(double a) { return reciprocal_root(a); }
};

inline Execute select_float64(const Form& form) {
  if (form.saturate || form.carry || form.relu || form.xor_sign || form.keep_nan) return nullptr;
  if (form.variant == Variant::kApproximate) {
    if (form.operation == Operation::kReciprocal && form.flush) return map<FloatReciprocal<double>>;
    return form.operation == Operation::kReciprocalRoot ? map<ReciprocalRoot64> : nullptr;
  }
  if (form.flush || form.variant != Variant::kNone) return nullptr;
  const bool has_rounding = form.rounding != Rounding::kNone;
  switch (form.operation) {
    case Operation::kAdd:
      return rounded<FloatAdd<double>>(form.rounding);
    case Operation::kSubtract:
      return rounded<FloatSubtract<double>>(form.rounding);
    case Operation::kMultiply:
      return rounded<FloatMultiply<double>>(form.rounding);
    case Operation::kMultiplyAdd:
    case Operation::kFusedMultiplyAdd:
      return has_rounding ? rounded<FloatFused<double>>(form.rounding) : nullptr;
    case Operation::kDivide:
      return has_rounding ? rounded<FloatDivide<double>>(form.rounding) : nullptr;
    case Operation::kReciprocal:
      return has_rounding ? rounded<FloatReciprocal<double>>(form.rounding) : nullptr;
    case Operation::kRoot:
      return has_rounding ? rounded<FloatRoot<double>>(form.rounding) : nullptr;
    default:
      break;
  }
  if (has_rounding) return nullptr;
  switch (form.operation) {
    case Operation::kMinimum:
      return map<FloatExtreme<double, true, false>>;
    case Operation::kMaximum:
      return map<FloatExtreme<double, false, false>>;
    case Operation::kNegate:
      return map<FloatNegate<double>>;
    case Operation::kAbsolute:
      return map<FloatAbsolute<double>>;
    case Operation::kCopySign:
      return map<CopySign<double>>;
    case Operation::kTestProperty:
      return test_property<double>;
    default:
      return nullptr;
  }
}

// ---- 16 bits ----

// An operation on one value, or on both of a pair.
template <bool kPair, class F>
Execute half1() {
  if constexpr (kPair)
    return map<Pair1<F>>;
  else
    return map<F>;
}
template <bool kPair, class F>
Execute half2() {
  if constexpr (kPair)
    return map<Pair2<F>>;
  else
    return map<F>;
}
template <bool kPair, class F>
Execute half3() {
  if constexpr (kPair)
    return map<Pair3<F>>;
  else
    return map<F>;
}

template <class T, bool kPair, bool kFlush, bool kSaturate, bool kRelu>
Execute half_arithmetic(const Form& form) {
  const bool fma = form.operation == Operation::kFusedMultiplyAdd;
  if (kRelu && !fma) return nullptr;
  switch (form.operation) {
    case Operation::kAdd:
      return half2<kPair, InHalf2<HalfAdd, T, kFlush, kSaturate, kRelu>>();
    case Operation::kSubtract:
      return half2<kPair, InHalf2<HalfSubtract, T, kFlush, kSaturate, kRelu>>();
    case Operation::kMultiply:
      return half2<kPair, InHalf2<HalfMultiply, T, kFlush, kSaturate, kRelu>>();
    case Operation::kFusedMultiplyAdd:
      return half3<kPair, InHalf3<HalfFused, T, kFlush, kSaturate, kRelu>>();
    default:
      return nullptr;
  }
}
template <class T, bool kPair>
Execute half_functions(const Form& form) {
  if (form.saturate || form.relu || form.rounding != Rounding::kNone) return nullptr;
  if (form.variant == Variant::kApproximate) {
    if (form.operation == Operation::kTanh)
      return form.flush ? nullptr : half1<kPair, InHalf1<HalfTanh, T, false, false, false>>();
    if (form.operation != Operation::kExp2) return nullptr;
    // ex2.approx of bf16 comes with .ftz alone
    if (form.flush != std::is_same_v<T, Bfloat>) return nullptr;
    return half1<kPair, InHalf1<HalfExp2, T, std::is_same_v<T, Bfloat>, false, false>>();
  }
  if (form.variant != Variant::kNone || form.flush) return nullptr;
  const bool nan = form.keep_nan, sign = form.xor_sign;
  switch (form.operation) {
    case Operation::kNegate:
      return half1<kPair, HalfNegate<T>>();
    case Operation::kAbsolute:
      return half1<kPair, HalfAbsolute<T>>();
    case Operation::kMinimum:
      if (sign)
        return nan ? half2<kPair, HalfExtreme<T, true, true, true>>()
                   : half2<kPair, HalfExtreme<T, true, false, true>>();
      return nan ? half2<kPair, HalfExtreme<T, true, true, false>>()
                 : half2<kPair, HalfExtreme<T, true, false, false>>();
    case Operation::kMaximum:
      if (sign)
        return nan ? half2<kPair, HalfExtreme<T, false, true, true>>()
                   : half2<kPair, HalfExtreme<T, false, false, true>>();
      return nan ? half2<kPair, HalfExtreme<T, false, true, false>>()
                 : half2<kPair, HalfExtreme<T, false, false, false>>();
    default:
      return nullptr;
  }
}

template <class T, bool kPair>
Execute select_half(const Form& form) {
  if (form.carry) return nullptr;
  const bool arithmetic = form.operation == Operation::kAdd || form.operation == Operation::kSubtract ||
                          form.operation == Operation::kMultiply ||
                          form.operation == Operation::kFusedMultiplyAdd;
  if (!arithmetic) return half_functions<T, kPair>(form);
  const bool nearest = form.rounding == Rounding::kNone || form.rounding == Rounding::kNearest;
  if (!nearest || form.keep_nan || form.xor_sign || form.variant != Variant::kNone ||
      (form.saturate && form.relu))
    return nullptr;
  if constexpr (std::is_same_v<T, Half>) {
    if (form.flush && form.saturate) return half_arithmetic<T, kPair, true, true, false>(form);
    if (form.flush && form.relu) return half_arithmetic<T, kPair, true, false, true>(form);
    if (form.flush) return half_arithmetic<T, kPair, true, false, false>(form);
    if (form.saturate) return half_arithmetic<T, kPair, false, true, false>(form);
  }
  if (form.flush || form.saturate) return nullptr;  // bf16 has neither
  return form.relu ? half_arithmetic<T, kPair, false, false, true>(form)
                   : half_arithmetic<T, kPair, false, false, false>(form);
}

inline Execute select_float(const Form& form) {
  switch (form.type) {
    case Type::kF32:
      return select_float32(form);
    case Type::kF64:
      return select_float64(form);
    case Type::kF16:
      return select_half<Half, false>(form);
    case Type::kF16x2:
      return select_half<Half, true>(form);
    case Type::kBf16:
      return select_half<Bfloat, false>(form);
    case Type::kBf16x2:
      return select_half<Bfloat, true>(form);
    default:
      return nullptr;
  }
}

}  // namespace
}  // namespace tsv_sim
#endif
