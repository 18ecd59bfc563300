#include "matrix_product.h"

#include <string.h>

#include <algorithm>

#include "simd/half.h"

namespace tsv_sim {
namespace {

constexpr int kRows = 16, kColumns = 8, kMaxDepth = 32;

int elements_per_register(Type type) { return 4 / bytes(type); }  // tf32 has 4 bytes

bool is_integer(Type type) { return type == Type::kS8 || type == Type::kU8; }

// float16_to_float without a branch, so that loops of it become vectors.
float half_value(uint16_t half) {
  const uint32_t magnitude = half & 0x7fffu;
  uint32_t value = bits_of(float_of(magnitude << 13) * 0x1p112f);
  value |= magnitude >= 0x7c00u ? 0x7f800000u : 0u;
  return float_of(value | uint32_t(half & 0x8000u) << 16);
}

// A register of all lanes holds an 8 x 4p piece in rows: lane 4 g + t has columns t p and following of row g.
template <int kWidth, class Stored, class Convert>
void unpack_piece(const uint32_t* lanes, float* to, Convert convert) {
  Stored stored[8 * kWidth];
  float values[8 * kWidth];
  static_assert(sizeof stored == 128, "32 lanes");
  memcpy(stored, lanes, sizeof stored);
  for (int i = 0; i < 8 * kWidth; ++i) values[i] = convert(stored[i]);
  for (int row = 0; row < 8; ++row)
    memcpy(to + row * kMaxDepth, values + row * kWidth, kWidth * sizeof(float));
}

void unpack(Type type, const uint32_t* lanes, float* to) {
  switch (type) {
    case Type::kF16:
      return unpack_piece<8, uint16_t>(lanes, to, half_value);
    case Type::kBf16:
      return unpack_piece<8, uint16_t>(lanes, to, [](uint16_t h) { return bfloat16_to_float(h); });
    case Type::kS8:
      return unpack_piece<16, int8_t>(lanes, to, [](int8_t x) { return float(x); });
    case Type::kU8:
      return unpack_piece<16, uint8_t>(lanes, to, [](uint8_t x) { return float(x); });
    default:
      return unpack_piece<4, uint32_t>(lanes, to, [](uint32_t bits) { return float_of(bits & ~0x1fffu); });
  }
}

typedef float Four __attribute__((vector_size(16)));

// A in rows, and the rows of B with their even columns first: so lie the columns of C in its registers.
struct Operands {
  float a[kRows][kMaxDepth];
  Four b[kMaxDepth][2];
};

void unpack_operands(const MatrixProduct& product, const uint32_t* const a[], const uint32_t* const b[],
                     Operands* operands) {
  const int width = 4 * elements_per_register(product.a);
  for (int r = 0; r < registers_of_a(product); ++r)
    unpack(product.a, a[r], &operands->a[8 * (r % 2)][width * (r / 2)]);
  float columns[kColumns][kMaxDepth] = {};
  for (int r = 0; r < registers_of_b(product); ++r) unpack(product.b, b[r], &columns[0][width * r]);
  for (int k = 0; k < product.k; ++k)
    for (int odd = 0; odd < 2; ++odd)
      operands->b[k][odd] =
          Four{columns[odd][k], columns[2 + odd][k], columns[4 + odd][k], columns[6 + odd][k]};
}

// D = A B + C in float32 registers, k ascending: register r holds rows 8 (r / 2) and following, their even
// columns or their odd ones, a row in four lanes. Four rows at a time, since one addition waits for the one
// before.
void accumulate(const Operands& operands, int depth, const uint32_t* const c[4], uint32_t* const d[4]) {
  constexpr int kTogether = 4;
  for (int first = 0; first < kRows; first += kTogether) {
    const int pair = first / 8 * 2, lane = first % 8 * 4;
    Four even[kTogether], odd[kTogether];
    memcpy(even, c[pair] + lane, sizeof even);
    memcpy(odd, c[pair + 1] + lane, sizeof odd);
    for (int k = 0; k < depth; ++k) {
      for (int i = 0; i < kTogether; ++i) {
        // NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): unpacked up to `depth`
        const float element = operands.a[first + i][k];
        even[i] += element * operands.b[k][0];
        odd[i] += element * operands.b[k][1];
      }
    }
    memcpy(d[pair] + lane, even, sizeof even);
    memcpy(d[pair + 1] + lane, odd, sizeof odd);
  }
}

// C and D of another type, as registers of float32.
struct Sums {
  uint32_t lanes[4][32] = {};
  const uint32_t* read[4] = {lanes[0], lanes[1], lanes[2], lanes[3]};
  uint32_t* write[4] = {lanes[0], lanes[1], lanes[2], lanes[3]};
};

void accumulate_in_float16(const Operands& operands, int depth, const uint32_t* const c[],
                           uint32_t* const d[]) {
  Sums sums;
  for (int r = 0; r < 4; ++r)
    for (int lane = 0; lane < 32; ++lane)
      sums.lanes[r][lane] = bits_of(half_value(uint16_t(c[r / 2][lane] >> (r % 2 * 16))));
  accumulate(operands, depth, sums.read, sums.write);
  for (int r = 0; r < 2; ++r)
    for (int lane = 0; lane < 32; ++lane)
      d[r][lane] = float_to_float16(float_of(sums.lanes[2 * r][lane])) |
                   uint32_t(float_to_float16(float_of(sums.lanes[2 * r + 1][lane]))) << 16;
}

// Sums of up to 32 products of bytes are exact in float32, and only adding C can overflow.
void accumulate_integers(const Operands& operands, const MatrixProduct& product, const uint32_t* const c[],
                         uint32_t* const d[]) {
  Sums sums;
  accumulate(operands, product.k, sums.read, sums.write);
  for (int r = 0; r < 4; ++r) {
    for (int lane = 0; lane < 32; ++lane) {
      const int64_t sum = int64_t(int32_t(c[r][lane])) + int64_t(float_of(sums.lanes[r][lane]));
      d[r][lane] = uint32_t(product.saturate ? std::clamp<int64_t>(sum, INT32_MIN, INT32_MAX) : sum);
    }
  }
}

}  // namespace

bool exists(const MatrixProduct& product) {
  switch (product.a) {
    case Type::kF16:
      break;
    case Type::kBf16:
    case Type::kTf32:
      if (product.float16_sum) return false;
      break;
    case Type::kS8:
    case Type::kU8:
      break;
    default:
      return false;
  }
  if (is_integer(product.a) ? !is_integer(product.b) || product.float16_sum
                            : product.b != product.a || product.saturate)
    return false;
  const int shallow = 4 * elements_per_register(product.a);
  return product.k == shallow || product.k == 2 * shallow;
}

int registers_of_a(const MatrixProduct& product) {
  return product.k / (2 * elements_per_register(product.a));
}
int registers_of_b(const MatrixProduct& product) {
  return product.k / (4 * elements_per_register(product.b));
}
int registers_of_c(const MatrixProduct& product) { return product.float16_sum ? 2 : 4; }

void multiply_matrices(const MatrixProduct& product, const uint32_t* const a[], const uint32_t* const b[],
                       const uint32_t* const c[], uint32_t* const d[]) {
  Operands operands;
  unpack_operands(product, a, b, &operands);
  if (is_integer(product.a)) return accumulate_integers(operands, product, c, d);
  if (product.float16_sum) return accumulate_in_float16(operands, product.k, c, d);
  accumulate(operands, product.k, c, d);
}

void transpose_matrix(const uint32_t* from, uint32_t* to) {
  uint16_t elements[8][8], transposed[8][8];
  memcpy(elements, from, sizeof elements);
  for (int row = 0; row < 8; ++row)
    for (int column = 0; column < 8; ++column) transposed[column][row] = elements[row][column];
  memcpy(to, transposed, sizeof transposed);
}

void distribute_matrix(const uint8_t* const rows[8], bool transposed, uint32_t* to) {
  uint32_t elements[32];
  for (int row = 0; row < 8; ++row) memcpy(elements + 4 * row, rows[row], 16);
  if (transposed) return transpose_matrix(elements, to);
  memcpy(to, elements, sizeof elements);
}

}  // namespace tsv_sim
