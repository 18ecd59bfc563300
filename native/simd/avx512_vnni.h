// AVX-512 with VNNI: what the products of bytes need beside avx512.h. VPDPBUSD adds four products of bytes,
// unsigned by signed, to each of 16 integers: 64 products an instruction where an FMA makes 16, on the same
// ports. On Zen 4 conversions and additions run on two ports of their own, beside those of the products.
#ifndef TOKENSIEVE_SIMD_AVX512_VNNI_H
#define TOKENSIEVE_SIMD_AVX512_VNNI_H
#include <string.h>

#include "simd/avx512.h"

namespace {

struct Avx512Vnni : Avx512 {
  static constexpr int kBytes = 64;  // in a vector

  static inline I zero_int() { return _mm512_setzero_si512(); }
  static inline I sub(I a, I b) { return _mm512_sub_epi32(a, b); }
  static inline F sub(F a, F b) { return Avx512::sub(a, b); }
  // sums[lane] + sum of four products of the lane's unsigned and signed bytes. GCC 12 copies and stores every
  // sum of its own intrinsic, which halves the speed of a loop of them.
  static inline I dot(I sums, I unsigned_bytes, I signed_bytes) {
#if defined(__GNUC__)
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(unsigned_bytes), "v"(signed_bytes));
    return sums;
#else
    return _mm512_dpbusd_epi32(sums, unsigned_bytes, signed_bytes);
#endif
  }
  // The same four bytes in every lane.
  static inline I four_bytes(const uint8_t* p) {
    int32_t four;
    memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
  }
  static inline I set_byte(int x) { return _mm512_set1_epi8(char(x)); }
  static inline I load_bytes(const int8_t* p) { return _mm512_loadu_si512(p); }
  // The first n bytes, then zeros.
  static inline I load_bytes(const uint8_t* p, int n) {
    return _mm512_maskz_loadu_epi8(n >= 64 ? ~__mmask64(0) : (__mmask64(1) << n) - 1, p);
  }
  static inline void store_bytes(int8_t* p, I x) { _mm512_storeu_si512(p, x); }
  // The first n bytes.
  static inline void store_bytes(uint8_t* p, I x, int n) {
    _mm512_mask_storeu_epi8(p, n >= 64 ? ~__mmask64(0) : (__mmask64(1) << n) - 1, x);
  }
  static inline I exclusive_or(I a, I b) { return _mm512_xor_si512(a, b); }
  static inline I flip_signs(I bytes) { return exclusive_or(bytes, set_byte(0x80)); }

  static inline F to_float(I x) { return _mm512_cvtepi32_ps(x); }
  // Rounded to the nearest signed bytes, in order.
  static inline I to_bytes(F a, F b, F c, F d) {
    const I low = _mm512_packs_epi32(_mm512_cvtps_epi32(a), _mm512_cvtps_epi32(b));
    const I high = _mm512_packs_epi32(_mm512_cvtps_epi32(c), _mm512_cvtps_epi32(d));
    const I order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(order, _mm512_packs_epi16(low, high));  // packing works by quarters
  }

  // The bits of |x|: integers in the order of magnitude, infinities and NaN above all numbers.
  static inline I magnitude(F x) { return _mm512_castps_si512(abs(x)); }
  static inline I max(I a, I b) { return _mm512_max_epi32(a, b); }
  static inline F max(F a, F b) { return Avx512::max(a, b); }
  static inline int32_t maximum(I a) { return _mm512_reduce_max_epi32(a); }
  static inline float maximum(F a) { return Avx512::maximum(a); }
  static inline F as_float(I x) { return _mm512_castsi512_ps(x); }
  static inline I as_int(F x) { return _mm512_castps_si512(x); }
  static inline Mask finite(I magnitudes) {
    return _mm512_cmplt_epi32_mask(magnitudes, _mm512_set1_epi32(0x7f800000));
  }
  static inline I keep(Mask lanes, I x) { return _mm512_maskz_mov_epi32(lanes, x); }
  // Lanes first <= lane < last.
  static inline Mask between(int64_t first, int64_t last) {
    const auto below = [](int64_t n) { return n <= 0 ? 0u : n >= 16 ? 0xffffu : (1u << n) - 1; };
    return Mask(below(last) & ~below(first));
  }
  static inline F keep(Mask lanes, F x) { return _mm512_maskz_mov_ps(lanes, x); }

  // Each of 16 vectors reduced to one lane: lane i is r[i]'s. Half the shuffles of a transposition.
  template <class Combine>
  static inline F reduce_rows(F* r, const Combine& combine) {
    TSV_UNROLL for (int i = 0; i < 8; ++i) {
      const F a = r[2 * i], b = r[2 * i + 1];
      r[i] = combine(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    }
    TSV_UNROLL for (int i = 0; i < 4; ++i) {
      const __m512d a = _mm512_castps_pd(r[2 * i]), b = _mm512_castps_pd(r[2 * i + 1]);
      r[i] = combine(_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)), _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
    }
    const auto quarters = [&](F a, F b) {
      return combine(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
    };
    return quarters(quarters(r[0], r[1]), quarters(r[2], r[3]));
  }
  template <class Combine>
  static inline I reduce_rows(I* r, const Combine& combine) {
    F words[16];
    TSV_UNROLL for (int i = 0; i < 16; ++i) words[i] = as_float(r[i]);
    return as_int(reduce_rows(words, [&](F x, F y) { return as_float(combine(as_int(x), as_int(y))); }));
  }

  // r[i][j] <-> r[j][i], 16 x 16 groups of four bytes
  static inline void transpose_words(I* r) {
    F words[16];
    TSV_UNROLL for (int i = 0; i < 16; ++i) words[i] = as_float(r[i]);
    transpose(words);
    TSV_UNROLL for (int i = 0; i < 16; ++i) r[i] = as_int(words[i]);
  }
};

}  // namespace
#endif
