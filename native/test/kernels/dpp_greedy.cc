#include "points.h"

using namespace test;

namespace {

// Chooses by gain as long as there is any, and holds the gains against what Gram and Schmidt leave of each
// token.
int64_t choose_all(const tsv::Kernels& table, const TestPoints& p, Random& random) {
  const int64_t n = p.n;
  std::vector<std::vector<double>> left(static_cast<size_t>(n));
  Buffer<double> weights(n), residual(n), same_residual(n), factors(n * n), same_factors(n * n);
  Buffer<int32_t> pivots(n), seen(n), same_seen(n);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t c = 0; c < p.columns; ++c) left[size_t(i)].push_back(double(p.rows[i * p.columns + c]));
    residual[i] = same_residual[i] = p.squares[i];
    weights[i] = double(random.below(4)) / 3;
    seen[i] = same_seen[i] = 0;
  }
  int32_t chosen = 0;
  for (; chosen < n; ++chosen) {
    int32_t best = -1, same = -1;
    table.dpp_greedy({p.rows.data(), p.columns, pivots.data(), chosen, 0, n, weights.data(), seen.data(),
                      residual.data(), factors.data(), n, &best});
    tsv::tsv_kernels_scalar.dpp_greedy({p.rows.data(), p.columns, pivots.data(), chosen, 0, n, weights.data(),
                                        same_seen.data(), same_residual.data(), same_factors.data(), n,
                                        &same});
    CHECK(best == same);
    double greatest = 0;
    for (int64_t i = 0; i < n; ++i) {
      CHECK(residual[i] == same_residual[i]);
      double square = 0;
      for (double x : left[size_t(i)]) square += x * x;
      greatest = fmax(greatest, weights[i] * square);
      CHECK(residual[i] >= 0 && (residual[i] >= square - 1e-9 || residual[i] == 0));
    }
    const double gain = weights[best] * residual[best];
    CHECK_NEAR(gain, greatest, 1e-9);
    if (gain == 0) break;
    double square = 0;
    for (double x : left[size_t(best)]) square += x * x;
    std::vector<double> direction = left[size_t(best)];
    for (double& x : direction) x /= sqrt(square);
    for (auto& token : left) {
      double along = 0;
      for (size_t c = 0; c < token.size(); ++c) along += token[c] * direction[c];
      for (size_t c = 0; c < token.size(); ++c) token[c] -= along * direction[c];
    }
    pivots[chosen] = best;
    factors[best * n + chosen] = same_factors[best * n + chosen] = sqrt(residual[best]);
    residual[best] = same_residual[best] = 0;
  }
  return chosen;
}

}  // namespace

KERNEL_TEST(dpp_greedy) {
  Random random(44);
  for (int64_t n : {1, 2, 3, 7, 40}) {
    for (int64_t channels : {1, 5, 16, 17, 48, 67}) {
      at("dpp_greedy of %d tokens, %d channels", int(n), int(channels));
      // No more than there are dimensions, nor more than differ: one is a copy, one a zero vector.
      const int64_t chosen = choose_all(table, TestPoints(table, n, channels, true, random), random);
      CHECK(chosen <= channels && chosen <= (n > 3 ? n - 2 : n - 1));
    }
  }
}
