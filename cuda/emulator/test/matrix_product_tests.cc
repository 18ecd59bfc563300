// Matrix instructions: fragments are filled by the PTX ISA's formulas, one instruction shape at a time, and
// the product is compared with one in float64.
#include <math.h>

#include <vector>

#include "emulator_tests.h"
#include "matrix_product.h"
#include "simd/half.h"

using namespace test;
using namespace tsv_sim;

namespace {

// The PTX ISA's tables, shape by shape and element by element: a_i, b_i and c_i of the section on each shape.
int a_row(const char* shape, int g, int i) {
  const std::string s = shape;
  if (s == "m16n8k8.16") return i < 2 ? g : g + 8;
  if (s == "m16n8k16.16") return (i < 2 || (i >= 4 && i < 6)) ? g : g + 8;
  if (s == "m16n8k4.32") return i == 0 ? g : g + 8;
  if (s == "m16n8k8.32") return (i == 0 || i == 2) ? g : g + 8;
  if (s == "m16n8k16.8") return i < 4 ? g : g + 8;
  return (i < 4 || (i >= 8 && i < 12)) ? g : g + 8;  // m16n8k32.8
}

int a_column(const char* shape, int t, int i) {
  const std::string s = shape;
  if (s == "m16n8k8.16") return t * 2 + (i & 1);
  if (s == "m16n8k16.16") return i < 4 ? t * 2 + (i & 1) : t * 2 + (i & 1) + 8;
  if (s == "m16n8k4.32") return t;
  if (s == "m16n8k8.32") return i < 2 ? t : t + 4;
  if (s == "m16n8k16.8") return t * 4 + (i & 3);
  return i < 8 ? t * 4 + (i & 3) : t * 4 + (i & 3) + 16;
}

int b_row(const char* shape, int t, int i) {
  const std::string s = shape;
  if (s == "m16n8k8.16") return t * 2 + i;
  if (s == "m16n8k16.16") return i < 2 ? t * 2 + (i & 1) : t * 2 + (i & 1) + 8;
  if (s == "m16n8k4.32") return t;
  if (s == "m16n8k8.32") return i == 0 ? t : t + 4;
  if (s == "m16n8k16.8") return t * 4 + i;
  return i < 4 ? t * 4 + (i & 3) : t * 4 + (i & 3) + 16;
}

struct Case {
  const char* layout;  // shape and bits of an element of A and B
  MatrixProduct product;
};

const Case kCases[] = {
    {"m16n8k8.16", {Type::kF16, Type::kF16, 8, false, false}},
    {"m16n8k8.16", {Type::kF16, Type::kF16, 8, true, false}},
    {"m16n8k8.16", {Type::kBf16, Type::kBf16, 8, false, false}},
    {"m16n8k16.16", {Type::kF16, Type::kF16, 16, false, false}},
    {"m16n8k16.16", {Type::kF16, Type::kF16, 16, true, false}},
    {"m16n8k16.16", {Type::kBf16, Type::kBf16, 16, false, false}},
    {"m16n8k4.32", {Type::kTf32, Type::kTf32, 4, false, false}},
    {"m16n8k8.32", {Type::kTf32, Type::kTf32, 8, false, false}},
    {"m16n8k16.8", {Type::kS8, Type::kS8, 16, false, false}},
    {"m16n8k16.8", {Type::kU8, Type::kS8, 16, false, false}},
    {"m16n8k32.8", {Type::kS8, Type::kU8, 32, false, false}},
    {"m16n8k32.8", {Type::kU8, Type::kU8, 32, false, true}},
};

// A random element as it is stored, and its value.
struct Element {
  uint32_t stored;
  double value;
};

Element random_element(Type type, Random* random) {
  const float x = random->number() * float(1 << random->below(3));
  switch (type) {
    case Type::kF16:
      return {float_to_float16(x), double(float16_to_float(float_to_float16(x)))};
    case Type::kBf16:
      return {float_to_bfloat16(x), double(bfloat16_to_float(float_to_bfloat16(x)))};
    case Type::kTf32:
      return {bits_of(x), double(float_of(bits_of(x) & 0xffffe000u))};
    case Type::kS8: {
      const auto byte = int8_t(random->bits());
      return {uint8_t(byte), double(byte)};
    }
    default: {
      const auto byte = uint8_t(random->bits());
      return {byte, double(byte)};
    }
  }
}

struct Registers {
  uint32_t lanes[4][32] = {};
  const uint32_t* read[4] = {lanes[0], lanes[1], lanes[2], lanes[3]};
  uint32_t* write[4] = {lanes[0], lanes[1], lanes[2], lanes[3]};

  // Element i of a lane's fragment, `bits` wide
  void set(int lane, int i, int bits, uint32_t stored) {
    const int per_register = 32 / bits;
    lanes[i / per_register][lane] |= stored << (i % per_register * bits);
  }
};

void test_product(const Case& test_case, int seed) {
  const MatrixProduct& product = test_case.product;
  where = text("%s, product %d", test_case.layout, int(&test_case - kCases));
  CHECK(exists(product));

  Random random(seed);
  double a[16][32], b[32][8], sums[16][8], magnitudes[16][8];
  Registers fragment_a, fragment_b, fragment_c, result;
  const int k = product.k, bits = 8 * bytes(product.a);
  uint32_t stored_a[16][32], stored_b[32][8];
  for (int m = 0; m < 16; ++m) {
    for (int j = 0; j < k; ++j) {
      const Element element = random_element(product.a, &random);
      a[m][j] = element.value;
      stored_a[m][j] = element.stored;
    }
  }
  for (int j = 0; j < k; ++j) {
    for (int n = 0; n < 8; ++n) {
      const Element element = random_element(product.b, &random);
      b[j][n] = element.value;
      stored_b[j][n] = element.stored;
    }
  }
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane >> 2, t = lane & 3;
    for (int i = 0; i < 16 * k / 32; ++i)
      fragment_a.set(lane, i, bits,
                     stored_a[a_row(test_case.layout, g, i)][a_column(test_case.layout, t, i)]);
    for (int i = 0; i < 8 * k / 32; ++i)
      fragment_b.set(lane, i, bits, stored_b[b_row(test_case.layout, t, i)][g]);
    for (int i = 0; i < 4; ++i) {
      const int row = i < 2 ? g : g + 8, column = t * 2 + (i & 1);
      float c = random.number();
      if (product.a == Type::kS8 || product.a == Type::kU8) {
        const int32_t integer = int32_t(random.bits() >> 40);
        fragment_c.set(lane, i, 32, uint32_t(integer));
        sums[row][column] = integer;
      } else if (product.float16_sum) {
        fragment_c.set(lane, i, 16, float_to_float16(c));
        sums[row][column] = double(float16_to_float(float_to_float16(c)));
      } else {
        fragment_c.set(lane, i, 32, bits_of(c));
        sums[row][column] = double(c);
      }
    }
  }
  for (int m = 0; m < 16; ++m) {
    for (int n = 0; n < 8; ++n) {
      magnitudes[m][n] = fabs(sums[m][n]);
      for (int j = 0; j < k; ++j) {
        sums[m][n] += a[m][j] * b[j][n];
        magnitudes[m][n] += fabs(a[m][j] * b[j][n]);
      }
    }
  }

  multiply_matrices(product, fragment_a.read, fragment_b.read, fragment_c.read, result.write);
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane >> 2, t = lane & 3;
    for (int i = 0; i < 4; ++i) {
      const int row = i < 2 ? g : g + 8, column = t * 2 + (i & 1);
      double got;
      if (bits == 8) {
        got = int32_t(result.lanes[i][lane]);
      } else if (product.float16_sum) {
        got = double(float16_to_float(uint16_t(result.lanes[i / 2][lane] >> (i % 2 * 16))));
      } else {
        got = double(float_of(result.lanes[i][lane]));
      }
      const double tolerance =
          bits == 8 ? 0
                    : magnitudes[row][column] * k * 0x1p-24 +
                          (product.float16_sum ? fabs(sums[row][column]) * 0x1p-11 + 0x1p-25 : 0);
      CHECK_NEAR(got, sums[row][column], tolerance);
    }
  }
}

void test_products_that_do_not_exist() {
  where = "products that do not exist";
  for (const MatrixProduct& product : {MatrixProduct{Type::kF16, Type::kBf16, 16, false, false},
                                       MatrixProduct{Type::kBf16, Type::kBf16, 16, true, false},
                                       MatrixProduct{Type::kF16, Type::kF16, 32, false, false},
                                       MatrixProduct{Type::kF16, Type::kF16, 16, false, true},
                                       MatrixProduct{Type::kTf32, Type::kTf32, 16, false, false},
                                       MatrixProduct{Type::kS8, Type::kF16, 16, false, false},
                                       MatrixProduct{Type::kF32, Type::kF32, 8, false, false}})
    CHECK(!exists(product));
}

void test_saturation() {
  where = "satfinite";
  for (bool saturate : {false, true}) {
    Registers a, b, c, d;
    for (int lane = 0; lane < 32; ++lane) {
      a.lanes[0][lane] = b.lanes[0][lane] = 0x01010101u;
      c.lanes[0][lane] = 0x7fffffffu;
    }
    multiply_matrices({Type::kU8, Type::kU8, 16, false, saturate}, a.read, b.read, c.read, d.write);
    CHECK(d.lanes[0][0] == (saturate ? 0x7fffffffu : 0x8000000fu));
  }
}

void test_special_values() {
  where = "infinities, subnormals and NaN of float16";
  const MatrixProduct product = {Type::kF16, Type::kF16, 8, false, false};
  for (uint32_t half : {0x7c00u, 0xfc00u, 0x0001u, 0x83ffu, 0x7e00u, 0x8000u, 0x7bffu}) {
    Registers a, b, c, d;
    a.lanes[0][0] = half;    // A[0][0]
    b.lanes[0][0] = 0x3c00;  // B[0][0] = 1
    multiply_matrices(product, a.read, b.read, c.read, d.write);
    CHECK_NEAR(float_of(d.lanes[0][0]), float16_to_float(uint16_t(half)), 0);
  }
}

void test_movements() {
  where = "ldmatrix and movmatrix";
  uint16_t matrix[8][8];
  const uint8_t* rows[8];
  for (int row = 0; row < 8; ++row) {
    for (int column = 0; column < 8; ++column) matrix[row][column] = uint16_t(100 * row + column);
    rows[row] = reinterpret_cast<const uint8_t*>(matrix[row]);
  }
  uint32_t plain[32], transposed[32], moved[32];
  distribute_matrix(rows, false, plain);
  distribute_matrix(rows, true, transposed);
  transpose_matrix(plain, moved);
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane >> 2, t = lane & 3;
    CHECK(plain[lane] == (uint32_t(matrix[g][2 * t]) | uint32_t(matrix[g][2 * t + 1]) << 16));
    CHECK(transposed[lane] == (uint32_t(matrix[2 * t][g]) | uint32_t(matrix[2 * t + 1][g]) << 16));
    CHECK(moved[lane] == transposed[lane]);
  }
}

}  // namespace

EMULATOR_TEST(matrix_products) {
  for (const Case& test_case : kCases)
    for (int seed = 0; seed < 8; ++seed) test_product(test_case, seed);
  test_products_that_do_not_exist();
  test_saturation();
  test_special_values();
  test_movements();
}
