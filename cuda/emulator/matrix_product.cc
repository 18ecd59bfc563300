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
template <int kWidth, class Value, class Stored, class Convert>
void unpack_piece(const uint32_t* lanes, Value* to, int stride, Convert convert) {
  Stored stored[8 * kWidth];
  Value values[8 * kWidth];
  static_assert(sizeof stored == 128, "32 lanes");
  memcpy(stored, lanes, sizeof stored);
  for (int i = 0; i < 8 * kWidth; ++i) values[i] = convert(stored[i]);
  for (int row = 0; row < 8; ++row) memcpy(to + row * stride, values + row * kWidth, kWidth * sizeof(Value));
}

void unpack(Type type, const uint32_t* lanes, float* to, int stride) {
  switch (type) {
    case Type::kF16:
      return unpack_piece<8, float, uint16_t>(lanes, to, stride, half_value);
    case Type::kBf16:
      return unpack_piece<8, float, uint16_t>(lanes, to, stride,
                                              [](uint16_t h) { return bfloat16_to_float(h); });
    default:
      return unpack_piece<4, float, uint32_t>(lanes, to, stride,
                                              [](uint32_t bits) { return float_of(bits & ~0x1fffu); });
  }
}

void unpack(Type type, const uint32_t* lanes, int32_t* to, int stride) {
  if (type == Type::kS8)
    return unpack_piece<16, int32_t, int8_t>(lanes, to, stride, [](int8_t x) { return int32_t(x); });
  unpack_piece<16, int32_t, uint8_t>(lanes, to, stride, [](uint8_t x) { return int32_t(x); });
}

// Eight columns of C side by side, so that a sum of products is a vector operation on every processor.
template <class Value>
struct RowOf {
  typedef Value Type __attribute__((vector_size(kColumns * sizeof(Value))));
};

// A [16][k] and B [k][8] in rows.
template <class Value>
struct Operands {
  Value a[kRows][kMaxDepth];
  typename RowOf<Value>::Type b[kMaxDepth];
};

template <class Value>
void unpack_operands(const MatrixProduct& product, const uint32_t* const a[], const uint32_t* const b[],
                     Operands<Value>* operands) {
  const int width = 4 * elements_per_register(product.a);
  for (int r = 0; r < registers_of_a(product); ++r)
    unpack(product.a, a[r], &operands->a[8 * (r % 2)][width * (r / 2)], kMaxDepth);
  Value columns[kColumns][kMaxDepth];
  for (int r = 0; r < registers_of_b(product); ++r)
    unpack(product.b, b[r], &columns[0][width * r], kMaxDepth);
  for (int k = 0; k < product.k; ++k)
    for (int n = 0; n < kColumns; ++n) operands->b[k][n] = columns[n][k];
}

// sums[16][8] += A B, k ascending. Four rows at a time, since one addition waits for the one before.
template <class Value>
void accumulate(const Operands<Value>& operands, int depth, typename RowOf<Value>::Type sums[kRows]) {
  constexpr int kTogether = 4;
  for (int first = 0; first < kRows; first += kTogether) {
    typename RowOf<Value>::Type rows[kTogether];
    for (int i = 0; i < kTogether; ++i) rows[i] = sums[first + i];
    for (int k = 0; k < depth; ++k)
      for (int i = 0; i < kTogether; ++i) rows[i] += operands.a[first + i][k] * operands.b[k];
    for (int i = 0; i < kTogether; ++i) sums[first + i] = rows[i];
  }
}

// C of 32 bits: register r, lane 4 g + t is row g + 8 (r / 2), column 2 t + r % 2.
template <class Value>
void unpack_sums(const uint32_t* const c[], typename RowOf<Value>::Type sums[kRows]) {
  for (int r = 0; r < 4; ++r) {
    for (int lane = 0; lane < 32; ++lane) {
      Value value;
      memcpy(&value, &c[r][lane], 4);
      sums[lane / 4 + 8 * (r / 2)][2 * (lane % 4) + r % 2] = value;
    }
  }
}

template <class Value>
void pack_sums(const typename RowOf<Value>::Type sums[kRows], uint32_t* const d[]) {
  for (int r = 0; r < 4; ++r) {
    for (int lane = 0; lane < 32; ++lane) {
      const Value value = sums[lane / 4 + 8 * (r / 2)][2 * (lane % 4) + r % 2];
      memcpy(&d[r][lane], &value, 4);
    }
  }
}

void multiply_floats(const MatrixProduct& product, const uint32_t* const a[], const uint32_t* const b[],
                     const uint32_t* const c[], uint32_t* const d[]) {
  Operands<float> operands;
  unpack_operands(product, a, b, &operands);
  RowOf<float>::Type sums[kRows];
  if (!product.float16_sum) {
    unpack_sums<float>(c, sums);
    accumulate(operands, product.k, sums);
    return pack_sums<float>(sums, d);
  }
  float values[kRows * kColumns];
  for (int r = 0; r < 2; ++r) unpack(Type::kF16, c[r], values + 8 * kColumns * r, kColumns);
  memcpy(sums, values, sizeof sums);
  accumulate(operands, product.k, sums);
  memcpy(values, sums, sizeof sums);
  uint16_t halves[kRows * kColumns];
  for (int i = 0; i < kRows * kColumns; ++i) halves[i] = float_to_float16(values[i]);
  for (int r = 0; r < 2; ++r) memcpy(d[r], halves + 8 * kColumns * r, 128);
}

// The products of one instruction fit in 32 bits (32 * 255 * 255), so only adding C can overflow.
void multiply_integers(const MatrixProduct& product, const uint32_t* const a[], const uint32_t* const b[],
                       const uint32_t* const c[], uint32_t* const d[]) {
  Operands<int32_t> operands;
  unpack_operands(product, a, b, &operands);
  RowOf<int32_t>::Type products[kRows] = {}, sums[kRows];
  unpack_sums<int32_t>(c, sums);
  accumulate(operands, product.k, products);
  for (int m = 0; m < kRows; ++m) {
    for (int n = 0; n < kColumns; ++n) {
      const int64_t sum = int64_t(sums[m][n]) + products[m][n];
      sums[m][n] = int32_t(uint32_t(product.saturate ? std::clamp<int64_t>(sum, INT32_MIN, INT32_MAX) : sum));
    }
  }
  pack_sums<int32_t>(sums, d);
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
  if (is_integer(product.a)) return multiply_integers(product, a, b, c, d);
  multiply_floats(product, a, b, c, d);
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
