// The benchmarks' ceilings do the work that they are timed by.
#include "kernel_tests.h"

using namespace test;

KERNEL_TEST(fma_peak) {
  // x = x / 2 + 1 ends at 2 in every lane of every chain, of which there are 12 or 16.
  Buffer<float> sum(1);
  table.fma_peak({1 << 16, 0.5f, 1.0f, sum.data()});
  at("fma_peak: %g", double(sum[0]));
  CHECK(sum[0] == 2.0f * 12 * float(table.shape.lanes) || sum[0] == 2.0f * 16 * float(table.shape.lanes));
}

KERNEL_TEST(read_peak) {
  Buffer<float> sum(1);
  for (int64_t count : {0, 1, 128, 1024}) {
    Buffer<float> source(count, 1);
    for (int64_t i = 0; i < count; ++i) source[i] = float(i);
    table.read_peak({source.data(), count, sum.data()});
    at("read_peak of %d: %g", int(count), double(sum[0]));
    const int64_t whole = count / (8 * table.shape.lanes) * (8 * table.shape.lanes);
    CHECK(sum[0] == float(whole * (whole - 1) / 2));
  }
}

KERNEL_TEST(copy_peak) {
  for (int64_t count : {0, 1, 17, 1024}) {
    Buffer<float> source(count, 1), out(count, 1);
    for (int64_t i = 0; i < count; ++i) source[i] = float(i);
    table.copy_peak({source.data(), count, out.data()});
    at("copy_peak of %d", int(count));
    CHECK(memcmp(source.data(), out.data(), size_t(count) * sizeof(float)) == 0);
  }
}
