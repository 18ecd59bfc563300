#include <algorithm>
#include <vector>

#include "kernel_tests.h"
#include "kernels/candidate_columns.h"

using namespace test;

namespace {

// Packed columns as the kernel takes them: those that fill up the last panel give NaN.
std::vector<float> pack(const tsv::Kernels& table, const Matrix& b, int64_t columns, int64_t depth) {
  const int64_t wide = table.shape.panel_width, lanes = table.shape.lanes;
  std::vector<float> panels(size_t((columns + wide - 1) / wide * wide * depth) + 1);
  table.pack_key_panels({b.rows(), nullptr, nullptr, nullptr, 0, columns, depth, panels.data()});
  const int64_t last = columns / wide * wide, rest = columns - last;
  if (rest > 0 && depth > 0) {
    float* fill = panels.data() + last * depth;
    std::fill(fill + rest, fill + (rest > lanes ? wide : lanes), NAN);
  }
  return panels;
}

void compare(const tsv::Kernels& table, const Matrix& a, const Matrix& b, int64_t rows, int64_t columns,
             int64_t depth, const WeightedColumns* weighted = nullptr) {
  const std::vector<float> panels = pack(table, b, columns, depth);
  Buffer<float> scratch(2 * rows * table.shape.lanes), best(rows);
  Buffer<int32_t> place(rows);
  table.similarity_argmax({static_cast<const float*>(a.rows().data), a.rows().stride, rows, panels.data(),
                           columns, depth, scratch.data(), best.data(), place.data(),
                           weighted != nullptr ? &weighted->arguments : nullptr});
  at("similarity_argmax of %d x %d, depth %d", int(rows), int(columns), int(depth));
  for (int64_t i = 0; i < rows; ++i) {
    // Whole numbers: every product is exact, and ties are many.
    double most = NAN;
    int32_t expected = -1;
    for (int64_t j = 0; j < columns; ++j) {
      double product = 0;
      for (int64_t k = 0; k < depth; ++k) product += a.at(i, k) * b.at(j, k);
      if (weighted != nullptr) product = weighted->value(i, j, product);
      if (product == product && (expected < 0 || product > most)) most = product, expected = int32_t(j);
    }
    CHECK_THAT(place[i] == expected, "row %d goes to %d, expected %d", int(i), place[i], expected);
    CHECK_NEAR(best[i], most, 0);
  }
}

}  // namespace

KERNEL_TEST(similarity_argmax) {
  Random random(37);
  for (int64_t rows : {1, 2, 13, 14, 15, 31}) {
    for (int64_t columns : lengths_around(table)) {
      if (columns == 0) continue;
      for (int64_t depth : {0, 1, 7, 64}) {
        Matrix a(TSV_FLOAT32, rows, depth, 2, 1), b(TSV_FLOAT32, columns, depth);
        for (int64_t k = 0; k < depth; ++k) {
          for (int64_t i = 0; i < rows; ++i) a.set(i, k, double(random.below(5)) - 3);
          for (int64_t j = 0; j < columns; ++j) {
            b.set(j, k, random.below(20) == 0 && k == 0 ? NAN : double(random.below(5)) - 1);
          }
        }
        compare(table, a, b, rows, columns, depth);
        for (Hidden rule : kHidden) {
          for (int64_t own : {int64_t(0), columns / 2}) {
            const WeightedColumns weighted(table, rows, columns, rule, own, random);
            compare(table, a, b, rows, columns, depth, &weighted);
          }
        }
      }
    }
  }
}
