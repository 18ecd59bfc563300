#include "kernel_tests.h"

using namespace test;

KERNEL_TEST(paired_cosine) {
  constexpr int64_t kTokens = 6, kPairs = 9;
  Random random(31);
  for (int32_t dtype : kFloatTypes) {
    for (int64_t columns : lengths_around(table)) {
      Matrix x(dtype, kTokens, columns, 3, 1);
      x.fill(random);
      for (int64_t c = 0; c < columns; ++c) {
        x.set(1, c, 0.0);         // a zero vector
        x.set(2, c, x.at(3, c));  // a copy
      }
      Buffer<int32_t> first(kPairs), second(kPairs);
      for (int64_t i = 0; i < kPairs; ++i) {
        first[i] = i == 0 ? 2 : int32_t(random.below(kTokens));
        second[i] = i == 0 ? 3 : int32_t(random.below(kTokens));
      }
      Buffer<float> out(kPairs);
      table.paired_cosine({x.rows(), first.data(), second.data(), kPairs, columns, out.data()});
      at("paired_cosine of %d columns, type %d", int(columns), int(dtype));
      if (columns > 0) CHECK(out[0] == 1.0f);
      for (int64_t i = 0; i < kPairs; ++i) {
        double product = 0, a = 0, b = 0;
        for (int64_t c = 0; c < columns; ++c) {
          product += x.at(first[i], c) * x.at(second[i], c);
          a += x.at(first[i], c) * x.at(first[i], c);
          b += x.at(second[i], c) * x.at(second[i], c);
        }
        CHECK_NEAR(out[i], a == 0 || b == 0 ? 0 : product / sqrt(a * b), 2 * kUnit);
      }
    }
  }
}
