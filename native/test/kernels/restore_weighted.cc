#include "kernel_tests.h"

using namespace test;

namespace {

struct Given {
  bool dropped, weighted, residual;
};

void compare(const tsv::Kernels& table, int32_t dtype, int64_t columns, const Given& given, Random& random) {
  constexpr int64_t kSlots = 5, kTokens = 13;
  Matrix y(dtype, kSlots, columns, 0, 1), dropped(dtype, kTokens, columns), residual(dtype, kTokens, columns),
      out(dtype, kTokens, columns, 0, 1);
  y.fill(random);
  dropped.fill(random);
  residual.fill(random);
  Buffer<int32_t> index(kTokens);
  for (int32_t& i : index) i = int32_t(random.below(kSlots + 2)) - 2;
  Buffer<float> weights(kTokens, 1);
  fill(weights, random);
  table.restore_weighted({y.data(), dtype, index.data(), given.dropped ? dropped.data() : nullptr,
                          given.weighted ? weights.data() : nullptr,
                          given.residual ? residual.data() : nullptr, kTokens, columns, out.data()});
  const double rounding = dtype == TSV_FLOAT32 ? kUnit : dtype == TSV_FLOAT16 ? 0x1p-11 : 0x1p-8;
  for (int64_t i = 0; i < kTokens; ++i) {
    const double weight = given.weighted ? double(weights[i]) : 1;
    for (int64_t c = 0; c < columns; ++c) {
      const double restored = index[i] >= 0 ? y.at(index[i], c) : given.dropped ? dropped.at(i, c) : 0;
      const double term = given.residual ? residual.at(i, c) : 0, expected = term + weight * restored;
      const double magnitude = fabs(term) + fabs(weight * restored);
      CHECK_NEAR(out.at(i, c), expected, 2 * kUnit * magnitude + rounding * fabs(expected) + 0x1p-25);
    }
  }
}

}  // namespace

KERNEL_TEST(restore_weighted) {
  Random random(21);
  for (int32_t dtype : kFloatTypes) {
    for (int64_t columns : lengths_around(table)) {
      for (int bits = 0; bits < 8; ++bits) {
        at("restore_weighted type %d, %d columns, case %d", dtype, int(columns), bits);
        compare(table, dtype, columns, {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0}, random);
      }
    }
  }
}
