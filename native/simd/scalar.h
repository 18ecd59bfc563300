// One float at a time, for processors without the others and as the plainest reading of every kernel.
#ifndef TOKENSIEVE_SIMD_SCALAR_H
#define TOKENSIEVE_SIMD_SCALAR_H
#include <math.h>

#include "simd/half.h"

namespace {

struct Scalar {
  static constexpr const char* kName = "scalar";
  static constexpr int kLanes = 1;
  static constexpr int kTileRows = 4;
  static constexpr int kTileVectors = 2;
  using F = float;
  struct I {
    int32_t value;
  };
  using Mask = bool;
  using D = double;

  static inline F zero() { return 0.0f; }
  static inline F set(float x) { return x; }

  static inline F load(const float* p) { return *p; }
  static inline F load_float16(const uint16_t* p) { return float16_to_float(*p); }
  static inline F load_bfloat16(const uint16_t* p) { return bfloat16_to_float(*p); }
  // The first n lanes; the rest zero, and never read.
  static inline F load(const float* p, int n) { return n > 0 ? *p : 0.0f; }
  static inline F load_float16(const uint16_t* p, int n) { return n > 0 ? float16_to_float(*p) : 0.0f; }
  static inline F load_bfloat16(const uint16_t* p, int n) { return n > 0 ? bfloat16_to_float(*p) : 0.0f; }

  static inline void store(float* p, F x) { *p = x; }
  static inline void store(float* p, F x, int n) {
    if (n > 0) *p = x;
  }
  static inline void store_float16(uint16_t* p, F x, int n) {
    if (n > 0) *p = float_to_float16(x);
  }
  static inline void store_bfloat16(uint16_t* p, F x, int n) {
    if (n > 0) *p = float_to_bfloat16(x);
  }
  static constexpr bool kStreams = false;
  static inline void prefetch(const void*) {}

  static inline F add(F a, F b) { return a + b; }
  static inline F sub(F a, F b) { return a - b; }
  static inline F mul(F a, F b) { return a * b; }
  static inline F div(F a, F b) { return a / b; }
  static inline F fma(F a, F b, F c) { return a * b + c; }  // two roundings: x86-64 has no FMA to lean on
  static inline F max(F a, F b) { return a > b ? a : b; }   // b when either is NaN
  static inline F min(F a, F b) { return a < b ? a : b; }
  static inline F sqrt(F a) { return sqrtf(a); }
  static inline F abs(F a) { return fabsf(a); }
  static inline F copy_sign(F a, F b) { return copysignf(a, b); }
  static inline float sum(F a) { return a; }
  static inline float maximum(F a) { return a; }

  static inline D zero_double() { return 0.0; }
  static inline D widen(F a) { return double(a); }
  static inline D sub(D a, D b) { return a - b; }
  static inline D add(D a, D b) { return a + b; }
  static inline D mul(D a, D b) { return a * b; }
  static inline D fma(D a, D b, D c) { return a * b + c; }  // two roundings
  static inline void store(double* p, D x) { *p = x; }

  static inline Mask nan(F a) { return a != a; }
  static inline Mask greater(F a, F b) { return a > b; }
  static inline F select(Mask m, F yes, F no) { return m ? yes : no; }
  static inline I select(Mask m, I yes, I no) { return m ? yes : no; }
  static inline I set_int(int32_t x) { return {x}; }
  static inline I iota() { return {0}; }
  static inline I add(I a, I b) { return {int32_t(uint32_t(a.value) + uint32_t(b.value))}; }
  static inline void store(int32_t* p, I x) { *p = x.value; }

  // Floats as unsigned integers in the same order: the keys of a radix selection. NaN is 1, under -infinity;
  // -0 must have been made +0.
  static inline I ordered(F x) {
    const uint32_t b = bits_of(x);
    return {nan(x) ? 1 : int32_t(b ^ (b >> 31 != 0 ? 0xffffffffu : 0x80000000u))};
  }
  static inline I load_int(const void* p) {
    I x;
    memcpy(&x.value, p, 4);
    return x;
  }
  template <int kBits>
  static inline I shift_right(I a) {
    return {int32_t(uint32_t(a.value) >> kBits)};
  }
  // Unsigned
  static inline Mask above(I a, I b) { return uint32_t(a.value) > uint32_t(b.value); }
  static inline Mask equal(I a, I b) { return a.value == b.value; }
  static inline unsigned bits(Mask m) { return m ? 1u : 0u; }
  // Stores the lanes chosen by `bits` next to each other; may write up to kLanes elements at p.
  static inline void compress(int32_t* p, unsigned, I x) { *p = x.value; }

  // The parts of 2^x = 2^(x - floor x) 2^(floor x). Results under the normal range become 0, past it
  // infinity.
  static inline F exp2_range(F x) { return min(128.0f, max(-127.0f, x)); }
  static inline F fraction(F x) { return x - floorf(x); }
  static inline F scale(F p, F x) {
    if (x != x) return x;
    return p * float_of(uint32_t(int32_t(floorf(x)) + 127) << 23);
  }
};

inline void transpose(Scalar::F*) {}

}  // namespace
#endif
