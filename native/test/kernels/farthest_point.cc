#include "points.h"

using namespace test;

namespace {

constexpr double kTaken = -2;

// Chooses all tokens one after another, each time as two pieces, and holds every choice against a full
// search.
void choose_all(const tsv::Kernels& table, const TestPoints& p, bool unit) {
  const int64_t n = p.n, half = (n + 2) / 3;
  Buffer<int32_t> centres(n), seen(n), same_seen(n);
  Buffer<double> nearest(n), same_nearest(n);
  for (int64_t i = 0; i < n; ++i) {
    seen[i] = same_seen[i] = 0;
    nearest[i] = same_nearest[i] = INFINITY;
  }
  for (int32_t chosen = 0; chosen < n; ++chosen) {
    int32_t best = 0;
    for (int64_t first : {int64_t(0), half}) {
      const int64_t count = first == 0 ? half : n - half;
      if (count == 0) continue;
      int32_t of_piece = -1, same = -1;
      table.farthest_point(
          {p.points(unit), centres.data(), chosen, first, count, seen.data(), nearest.data(), &of_piece});
      tsv::tsv_kernels_scalar.farthest_point({p.points(unit), centres.data(), chosen, first, count,
                                              same_seen.data(), same_nearest.data(), &same});
      CHECK(of_piece >= first && of_piece < first + count && of_piece == same);
      if (first == 0 || nearest[of_piece] > nearest[best]) best = of_piece;
    }
    double greatest = kTaken;
    for (int64_t i = 0; i < n; ++i) {
      CHECK(nearest[i] == same_nearest[i]);
      double distance = nearest[i] == kTaken ? kTaken : INFINITY;
      for (int64_t c = 0; c < chosen && distance != kTaken; ++c)
        distance = fmin(distance, p.squared_distance(i, centres[c], unit));
      greatest = fmax(greatest, distance);
      // A bound, for those that can not win
      CHECK(nearest[i] == distance || nearest[i] >= distance - 1e-6 * fabs(distance));
    }
    CHECK(nearest[best] != kTaken);
    CHECK_NEAR(nearest[best], greatest, 1e-6 * fabs(greatest));
    centres[chosen] = best;
    nearest[best] = same_nearest[best] = kTaken;
  }
  // The copy of a chosen token is at distance 0: of the two, one is the last or, with zero tokens, near it.
  if (n > 4 && p.columns > 16) CHECK(centres[n - 1] == 1 || centres[n - 1] == p.copy());
}

}  // namespace

KERNEL_TEST(farthest_point) {
  Random random(42);
  for (int64_t n : {1, 2, 3, 7, 40}) {
    for (int64_t channels : {1, 5, 16, 17, 48, 67}) {
      for (bool unit : {true, false}) {
        at("farthest_point of %d tokens, %d channels, unit %d", int(n), int(channels), int(unit));
        choose_all(table, TestPoints(table, n, channels, unit, random), unit);
      }
    }
  }
  // Ranks under 0 stay, and go to the lower index.
  TestPoints p(table, 5, 8, true, random);
  int32_t centres[] = {0}, seen[5] = {}, best = -1;
  double nearest[] = {-2, -2, -1, -1, -2};
  table.farthest_point({p.points(true), centres, 1, 0, 5, seen, nearest, &best});
  CHECK(best == 2 && nearest[2] == -1 && nearest[3] == -1);
}
