#include "kernel_tests.h"

using namespace test;

namespace {

constexpr int64_t kHeads = 2, kTokens = 5;
constexpr double kTurn = 6.283185307179586;

struct Layout {
  int64_t pairs, columns;
  bool interleaved;
};

double frequency(int64_t pair) { return pow(10000.0, -double(pair) / 64); }

// One turned element, from the formula.
double turned(const Matrix& x, int64_t row, int64_t column, const Layout& layout, double angle) {
  const int64_t first = layout.interleaved ? column / 2 * 2 : column % layout.pairs;
  const int64_t second = layout.interleaved ? first + 1 : first + layout.pairs;
  return column == first ? x.at(row, first) * cos(angle) - x.at(row, second) * sin(angle)
                         : x.at(row, second) * cos(angle) + x.at(row, first) * sin(angle);
}

void compare(const tsv::Kernels& table, int32_t dtype, const Layout& layout, const std::vector<int32_t>& ends,
             const int64_t* shifts) {
  const int64_t pairs = layout.pairs, columns = layout.columns, sections = int64_t(ends.size());
  Random random(columns + pairs + 1);
  Matrix x(dtype, kHeads * kTokens, columns, 2, 1), out(dtype, kHeads * kTokens, columns, 3, 1);
  x.fill(random);
  std::vector<uint64_t> turns;
  for (int64_t i = 0; i < pairs; ++i) turns.push_back(uint64_t(ldexp(frequency(i) / kTurn, 64)));
  Buffer<float> scratch(int64_t(tsv::rotate_keys_scratch(pairs) / sizeof(float)));
  table.rotate_keys({x.rows(), kTokens * x.rows().stride, kHeads, kTokens, columns, pairs, layout.interleaved,
                     turns.data(), ends.data(), sections, shifts, scratch.data(),
                     const_cast<void*>(out.rows().data), out.rows().stride, kTokens * out.rows().stride});
  const double rounding = dtype == TSV_FLOAT32 ? 0 : dtype == TSV_FLOAT16 ? 0x1p-11 : 0x1p-8;
  for (int64_t row = 0; row < kHeads * kTokens; ++row) {
    const int64_t* shift = shifts + row % kTokens * sections;
    bool moves = false;
    for (int64_t s = 0; s < sections; ++s) moves |= shift[s] != 0;
    for (int64_t c = 0; c < columns; ++c) {
      if (!moves || c >= 2 * pairs) {
        CHECK(out.at(row, c) == x.at(row, c));
        continue;
      }
      const int64_t pair = layout.interleaved ? c / 2 : c % pairs;
      int64_t section = 0;
      while (pair >= ends[size_t(section)]) ++section;
      const double expected = turned(x, row, c, layout, double(shift[section]) * frequency(pair));
      CHECK_NEAR(out.at(row, c), expected, 8 * kUnit + rounding * fabs(expected) + 0x1p-24 * (rounding > 0));
    }
  }
}

}  // namespace

KERNEL_TEST(rotate_keys) {
  const int64_t shifts[] = {0, 1, -1, 7, 7}, far[] = {1000000, -1000000, 0, 123456, 2};
  const int64_t by_section[] = {0, 0, 0, 1, 0, -5, 1, 0, -5, 3, 100000, 2, 0, 0, 1};
  for (int32_t dtype : kFloatTypes) {
    for (bool interleaved : {false, true}) {
      for (int64_t pairs : {0, 1, 2, 3, 7, 8, 15, 16, 17, 32, 33, 64}) {
        for (int64_t rest : {0, 1, 5}) {
          const Layout layout{pairs, 2 * pairs + rest, interleaved};
          at("rotate_keys of %d pairs and %d columns, type %d, interleaved %d", int(pairs), int(rest), dtype,
             int(interleaved));
          compare(table, dtype, layout, {int32_t(pairs)}, shifts);
          compare(table, dtype, layout, {int32_t(pairs)}, far);
          compare(table, dtype, layout, {int32_t(pairs / 4), int32_t(pairs / 4), int32_t(pairs)}, by_section);
          compare(table, dtype, layout, {int32_t(pairs / 3), int32_t(pairs / 2), int32_t(pairs)}, by_section);
        }
      }
    }
  }
}
