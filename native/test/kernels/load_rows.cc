#include "kernel_tests.h"

using namespace test;

namespace {

void compare(const tsv::Kernels& table, int32_t dtype, int64_t columns, int64_t offset, bool indexed) {
  constexpr int64_t kRows = 5;
  Random random(columns * 7 + offset);
  Matrix source(dtype, kRows, columns, 3, offset);
  source.fill(random);
  const int32_t index[] = {4, 0, 3};
  const int64_t count = 3, first = 1, out_stride = columns + 2;
  Buffer<float> out(columns > 0 ? (count - 1) * out_stride + columns : 0, offset);
  const float untouched = columns > 0 ? out[0] : 0;
  const float scale = 0.37f;
  at("load_rows type %d, %d columns, offset %d, %s", dtype, int(columns), int(offset),
     indexed ? "index" : "first");
  table.load_rows(
      {source.rows(), indexed ? index : nullptr, first, count, columns, scale, out.data(), out_stride});
  for (int64_t i = 0; i < count && columns > 0; ++i) {
    for (int64_t c = 0; c < columns; ++c) {
      const double stored = source.at(indexed ? index[i] : first + i, c);
      CHECK(out[i * out_stride + c] == float(stored) * scale);  // one multiplication, one rounding
    }
    if (i < count - 1) CHECK(memcmp(&out[i * out_stride + columns], &untouched, 4) == 0);
  }
}

// Every 16-bit number there is, against its definition.
void compare_all_halves(const tsv::Kernels& table, int32_t dtype) {
  Buffer<uint16_t> halves(65536);
  Buffer<float> out(65536);
  at("load_rows of all 16-bit numbers");
  for (int i = 0; i < 65536; ++i) halves[i] = uint16_t(i);
  table.load_rows({{halves.data(), dtype, 65536}, nullptr, 0, 1, 65536, 1.0f, out.data(), 65536});
  for (int i = 0; i < 65536; ++i) {
    const double expected = value_of(uint16_t(i), dtype);
    CHECK_THAT(near(out[i], expected, 0) && (expected != expected || signbit(out[i]) == signbit(expected)),
               "%04x of type %d became %g", i, dtype, double(out[i]));
  }
}

}  // namespace

KERNEL_TEST(load_rows) {
  for (int32_t dtype : kFloatTypes) {
    for (int64_t columns : lengths_around(table)) {
      for (int64_t offset : {0, 1, 3}) {
        compare(table, dtype, columns, offset, false);
        compare(table, dtype, columns, offset, true);
      }
    }
  }
  compare_all_halves(table, TSV_FLOAT16);
  compare_all_halves(table, TSV_BFLOAT16);
}
