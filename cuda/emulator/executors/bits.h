// Logic, shifts and bit fields, by the PTX ISA's "Logic and Shift Instructions" and "Integer Arithmetic
// Instructions".
#ifndef TOKENSIEVE_EMULATOR_EXECUTORS_BITS_H
#define TOKENSIEVE_EMULATOR_EXECUTORS_BITS_H
#include "integer.h"

namespace tsv_sim {
namespace {

template <class T>
struct And {
  static T apply(T a, T b) { return T(a & b); }
};
template <class T>
struct Or {
  static T apply(T a, T b) { return T(a | b); }
};
template <class T>
struct Xor {
  static T apply(T a, T b) { return T(a ^ b); }
};
template <class T>
struct Not {
  static T apply(T a) { return T(~a); }
};
template <class T>
struct LogicalNot {
  static T apply(T a) { return a == 0; }
};
template <class T>
struct Identity {
  static T apply(T a) { return a; }
};
template <class T>
struct SelectBit {
  static T apply(T a, T b, bool c) { return c ? a : b; }
};
template <class T>
struct SelectSign {
  static T apply(T a, T b, int32_t c) { return c >= 0 ? a : b; }
};
template <class T, bool kFlush>
struct SelectSignFloat {
  static T apply(T a, T b, float c) { return c >= 0 || (kFlush && c > -0x1p-126f) ? a : b; }
};

// Amounts past the width shift everything out.
template <class T>
struct ShiftLeft {
  static T apply(T a, uint32_t b) { return b < 8 * sizeof(T) ? T(Wrapping<T>(a) << b) : T(0); }
};
template <class T>
struct ShiftRight {
  static T apply(T a, uint32_t b) {
    constexpr uint32_t width = 8 * sizeof(T);
    if constexpr (std::is_signed_v<T>) return T(a >> (b < width ? b : width - 1));
    return b < width ? T(a >> b) : T(0);
  }
};
// shf: 64 bits b:a shifted left, the high half taken, or right, the low half; amounts wrap at 32 or are held
// there.
template <bool kRight, bool kClamp>
struct FunnelShift {
  static uint32_t apply(uint32_t a, uint32_t b, uint32_t c) {
    const uint32_t amount = kClamp ? (c < 32 ? c : 32) : c & 31;
    const uint64_t both = uint64_t(b) << 32 | a;
    return kRight ? uint32_t(both >> amount) : uint32_t((both << amount) >> 32);
  }
};

inline uint32_t population(uint32_t a) {
  a -= a >> 1 & 0x55555555u;
  a = (a & 0x33333333u) + (a >> 2 & 0x33333333u);
  return ((a + (a >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24;
}
template <class T>
struct Population {
  static uint32_t apply(T a) {
    return population(uint32_t(a)) + (sizeof(T) == 8 ? population(uint32_t(uint64_t(a) >> 32)) : 0);
  }
};
template <class T>
struct LeadingZeros {
  static uint32_t apply(T a) {
    if (a == 0) return 8 * sizeof(T);
    return sizeof(T) == 8 ? uint32_t(__builtin_clzll(a)) : uint32_t(__builtin_clz(uint32_t(a)));
  }
};
// The highest bit that differs from the sign (of unsigned values: the highest one); all ones where there is
// none. With .shiftamt, how far to shift it left to the top.
template <class T, bool kShiftAmount>
struct FindLeading {
  static uint32_t apply(T a) {
    const Unsigned<T> value = Unsigned<T>(a < 0 ? ~a : a);
    if (value == 0) return ~0u;
    const uint32_t zeros = LeadingZeros<Unsigned<T>>::apply(value);
    return kShiftAmount ? zeros : 8 * uint32_t(sizeof(T)) - 1 - zeros;
  }
};
template <class T>
struct Reverse {
  static T apply(T a) {
    T result = 0;
    for (size_t i = 0; i < 8 * sizeof(T); ++i) result = T(result << 1 | (a >> i & 1));
    return result;
  }
};
// fns: the position of the n-th set bit of a mask, counted from bit `base` up (n > 0), down (n < 0), or
// `base` itself.
struct FindNth {
  static uint32_t apply(uint32_t mask, uint32_t base, int32_t offset) {
    if (offset == 0) return base < 32 && (mask >> base & 1) ? base : ~0u;
    const int step = offset > 0 ? 1 : -1;
    int32_t wanted = offset > 0 ? offset : -offset;
    for (int position = int(base); position >= 0 && position < 32; position += step) {
      if ((mask >> position & 1) && --wanted == 0) return uint32_t(position);
    }
    return ~0u;
  }
};

// bfe: `length` bits from `start`, both taken modulo 256. Past the top they are copies of the sign bit, which
// is the field's last bit that exists (zero for unsigned types and empty fields).
template <class T>
struct Extract {
  static T apply(T a, uint32_t b, uint32_t c) {
    constexpr uint32_t top = 8 * sizeof(T) - 1;
    const uint32_t start = b & 255, length = c & 255;
    if (length == 0) return 0;
    const uint32_t last = start + length - 1 < top ? start + length - 1 : top;
    const bool sign = std::is_signed_v<T> && (Unsigned<T>(a) >> last & 1);
    const Unsigned<T> fill = sign ? ~Unsigned<T>(0) : 0;
    if (start > top) return T(fill);
    const Unsigned<T> field = Unsigned<T>(a) >> start;
    const uint32_t width = length < top + 1 - start ? length : top + 1 - start;
    const Unsigned<T> mask = width > top ? ~Unsigned<T>(0) : (Unsigned<T>(1) << width) - 1;
    return T((field & mask) | (fill & ~mask));
  }
};
// bfi: the low `length` bits of a in place of those of b from `start`. Four sources: the fourth among
// operands.
template <class T>
void insert(Warp& warp, const Instruction& instruction, uint32_t mask) {
  const uint32_t* const lengths = warp.lanes<uint32_t>(instruction.operands[4].slot);
  for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    const T a = warp.lanes<T>(instruction.a)[lane], b = warp.lanes<T>(instruction.b)[lane];
    const uint32_t start = warp.lanes<uint32_t>(instruction.c)[lane] & 255, length = lengths[lane] & 255;
    constexpr uint32_t width = 8 * sizeof(T);
    const T ones = length >= width ? T(~T(0)) : T((T(1) << length) - 1);
    const T field = start >= width ? T(0) : T(ones << start);
    const T moved = start >= width ? T(0) : T(a << start);
    warp.lanes<T>(instruction.d)[lane] = (b & ~field) | (moved & field);
  }
}

// lop3: bit (4a + 2b + c) of the table, for each bit of the operands.
inline void logic3(Warp& warp, const Instruction& instruction, uint32_t mask) {
  const uint32_t table = warp.lanes<uint32_t>(instruction.operands[4].slot)[0];
  const uint32_t *a = warp.lanes<uint32_t>(instruction.a), *b = warp.lanes<uint32_t>(instruction.b),
                 *c = warp.lanes<uint32_t>(instruction.c);
  uint32_t* const d = warp.lanes<uint32_t>(instruction.d);
#pragma GCC ivdep
  for (int lane = 0; lane < kLanes; ++lane) {
    uint32_t result = 0;
    for (int row = 0; row < 8; ++row) {
      const uint32_t chosen = 0u - (table >> row & 1);
      const uint32_t x = row & 4 ? a[lane] : ~a[lane], y = row & 2 ? b[lane] : ~b[lane],
                     z = row & 1 ? c[lane] : ~c[lane];
      result |= chosen & x & y & z;
    }
    d[lane] = mask >> lane & 1 ? result : d[lane];
  }
}

// prmt: bytes chosen from b:a. The default mode reads a selector of four bits for each byte, whose top bit
// asks for copies of the byte's sign; the other modes are the ISA's tables.
enum class Permutation : uint8_t {
  kDefault,
  kForward4,
  kBackward4,
  kReplicate8,
  kEdgeLeft,
  kEdgeRight,
  kReplicate16
};
template <Permutation kMode>
struct Permute {
  static uint32_t selector(uint32_t byte, uint32_t c) {
    switch (kMode) {
      case Permutation::kDefault:
        return c >> (4 * byte) & 15;
      case Permutation::kForward4:
        return ((c & 3) + byte) & 7;
      case Permutation::kBackward4:
        return ((c & 3) - byte) & 7;
      case Permutation::kReplicate8:
        return c & 3;
      case Permutation::kEdgeLeft:
        return byte > (c & 3) ? byte : c & 3;
      case Permutation::kEdgeRight:
        return byte < (c & 3) ? byte : c & 3;
      case Permutation::kReplicate16:
        return (byte & 1) + 2 * (c & 1);
    }
    return 0;
  }
  static uint32_t apply(uint32_t a, uint32_t b, uint32_t c) {
    const uint64_t both = uint64_t(b) << 32 | a;
    uint32_t result = 0;
    for (uint32_t byte = 0; byte < 4; ++byte) {
      const uint32_t which = selector(byte, c);
      const uint32_t value = uint32_t(both >> (8 * (which & 7))) & 255;
      result |= (which & 8 ? (value & 128 ? 255u : 0u) : value) << (8 * byte);
    }
    return result;
  }
};

}  // namespace
}  // namespace tsv_sim
#endif
