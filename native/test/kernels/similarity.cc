#include "kernel_tests.h"

using namespace test;

namespace {

enum class Fill { kRandom, kTies, kNaN };

void compare_argmax(const tsv::Kernels& table, int64_t rows, int64_t columns, int64_t depth, Fill fill_with) {
  Random random(rows * 1000 + columns * 10 + depth);
  const int64_t stride = depth + 2, whole = whole_vectors(table, columns);
  Buffer<float> a((rows - 1) * stride + depth, 1), best(rows), scratch(2 * rows * table.shape.lanes);
  Buffer<int32_t> place(rows);
  PackedMatrix b(table, depth, columns, random);
  const auto drawn = [&] {
    return fill_with == Fill::kRandom ? random.number() : float(random.below(3) - 1);
  };
  for (float& x : a) x = drawn();
  for (int64_t k = 0; k < depth; ++k) {
    for (int64_t c = 0; c < whole; ++c) {
      float& packed = b.panels[place_in_panels(table, columns, depth, k, c)];
      packed = c >= columns || (fill_with == Fill::kNaN && c % 2 == 0) ? NAN : drawn();
      if (c < columns) b.elements[k * columns + c] = packed;
    }
  }
  table.similarity_argmax(
      {a.data(), stride, rows, b.panels.data(), columns, depth, scratch.data(), best.data(), place.data()});
  at("similarity_argmax %d x %d x %d, fill %d", int(rows), int(depth), int(columns), int(fill_with));
  for (int64_t r = 0; r < rows; ++r) {
    int32_t expected = -1;
    double most = NAN, magnitude = 0;
    for (int64_t c = 0; c < columns; ++c) {
      double sum = 0, size = 0;
      for (int64_t k = 0; k < depth; ++k) {
        sum += double(a[r * stride + k]) * b.at(k, c);
        size += fabs(double(a[r * stride + k]) * b.at(k, c));
      }
      if (size > magnitude) magnitude = size;
      if (sum != sum || (expected >= 0 && sum <= most)) continue;
      most = sum;
      expected = int32_t(c);
    }
    CHECK_NEAR(best[r], most, double(depth + 1) * kUnit * magnitude);
    if (fill_with == Fill::kRandom && expected >= 0) {  // two products may be as near as their errors
      CHECK(place[r] >= 0 && place[r] < columns);
      double sum = 0;
      for (int64_t k = 0; k < depth; ++k) sum += double(a[r * stride + k]) * b.at(k, place[r]);
      CHECK_NEAR(sum, most, 2 * double(depth + 1) * kUnit * magnitude);
    } else {  // whole numbers are exact, so the lowest of equal places is known
      CHECK_THAT(place[r] == expected, "row %d: place %d, expected %d", int(r), place[r], expected);
    }
  }
}

}  // namespace

KERNEL_TEST(similarity_argmax) {
  const int64_t tile_rows = table.shape.tile_rows;
  for (int64_t rows : {int64_t(1), tile_rows, tile_rows + 1, 2 * tile_rows + 3}) {
    for (int64_t columns : lengths_around(table)) {
      for (int64_t depth : {1, 5, 64}) {
        for (Fill fill_with : {Fill::kRandom, Fill::kTies, Fill::kNaN}) {
          compare_argmax(table, rows, columns, depth, fill_with);
        }
      }
    }
  }
}
