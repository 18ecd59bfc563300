// How a kernel gets its test: KERNEL_TEST(name) { ... uses `table.name` ... } in kernels/name.cc. It runs
// once for the table of each instruction set that the machine has, and kernel_tests.cc fails for a kernel of
// the list without one.
#ifndef TOKENSIEVE_TEST_KERNEL_TESTS_H
#define TOKENSIEVE_TEST_KERNEL_TESTS_H
#include <math.h>

#include <vector>

#include "harness.h"
#include "kernels/int8_kernels.h"
#include "kernels/kernels.h"
#include "stored.h"

namespace test {

constexpr double kUnit = 0x1p-24;  // half the distance from 1 to the next float

struct KernelTest {
  const char* kernel;
  void (*run)(const tsv::Kernels& table);
};

std::vector<KernelTest>& kernel_tests();

#define KERNEL_TEST(name) \
  static_assert(&tsv::Kernels::name != nullptr, "a kernel of the list"); \
  static void test_##name(const tsv::Kernels& table); \
  static const bool registered_##name = (test::kernel_tests().push_back({#name, test_##name}), true); \
  static void test_##name(const tsv::Kernels& table)

// The same for the kernels of 8-bit products, once where the processor has them.
struct Int8KernelTest {
  const char* kernel;
  void (*run)(const tsv::Int8Kernels& table);
};

std::vector<Int8KernelTest>& int8_kernel_tests();

#define INT8_KERNEL_TEST(name) \
  static_assert(&tsv::Int8Kernels::name != nullptr, "a kernel of the list"); \
  static void test_##name(const tsv::Int8Kernels& table); \
  static const bool registered_##name = (test::int8_kernel_tests().push_back({#name, test_##name}), true); \
  static void test_##name(const tsv::Int8Kernels& table)

// Lengths around a vector, several vectors and a tile of this instruction set, and primes.
inline std::vector<int64_t> lengths_around(const tsv::Kernels& table) {
  const int64_t lanes = table.shape.lanes, rows = table.shape.tile_rows, panel = table.shape.panel_width;
  std::vector<int64_t> lengths = {0, 1, 2, 3, 7, 67};
  for (int64_t edge : {lanes, 2 * lanes, 4 * lanes, 5 * lanes, rows, panel, 2 * panel}) {
    for (int64_t length : {edge - 1, edge, edge + 1}) {
      if (length > 0) lengths.push_back(length);
    }
  }
  return lengths;
}

// Where element (k, column) of a packed matrix lies: in panels two vectors wide, the last one narrower where
// a vector is enough.
inline int64_t place_in_panels(const tsv::Kernels& table, int64_t columns, int64_t depth, int64_t k,
                               int64_t column) {
  const int64_t lanes = table.shape.lanes, panel = column / (2 * lanes) * (2 * lanes);
  const int64_t width = columns - panel > lanes ? 2 * lanes : lanes;
  return panel * depth + k * width + (column - panel);
}

inline int64_t whole_vectors(const tsv::Kernels& table, int64_t columns) {
  return (columns + table.shape.lanes - 1) / table.shape.lanes * table.shape.lanes;
}

// A matrix [depth][columns] of small numbers, and the same in panels.
struct PackedMatrix {
  PackedMatrix(const tsv::Kernels& table, int64_t depth_, int64_t columns_, Random& random)
      : depth(depth_),
        columns(columns_),
        elements(depth * columns),
        panels(whole_vectors(table, columns) * depth) {
    for (float& x : panels) x = 0;
    for (int64_t k = 0; k < depth; ++k) {
      for (int64_t c = 0; c < columns; ++c) {
        elements[k * columns + c] = panels[place_in_panels(table, columns, depth, k, c)] = random.number();
      }
    }
  }
  float at(int64_t k, int64_t column) const { return column < columns ? elements[k * columns + column] : 0; }

  int64_t depth, columns;
  Buffer<float> elements, panels;
};

inline void fill(Buffer<float>& buffer, Random& random) {
  for (float& x : buffer) x = random.number();
}

// Sets the text that failing checks are reported with.
template <class... Values>
void at(const char* format, Values... values) {
  where = text(format, values...);
}

}  // namespace test
#endif
