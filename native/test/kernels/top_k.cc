#include <algorithm>

#include "kernel_tests.h"

using namespace test;

namespace {

struct Scratch {
  explicit Scratch(size_t bytes) : start(static_cast<char*>(aligned_alloc(64, (bytes + 63) / 64 * 64))) {}
  ~Scratch() { free(start); }
  char* start;
};

struct Case {
  bool largest, by_value, masked;
  int64_t k;
};

// Better of two places by the rules: kept, then value, NaN last in either direction, then the lower index.
bool better(double a, double b, bool largest) {
  if (a != a || b != b) return a == a && b != b;
  return largest ? a > b : a < b;
}

void compare(const tsv::Kernels& table, const Matrix& x, int32_t dtype, const Buffer<uint8_t>& mask,
             int64_t length, const Case& c) {
  const int64_t n = x.columns();
  std::vector<int32_t> order;
  for (int64_t i = 0; i < length; ++i) {
    if (!c.masked || mask[i] != 2) order.push_back(int32_t(i));
  }
  int64_t kept = 0;
  for (int32_t i : order) kept += c.masked && mask[i] == 1 ? 1 : 0;
  if (c.k < kept || c.k > int64_t(order.size())) return;
  std::stable_sort(order.begin(), order.end(), [&](int32_t i, int32_t j) {
    if (c.masked && (mask[i] == 1) != (mask[j] == 1)) return mask[i] == 1;
    return better(x.at(0, i), x.at(0, j), c.largest);
  });
  order.resize(size_t(c.k));
  std::sort(order.begin(), order.end());
  if (c.by_value) {
    std::stable_sort(order.begin(), order.end(),
                     [&](int32_t i, int32_t j) { return better(x.at(0, i), x.at(0, j), c.largest); });
  }

  const int32_t first = 1000;
  Scratch scratch(tsv::top_k_scratch(n, c.k));
  Buffer<int32_t> indices(c.k);
  Matrix values(dtype, 1, c.k);
  table.top_k({x.rows().data, dtype, c.largest, c.by_value, n, c.masked ? mask.data() : nullptr, length, c.k,
               first, scratch.start, indices.data(), values.data()});
  at("top_k %d of %d to %d, type %d%s%s%s", int(c.k), int(n), int(length), dtype,
     c.largest ? ", largest" : "", c.by_value ? ", by value" : "", c.masked ? ", masked" : "");
  for (int64_t i = 0; i < c.k; ++i) {
    CHECK_THAT(indices[i] == order[size_t(i)] + first, "place %d is %d, expected %d", int(i),
               indices[i] - first, order[size_t(i)]);
    CHECK(near(values.at(0, i), x.at(0, order[size_t(i)]), 0));
  }
}

void compare_all(const tsv::Kernels& table, const Matrix& x, int32_t dtype, Random& random) {
  const int64_t n = x.columns();
  Buffer<uint8_t> mask(n);
  for (uint8_t& m : mask) {
    const int64_t draw = random.below(10);
    m = uint8_t(draw == 0 ? 1 : draw < 3 ? 2 : 0);
  }
  for (int64_t k : {int64_t(0), int64_t(1), n / 3, n / 2, n - 1, n}) {
    if (k < 0) continue;
    for (int bits = 0; bits < 8; ++bits) {
      const Case c = {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, k};
      compare(table, x, dtype, mask, n, c);
      compare(table, x, dtype, mask, n - n / 5, c);
    }
  }
}

}  // namespace

KERNEL_TEST(top_k) {
  for (int32_t dtype : kFloatTypes) {
    std::vector<int64_t> lengths = lengths_around(table);
    lengths.insert(lengths.end(), {31, 33, 513, 1500});  // past the searches that need no counting
    for (int64_t n : lengths) {
      Random random(n + 1);
      Matrix x(dtype, 1, n, 0, n % 3);
      x.fill(random);
      compare_all(table, x, dtype, random);
      for (int64_t i = 0; i < n; ++i) x.set(0, i, double(random.below(3)));  // ties
      compare_all(table, x, dtype, random);
      const double unusual[] = {NAN, INFINITY, -INFINITY, -0.0, 0.0, 0x1p-24, -0x1p-24, 1};
      for (int64_t i = 0; i < n; ++i) x.set(0, i, unusual[random.below(8)]);
      compare_all(table, x, dtype, random);
      for (int64_t i = 0; i < n; ++i)
        x.set(0, i, 0.5 + double(i % 7) * 0x1p-20);  // keys that differ in few bits
      compare_all(table, x, dtype, random);
    }
  }
}
