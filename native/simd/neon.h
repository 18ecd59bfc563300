// NEON of Armv8-A. 4 floats a vector, 32 registers. Half-precision conversion is part of the base instruction
// set.
#ifndef TOKENSIEVE_SIMD_NEON_H
#define TOKENSIEVE_SIMD_NEON_H
#include <arm_neon.h>

#include "simd/half.h"

namespace {

struct Neon {
  static constexpr const char* kName = "neon";
  static constexpr int kLanes = 4;
  // 20 accumulators, 2 panel vectors and a float of each row in 32 registers: GCC loads the floats of all
  // rows before it multiplies, and with 12 rows it spilled accumulators for them (48 instructions a step of k
  // for 24 FMA, 7 of them on the stack; with 10 rows 35 for 20, none).
  static constexpr int kTileRows = 10;
  static constexpr int kTileVectors = 2;
  using F = float32x4_t;
  using I = int32x4_t;
  using Mask = uint32x4_t;
  struct D {  // a vector's worth of doubles
    float64x2_t low, high;
  };

  static inline F zero() { return vdupq_n_f32(0.0f); }
  static inline F set(float x) { return vdupq_n_f32(x); }

  static inline F load(const float* p) { return vld1q_f32(p); }
  static inline F load_float16(const uint16_t* p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
  static inline F load_bfloat16(const uint16_t* p) {
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
  }
  // The first n lanes; the rest zero, and never read.
  static inline F load(const float* p, int n) {
    if (n >= 4) return load(p);
    float t[4] = {};
    memcpy(t, p, size_t(n) * 4);
    return vld1q_f32(t);
  }
  static inline F load_float16(const uint16_t* p, int n) {
    if (n >= 4) return load_float16(p);
    uint16_t t[4] = {};
    memcpy(t, p, size_t(n) * 2);
    return load_float16(t);
  }
  static inline F load_bfloat16(const uint16_t* p, int n) {
    if (n >= 4) return load_bfloat16(p);
    uint16_t t[4] = {};
    memcpy(t, p, size_t(n) * 2);
    return load_bfloat16(t);
  }

  static inline void store(float* p, F x) { vst1q_f32(p, x); }
  static inline void store(float* p, F x, int n) {
    if (n >= 4) {
      vst1q_f32(p, x);
      return;
    }
    float t[4];
    vst1q_f32(t, x);
    memcpy(p, t, size_t(n) * 4);
  }
  static inline void store_float16(uint16_t* p, F x, int n) {
    store_halves(p, vreinterpret_u16_f16(vcvt_f16_f32(x)), n);
  }
  static inline void store_bfloat16(uint16_t* p, F x, int n) {
    const uint32x4_t b = vreinterpretq_u32_f32(x);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(b, 16), vdupq_n_u32(1));
    const uint32x4_t rounded = vshrq_n_u32(vaddq_u32(b, vaddq_u32(odd, vdupq_n_u32(0x7fff))), 16);
    const uint32x4_t quiet = vorrq_u32(vshrq_n_u32(b, 16), vdupq_n_u32(0x40));
    store_halves(p, vmovn_u32(vbslq_u32(vceqq_f32(x, x), rounded, quiet)), n);
  }
  static inline void store_halves(uint16_t* p, uint16x4_t h, int n) {
    if (n >= 4) {
      vst1_u16(p, h);
      return;
    }
    uint16_t t[4];
    vst1_u16(t, h);
    memcpy(p, t, size_t(n) * 2);
  }
  static constexpr bool kStreams = false;  // no store that passes the caches has an intrinsic
  static inline void prefetch(const void* p) { __builtin_prefetch(p); }

  static inline F add(F a, F b) { return vaddq_f32(a, b); }
  static inline F sub(F a, F b) { return vsubq_f32(a, b); }
  static inline F mul(F a, F b) { return vmulq_f32(a, b); }
  static inline F div(F a, F b) { return vdivq_f32(a, b); }
  static inline F fma(F a, F b, F c) { return vfmaq_f32(c, a, b); }
  static inline F max(F a, F b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }  // b when either is NaN
  static inline F min(F a, F b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
  static inline F sqrt(F a) { return vsqrtq_f32(a); }
  static inline F abs(F a) { return vabsq_f32(a); }
  // a with the sign of b
  static inline F copy_sign(F a, F b) { return vbslq_f32(vdupq_n_u32(0x80000000u), b, a); }
  static inline float sum(F a) { return vaddvq_f32(a); }
  static inline float maximum(F a) { return vmaxvq_f32(a); }

  static inline D zero_double() { return {vdupq_n_f64(0.0), vdupq_n_f64(0.0)}; }
  static inline D widen(F a) { return {vcvt_f64_f32(vget_low_f32(a)), vcvt_high_f64_f32(a)}; }
  static inline D sub(D a, D b) { return {vsubq_f64(a.low, b.low), vsubq_f64(a.high, b.high)}; }
  static inline D add(D a, D b) { return {vaddq_f64(a.low, b.low), vaddq_f64(a.high, b.high)}; }
  static inline D mul(D a, D b) { return {vmulq_f64(a.low, b.low), vmulq_f64(a.high, b.high)}; }
  static inline D fma(D a, D b, D c) {
    return {vfmaq_f64(c.low, a.low, b.low), vfmaq_f64(c.high, a.high, b.high)};
  }
  static inline void store(double* p, D x) {
    vst1q_f64(p, x.low);
    vst1q_f64(p + 2, x.high);
  }

  static inline Mask nan(F a) { return vmvnq_u32(vceqq_f32(a, a)); }
  static inline Mask greater(F a, F b) { return vcgtq_f32(a, b); }
  static inline F select(Mask m, F yes, F no) { return vbslq_f32(m, yes, no); }
  static inline I select(Mask m, I yes, I no) { return vbslq_s32(m, yes, no); }
  static inline I set_int(int32_t x) { return vdupq_n_s32(x); }
  static inline I iota() {
    const int32_t lanes[4] = {0, 1, 2, 3};
    return vld1q_s32(lanes);
  }
  static inline I add(I a, I b) { return vaddq_s32(a, b); }
  static inline void store(int32_t* p, I x) { vst1q_s32(p, x); }

  // Floats as unsigned integers in the same order: the keys of a radix selection. NaN is 1, under -infinity;
  // -0 must have been made +0.
  static inline I ordered(F x) {
    const int32x4_t b = vreinterpretq_s32_f32(x);
    const int32x4_t flip = vorrq_s32(vshrq_n_s32(b, 31), vdupq_n_s32(INT32_MIN));
    return select(nan(x), vdupq_n_s32(1), veorq_s32(b, flip));
  }
  static inline I load_int(const void* p) { return vld1q_s32((const int32_t*)p); }
  template <int kBits>
  static inline I shift_right(I a) {
    return vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(a), kBits));
  }
  // Unsigned
  static inline Mask above(I a, I b) { return vcgtq_u32(vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b)); }
  static inline Mask equal(I a, I b) { return vceqq_s32(a, b); }
  static inline unsigned bits(Mask m) {
    const uint32_t weights[4] = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(m, vld1q_u32(weights)));
  }
  // Stores the lanes chosen by `bits` next to each other; may write up to kLanes elements at p.
  static inline void compress(int32_t* p, unsigned chosen, I x) {
    int32_t t[4];
    vst1q_s32(t, x);
    for (int lane = 0; lane < 4; ++lane) {
      *p = t[lane];
      p += (chosen >> lane) & 1;
    }
  }

  // The parts of 2^x = 2^(x - floor x) 2^(floor x). Results under the normal range become 0, past it
  // infinity.
  static inline F exp2_range(F x) { return min(set(128.0f), max(set(-127.0f), x)); }
  static inline F fraction(F x) { return vsubq_f32(x, vrndmq_f32(x)); }
  static inline F scale(F p, F x) {
    const int32x4_t exponent = vaddq_s32(vcvtmq_s32_f32(x), vdupq_n_s32(127));
    return vmulq_f32(p, vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23)));
  }
};

// r[i][j] <-> r[j][i], 4 x 4
inline void transpose(Neon::F* r) {
  const float32x4x2_t a = vtrnq_f32(r[0], r[1]), b = vtrnq_f32(r[2], r[3]);
  r[0] = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
  r[1] = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
  r[2] = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
  r[3] = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
}

}  // namespace
#endif
