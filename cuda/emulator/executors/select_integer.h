// The integer forms.
#ifndef TOKENSIEVE_EMULATOR_EXECUTORS_SELECT_INTEGER_H
#define TOKENSIEVE_EMULATOR_EXECUTORS_SELECT_INTEGER_H
#include "bits.h"

namespace tsv_sim {
namespace {

inline bool plain(const Form& form) {
  return !form.saturate && !form.carry && form.variant == Variant::kNone && !form.relu && form.mode == 0;
}

template <class T>
Execute select_product(const Form& form) {
  const bool add = form.operation == Operation::kMultiplyAdd;
  constexpr bool can_saturate = std::is_same_v<T, int32_t>;
  if (form.saturate) {
    if constexpr (can_saturate) {
      return add && form.variant == Variant::kHigh ? map<MultiplyAddHighSaturating<T>> : nullptr;
    }
    return nullptr;
  }
  switch (form.variant) {
    case Variant::kLow:
      return add ? map<MultiplyAddLow<T>> : map<MultiplyLow<T>>;
    case Variant::kHigh:
      return add ? map<MultiplyAddHigh<T>> : map<MultiplyHigh<T>>;
    case Variant::kWide:
      if constexpr (sizeof(T) < 8) return add ? map<MultiplyAddWide<T>> : map<MultiplyWide<T>>;
      return nullptr;
    default:
      return nullptr;
  }
}

// add.cc and its kin: the type's sign does not matter.
template <class T>
Execute select_carry(const Form& form) {
  const bool out = form.carry;
  switch (form.operation) {
    case Operation::kAdd:
      return with_carry<T, CarryKind::kAdd, false, true>;
    case Operation::kSubtract:
      return with_carry<T, CarryKind::kSubtract, false, true>;
    case Operation::kAddCarry:
      return out ? with_carry<T, CarryKind::kAdd, true, true> : with_carry<T, CarryKind::kAdd, true, false>;
    case Operation::kSubtractCarry:
      return out ? with_carry<T, CarryKind::kSubtract, true, true>
                 : with_carry<T, CarryKind::kSubtract, true, false>;
    default:
      return nullptr;
  }
}
// mad.cc and madc: mad.hi's product depends on the sign, so signed forms of it are left out.
template <class T>
Execute select_carry_product(const Form& form, bool is_signed_type) {
  const bool in = form.operation == Operation::kMultiplyAddCarry, out = form.carry;
  if (form.variant == Variant::kLow) {
    constexpr CarryKind kind = CarryKind::kMultiplyLow;
    return !in   ? with_carry<T, kind, false, true>
           : out ? with_carry<T, kind, true, true>
                 : with_carry<T, kind, true, false>;
  }
  if (form.variant != Variant::kHigh || is_signed_type) return nullptr;
  constexpr CarryKind kind = CarryKind::kMultiplyHigh;
  return !in   ? with_carry<T, kind, false, true>
         : out ? with_carry<T, kind, true, true>
               : with_carry<T, kind, true, false>;
}

template <class T>
Execute select_arithmetic(const Form& form) {
  constexpr bool is32 = sizeof(T) == 4;
  switch (form.operation) {
    case Operation::kMultiply:
    case Operation::kMultiplyAdd:
      return select_product<T>(form);
    case Operation::kMultiply24:
    case Operation::kMultiplyAdd24:
      if constexpr (is32) {
        const bool add = form.operation == Operation::kMultiplyAdd24;
        if (form.saturate) return nullptr;
        if (form.variant == Variant::kLow) return add ? map<MultiplyAdd24Low<T>> : map<Multiply24Low<T>>;
        if (form.variant == Variant::kHigh) return add ? map<MultiplyAdd24High<T>> : map<Multiply24High<T>>;
      }
      return nullptr;
    case Operation::kAdd:
    case Operation::kSubtract:
      if constexpr (std::is_same_v<T, int32_t>) {
        if (form.saturate)
          return form.operation == Operation::kAdd ? map<AddSaturating<T>> : map<SubtractSaturating<T>>;
      }
      if (!plain(form)) return nullptr;
      return form.operation == Operation::kAdd ? map<Add<T>> : map<Subtract<T>>;
    default:
      break;
  }
  if constexpr (std::is_same_v<T, int32_t>) {
    if (form.relu && form.operation == Operation::kMinimum) return map<WithRelu<Minimum<T>, T>>;
    if (form.relu && form.operation == Operation::kMaximum) return map<WithRelu<Maximum<T>, T>>;
  }
  if (!plain(form)) return nullptr;
  switch (form.operation) {
    case Operation::kSumOfDifferences:
      return map<SumOfDifferences<T>>;
    case Operation::kDivide:
      return map<Divide<T>>;
    case Operation::kRemainder:
      return map<Remainder<T>>;
    case Operation::kMinimum:
      return map<Minimum<T>>;
    case Operation::kMaximum:
      return map<Maximum<T>>;
    case Operation::kAbsolute:
      if constexpr (std::is_signed_v<T>) return map<Absolute<T>>;
      return nullptr;
    case Operation::kNegate:
      if constexpr (std::is_signed_v<T>) return map<Negate<T>>;
      return nullptr;
    case Operation::kFindLeading:
      if constexpr (sizeof(T) >= 4)
        return form.shift_amount ? map<FindLeading<T, true>> : map<FindLeading<T, false>>;
      return nullptr;
    case Operation::kExtract:
      if constexpr (sizeof(T) >= 4) return map<Extract<T>>;
      return nullptr;
    case Operation::kShiftRight:
      return map<ShiftRight<T>>;
    default:
      return nullptr;
  }
}

template <class T>
Execute select_bits(const Form& form) {
  if (!plain(form)) return nullptr;
  switch (form.operation) {
    case Operation::kAnd:
      return map<And<T>>;
    case Operation::kOr:
      return map<Or<T>>;
    case Operation::kXor:
      return map<Xor<T>>;
    case Operation::kNot:
      return map<Not<T>>;
    case Operation::kLogicalNot:
      return map<LogicalNot<T>>;
    case Operation::kShiftLeft:
      return map<ShiftLeft<T>>;
    case Operation::kShiftRight:
      return map<ShiftRight<T>>;
    default:
      break;
  }
  if constexpr (sizeof(T) >= 4) {
    switch (form.operation) {
      case Operation::kPopulation:
        return map<Population<T>>;
      case Operation::kLeadingZeros:
        return map<LeadingZeros<T>>;
      case Operation::kReverse:
        return map<Reverse<T>>;
      case Operation::kInsert:
        return insert<T>;
      case Operation::kLogic3:
        return sizeof(T) == 4 ? logic3 : nullptr;
      case Operation::kFindNth:
        return sizeof(T) == 4 ? map<FindNth> : nullptr;
      default:
        break;
    }
  }
  return nullptr;
}

inline Execute select_funnel(const Form& form) {
  switch (form.mode) {
    case 0:
      return map<FunnelShift<false, false>>;
    case 1:
      return map<FunnelShift<true, false>>;
    case 2:
      return map<FunnelShift<false, true>>;
    default:
      return map<FunnelShift<true, true>>;
  }
}
inline Execute select_permute(const Form& form) {
  static constexpr Execute table[] = {
      map<Permute<Permutation::kDefault>>,    map<Permute<Permutation::kForward4>>,
      map<Permute<Permutation::kBackward4>>,  map<Permute<Permutation::kReplicate8>>,
      map<Permute<Permutation::kEdgeLeft>>,   map<Permute<Permutation::kEdgeRight>>,
      map<Permute<Permutation::kReplicate16>>};
  return table[form.mode];
}
template <class A, class B>
Execute select_dot(const Form& form) {
  if (form.operation == Operation::kDot4) {
    return map<Dot4<std::conditional_t<std::is_signed_v<A>, int8_t, uint8_t>,
                    std::conditional_t<std::is_signed_v<B>, int8_t, uint8_t>>>;
  }
  using Parts = std::conditional_t<std::is_signed_v<B>, int8_t, uint8_t>;
  using Words = std::conditional_t<std::is_signed_v<A>, int16_t, uint16_t>;
  return form.variant == Variant::kHigh ? map<Dot2<Words, Parts, 1>> : map<Dot2<Words, Parts, 0>>;
}
inline Execute select_dots(const Form& form) {
  if (bytes(form.type) != 4 || bytes(form.source) != 4) return nullptr;
  if (is_signed(form.type))
    return is_signed(form.source) ? select_dot<int32_t, int32_t>(form) : select_dot<int32_t, uint32_t>(form);
  return is_signed(form.source) ? select_dot<uint32_t, int32_t>(form) : select_dot<uint32_t, uint32_t>(form);
}
inline Execute select_pairs(const Form& form) {
  const bool is_s16 = form.type == Type::kS16x2;
  if (!plain(form)) return nullptr;
  switch (form.operation) {
    case Operation::kAdd:
      return map<Pairs<Add<uint16_t>, uint16_t>>;
    case Operation::kMinimum:
      return is_s16 ? map<Pairs<Minimum<int16_t>, int16_t>> : map<Pairs<Minimum<uint16_t>, uint16_t>>;
    case Operation::kMaximum:
      return is_s16 ? map<Pairs<Maximum<int16_t>, int16_t>> : map<Pairs<Maximum<uint16_t>, uint16_t>>;
    default:
      return nullptr;
  }
}

inline Execute select_integer(const Form& form) {
  if (form.flush || form.keep_nan || form.xor_sign || form.rounding != Rounding::kNone) return nullptr;
  switch (form.operation) {
    case Operation::kFunnelShift:
      return form.type == Type::kB32 ? select_funnel(form) : nullptr;
    case Operation::kPermute:
      return form.type == Type::kB32 ? select_permute(form) : nullptr;
    case Operation::kDot4:
    case Operation::kDot2:
      return select_dots(form);
    default:
      break;
  }
  const bool product =
      form.operation == Operation::kMultiplyAdd || form.operation == Operation::kMultiplyAddCarry;
  if (form.carry || form.operation == Operation::kAddCarry || form.operation == Operation::kSubtractCarry ||
      form.operation == Operation::kMultiplyAddCarry) {
    if (form.saturate || bytes(form.type) < 4 || form.type == Type::kB32 || form.type == Type::kB64)
      return nullptr;
    const bool is_signed_type = is_signed(form.type);
    if (bytes(form.type) == 8)
      return product ? select_carry_product<uint64_t>(form, is_signed_type) : select_carry<uint64_t>(form);
    return product ? select_carry_product<uint32_t>(form, is_signed_type) : select_carry<uint32_t>(form);
  }
  switch (form.type) {
    case Type::kB16:
      return select_bits<uint16_t>(form);
    case Type::kB32:
      return select_bits<uint32_t>(form);
    case Type::kB64:
      return select_bits<uint64_t>(form);
    case Type::kU16:
      return select_arithmetic<uint16_t>(form);
    case Type::kU32:
      return select_arithmetic<uint32_t>(form);
    case Type::kU64:
      return select_arithmetic<uint64_t>(form);
    case Type::kS16:
      return select_arithmetic<int16_t>(form);
    case Type::kS32:
      return select_arithmetic<int32_t>(form);
    case Type::kS64:
      return select_arithmetic<int64_t>(form);
    case Type::kU16x2:
    case Type::kS16x2:
      return select_pairs(form);
    default:
      return nullptr;
  }
}

}  // namespace
}  // namespace tsv_sim
#endif
