#include "kernel_tests.h"

using namespace test;

namespace {

// A row about its mean, in double.
struct Normed {
  double mean = 0, variance = 0;

  Normed(const Matrix& x, int64_t row) {
    const double columns = double(x.columns());
    for (int64_t c = 0; c < x.columns(); ++c) mean += x.at(row, c) / columns;
    for (int64_t c = 0; c < x.columns(); ++c) variance += pow(x.at(row, c) - mean, 2) / columns;
  }
  double of(double x, double epsilon) const { return (x - mean) / sqrt(variance + epsilon); }
};

struct Given {
  const float* weight;
  const float* bias;
  double epsilon;
};

void compare(const tsv::Kernels& table, const Matrix& x, int32_t dtype, int64_t first, int64_t count,
             const Given& given) {
  const int64_t columns = x.columns();
  Matrix out(dtype, count, columns);
  table.layer_norm({x.rows(), first, count, columns, given.weight, given.bias, given.epsilon, out.data()});
  const double rounding = dtype == TSV_FLOAT32 ? kUnit : dtype == TSV_FLOAT16 ? 0x1p-11 : 0x1p-8;
  for (int64_t i = 0; i < count; ++i) {
    const Normed row(x, first + i);
    for (int64_t c = 0; c < columns; ++c) {
      const double weight = given.weight == nullptr ? 1 : double(given.weight[c]);
      const double bias = given.bias == nullptr ? 0 : double(given.bias[c]);
      const double unit = row.of(x.at(first + i, c), given.epsilon), expected = unit * weight + bias;
      const double magnitude = (fabs(unit) + 1) * fabs(weight) + fabs(bias);
      // Each square rounds once, and at most columns / lanes of them follow each other in a lane.
      const double roundings = 16 + double(columns) / (4 * double(table.shape.lanes));
      CHECK_NEAR(out.at(i, c), expected, roundings * kUnit * magnitude + rounding * fabs(expected) + 0x1p-25);
    }
  }
}

}  // namespace

KERNEL_TEST(layer_norm) {
  for (int32_t dtype : kFloatTypes) {
    for (int64_t columns : lengths_around(table)) {
      if (columns == 0) continue;
      for (int64_t offset : {0, 1, 3}) {
        Random random(columns + 1);
        Matrix x(dtype, 4, columns, 2, offset);
        x.fill(random);
        Buffer<float> weight(columns, offset), bias(columns, 1);
        fill(weight, random);
        fill(bias, random);
        at("layer_norm type %d, %d columns, offset %d", dtype, int(columns), int(offset));
        compare(table, x, dtype, 1, 3, {weight.data(), bias.data(), 1e-5});
        compare(table, x, dtype, 0, 2, {weight.data(), nullptr, 0.25});
        compare(table, x, dtype, 0, 1, {nullptr, bias.data(), 1e-5});
        compare(table, x, dtype, 3, 1, {nullptr, nullptr, 1e-5});
        compare(table, x, dtype, 0, 0, {nullptr, nullptr, 1e-5});
      }
    }
  }
  // About a mean that is far from 0, and with one element that is far from the others.
  for (int64_t columns : {5, 67, 1000}) {
    for (float shift : {1e4f, -3e6f}) {
      Random random(columns);
      Matrix x(TSV_FLOAT32, 2, columns);
      for (int64_t c = 0; c < columns; ++c) {
        x.set(0, c, double(shift + random.number()));
        x.set(1, c, double(c == columns / 2 ? shift : random.number()));
      }
      at("layer_norm of %d columns about %g", int(columns), double(shift));
      compare(table, x, TSV_FLOAT32, 0, 2, {nullptr, nullptr, 0});
    }
  }
  // Without variance.
  for (float value : {0.0f, 0.1f, -7e20f}) {
    Matrix x(TSV_FLOAT32, 1, 67);
    for (int64_t c = 0; c < 67; ++c) x.set(0, c, double(value));
    Buffer<float> bias(67);
    for (float& term : bias) term = 3;
    Matrix out(TSV_FLOAT32, 1, 67);
    table.layer_norm({x.rows(), 0, 1, 67, nullptr, bias.data(), 0, out.data()});
    at("layer_norm of %g alone", double(value));
    for (int64_t c = 0; c < 67; ++c) CHECK(out.at(0, c) == 3);
  }
}
