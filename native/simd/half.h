// 16-bit floats as bits, one at a time, for the instruction sets and the tails that have no vector
// conversion.
#ifndef TOKENSIEVE_SIMD_HALF_H
#define TOKENSIEVE_SIMD_HALF_H
#include <stdint.h>
#include <string.h>

namespace {

inline uint32_t bits_of(float x) {
  uint32_t b;
  memcpy(&b, &x, 4);
  return b;
}

inline float float_of(uint32_t b) {
  float x;
  memcpy(&x, &b, 4);
  return x;
}

inline float bfloat16_to_float(uint16_t h) { return float_of(uint32_t(h) << 16); }

// To nearest, ties to even; a NaN stays a NaN.
inline uint16_t float_to_bfloat16(float x) {
  const uint32_t b = bits_of(x);
  if ((b & 0x7fffffffu) > 0x7f800000u) return uint16_t((b >> 16) | 0x40);
  return uint16_t((b + 0x7fffu + ((b >> 16) & 1)) >> 16);
}

inline float float16_to_float(uint16_t h) {
  const uint32_t sign = uint32_t(h & 0x8000) << 16, magnitude = h & 0x7fff;
  if (magnitude >= 0x7c00)
    return float_of(sign | 0x7f800000u | ((magnitude & 0x3ff) << 13) | (magnitude > 0x7c00 ? 0x400000u : 0));
  // A half read as the exponent and mantissa of a float is too small by 2^112, subnormals included.
  const float value = float_of(magnitude << 13) * 0x1p112f;
  return float_of(sign | bits_of(value));
}

// To nearest, ties to even; past the range to infinity; a NaN stays a NaN.
inline uint16_t float_to_float16(float x) {
  const uint32_t b = bits_of(x), sign = (b >> 16) & 0x8000, magnitude = b & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return uint16_t(sign | 0x7e00 | ((magnitude >> 13) & 0x3ff));
  if (magnitude >= 0x477ff000u) return uint16_t(sign | 0x7c00);
  if (magnitude < 0x38800000u) {
    // Adding 0.5 puts the half's last place at the float's last place, and the addition rounds.
    return uint16_t(sign | (bits_of(float_of(magnitude) + 0.5f) - 0x3f000000u));
  }
  return uint16_t(sign | ((magnitude - 0x38000000u + 0xfff + ((magnitude >> 13) & 1)) >> 13));
}

}  // namespace
#endif
