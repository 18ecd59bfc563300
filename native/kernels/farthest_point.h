// Farthest-point sampling (Gonzalez, 1985): which token is farthest from the nearest of those chosen so far,
// argmax_i min_j d(i, j)^2, by Euclidean distance; between unit vectors d^2 / 2 = 1 - cosine.
//
// Distances come from differences, not from products: those of equal tokens are exactly 0, and those of
// tokens nearly equal keep their digits, which 1 - cosine in float32 would lose. The running minimum of each
// token is brought up to date only while it may still win (greedy_argmax.h). At most C subtractions,
// multiplications and additions a token and choice; the limit is the bandwidth of the cache that holds the
// rows.
//
// A zero vector has the cosine 0 with everything, another zero vector included: 1 - 0 is d^2 = 2.
#ifndef TOKENSIEVE_KERNELS_FARTHEST_POINT_H
#define TOKENSIEVE_KERNELS_FARTHEST_POINT_H
#include <math.h>

#include "kernels/greedy_argmax.h"
#include "kernels/kernels.h"
#include "kernels/row_sums.h"

namespace {

inline double distance_of_points(const tsv::Points& p, int64_t i, int64_t j) {
  if (p.squares != nullptr && (p.squares[i] == 0.0 || p.squares[j] == 0.0)) return 2.0;
  return squared_distance(p.rows + i * p.columns, p.rows + j * p.columns, p.columns);
}

template <class V>
void farthest_point(const tsv::FarthestPoint& a) {
  const auto update = [&](int64_t i, double least) {
    double nearest = a.nearest[i];
    int32_t seen = a.seen[i];
    for (; seen < a.centre_count && nearest >= least && nearest >= 0.0; ++seen) {
      const double distance = distance_of_points(a.points, i, a.centres[seen]);
      if (distance < nearest) nearest = distance;
    }
    a.nearest[i] = nearest;
    a.seen[i] = seen;
  };
  const auto nearest = [&](int64_t i) { return a.nearest[i]; };
  *a.best = int32_t(greedy_argmax(a.first, a.count, nearest, update));
}

// The token whose nearest neighbour is farthest, argmax_i min_{j != i} d(i, j)^2, among a few: every pair of
// them with all, but a token is given up once a neighbour is nearer than `least`. Neighbours are tried from
// the closest index outwards, where the most similar ones of an image or a video are; with each step outwards
// a block of tokens reads two new rows, the others being in the cache.
template <class V>
void isolated_point(const tsv::IsolatedPoint& a) {
  int64_t alive[tsv::kIsolatedBlock];
  double nearest[tsv::kIsolatedBlock];
  int count = 0;
  for (int64_t i = a.first; i < a.first + a.count; ++i) {
    if (a.mask[i] != 0) continue;
    alive[count] = i;
    nearest[count++] = INFINITY;
  }
  for (int64_t step = 1; step < a.n && count > 0; ++step) {
    int still = 0;
    for (int t = 0; t < count; ++t) {
      double distance = nearest[t];
      const int64_t neighbours[] = {alive[t] - step, alive[t] + step};
      for (int64_t j : neighbours) {
        if (j < 0 || j >= a.n || a.mask[j] == 2) continue;
        const double other = distance_of_points(a.points, alive[t], j);
        if (other < distance) distance = other;
      }
      if (distance < a.least) continue;
      alive[still] = alive[t];
      nearest[still++] = distance;
    }
    count = still;
  }
  *a.best = -1;
  for (int t = 0; t < count; ++t) {
    if (*a.best >= 0 && !(nearest[t] > *a.distance)) continue;
    *a.best = int32_t(alive[t]);
    *a.distance = nearest[t];
  }
}

}  // namespace
#endif
