#include "points.h"

using namespace test;

namespace {

double nearest_neighbour(const TestPoints& p, const Buffer<uint8_t>& mask, int64_t i, bool unit) {
  double nearest = INFINITY;
  for (int64_t j = 0; j < p.n; ++j) {
    if (j != i && mask[j] != 2) nearest = fmin(nearest, p.squared_distance(i, j, unit));
  }
  return nearest;
}

void compare(const tsv::Kernels& table, const TestPoints& p, const Buffer<uint8_t>& mask, bool unit) {
  for (int64_t first = 0; first < p.n; first += tsv::kIsolatedBlock) {
    const int64_t count = p.n - first < tsv::kIsolatedBlock ? p.n - first : tsv::kIsolatedBlock;
    double greatest = -1;
    for (int64_t i = first; i < first + count; ++i) {
      if (mask[i] == 0) greatest = fmax(greatest, nearest_neighbour(p, mask, i, unit));
    }
    for (double least : {0.0, greatest / 2, greatest * (1 + 1e-5) + 1e-5}) {
      int32_t best = -9, same = -9;
      double distance = -1, same_distance = -1;
      table.isolated_point({p.points(unit), mask.data(), p.n, first, count, least, &best, &distance});
      tsv::tsv_kernels_scalar.isolated_point(
          {p.points(unit), mask.data(), p.n, first, count, least, &same, &same_distance});
      CHECK(best == same && distance == same_distance);
      if (greatest < 0 || least > greatest) {
        CHECK(best == -1);
        continue;
      }
      CHECK(best >= first && best < first + count && mask[best] == 0);
      CHECK_NEAR(distance, greatest, 1e-6 * greatest);
      CHECK_NEAR(nearest_neighbour(p, mask, best, unit), greatest, 1e-6 * greatest);
    }
  }
}

}  // namespace

KERNEL_TEST(isolated_point) {
  Random random(43);
  for (int64_t n : {1, 2, 3, 16, 17, 40}) {
    for (int64_t channels : {1, 5, 16, 17, 67}) {
      for (bool unit : {true, false}) {
        TestPoints p(table, n, channels, unit, random);
        Buffer<uint8_t> mask(n);
        for (uint8_t& state : mask) state = 0;
        at("isolated_point of %d tokens, %d channels, unit %d", int(n), int(channels), int(unit));
        compare(table, p, mask, unit);
        for (uint8_t& state : mask) state = uint8_t(random.below(3));
        compare(table, p, mask, unit);
      }
    }
  }
  // All alike: the lowest index.
  TestPoints p(table, 9, 4, true, random);
  for (float& x : p.rows) x = 0.5f;
  for (double& square : p.squares) square = 1;
  Buffer<uint8_t> mask(9);
  for (int64_t i = 0; i < 9; ++i) mask[i] = i < 2;
  int32_t best = -1;
  double distance = -1;
  at("isolated_point of copies");
  table.isolated_point({p.points(true), mask.data(), 9, 0, 9, 0, &best, &distance});
  CHECK(best == 2 && distance == 0);
}
