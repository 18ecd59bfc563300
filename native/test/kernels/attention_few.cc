// The two kernels of attention for a few query rows, with keys and values as they lie.
#include <algorithm>

#include "kernel_tests.h"

using namespace test;

namespace {

constexpr int64_t kRows = 3;

void compare_logits(const tsv::Kernels& table, int32_t dtype, int64_t count, int64_t depth, int64_t offset) {
  constexpr float kScale = 0.7f;
  const int64_t lanes = table.shape.lanes, padded = (count + lanes - 1) / lanes * lanes;
  const int64_t stride = depth + 3;
  Random random(count * 100 + depth + offset);
  Matrix keys(dtype, count, depth, 2, offset);
  keys.fill(random);
  Buffer<float> queries(kRows * stride, 1), bias(padded), strip(kRows * padded), row_max(kRows * lanes);
  fill(queries, random);
  fill(bias, random);
  for (int64_t j = 0; j < padded; ++j) {
    if (j >= count || j % 5 == 3) bias[j] = tsv::kHidden;
    if (j < count && j % 5 == 3) keys.set(j, 0, NAN);  // a masked key may hold anything
  }
  for (float& most : row_max) most = tsv::kHidden;
  row_max[lanes] = 50;  // what went before was greater
  table.attention_few_logits({queries.data(), stride, kRows, depth, kScale, keys.rows(), count, bias.data(),
                              strip.data(), padded, row_max.data()});
  at("attention_few_logits type %d, %d keys of %d, offset %d", dtype, int(count), int(depth), int(offset));
  for (int64_t r = 0; r < kRows; ++r) {
    const float* row = strip.data() + r * padded;
    float most = r == 1 ? 50 : tsv::kHidden;
    for (int64_t j = 0; j < padded; ++j) {
      most = std::max(most, row[j]);
      if (bias[j] == tsv::kHidden) {
        CHECK(row[j] == tsv::kHidden);
        continue;
      }
      double sum = bias[j], magnitude = fabs(bias[j]);
      for (int64_t c = 0; c < depth; ++c) {
        const double term = kScale * double(queries[r * stride + c]) * keys.at(j, c);
        sum += term;
        magnitude += fabs(term);
      }
      CHECK_NEAR(row[j], sum, double(depth + 2) * kUnit * magnitude);
    }
    CHECK(*std::max_element(&row_max[r * lanes], &row_max[r * lanes] + lanes) == most);
  }
}

void compare_values(const tsv::Kernels& table, int32_t dtype, int64_t keys, int64_t columns, int64_t offset) {
  const int64_t lanes = table.shape.lanes, width = (columns + lanes - 1) / lanes * lanes;
  Random random(keys * 100 + columns + offset);
  Matrix values(dtype, keys, columns, 1, offset);
  values.fill(random);
  Buffer<float> strip(kRows * keys), out(kRows * width);
  Buffer<uint8_t> hidden(keys);
  fill(strip, random);
  for (int64_t j = 0; j < keys; ++j) {
    hidden[j] = j % 7 == 5 ? 2 : 0;
    if (hidden[j] == 2) values.set(j, columns - 1, NAN);
  }
  for (float& x : out) x = 2;
  table.attention_few_values(
      {strip.data(), keys, kRows, keys, values.rows(), hidden.data(), columns, out.data(), width});
  at("attention_few_values type %d, %d values of %d, offset %d", dtype, int(keys), int(columns), int(offset));
  for (int64_t r = 0; r < kRows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      double sum = 2, magnitude = 2;
      for (int64_t j = 0; j < keys; ++j) {
        if (hidden[j] == 2) continue;
        const double term = double(strip[r * keys + j]) * values.at(j, c);
        sum += term;
        magnitude += fabs(term);
      }
      CHECK_NEAR(out[r * width + c], sum, double(keys + 1) * kUnit * magnitude);
    }
  }
}

}  // namespace

KERNEL_TEST(attention_few_logits) {
  const int64_t lanes = table.shape.lanes;
  for (int32_t dtype : kFloatTypes) {
    for (int64_t count : {int64_t(1), lanes - 1, lanes, lanes + 1, 3 * lanes + 2}) {
      if (count < 1) continue;
      for (int64_t depth : lengths_around(table)) {
        if (depth > 0) compare_logits(table, dtype, count, depth, depth % 3);
      }
    }
  }
}

KERNEL_TEST(attention_few_values) {
  for (int32_t dtype : kFloatTypes) {
    for (int64_t keys : {1, 31, 32, 33, 70}) {
      for (int64_t columns : lengths_around(table)) {
        if (columns > 0) compare_values(table, dtype, keys, columns, columns % 3);
      }
      const int64_t most = 13 * table.shape.lanes;  // eight vectors, four, and one
      for (int64_t columns : {most - 1, most}) {
        if (columns > 0) compare_values(table, dtype, keys, columns, 0);
      }
    }
  }
}
