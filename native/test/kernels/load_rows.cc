#include "kernel_tests.h"

using namespace test;

namespace {

void compare(const tsv::Kernels& table, int32_t dtype, int64_t columns, int64_t offset, bool indexed,
             bool each) {
  constexpr int64_t kRows = 5;
  Random random(columns * 7 + offset);
  Matrix source(dtype, kRows, columns, 3, offset);
  source.fill(random);
  const int32_t index[] = {4, 0, 3};
  const int64_t count = 3, first = 1, out_stride = columns + 2;
  Buffer<float> out(columns > 0 ? (count - 1) * out_stride + columns : 0, offset);
  const float untouched = columns > 0 ? out[0] : 0;
  const float scale = 0.37f, row_scale[] = {1.0f, -0.0f, 1e-9f};
  at("load_rows type %d, %d columns, offset %d, %s%s", dtype, int(columns), int(offset),
     indexed ? "index" : "first", each ? ", scaled each" : "");
  table.load_rows({source.rows(), indexed ? index : nullptr, first, count, columns, scale, out.data(),
                   out_stride, each ? row_scale : nullptr});
  for (int64_t i = 0; i < count && columns > 0; ++i) {
    for (int64_t c = 0; c < columns; ++c) {
      const double stored = source.at(indexed ? index[i] : first + i, c);
      const float factor = each ? scale * row_scale[i] : scale;
      CHECK(out[i * out_stride + c] == float(stored) * factor);  // one multiplication, one rounding
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

void scale_in_place(const tsv::Kernels& table, int64_t columns) {
  constexpr int64_t kCount = 3;
  Random random(columns + 2);
  const int64_t stride = columns + 1;
  Buffer<float> rows(columns > 0 ? (kCount - 1) * stride + columns : 0, 1), scale(kCount);
  fill(rows, random);
  fill(scale, random);
  Buffer<float> before(rows.size());
  memcpy(before.data(), rows.data(), size_t(rows.size()) * sizeof(float));
  table.load_rows({{rows.data(), TSV_FLOAT32, stride},
                   nullptr,
                   0,
                   kCount,
                   columns,
                   1.0f,
                   rows.data(),
                   stride,
                   scale.data()});
  at("load_rows of %d columns in place", int(columns));
  for (int64_t i = 0; i < kCount; ++i) {
    for (int64_t c = 0; c < columns; ++c) CHECK(rows[i * stride + c] == before[i * stride + c] * scale[i]);
    if (columns > 0 && i < kCount - 1) CHECK(rows[i * stride + columns] == before[i * stride + columns]);
  }
}

}  // namespace

KERNEL_TEST(load_rows) {
  for (int32_t dtype : kFloatTypes) {
    for (int64_t columns : lengths_around(table)) {
      for (int64_t offset : {0, 1, 3}) {
        for (bool indexed : {false, true}) {
          compare(table, dtype, columns, offset, indexed, false);
          compare(table, dtype, columns, offset, indexed, true);
        }
      }
    }
  }
  for (int64_t columns : lengths_around(table)) scale_in_place(table, columns);
  compare_all_halves(table, TSV_FLOAT16);
  compare_all_halves(table, TSV_BFLOAT16);
}
