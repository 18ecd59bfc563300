#include "kernel_tests.h"

using namespace test;

namespace {

struct Range {
  const uint8_t* mask;
  int64_t first, count, column, columns;
};

void compare(const tsv::Kernels& table, const Matrix& x, const Range& range) {
  Buffer<double> mean(range.columns), squares(range.columns);
  int64_t tokens = -1;
  table.channel_moments({x.rows(), range.mask, range.first, range.count, range.column, range.columns,
                         mean.data(), squares.data(), &tokens});
  int64_t present = 0;
  for (int64_t i = range.first; i < range.first + range.count; ++i) {
    present += range.mask == nullptr || range.mask[i] != 2;
  }
  CHECK(tokens == present);
  for (int64_t c = 0; c < range.columns; ++c) {
    double expected = 0, magnitude = 0, square = 0;
    const auto each = [&](const auto& body) {
      for (int64_t i = range.first; i < range.first + range.count; ++i) {
        if (range.mask == nullptr || range.mask[i] != 2) body(x.at(i, range.column + c));
      }
    };
    each([&](double value) {
      expected += value / double(present);
      magnitude += fabs(value) / double(present);
    });
    each([&](double value) { square += pow(value - expected, 2); });
    CHECK_NEAR(mean[c], expected, 4 * kUnit * magnitude);
    CHECK_NEAR(squares[c], square, 16 * kUnit * square);
  }
}

}  // namespace

KERNEL_TEST(channel_moments) {
  constexpr int64_t kTokens = 150;
  Random random(5);
  Buffer<uint8_t> mask(kTokens);
  for (uint8_t& state : mask) state = uint8_t(random.below(3));
  for (int32_t dtype : kFloatTypes) {
    for (int64_t columns : lengths_around(table)) {
      Matrix x(dtype, kTokens, columns + 5, 2, 1);
      x.fill(random);
      at("channel_moments type %d, %d columns", dtype, int(columns));
      for (int64_t count : {0, 1, 2, 63, 64, 65, 140}) {
        compare(table, x, {nullptr, 3, count, 2, columns});
        compare(table, x, {mask.data(), 3, count, 0, columns});
      }
    }
  }
  // About means that are far from 0, alike and not.
  for (float shift : {1e4f, -3e6f}) {
    Matrix x(TSV_FLOAT32, kTokens, 7);
    for (int64_t i = 0; i < kTokens; ++i) {
      for (int64_t c = 0; c < 7; ++c) {
        const bool shifted = c < 3 || (c < 5 ? i < 70 : i == 149);
        x.set(i, c, double(random.number() + (shifted ? shift : 0)));
      }
    }
    at("channel_moments about %g", double(shift));
    compare(table, x, {nullptr, 0, kTokens, 0, 7});
  }
  // Equal elements are their mean, exactly.
  Matrix x(TSV_FLOAT32, kTokens, 3);
  const float values[] = {0.1f, -12345.678f, 1e-10f};
  for (int64_t i = 0; i < kTokens; ++i) {
    for (int64_t c = 0; c < 3; ++c) x.set(i, c, double(values[c]));
  }
  double mean[3], squares[3];
  int64_t tokens = 0;
  table.channel_moments({x.rows(), nullptr, 0, kTokens, 0, 3, mean, squares, &tokens});
  for (int c = 0; c < 3; ++c) {
    at("channel_moments of %g alone", double(values[c]));
    CHECK(mean[c] == double(values[c]) && squares[c] == 0);
  }
}
