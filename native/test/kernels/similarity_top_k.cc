#include <algorithm>
#include <vector>

#include "kernel_tests.h"
#include "kernels/candidate_columns.h"

using namespace test;

namespace {

enum class Order { kRandom, kAscending, kDescending, kEqual };

// Whole numbers: every product is exact, and ties are many. Some columns give NaN.
void compare(const tsv::Kernels& table, int64_t rows, int64_t columns, int64_t depth, int64_t k, Order order,
             Hidden rule = Hidden::kNone) {
  Random random(rows * 1000 + columns * 10 + depth + k);
  const int64_t stride = depth + 3, whole = whole_vectors(table, columns);
  Buffer<float> a((rows - 1) * stride + depth, 1), best(rows * k);
  Buffer<int32_t> found(rows), place(rows * k);
  PackedMatrix b(table, depth, columns, random);
  for (float& x : a) x = order == Order::kRandom ? float(random.below(5) - 2) : 1.0f;
  for (int64_t c = 0; c < whole; ++c) {
    const bool nan = c >= columns || (order == Order::kRandom && random.below(10) == 0);
    for (int64_t i = 0; i < depth; ++i) {
      float& packed = b.panels[place_in_panels(table, columns, depth, i, c)];
      packed = nan                           ? NAN
               : order == Order::kRandom     ? float(random.below(5) - 2)
               : order == Order::kAscending  ? float(c)
               : order == Order::kDescending ? float(columns - c)
                                             : 1.0f;
      if (c < columns) b.elements[i * columns + c] = packed;
    }
  }
  const WeightedColumns weighted(table, rows, columns, rule, columns / 3, random);
  const bool alike = rule == Hidden::kNone;
  table.similarity_top_k({a.data(), stride, rows, b.panels.data(), columns, depth, k, found.data(),
                          best.data(), place.data(), alike ? nullptr : &weighted.arguments});
  at("similarity_top_k %d of %d x %d x %d, order %d", int(k), int(rows), int(depth), int(columns),
     int(order));
  for (int64_t r = 0; r < rows; ++r) {
    std::vector<double> product(size_t(columns), 0.0);
    std::vector<int32_t> expected;
    for (int64_t c = 0; c < columns; ++c) {
      for (int64_t i = 0; i < depth; ++i) product[size_t(c)] += double(a[r * stride + i]) * b.at(i, c);
      if (!alike) product[size_t(c)] = weighted.value(r, c, product[size_t(c)]);
      if (product[size_t(c)] == product[size_t(c)]) expected.push_back(int32_t(c));
    }
    std::stable_sort(expected.begin(), expected.end(),
                     [&](int32_t x, int32_t y) { return product[size_t(x)] > product[size_t(y)]; });
    for (int64_t n = 0; n < k; ++n) {
      const bool there = n < int64_t(expected.size());
      const int32_t column = there ? expected[size_t(n)] : -1;
      CHECK_THAT(place[r * k + n] == column, "row %d, number %d: %d, expected %d", int(r), int(n),
                 place[r * k + n], column);
      CHECK_NEAR(best[r * k + n], there ? product[size_t(column)] : double(NAN), 0);
    }
  }
}

}  // namespace

KERNEL_TEST(similarity_top_k) {
  const int64_t tile_rows = table.shape.tile_rows;
  for (int64_t rows : {int64_t(1), tile_rows, 2 * tile_rows + 3}) {
    for (int64_t columns : lengths_around(table)) {
      for (int64_t k : {int64_t(1), int64_t(2), int64_t(5), columns / 2, columns}) {
        if (k < 1 || k > columns) continue;
        for (Hidden rule : kHidden) compare(table, rows, columns, 3, k, Order::kRandom, rule);
        for (Order order : {Order::kAscending, Order::kDescending, Order::kEqual}) {
          compare(table, rows, columns, 1, k, order);
        }
      }
    }
  }
  compare(table, 5, 64, 40, 7, Order::kRandom);
}
