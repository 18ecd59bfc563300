// AVX2 with FMA and F16C. 8 floats a vector, 16 registers, two FMA a cycle on Haswell and later and on Zen.
#ifndef TOKENSIEVE_SIMD_AVX2_H
#define TOKENSIEVE_SIMD_AVX2_H
#include <immintrin.h>

#include "simd/half.h"
#include "simd/unroll.h"

namespace {

// Eight ones, then eight zeros: the first n lanes are the eight words from 8 - n on.
alignas(64) const int32_t kFirstLanes[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

// For each set of chosen lanes, their numbers in ascending order: what VCOMPRESSD knows by itself.
struct CompressTable {
  uint8_t lanes[256][8];
  constexpr CompressTable() : lanes() {
    for (int chosen = 0; chosen < 256; ++chosen) {
      int n = 0;
      for (int lane = 0; lane < 8; ++lane) {
        if ((chosen >> lane) & 1) lanes[chosen][n++] = uint8_t(lane);
      }
    }
  }
};
alignas(64) constexpr CompressTable kCompress;

struct Avx2 {
  static constexpr const char* kName = "avx2";
  static constexpr int kLanes = 8;
  static constexpr int kTileRows = 6;  // 12 accumulators, 2 panel vectors and a broadcast in 16 registers
  static constexpr int kTileVectors = 2;
  using F = __m256;
  using I = __m256i;
  using Mask = __m256;
  struct D {  // a vector's worth of doubles
    __m256d low, high;
  };

  static inline F zero() { return _mm256_setzero_ps(); }
  static inline F set(float x) { return _mm256_set1_ps(x); }
  static inline I first(int n) { return _mm256_loadu_si256((const I*)(kFirstLanes + 8 - (n > 8 ? 8 : n))); }

  static inline F load(const float* p) { return _mm256_loadu_ps(p); }
  static inline F load_float16(const uint16_t* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p));
  }
  static inline F load_bfloat16(const uint16_t* p) {
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)p)), 16));
  }
  // The first n lanes; the rest zero, and never read.
  static inline F load(const float* p, int n) { return _mm256_maskload_ps(p, first(n)); }
  static inline F load_float16(const uint16_t* p, int n) {
    if (n >= 8) return load_float16(p);
    uint16_t h[8] = {};
    memcpy(h, p, size_t(n) * 2);
    return load_float16(h);
  }
  static inline F load_bfloat16(const uint16_t* p, int n) {
    if (n >= 8) return load_bfloat16(p);
    uint16_t h[8] = {};
    memcpy(h, p, size_t(n) * 2);
    return load_bfloat16(h);
  }

  static inline void store(float* p, F x) { _mm256_storeu_ps(p, x); }
  static inline void store(float* p, F x, int n) { _mm256_maskstore_ps(p, first(n), x); }
  static inline void store_float16(uint16_t* p, F x, int n) {
    store_halves(p, _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), n);
  }
  static inline void store_bfloat16(uint16_t* p, F x, int n) {
    const I b = _mm256_castps_si256(x);
    const I odd = _mm256_and_si256(_mm256_srli_epi32(b, 16), _mm256_set1_epi32(1));
    const I rounded =
        _mm256_srli_epi32(_mm256_add_epi32(b, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))), 16);
    const I quiet = _mm256_or_si256(_mm256_srli_epi32(b, 16), _mm256_set1_epi32(0x40));
    const I nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    const I words = _mm256_blendv_epi8(rounded, quiet, nan);
    const I packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(words, words), 0x08);
    store_halves(p, _mm256_castsi256_si128(packed), n);
  }
  static inline void store_halves(uint16_t* p, __m128i h, int n) {
    if (n >= 8) {
      _mm_storeu_si128((__m128i*)p, h);
      return;
    }
    uint16_t t[8];
    _mm_storeu_si128((__m128i*)t, h);
    memcpy(p, t, size_t(n) * 2);
  }
  static constexpr bool kStreams = true;
  // Past the caches; p aligned to the vector. Ordered before what follows by stream_end().
  static inline void stream(float* p, F x) { _mm256_stream_ps(p, x); }
  static inline void stream_end() { _mm_sfence(); }
  static inline void prefetch(const void* p) { _mm_prefetch((const char*)p, _MM_HINT_T0); }

  static inline F add(F a, F b) { return _mm256_add_ps(a, b); }
  static inline F sub(F a, F b) { return _mm256_sub_ps(a, b); }
  static inline F mul(F a, F b) { return _mm256_mul_ps(a, b); }
  static inline F div(F a, F b) { return _mm256_div_ps(a, b); }
  static inline F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
  static inline F max(F a, F b) { return _mm256_max_ps(a, b); }  // b when either is NaN
  static inline F min(F a, F b) { return _mm256_min_ps(a, b); }
  static inline F sqrt(F a) { return _mm256_sqrt_ps(a); }
  static inline F abs(F a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
  // a with the sign of b
  static inline F copy_sign(F a, F b) {
    const F sign = _mm256_set1_ps(-0.0f);
    return _mm256_or_ps(_mm256_andnot_ps(sign, a), _mm256_and_ps(sign, b));
  }
  static inline float sum(F a) {
    __m128 t = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    t = _mm_add_ps(t, _mm_movehl_ps(t, t));
    return _mm_cvtss_f32(_mm_add_ss(t, _mm_shuffle_ps(t, t, 1)));
  }
  static inline float maximum(F a) {
    __m128 t = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    t = _mm_max_ps(t, _mm_movehl_ps(t, t));
    return _mm_cvtss_f32(_mm_max_ss(t, _mm_shuffle_ps(t, t, 1)));
  }

  static inline D zero_double() { return {_mm256_setzero_pd(), _mm256_setzero_pd()}; }
  static inline D widen(F a) {
    return {_mm256_cvtps_pd(_mm256_castps256_ps128(a)), _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1))};
  }
  static inline D sub(D a, D b) { return {_mm256_sub_pd(a.low, b.low), _mm256_sub_pd(a.high, b.high)}; }
  static inline D add(D a, D b) { return {_mm256_add_pd(a.low, b.low), _mm256_add_pd(a.high, b.high)}; }
  static inline D mul(D a, D b) { return {_mm256_mul_pd(a.low, b.low), _mm256_mul_pd(a.high, b.high)}; }
  static inline D fma(D a, D b, D c) {
    return {_mm256_fmadd_pd(a.low, b.low, c.low), _mm256_fmadd_pd(a.high, b.high, c.high)};
  }
  static inline void store(double* p, D x) {
    _mm256_storeu_pd(p, x.low);
    _mm256_storeu_pd(p + 4, x.high);
  }

  static inline Mask nan(F a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
  static inline Mask greater(F a, F b) { return _mm256_cmp_ps(a, b, _CMP_GT_OQ); }
  static inline F select(Mask m, F yes, F no) { return _mm256_blendv_ps(no, yes, m); }
  static inline I select(Mask m, I yes, I no) { return _mm256_blendv_epi8(no, yes, _mm256_castps_si256(m)); }
  static inline I set_int(int32_t x) { return _mm256_set1_epi32(x); }
  static inline I iota() { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }
  static inline I add(I a, I b) { return _mm256_add_epi32(a, b); }
  static inline void store(int32_t* p, I x) { _mm256_storeu_si256((I*)p, x); }

  // Floats as unsigned integers in the same order: the keys of a radix selection. NaN is 1, under -infinity;
  // -0 must have been made +0.
  static inline I ordered(F x) {
    const I b = _mm256_castps_si256(x);
    const I flip = _mm256_or_si256(_mm256_srai_epi32(b, 31), _mm256_set1_epi32(INT32_MIN));
    return select(nan(x), _mm256_set1_epi32(1), _mm256_xor_si256(b, flip));
  }
  static inline I load_int(const void* p) { return _mm256_loadu_si256((const I*)p); }
  template <int kBits>
  static inline I shift_right(I a) {
    return _mm256_srli_epi32(a, kBits);
  }
  // Unsigned
  static inline Mask above(I a, I b) {
    const I sign = _mm256_set1_epi32(INT32_MIN);
    return _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_xor_si256(a, sign), _mm256_xor_si256(b, sign)));
  }
  static inline Mask equal(I a, I b) { return _mm256_castsi256_ps(_mm256_cmpeq_epi32(a, b)); }
  static inline unsigned bits(Mask m) { return unsigned(_mm256_movemask_ps(m)); }
  // Stores the lanes chosen by `bits` next to each other; may write up to kLanes elements at p.
  static inline void compress(int32_t* p, unsigned chosen, I x) {
    const I lanes = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)kCompress.lanes[chosen]));
    _mm256_storeu_si256((I*)p, _mm256_permutevar8x32_epi32(x, lanes));
  }

  // The parts of 2^x = 2^(x - floor x) 2^(floor x). Results under the normal range become 0, past it
  // infinity.
  static inline F exp2_range(F x) {
    return _mm256_min_ps(_mm256_set1_ps(128.0f), _mm256_max_ps(_mm256_set1_ps(-127.0f), x));
  }
  static inline F fraction(F x) { return _mm256_sub_ps(x, _mm256_floor_ps(x)); }
  static inline F scale(F p, F x) {
    const I exponent = _mm256_add_epi32(_mm256_cvttps_epi32(_mm256_floor_ps(x)), _mm256_set1_epi32(127));
    return _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
  }
};

// r[i][j] <-> r[j][i], 8 x 8
inline void transpose(Avx2::F* r) {
  __m256 t[8];
  TSV_UNROLL for (int i = 0; i < 4; ++i) {
    t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
  __m256 u[8];
  TSV_UNROLL for (int i = 0; i < 2; ++i) {
    u[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
    u[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xee);
    u[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
    u[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xee);
  }
  TSV_UNROLL for (int i = 0; i < 4; ++i) {
    r[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
    r[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
  }
}

}  // namespace
#endif
