#include "kernel_tests.h"

using namespace test;

namespace {

double applied(int32_t function, double parameter, double s) {
  switch (function) {
    case TSV_SIMILARITY_GAUSSIAN:
      return exp(-pow((1 - s) * parameter, 2) / 2);
    case TSV_SIMILARITY_COUNT_ABOVE:
      return s > parameter ? 1 : 0;
    case TSV_SIMILARITY_SQUARE:
      return s * s;
    default:
      return s > parameter ? s - parameter : exp(s - parameter) - 1;
  }
}

void compare(const tsv::Kernels& table, int64_t rows, int64_t columns, int64_t depth, int32_t function,
             bool leave_own_out, float bound) {
  Random random(rows * 1000 + columns * 10 + depth);
  const int64_t stride = depth + 3, first = columns / 2;
  Buffer<float> a((rows - 1) * stride + depth, 1), partial(rows * table.shape.lanes);
  Buffer<double> sums(rows);
  PackedMatrix b(table, depth, columns, random);
  // Quarters: products are exact, so that all agree on which of them are above a threshold.
  for (float& x : a) x = 0.25f * float(random.below(5) - 2);
  for (int64_t k = 0; k < depth; ++k) {
    for (int64_t c = 0; c < columns; ++c) {
      const float x = 0.25f * float(random.below(5) - 2);
      b.elements[k * columns + c] = b.panels[place_in_panels(table, columns, depth, k, c)] = x;
    }
    for (int64_t c = columns; c < whole_vectors(table, columns); ++c) {
      b.panels[place_in_panels(table, columns, depth, k, c)] = NAN;
    }
  }
  for (double& sum : sums) sum = 1;
  const float parameter = function == TSV_SIMILARITY_GAUSSIAN ? 2.0f : 0.25f;
  table.similarity_reduce({a.data(), stride, rows, b.panels.data(), columns, depth, function, parameter,
                           bound, leave_own_out ? first : tsv::kNoColumn, partial.data(), sums.data()});
  at("similarity_reduce %d x %d x %d, function %d", int(rows), int(depth), int(columns), int(function));
  for (int64_t r = 0; r < rows; ++r) {
    double expected = 1, magnitude = 1;
    for (int64_t c = 0; c < columns; ++c) {
      if (leave_own_out && c == first + r) continue;
      double s = 0;
      for (int64_t k = 0; k < depth; ++k) s += double(a[r * stride + k]) * b.at(k, c);
      const double f = applied(function, double(parameter), fmin(double(bound), fmax(-double(bound), s)));
      expected += f;
      magnitude += 1 + fabs(f);
    }
    CHECK_NEAR(sums[r], expected, 64 * kUnit * magnitude);
  }
}

}  // namespace

KERNEL_TEST(similarity_reduce) {
  const int64_t tile_rows = table.shape.tile_rows;
  for (int64_t rows : {int64_t(1), tile_rows, 2 * tile_rows + 3}) {
    for (int64_t columns : lengths_around(table)) {
      for (int32_t function = TSV_SIMILARITY_ELU; function <= TSV_SIMILARITY_SQUARE; ++function) {
        compare(table, rows, columns, 5, function, false, INFINITY);
        compare(table, rows, columns, 5, function, true, 0.5f);
      }
    }
  }
  compare(table, 3, 40 * table.shape.panel_width + 1, 8, TSV_SIMILARITY_ELU, true, INFINITY);
}
