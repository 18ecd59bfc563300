// The element types of tensors, written anew from their definitions: what the library's conversions are held
// against.
#ifndef TOKENSIEVE_TEST_STORED_H
#define TOKENSIEVE_TEST_STORED_H
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "harness.h"
#include "kernels/kernels.h"

namespace test {

const int32_t kFloatTypes[] = {TSV_FLOAT32, TSV_FLOAT16, TSV_BFLOAT16};

inline int64_t bytes_of(int32_t dtype) { return dtype == TSV_FLOAT32 ? 4 : 2; }

// The value of 16 bits with `exponent_bits` of exponent: sign, exponent, mantissa, by the definition of IEEE
// 754.
inline double value_of_half(uint16_t bits, int exponent_bits) {
  const int mantissa_bits = 15 - exponent_bits, bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits & 0x7fff) >> mantissa_bits, mantissa = bits & ((1 << mantissa_bits) - 1);
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) return mantissa != 0 ? double(NAN) : sign * INFINITY;
  const double fraction = ldexp(mantissa, -mantissa_bits);
  return exponent == 0 ? sign * ldexp(fraction, 1 - bias) : sign * ldexp(1 + fraction, exponent - bias);
}

inline double value_of(uint16_t bits, int32_t dtype) {
  return value_of_half(bits, dtype == TSV_FLOAT16 ? 5 : 8);
}

// The nearest 16-bit number, ties to even. All non-negative numbers of a type ascend with their bits, so it
// is between two of those; a NaN gives any NaN.
inline uint16_t nearest(double x, int32_t dtype) {
  if (x != x) return 0x7fff;
  const uint16_t sign = signbit(x) ? 0x8000 : 0;
  const uint16_t infinity = dtype == TSV_FLOAT16 ? 0x7c00 : 0x7f80;
  const double magnitude = fabs(x);
  uint16_t low = 0, high = infinity;
  while (high - low > 1) {
    const uint16_t middle = uint16_t((low + high) / 2);
    (value_of(middle, dtype) <= magnitude ? low : high) = middle;
  }
  // Past the largest number the spacing stays what it was.
  const double below = value_of(low, dtype);
  const double above =
      high == infinity ? 2 * below - value_of(uint16_t(low - 1), dtype) : value_of(high, dtype);
  const double to_low = magnitude - below, to_high = above - magnitude;
  const bool up = to_high < to_low || (to_high == to_low && (low & 1));
  return uint16_t(sign | (up ? high : low));
}

// A matrix of any float type with gaps between its rows; its block of the heap ends with its last element.
class Matrix {
 public:
  Matrix(int32_t dtype, int64_t rows, int64_t columns, int64_t gap = 0, int64_t offset = 0)
      : dtype_(dtype),
        stride_(columns + gap),
        columns_(columns),
        bytes_((rows > 0 ? (rows - 1) * stride_ + columns : 0) * bytes_of(dtype), offset * bytes_of(dtype)) {}

  // Small numbers, most of them not exact in 16 bits before they are stored.
  void fill(Random& random) {
    const int64_t count = bytes_.size() / bytes_of(dtype_);
    for (int64_t i = 0; i < count; ++i) set(i, random.number());
  }
  void set(int64_t i, int64_t column, double x) { set(i * stride_ + column, x); }

  double at(int64_t i, int64_t column) const {
    const int64_t place = i * stride_ + column;
    if (dtype_ == TSV_FLOAT32) return read<float>(place);
    return value_of(read<uint16_t>(place), dtype_);
  }
  tsv::Rows rows() const { return {bytes_.data(), dtype_, stride_}; }
  char* data() { return bytes_.data(); }
  int64_t columns() const { return columns_; }

 private:
  template <class T>
  T read(int64_t place) const {
    T x;
    memcpy(&x, bytes_.data() + place * int64_t(sizeof(T)), sizeof(T));
    return x;
  }
  void set(int64_t place, double x) {
    const float wide = float(x);
    const uint16_t half = dtype_ == TSV_FLOAT32 ? 0 : nearest(x, dtype_);
    if (dtype_ == TSV_FLOAT32) {
      memcpy(bytes_.data() + place * 4, &wide, 4);
    } else {
      memcpy(bytes_.data() + place * 2, &half, 2);
    }
  }

  int32_t dtype_;
  int64_t stride_, columns_;
  Buffer<char> bytes_;
};

}  // namespace test
#endif
