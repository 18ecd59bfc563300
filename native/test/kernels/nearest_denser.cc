#include "kernel_tests.h"

using namespace test;

namespace {

// Whole numbers: every product is exact, and ties are many. Some columns give NaN.
void compare(const tsv::Kernels& table, int64_t rows, int64_t columns, int64_t depth, int64_t own) {
  Random random(rows * 1000 + columns * 10 + depth + own);
  const int64_t stride = depth + 3, whole = whole_vectors(table, columns);
  Buffer<float> a((rows - 1) * stride + depth, 1), least(rows), scratch(3 * rows * table.shape.lanes);
  Buffer<int32_t> place(rows);
  PackedMatrix b(table, depth, columns, random);
  for (float& x : a) x = float(random.below(5) - 2);
  for (int64_t c = 0; c < whole; ++c) {
    const bool nan = c >= columns || random.below(10) == 0;
    for (int64_t k = 0; k < depth; ++k) {
      float& packed = b.panels[place_in_panels(table, columns, depth, k, c)];
      packed = nan ? NAN : float(random.below(5) - 2);
      if (c < columns) b.elements[k * columns + c] = packed;
    }
  }
  table.nearest_denser({a.data(), stride, rows, b.panels.data(), columns, depth, own, scratch.data(),
                        place.data(), least.data()});
  at("nearest_denser %d x %d x %d from %d", int(rows), int(depth), int(columns), int(own));
  for (int64_t r = 0; r < rows; ++r) {
    int32_t expected = -1;
    double most = NAN, fewest = INFINITY;
    for (int64_t c = 0; c < columns && c < own + r; ++c) {
      double product = 0;
      for (int64_t k = 0; k < depth; ++k) product += double(a[r * stride + k]) * b.at(k, c);
      if (product != product) continue;
      if (expected < 0 || product > most) most = product, expected = int32_t(c);
      if (product < fewest) fewest = product;
    }
    CHECK_THAT(place[r] == expected, "row %d: place %d, expected %d", int(r), place[r], expected);
    CHECK_NEAR(least[r], fewest, 0);
  }
}

}  // namespace

KERNEL_TEST(nearest_denser) {
  const int64_t tile_rows = table.shape.tile_rows;
  for (int64_t rows : {int64_t(1), tile_rows, 2 * tile_rows + 3}) {
    for (int64_t columns : lengths_around(table)) {
      for (int64_t own : {int64_t(0), int64_t(1), columns / 2, columns}) {
        for (int64_t depth : {1, 7}) compare(table, rows, columns, depth, own);
      }
    }
  }
}
