#include "kernel_tests.h"

using namespace test;

namespace {

void compare(const tsv::Kernels& table, int32_t dtype, int64_t columns, int64_t offset, bool placed) {
  constexpr int64_t kCount = 3;
  Random random(columns + 5);
  const int64_t stride = columns + 3;
  Buffer<float> source(columns > 0 ? (kCount - 1) * stride + columns : 0, offset), scale(kCount);
  fill(source, random);
  fill(scale, random);
  const int32_t index[kCount] = {2, 0, 3};
  Matrix out(dtype, placed ? 4 : kCount, columns, 2, offset);
  table.store_rows({source.data(), stride, placed ? scale.data() : nullptr, placed ? index : nullptr, kCount,
                    columns, out.data(), dtype, columns + 2});
  at("store_rows type %d, %d columns, offset %d%s", dtype, int(columns), int(offset),
     placed ? ", placed, scaled" : "");
  for (int64_t i = 0; i < kCount; ++i) {
    for (int64_t c = 0; c < columns; ++c) {
      const float exact = source[i * stride + c] * (placed ? scale[i] : 1);
      const double expected = dtype == TSV_FLOAT32 ? exact : value_of(nearest(exact, dtype), dtype);
      CHECK(out.at(placed ? index[i] : i, c) == expected);
    }
  }
}

}  // namespace

KERNEL_TEST(store_rows) {
  for (int32_t dtype : kFloatTypes) {
    for (int64_t columns : lengths_around(table)) {
      for (int64_t offset : {0, 1, 3}) {
        compare(table, dtype, columns, offset, false);
        compare(table, dtype, columns, offset, true);
      }
    }
  }
}
