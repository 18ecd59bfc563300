// Integer arithmetic, by the PTX ISA's "Integer Arithmetic Instructions". Additions and products wrap.
#ifndef TOKENSIEVE_EMULATOR_EXECUTORS_INTEGER_H
#define TOKENSIEVE_EMULATOR_EXECUTORS_INTEGER_H
#include <limits>

#include "lanes.h"

namespace tsv_sim {
namespace {

template <class T>
using Unsigned = std::make_unsigned_t<T>;
__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 Uint128;

template <class T>
struct WiderOf;
template <>
struct WiderOf<int16_t> {
  using type = int32_t;
};
template <>
struct WiderOf<uint16_t> {
  using type = uint32_t;
};
template <>
struct WiderOf<int32_t> {
  using type = int64_t;
};
template <>
struct WiderOf<uint32_t> {
  using type = uint64_t;
};
template <>
struct WiderOf<int64_t> {
  using type = Int128;
};
template <>
struct WiderOf<uint64_t> {
  using type = Uint128;
};
template <class T>
using Wider = typename WiderOf<T>::type;

// Sums and products in the unsigned type of at least 32 bits, where overflow is defined
template <class T>
using Wrapping = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

template <class T>
struct Add {
  static T apply(T a, T b) { return T(Wrapping<T>(a) + Wrapping<T>(b)); }
};
template <class T>
struct Subtract {
  static T apply(T a, T b) { return T(Wrapping<T>(a) - Wrapping<T>(b)); }
};
template <class T>
struct MultiplyLow {
  static T apply(T a, T b) { return T(Wrapping<T>(a) * Wrapping<T>(b)); }
};
template <class T>
struct MultiplyHigh {
  static T apply(T a, T b) { return T((Wider<T>(a) * Wider<T>(b)) >> (8 * sizeof(T))); }
};
template <class T>
struct MultiplyWide {
  static Wider<T> apply(T a, T b) { return Wider<T>(a) * Wider<T>(b); }
};
template <class T>
struct MultiplyAddLow {
  static T apply(T a, T b, T c) { return T(Wrapping<T>(a) * Wrapping<T>(b) + Wrapping<T>(c)); }
};
template <class T>
struct MultiplyAddHigh {
  static T apply(T a, T b, T c) { return Add<T>::apply(MultiplyHigh<T>::apply(a, b), c); }
};
template <class T>
struct MultiplyAddWide {
  static Wider<T> apply(T a, T b, Wider<T> c) {
    return Add<Wider<T>>::apply(MultiplyWide<T>::apply(a, b), c);
  }
};

template <class T>
struct AddSaturating {
  static T apply(T a, T b) {
    const Wider<T> sum = Wider<T>(a) + Wider<T>(b);
    constexpr Wider<T> low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
    return T(sum < low ? low : sum > high ? high : sum);
  }
};
template <class T>
struct SubtractSaturating {
  static T apply(T a, T b) {
    const Wider<T> difference = Wider<T>(a) - Wider<T>(b);
    constexpr Wider<T> low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
    return T(difference < low ? low : difference > high ? high : difference);
  }
};
template <class T>
struct MultiplyAddHighSaturating {
  static T apply(T a, T b, T c) { return AddSaturating<T>::apply(MultiplyHigh<T>::apply(a, b), c); }
};

// Products of the low 24 bits, sign-extended for signed types: the low or the high 32 of 48 bits.
template <class T>
inline Wider<T> product24(T a, T b) {
  const auto low24 = [](T value) { return Wider<T>(T(uint32_t(value) << 8) >> 8); };
  return low24(a) * low24(b);
}
template <class T>
struct Multiply24Low {
  static T apply(T a, T b) { return T(product24(a, b)); }
};
template <class T>
struct Multiply24High {
  static T apply(T a, T b) { return T(product24(a, b) >> 16); }
};
template <class T>
struct MultiplyAdd24Low {
  static T apply(T a, T b, T c) { return Add<T>::apply(Multiply24Low<T>::apply(a, b), c); }
};
template <class T>
struct MultiplyAdd24High {
  static T apply(T a, T b, T c) { return Add<T>::apply(Multiply24High<T>::apply(a, b), c); }
};

template <class T>
struct SumOfDifferences {
  static T apply(T a, T b, T c) {
    const Wrapping<T> difference = a < b ? Wrapping<T>(b) - Wrapping<T>(a) : Wrapping<T>(a) - Wrapping<T>(b);
    return T(Wrapping<T>(c) + difference);
  }
};

// Division by zero yields all ones and the remainder its dividend, as the instructions' expansion does on
// devices; the ISA leaves both open. The smallest number over -1 wraps.
template <class T>
struct Divide {
  static T apply(T a, T b) {
    if (b == 0) return T(~T(0));
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return T(0 - Wrapping<T>(a));
    }
    return T(a / b);
  }
};
template <class T>
struct Remainder {
  static T apply(T a, T b) {
    if (b == 0) return a;
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return 0;
    }
    return T(a % b);
  }
};

template <class T>
struct Negate {
  static T apply(T a) { return T(0 - Wrapping<T>(a)); }
};
template <class T>
struct Absolute {
  static T apply(T a) { return a < 0 ? Negate<T>::apply(a) : a; }
};
template <class T>
struct Minimum {
  static T apply(T a, T b) { return a < b ? a : b; }
};
template <class T>
struct Maximum {
  static T apply(T a, T b) { return a > b ? a : b; }
};
template <class F, class T>
struct WithRelu {
  static T apply(T a, T b) {
    const T value = F::apply(a, b);
    return value < 0 ? T(0) : value;
  }
};

// Two 16-bit integers in a register
template <class F, class T>
struct Pairs {
  static uint32_t apply(uint32_t a, uint32_t b) {
    const uint32_t low = Unsigned<T>(F::apply(T(a), T(b)));
    const uint32_t high = Unsigned<T>(F::apply(T(a >> 16), T(b >> 16)));
    return low | high << 16;
  }
};

// Four (dp4a) or two (dp2a) products of the parts of a register, by the signs of both sides, added to c.
template <class A, class B>
struct Dot4 {
  static uint32_t apply(uint32_t a, uint32_t b, uint32_t c) {
    for (int i = 0; i < 32; i += 8) c += uint32_t(int32_t(A(a >> i)) * int32_t(B(b >> i)));
    return c;
  }
};
template <class A, class B, int kHalf>
struct Dot2 {
  static uint32_t apply(uint32_t a, uint32_t b, uint32_t c) {
    const uint32_t bytes = b >> (16 * kHalf);
    c += uint32_t(int32_t(A(a)) * int32_t(B(bytes)));
    return c + uint32_t(int32_t(A(a >> 16)) * int32_t(B(bytes >> 8)));
  }
};

// Arithmetic with the carry of each lane, which the warp keeps in a predicate: subtraction takes and leaves a
// borrow.
enum class CarryKind : uint8_t { kAdd, kSubtract, kMultiplyLow, kMultiplyHigh };
template <class T, CarryKind kKind, bool kIn, bool kOut>
void with_carry(Warp& warp, const Instruction& instruction, uint32_t mask) {
  static_assert(!std::is_signed_v<T>, "the carry is that of the unsigned sum");
  uint32_t& carries = warp.predicates[kCarryPredicate];
  for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    const T a = warp.lanes<T>(instruction.a)[lane], b = warp.lanes<T>(instruction.b)[lane];
    const uint32_t in = kIn ? carries >> lane & 1 : 0;
    Uint128 sum;
    if constexpr (kKind == CarryKind::kAdd) {
      sum = Uint128(a) + b + in;
    } else if constexpr (kKind == CarryKind::kSubtract) {
      sum = Uint128(a) - b - in;
    } else {
      const T product =
          kKind == CarryKind::kMultiplyLow ? MultiplyLow<T>::apply(a, b) : MultiplyHigh<T>::apply(a, b);
      sum = Uint128(product) + warp.lanes<T>(instruction.c)[lane] + in;
    }
    warp.lanes<T>(instruction.d)[lane] = T(sum);
    const uint32_t out = uint32_t(sum >> (8 * sizeof(T))) & 1;
    if (kOut) carries = (carries & ~(1u << lane)) | out << lane;
  }
}

}  // namespace
}  // namespace tsv_sim
#endif
