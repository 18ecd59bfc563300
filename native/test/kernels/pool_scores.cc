#include "kernel_tests.h"

using namespace test;

namespace {

struct Pooling {
  int64_t kernel;
  int32_t mode;
};

// The window around a place, from the formula.
double pooled(const Matrix& x, const std::vector<uint8_t>& mask, int64_t length, int64_t place, Pooling p,
              double* magnitude) {
  const bool maximum = p.mode == TSV_POOL_MAX;
  double result = maximum ? -INFINITY : 0;
  *magnitude = 0;
  for (int64_t j = 0; j < length; ++j) {
    if (j < place - p.kernel / 2 || j > place + p.kernel / 2 || (!mask.empty() && mask[size_t(j)] == 2))
      continue;
    const double score = x.at(0, j);
    *magnitude += fabs(score) / double(p.kernel);
    result = maximum ? (score > result || score != score ? score : result) : result + score;
  }
  return maximum ? result : result / double(p.kernel);
}

void compare(const tsv::Kernels& table, const Matrix& x, int32_t dtype, const std::vector<uint8_t>& mask,
             int64_t length, int64_t first, int64_t places, Pooling p) {
  const int64_t count = x.columns();
  Buffer<float> scratch(int64_t(tsv::pool_scores_scratch(p.kernel, count, places) / sizeof(float)));
  Buffer<float> out(places, 1);
  table.pool_scores({x.rows().data, dtype, p.mode, count, mask.empty() ? nullptr : mask.data(), length, first,
                     places, p.kernel, scratch.data(), out.data()});
  for (int64_t i = 0; i < places; ++i) {
    double magnitude;
    const double expected = pooled(x, mask, length, first + i, p, &magnitude);
    CHECK_NEAR(out[i], expected, p.mode == TSV_POOL_MAX ? 0 : 16 * kUnit * magnitude);
  }
}

}  // namespace

KERNEL_TEST(pool_scores) {
  for (int32_t dtype : kFloatTypes) {
    for (int64_t count : lengths_around(table)) {
      Random random(count + 1);
      Matrix x(dtype, 1, count, 0, count % 3);
      x.fill(random);
      for (int64_t kernel : {1, 3, 5, 7, 13, 31, 64 + 1, 2 * 67 + 1, INT32_MAX}) {
        for (int32_t mode : {TSV_POOL_AVG, TSV_POOL_MAX}) {
          at("pool_scores of %d, type %d, kernel %d, mode %d", int(count), dtype, int(kernel), mode);
          const Pooling p{kernel, mode};
          compare(table, x, dtype, {}, count, 0, count, p);
          compare(table, x, dtype, {}, count / 2, 0, count, p);
          for (int64_t first : {count / 3, count - 1}) {
            if (first >= 0) compare(table, x, dtype, {}, count, first, (count - first + 1) / 2, p);
          }
          std::vector<uint8_t> mask(static_cast<size_t>(count));
          for (uint8_t& state : mask) state = uint8_t(random.below(3));
          compare(table, x, dtype, mask, count - count / 4, 0, count, p);
        }
      }
    }
    Matrix x(dtype, 1, 70);
    for (int64_t i = 0; i < 70; ++i) {
      x.set(0, i, i == 20 ? NAN : i == 40 ? INFINITY : i == 41 ? -INFINITY : double(i % 5));
    }
    for (int64_t kernel : {3, 5, 9, 33}) {
      for (int32_t mode : {TSV_POOL_AVG, TSV_POOL_MAX}) {
        at("pool_scores of NaN and infinities, type %d, kernel %d, mode %d", dtype, int(kernel), mode);
        compare(table, x, dtype, {}, 70, 0, 70, {kernel, mode});
      }
    }
  }
  // In place, and the same bits whatever the cut.
  constexpr int64_t kCount = 300;
  Random random(3);
  for (int32_t mode : {TSV_POOL_AVG, TSV_POOL_MAX}) {
    Buffer<float> x(kCount), whole(kCount), pieces(kCount);
    for (float& score : x) score = random.number();
    Buffer<float> scratch(int64_t(tsv::pool_scores_scratch(7, kCount, kCount) / sizeof(float)));
    const auto pool = [&](int64_t first, int64_t places, float* out) {
      table.pool_scores(
          {x.data(), TSV_FLOAT32, mode, kCount, nullptr, kCount, first, places, 7, scratch.data(), out});
    };
    pool(0, kCount, whole.data());
    for (int64_t first = 0; first < kCount; first += 77) {
      pool(first, kCount - first < 77 ? kCount - first : 77, pieces.data() + first);
    }
    pool(0, kCount, x.data());
    at("pool_scores in pieces and in place, mode %d", mode);
    CHECK(memcmp(whole.data(), pieces.data(), kCount * sizeof(float)) == 0);
    CHECK(memcmp(whole.data(), x.data(), kCount * sizeof(float)) == 0);
  }
}
