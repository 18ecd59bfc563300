// AVX-512 F/DQ/BW/VL with FMA. 16 floats a vector, 32 registers, mask registers, compress-stores.
// Zen 4 runs a 512-bit operation as two halves (one 512-bit FMA a cycle); Intel servers run two a cycle on
// ports 0 and 5, where maxima and conversions compete with FMA.
#ifndef TOKENSIEVE_SIMD_AVX512_H
#define TOKENSIEVE_SIMD_AVX512_H
#include <immintrin.h>

#include "simd/half.h"
#include "simd/unroll.h"

namespace {

struct Avx512 {
  static constexpr const char* kName = "avx512";
  static constexpr int kLanes = 16;
  static constexpr int kTileRows = 14;  // 28 accumulators, 2 panel vectors and a broadcast in 32 registers
  static constexpr int kTileVectors = 2;
  using F = __m512;
  using I = __m512i;
  using Mask = __mmask16;
  struct D {  // a vector's worth of doubles
    __m512d low, high;
  };

  static inline F zero() { return _mm512_setzero_ps(); }
  static inline F set(float x) { return _mm512_set1_ps(x); }
  static inline Mask first(int n) { return Mask(n >= 16 ? 0xffffu : (1u << n) - 1); }

  static inline F load(const float* p) { return _mm512_loadu_ps(p); }
  static inline F load_float16(const uint16_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)p));
  }
  static inline F load_bfloat16(const uint16_t* p) {
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)p)), 16));
  }
  // The first n lanes; the rest zero, and never read.
  static inline F load(const float* p, int n) { return _mm512_maskz_loadu_ps(first(n), p); }
  static inline F load_float16(const uint16_t* p, int n) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first(n), p));
  }
  static inline F load_bfloat16(const uint16_t* p, int n) {
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(first(n), p)), 16));
  }

  static inline void store(float* p, F x) { _mm512_storeu_ps(p, x); }
  static inline void store(float* p, F x, int n) { _mm512_mask_storeu_ps(p, first(n), x); }
  static inline void store_float16(uint16_t* p, F x, int n) {
    _mm256_mask_storeu_epi16(p, first(n), _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  static inline void store_bfloat16(uint16_t* p, F x, int n) {
    const I b = _mm512_castps_si512(x);
    const I odd = _mm512_and_si512(_mm512_srli_epi32(b, 16), _mm512_set1_epi32(1));
    const I rounded =
        _mm512_srli_epi32(_mm512_add_epi32(b, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))), 16);
    const I quiet = _mm512_or_si512(_mm512_srli_epi32(b, 16), _mm512_set1_epi32(0x40));
    const Mask nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    _mm256_mask_storeu_epi16(p, first(n), _mm512_cvtepi32_epi16(_mm512_mask_mov_epi32(rounded, nan, quiet)));
  }
  static constexpr bool kStreams = true;
  // Past the caches; p aligned to the vector. Ordered before what follows by stream_end().
  static inline void stream(float* p, F x) { _mm512_stream_ps(p, x); }
  static inline void stream_end() { _mm_sfence(); }
  static inline void prefetch(const void* p) { _mm_prefetch((const char*)p, _MM_HINT_T0); }

  static inline F add(F a, F b) { return _mm512_add_ps(a, b); }
  static inline F sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static inline F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static inline F div(F a, F b) { return _mm512_div_ps(a, b); }
  static inline F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static inline F max(F a, F b) { return _mm512_max_ps(a, b); }  // b when either is NaN
  static inline F min(F a, F b) { return _mm512_min_ps(a, b); }
  static inline F sqrt(F a) { return _mm512_sqrt_ps(a); }
  static inline F abs(F a) { return _mm512_abs_ps(a); }
  // a with the sign of b
  static inline F copy_sign(F a, F b) {
    return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b),
                                                         _mm512_set1_epi32(0x7fffffff), 0xe4));
  }
  static inline float sum(F a) { return _mm512_reduce_add_ps(a); }
  static inline float maximum(F a) { return _mm512_reduce_max_ps(a); }

  static inline D zero_double() { return {_mm512_setzero_pd(), _mm512_setzero_pd()}; }
  static inline D widen(F a) {
    return {_mm512_cvtps_pd(_mm512_castps512_ps256(a)), _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1))};
  }
  static inline D sub(D a, D b) { return {_mm512_sub_pd(a.low, b.low), _mm512_sub_pd(a.high, b.high)}; }
  static inline D add(D a, D b) { return {_mm512_add_pd(a.low, b.low), _mm512_add_pd(a.high, b.high)}; }
  static inline D mul(D a, D b) { return {_mm512_mul_pd(a.low, b.low), _mm512_mul_pd(a.high, b.high)}; }
  static inline D fma(D a, D b, D c) {
    return {_mm512_fmadd_pd(a.low, b.low, c.low), _mm512_fmadd_pd(a.high, b.high, c.high)};
  }
  static inline void store(double* p, D x) {
    _mm512_storeu_pd(p, x.low);
    _mm512_storeu_pd(p + 8, x.high);
  }

  static inline Mask nan(F a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
  static inline Mask greater(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
  static inline F select(Mask m, F yes, F no) { return _mm512_mask_blend_ps(m, no, yes); }
  static inline I select(Mask m, I yes, I no) { return _mm512_mask_blend_epi32(m, no, yes); }
  static inline I set_int(int32_t x) { return _mm512_set1_epi32(x); }
  static inline I iota() { return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }
  static inline I add(I a, I b) { return _mm512_add_epi32(a, b); }
  static inline void store(int32_t* p, I x) { _mm512_storeu_si512(p, x); }

  // Floats as unsigned integers in the same order: the keys of a radix selection. NaN is 1, under -infinity;
  // -0 must have been made +0.
  static inline I ordered(F x) {
    const I b = _mm512_castps_si512(x);
    const I key =
        _mm512_xor_si512(b, _mm512_or_si512(_mm512_srai_epi32(b, 31), _mm512_set1_epi32(INT32_MIN)));
    return _mm512_mask_mov_epi32(key, nan(x), _mm512_set1_epi32(1));
  }
  static inline I load_int(const void* p) { return _mm512_loadu_si512(p); }
  template <int kBits>
  static inline I shift_right(I a) {
    return _mm512_srli_epi32(a, kBits);
  }
  static inline Mask above(I a, I b) { return _mm512_cmpgt_epu32_mask(a, b); }
  static inline Mask equal(I a, I b) { return _mm512_cmpeq_epi32_mask(a, b); }
  static inline unsigned bits(Mask m) { return m; }
  // Stores the lanes chosen by `bits` next to each other; may write up to kLanes elements at p.
  static inline void compress(int32_t* p, unsigned chosen, I x) {
    _mm512_storeu_si512(p, _mm512_maskz_compress_epi32(Mask(chosen), x));
  }

  // The parts of 2^x = 2^(x - floor x) 2^(floor x). VREDUCEPS and VSCALEFPS take any x: infinities, results
  // under the normal range and past the largest number come out right, so the range needs no care.
  static inline F exp2_range(F x) { return x; }
  static inline F fraction(F x) { return _mm512_reduce_ps(x, 0x09); }
  static inline F scale(F p, F x) { return _mm512_scalef_ps(p, x); }
};

// r[i][j] <-> r[j][i], 16 x 16
inline void transpose(Avx512::F* r) {
  __m512 t[16];
  TSV_UNROLL for (int i = 0; i < 8; ++i) {
    t[2 * i] = _mm512_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
  TSV_UNROLL for (int i = 0; i < 4; ++i) {
    const __m512d a = _mm512_castps_pd(t[4 * i]), b = _mm512_castps_pd(t[4 * i + 1]);
    const __m512d c = _mm512_castps_pd(t[4 * i + 2]), d = _mm512_castps_pd(t[4 * i + 3]);
    r[4 * i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
    r[4 * i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    r[4 * i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
    r[4 * i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
  }
  TSV_UNROLL for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0xdd);
  }
  TSV_UNROLL for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
    r[i + 4] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 12] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

}  // namespace
#endif
