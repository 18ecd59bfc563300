#include "kernel_tests.h"

using namespace test;

namespace {

constexpr int64_t kTokens = 6, kPairs = 12;
constexpr int32_t kMetrics[] = {TSV_METRIC_COSINE, TSV_METRIC_DOT, TSV_METRIC_L2};

struct Expected {
  double similarity, tolerance;
};

Expected similarity(const Matrix& a, int64_t i, const Matrix& b, int64_t j, int32_t metric) {
  double product = 0, magnitude = 0, a_square = 0, b_square = 0, distance = 0;
  for (int64_t c = 0; c < a.columns(); ++c) {
    const double x = a.at(i, c), y = b.at(j, c);
    product += x * y;
    magnitude += fabs(x * y);
    a_square += x * x;
    b_square += y * y;
    distance += (x - y) * (x - y);
  }
  const double value = metric == TSV_METRIC_DOT         ? product
                       : metric == TSV_METRIC_L2        ? -distance
                       : a_square == 0 || b_square == 0 ? 0
                                                        : product / (sqrt(a_square) * sqrt(b_square));
  // Rounded once to float32; the sums in float64 may cancel.
  return {value, kUnit * fabs(value) + 1e-13 * (metric == TSV_METRIC_DOT ? magnitude : 1)};
}

void compare(const tsv::Kernels& table, const Matrix& a, const Matrix& b, const int32_t* first,
             const int32_t* second, int64_t count, int32_t metric) {
  Buffer<float> out(count);
  table.paired_similarity({a.rows(), b.rows(), first, second, count, a.columns(), metric, out.data()});
  for (int64_t i = 0; i < count; ++i) {
    const auto [value, tolerance] =
        similarity(a, first == nullptr ? i : first[i], b, second == nullptr ? i : second[i], metric);
    CHECK_NEAR(out[i], float(value), tolerance);
  }
}

}  // namespace

KERNEL_TEST(paired_similarity) {
  for (int32_t a_type : kFloatTypes) {
    for (int32_t b_type : kFloatTypes) {
      for (int64_t columns : lengths_around(table)) {
        Random random(columns + 31);
        Matrix a(a_type, kTokens, columns, 3, 1), b(b_type, kTokens, columns, 2, columns % 3);
        a.fill(random);
        b.fill(random);
        for (int64_t c = 0; c < columns; ++c) {
          a.set(1, c, 0.0);                                                // a zero vector
          if (a_type != TSV_FLOAT16) a.set(3, c, 1e30 * random.number());  // squares past float32's range
        }
        Buffer<int32_t> first(kPairs), second(kPairs);
        for (int64_t i = 0; i < kPairs; ++i) {
          first[i] = int32_t(random.below(kTokens));
          second[i] = int32_t(random.below(kTokens));
        }
        for (int32_t metric : kMetrics) {
          at("paired_similarity types %d, %d, %d columns, metric %d", a_type, b_type, int(columns), metric);
          compare(table, a, b, first.data(), second.data(), kPairs, metric);
          compare(table, a, b, nullptr, nullptr, kTokens, metric);
          compare(table, a, b, nullptr, second.data(), kTokens, metric);
          compare(table, a, b, nullptr, nullptr, 0, metric);
        }
      }
    }
    // A token and its copy, from either side.
    for (int64_t columns : lengths_around(table)) {
      Random random(columns + 7);
      Matrix x(a_type, 3, columns, 1, 1);
      x.fill(random);
      const int32_t first[] = {0, 1, 2, 1}, second[] = {0, 2, 1, 1};
      for (int64_t c = 0; c < columns; ++c) x.set(1, c, 1.0 + double(c % 7));
      for (int32_t metric : kMetrics) {
        float out[4];
        table.paired_similarity({x.rows(), x.rows(), first, second, 4, columns, metric, out});
        at("paired_similarity with itself, type %d, %d columns, metric %d", a_type, int(columns), metric);
        CHECK(out[1] == out[2]);
        if (metric == TSV_METRIC_COSINE && columns > 0) CHECK(out[3] == 1.0f);
        if (metric == TSV_METRIC_L2) CHECK(out[0] == 0.0f && !signbit(out[0]) && out[3] == 0.0f);
      }
    }
    for (double unusual : {double(NAN), double(INFINITY)}) {
      Matrix x(a_type, 2, 19);
      for (int64_t c = 0; c < 19; ++c) x.set(0, c, 1), x.set(1, c, c == 17 ? unusual : 1);
      at("paired_similarity with %g, type %d", unusual, a_type);
      const int32_t first[] = {0}, second[] = {1};
      for (int32_t metric : kMetrics) compare(table, x, x, first, second, 1, metric);
    }
  }
}
