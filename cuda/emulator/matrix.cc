#include "matrix.h"

#include <string.h>

#include <algorithm>
#include <vector>

#include "simd/half.h"

namespace tsv_sim {
namespace {

constexpr int kRows = 16, kColumns = 8, kMaxDepth = 32;

int elements_per_register(MatrixElement type) {
  switch (type) {
    case MatrixElement::kTF32: return 1;
    case MatrixElement::kFloat16:
    case MatrixElement::kBFloat16: return 2;
    default: return 4;
  }
}

bool is_integer(MatrixElement type) { return type == MatrixElement::kInt8 || type == MatrixElement::kUint8; }

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

void unpack(MatrixElement type, const uint32_t* lanes, float* to, int stride) {
  switch (type) {
    case MatrixElement::kFloat16: return unpack_piece<8, float, uint16_t>(lanes, to, stride, half_value);
    case MatrixElement::kBFloat16:
      return unpack_piece<8, float, uint16_t>(lanes, to, stride, [](uint16_t h) { return bfloat16_to_float(h); });
    default:
      return unpack_piece<4, float, uint32_t>(lanes, to, stride,
                                              [](uint32_t bits) { return float_of(bits & ~0x1fffu); });
  }
}

void unpack(MatrixElement type, const uint32_t* lanes, int32_t* to, int stride) {
  if (type == MatrixElement::kInt8)
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
  for (int r = 0; r < registers_of_b(product); ++r) unpack(product.b, b[r], &columns[0][width * r], kMaxDepth);
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
  for (int r = 0; r < 2; ++r) unpack(MatrixElement::kFloat16, c[r], values + 8 * kColumns * r, kColumns);
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

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t dot; (dot = text.find('.')) != std::string_view::npos; text.remove_prefix(dot + 1))
    parts.push_back(text.substr(0, dot));
  parts.push_back(text);
  return parts;
}

bool parse_element(std::string_view name, MatrixElement* element) {
  constexpr struct {
    std::string_view name;
    MatrixElement element;
  } kElements[] = {{"f16", MatrixElement::kFloat16}, {"bf16", MatrixElement::kBFloat16}, {"tf32", MatrixElement::kTF32},
                   {"s8", MatrixElement::kInt8},     {"u8", MatrixElement::kUint8}};
  for (const auto& entry : kElements) {
    if (entry.name == name) {
      *element = entry.element;
      return true;
    }
  }
  return false;
}

}  // namespace

int registers_of_a(const MatrixProduct& product) { return product.k / (2 * elements_per_register(product.a)); }
int registers_of_b(const MatrixProduct& product) { return product.k / (4 * elements_per_register(product.b)); }
int registers_of_c(const MatrixProduct& product) { return product.float16_sum ? 2 : 4; }

std::string parse_matrix_product(std::string_view instruction, MatrixProduct* product) {
  std::vector<std::string_view> parts = split(instruction);
  const auto saturate = std::find(parts.begin(), parts.end(), "satfinite");
  product->saturate = saturate != parts.end();
  if (product->saturate) parts.erase(saturate);
  const auto unknown = [&](const char* what) { return "no " + std::string(what) + " in " + std::string(instruction); };

  if (parts.size() != 10 || parts[0] != "mma" || parts[1] != "sync" || parts[2] != "aligned" || parts[4] != "row" ||
      parts[5] != "col")
    return unknown("mma.sync.aligned.SHAPE.row.col.D.A.B.C");
  if (!parse_element(parts[7], &product->a) || !parse_element(parts[8], &product->b))
    return unknown("known types of A and B");
  const bool integers = is_integer(product->a);
  if (integers ? !is_integer(product->b) : product->a != product->b) return unknown("types of A and B that go together");
  product->float16_sum = parts[6] == "f16" && product->a == MatrixElement::kFloat16;
  if (parts[9] != parts[6] || (parts[6] != (integers ? "s32" : "f32") && !product->float16_sum))
    return unknown("known type of C and D");
  if (product->saturate && !integers) return unknown("integers to saturate");

  // Each type has a shape whose A takes two registers a lane, and one of twice the depth.
  const int half_depth = 4 * elements_per_register(product->a);
  for (int k : {half_depth, 2 * half_depth}) {
    if (parts[3] == "m16n8k" + std::to_string(k)) {
      product->k = k;
      return "";
    }
  }
  return unknown("known shape for these types");
}

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
