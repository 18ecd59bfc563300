#include "kernel_tests.h"

using namespace test;

namespace {

double activated(double x, int32_t activation) {
  switch (activation) {
    case TSV_ACTIVATION_GELU:
      return x * 0.5 * (1 + erf(x / sqrt(2.0)));
    case TSV_ACTIVATION_GELU_TANH:
      return x * 0.5 * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case TSV_ACTIVATION_RELU:
      return x > 0 ? x : 0;
    case TSV_ACTIVATION_TANH:
      return tanh(x);
    default:
      return x;
  }
}

// A product whose depth is `depth` once, or twice that in two steps.
void compare(const tsv::Kernels& table, int64_t rows, int64_t columns, int64_t depth, int32_t activation,
             bool biased, bool two_steps, bool in_place) {
  Random random(rows * 1000 + columns * 10 + depth);
  const int64_t a_stride = depth + 3, out_stride = columns + 1;
  Buffer<float> a(rows > 0 && depth > 0 ? (rows - 1) * a_stride + depth : 0, 1), bias(columns, 1);
  Buffer<float> out(rows > 0 && columns > 0 ? (rows - 1) * out_stride + columns : 0, 1);
  const PackedMatrix b(table, depth, columns, random);
  fill(a, random);
  fill(bias, random);
  Buffer<float> matrix(in_place ? depth * columns : 0, 1);
  for (int64_t i = 0; i < matrix.size(); ++i) matrix[i] = b.at(i / columns, i % columns);
  const auto step = [&](bool first, bool last) {
    table.matmul({a.data(), a_stride, rows, in_place ? matrix.data() : b.panels.data(),
                  in_place ? columns : 0, columns, depth, biased ? bias.data() : nullptr, activation, first,
                  last, out.data(), out_stride});
  };
  step(true, !two_steps);
  if (two_steps) step(false, true);
  at("matmul %d x %d x %d, activation %d%s%s", int(rows), int(depth), int(columns), activation,
     biased ? ", bias" : "", two_steps ? ", two steps" : "");
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      double sum = 0, magnitude = biased ? fabs(bias[c]) : 0;
      for (int64_t k = 0; k < depth; ++k) {
        sum += double(a[r * a_stride + k]) * b.at(k, c);
        magnitude += fabs(double(a[r * a_stride + k]) * b.at(k, c));
      }
      const double steps = two_steps ? 2 : 1;
      const double expected = activated(sum * steps + (biased ? bias[c] : 0), activation);
      // Activations stretch errors by at most 1.13 and add some of their own.
      const double tolerance =
          1.13 * double(depth + 3) * kUnit * magnitude * steps + 1e-6 * fabs(expected) + 3e-7;
      CHECK_NEAR(out[r * out_stride + c], expected,
                 activation == TSV_ACTIVATION_NONE ? tolerance - 3e-7 : tolerance);
    }
  }
}

}  // namespace

KERNEL_TEST(matmul) {
  const int64_t tile_rows = table.shape.tile_rows;
  for (int64_t rows :
       {int64_t(0), int64_t(1), int64_t(2), tile_rows - 1, tile_rows, tile_rows + 1, 2 * tile_rows + 3}) {
    for (int64_t columns : lengths_around(table)) {
      for (int64_t depth : {1, 5, 64})
        compare(table, rows, columns, depth, TSV_ACTIVATION_NONE, false, false, false);
      compare(table, rows, columns, 7, TSV_ACTIVATION_NONE, true, true, false);
      if (columns % table.shape.lanes == 0) {
        compare(table, rows, columns, 33, TSV_ACTIVATION_NONE, true, true, true);
      }
    }
  }
  for (int32_t activation = TSV_ACTIVATION_NONE; activation <= TSV_ACTIVATION_TANH; ++activation) {
    compare(table, 5, 37, 9, activation, true, false, false);
    compare(table, 5, 37, 9, activation, false, true, false);
  }
}
