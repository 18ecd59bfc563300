// The factors of distances: where positions follow each other, where they do not, and at the ends of int32.
#include <algorithm>

#include "kernel_tests.h"

using namespace test;

namespace {

constexpr int64_t kRows = 5;

int32_t saturated(int64_t position) { return int32_t(std::clamp<int64_t>(position, INT32_MIN, INT32_MAX)); }

// Keys from `first` on, with every `gap` of them a few places missing; 0: none.
void compare(const tsv::Kernels& table, int64_t vectors, int64_t reach, int64_t first, int64_t gap) {
  const int64_t lanes = table.shape.lanes, columns = vectors * lanes, stride = columns + lanes;
  Random random(vectors * 1000 + reach * 10 + gap);
  Buffer<float> strip(kRows * stride), bias(columns), row_max(kRows * lanes);
  Buffer<float> mirrored(2 * (reach + tsv::kRunKeys) + 1);
  Buffer<int32_t> row_position(kRows), key_position(columns);
  Buffer<uint8_t> runs((columns + tsv::kRunKeys - 1) / tsv::kRunKeys);
  fill(strip, random);
  fill(bias, random);
  for (float& most : row_max) most = 1000;  // of logits without factors, for nobody
  std::vector<float> factors;
  for (int64_t d = 0; d <= reach; ++d) factors.push_back(random.number());
  float* at_zero = mirrored.data() + reach + tsv::kRunKeys;
  for (int64_t d = 0; d <= reach + tsv::kRunKeys; ++d) {
    at_zero[d] = at_zero[-d] = factors[size_t(std::min(d, reach))];
  }
  for (int64_t j = 0; j < columns; ++j) {
    key_position[j] = saturated(first + j + (gap > 0 ? 3 * (j / gap) : 0));
    if (j % 7 == 5) bias[j] = tsv::kHidden;
  }
  for (int64_t i = 0; i < int64_t(runs.size()); ++i) {
    const int64_t begin = i * tsv::kRunKeys, end = std::min(columns, begin + tsv::kRunKeys);
    runs[i] = 1;
    for (int64_t j = begin + 1; j < end; ++j) {
      if (int64_t(key_position[j]) != int64_t(key_position[j - 1]) + 1) runs[i] = 0;
    }
  }
  const int64_t rows[kRows] = {first, first + columns / 2, first - 2 * reach, INT32_MIN, INT32_MAX};
  for (int64_t r = 0; r < kRows; ++r) row_position[r] = saturated(rows[r]);
  strip[stride + 5 % columns] = NAN;
  std::vector<float> before(strip.begin(), strip.end());
  table.attention_distance({strip.data(), stride, kRows, columns, row_position.data(), key_position.data(),
                            runs.data(), at_zero, reach, bias.data(), row_max.data()});
  at("attention_distance %d columns, reach %d, from %d, a gap at %d", int(columns), int(reach),
     int(saturated(first)), int(gap));
  for (int64_t r = 0; r < kRows; ++r) {
    const float* row = strip.data() + r * stride;
    float most = tsv::kHidden;
    bool unusual = false;
    for (int64_t j = 0; j < columns; ++j) {
      if (bias[j] == tsv::kHidden) {
        CHECK(row[j] == tsv::kHidden);
        continue;
      }
      const int64_t distance = std::abs(int64_t(row_position[r]) - int64_t(key_position[j]));
      const double product =
          double(before[size_t(r * stride + j)]) * factors[size_t(std::min(distance, reach))];
      if (isnan(product)) {
        CHECK(isnan(row[j]));
        unusual = true;
        continue;
      }
      CHECK_NEAR(row[j], product + bias[j], 2 * kUnit * (fabs(product) + fabs(bias[j])));
      most = std::max(most, row[j]);
    }
    const float* found = row_max.data() + r * lanes;
    CHECK(unusual || *std::max_element(found, found + lanes) == most);
    for (int64_t j = columns; j < stride; ++j) CHECK(row[j] == before[size_t(r * stride + j)]);
  }
}

}  // namespace

KERNEL_TEST(attention_distance) {
  for (int64_t vectors : {1, 2, 3, 5, 9}) {
    for (int64_t reach : {0, 1, 7, 40, 300}) {
      for (int64_t gap : {0, 1, 11, 50}) {
        for (int64_t first : {int64_t(0), int64_t(-20), int64_t(INT32_MIN), int64_t(INT32_MAX) - 20}) {
          compare(table, vectors, reach, first, gap);
        }
      }
    }
  }
}
