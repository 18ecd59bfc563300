#include "kernel_tests.h"

using namespace test;

namespace {

void compare(const tsv::Kernels& table, const Matrix& x, int64_t first, int64_t count, bool unit) {
  const int64_t columns = x.columns(), length = tsv::whole_row_blocks(columns);
  Buffer<float> out((first + count) * length), same((first + count) * length);
  Buffer<double> squares(first + count), same_squares(first + count);
  table.unit_rows({x.rows(), first, count, columns, unit, out.data(), squares.data()});
  tsv::tsv_kernels_scalar.unit_rows(
      {x.rows(), first, count, columns, unit, same.data(), same_squares.data()});
  for (int64_t i = first; i < first + count; ++i) {
    double square = 0, stored = 0;
    for (int64_t c = 0; c < columns; ++c) square += x.at(i, c) * x.at(i, c);
    const bool finite = square < INFINITY;
    for (int64_t c = 0; c < length; ++c) {
      const double element = c < columns && finite ? x.at(i, c) : 0;
      const double expected = unit && square > 0 ? element / sqrt(square) : element;
      CHECK_NEAR(out[i * length + c], expected, finite ? 2 * kUnit * fabs(expected) : 0);
      CHECK(memcmp(&out[i * length + c], &same[i * length + c], sizeof(float)) == 0);
      stored += double(out[i * length + c]) * double(out[i * length + c]);
    }
    CHECK_NEAR(squares[i], finite ? stored : double(NAN), 1e-12 * stored);
    CHECK(squares[i] != squares[i] || squares[i] == same_squares[i]);
  }
}

}  // namespace

KERNEL_TEST(unit_rows) {
  Random random(41);
  for (int32_t dtype : kFloatTypes) {
    for (int64_t columns : lengths_around(table)) {
      Matrix x(dtype, 6, columns, 3, 1);
      x.fill(random);
      for (int64_t c = 0; c < columns; ++c) x.set(3, c, 0.0);
      if (columns > 0) x.set(4, columns - 1, NAN);
      if (columns > 0) x.set(5, 0, -INFINITY);
      for (bool unit : {true, false}) {
        at("unit_rows of %d columns, type %d, unit %d", int(columns), int(dtype), int(unit));
        compare(table, x, 2, 4, unit);
        compare(table, x, 0, 0, unit);
      }
    }
  }
  // Squares that float32 does not hold.
  for (double scale : {0x1p-149, 0x1p-100, 0x1p100, 0x1p126}) {
    Matrix x(TSV_FLOAT32, 1, 5);
    for (int64_t c = 0; c < 5; ++c) x.set(0, c, double(c - 1) * scale);
    at("unit_rows of tokens of about %g", scale);
    compare(table, x, 0, 1, true);
  }
}
