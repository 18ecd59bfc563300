// The four steps of attention over a strip [rows][keys]. Logits are in units of log2(e): a softmax of them is
// of 2^x.
#include <algorithm>

#include "kernel_tests.h"

using namespace test;

namespace {

// Rows of numbers with a gap of one vector between them, so that they stay whole vectors.
struct Strip {
  Strip(const tsv::Kernels& table, int64_t rows_, int64_t columns_)
      : rows(rows_), columns(columns_), stride(columns_ + table.shape.lanes), data(rows * stride) {}
  float* row(int64_t r) { return data.data() + r * stride; }

  int64_t rows, columns, stride;
  Buffer<float> data;
};

std::vector<int64_t> row_counts(const tsv::Kernels& table) {
  const int64_t tile = table.shape.tile_rows;
  return {1, 2, tile - 1, tile, tile + 1, 2 * tile + 3};
}

std::vector<int64_t> vector_counts() { return {1, 2, 3, 4, 5, 9}; }

}  // namespace

KERNEL_TEST(attention_logits) {
  const int64_t lanes = table.shape.lanes;
  for (int64_t rows : row_counts(table)) {
    for (int64_t vectors : vector_counts()) {
      for (int64_t depth : {1, 7, 64}) {
        Random random(rows + vectors * 100 + depth);
        constexpr float kScale = 0.7f;
        const int64_t stride = depth + 3;
        Buffer<float> queries(rows * stride, 1), bias(vectors * lanes, 1), row_max(rows * lanes);
        const PackedMatrix keys(table, depth, vectors * lanes, random);
        fill(queries, random);
        fill(bias, random);
        for (float& most : row_max) most = tsv::kHidden;
        if (rows > 1) row_max[lanes] = 50;  // what went before was greater
        Strip strip(table, rows, vectors * lanes);
        const tsv::Rows next = {queries.data(), TSV_FLOAT32, stride};
        table.attention_logits({queries.data(), stride, rows, depth, kScale, keys.panels.data(),
                                strip.columns, bias.data(), strip.data.data(), strip.stride, row_max.data(),
                                next, rows, next, 1});
        at("attention_logits %d x %d x %d", int(rows), int(depth), int(strip.columns));
        for (int64_t r = 0; r < rows; ++r) {
          float most = r == 1 ? 50 : tsv::kHidden;
          for (int64_t c = 0; c < strip.columns; ++c) {
            double sum = bias[c], magnitude = fabs(bias[c]);
            for (int64_t k = 0; k < depth; ++k) {
              const double term = kScale * double(queries[r * stride + k]) * keys.at(k, c);
              sum += term;
              magnitude += fabs(term);
            }
            CHECK_NEAR(strip.row(r)[c], sum, double(depth + 2) * kUnit * magnitude);
            most = std::max(most, strip.row(r)[c]);
          }
          CHECK(*std::max_element(&row_max[r * lanes], &row_max[r * lanes] + lanes) == most);
        }
      }
    }
  }
}

namespace {

struct SoftmaxCase {
  bool visible, soft_cap, known_lse, running_max, weighted;
};

void compare_softmax(const tsv::Kernels& table, int64_t vectors, const SoftmaxCase& c) {
  constexpr int64_t kRows = 5, kFirstKey = 100;
  constexpr float kCap = 3;
  const int64_t lanes = table.shape.lanes, columns = vectors * lanes;
  Random random(vectors);
  Strip strip(table, kRows, columns);
  Buffer<float> bias(columns), row_max(kRows * lanes), known(kRows), running(kRows);
  Buffer<float> max(kRows), sum(kRows), weighted(kRows);
  Buffer<int32_t> visible(2 * kRows);
  std::vector<float> before;
  for (int64_t j = 0; j < columns; ++j) bias[j] = j % 5 == 4 ? tsv::kHidden : 0.3f * random.number();
  for (int64_t r = 0; r < kRows; ++r) {
    for (int64_t j = 0; j < columns; ++j) {
      // Far apart in one row; masked keys come with their bias already added, unless a soft cap adds it. The
      // last row sees no key.
      float x = random.number() * (r == 2 ? 200.0f : 5.0f);
      if (!c.soft_cap && (bias[j] == tsv::kHidden || r == kRows - 1)) x = tsv::kHidden;
      strip.row(r)[j] = x;
      before.push_back(x);
    }
    for (int64_t lane = 0; lane < lanes; ++lane) {
      row_max[r * lanes + lane] = tsv::kHidden;
      for (int64_t j = lane; j < columns; j += lanes) {
        row_max[r * lanes + lane] = std::max(row_max[r * lanes + lane], strip.row(r)[j]);
      }
    }
    visible[2 * r] = int32_t(kFirstKey + (r == 0 ? -50 : r));
    visible[2 * r + 1] = int32_t(r == kRows - 1 ? kFirstKey - 3
                                 : r == 0       ? kFirstKey + 5000
                                                : kFirstKey + columns - 1);
    known[r] = *std::max_element(strip.row(r), strip.row(r) + columns) + 1 +
               random.number();  // an lse is above them all
    running[r] = r % 2 == 0 ? 5.5f : -2.0f;
  }
  table.attention_softmax({strip.data.data(), strip.stride, kRows, columns, row_max.data(),
                           c.visible ? visible.data() : nullptr, kFirstKey, c.soft_cap ? kCap : 0,
                           bias.data(), c.known_lse ? known.data() : nullptr,
                           c.running_max ? running.data() : nullptr, max.data(), sum.data(),
                           c.weighted ? weighted.data() : nullptr, 0});
  for (int64_t r = 0; r < kRows; ++r) {
    at("attention_softmax of %d columns, row %d%s%s%s%s%s", int(columns), int(r),
       c.visible ? ", visible" : "", c.soft_cap ? ", soft cap" : "", c.known_lse ? ", known lse" : "",
       c.running_max ? ", running max" : "", c.weighted ? ", weighted" : "");
    std::vector<double> logits;
    double most = -INFINITY;
    for (int64_t j = 0; j < columns; ++j) {
      double x = before[size_t(r * columns + j)];
      if (c.soft_cap) x = kCap * tanh(x / kCap) + bias[j];
      const bool seen = !c.visible || (j >= visible[2 * r] - kFirstKey && j < visible[2 * r + 1] - kFirstKey);
      logits.push_back(seen && x > 0.5 * tsv::kHidden ? x : -INFINITY);
      most = std::max(most, logits.back());
    }
    if (most == -INFINITY) {
      for (int64_t j = 0; j < columns; ++j) CHECK(strip.row(r)[j] == 0);
      CHECK(max[r] == tsv::kHidden && sum[r] == 0);
      if (c.weighted) CHECK(weighted[r] == 0);
      continue;
    }
    double shift = c.known_lse ? double(known[r]) : most;
    if (c.running_max) shift = std::max(shift, double(running[r]));
    CHECK_NEAR(max[r], shift, c.soft_cap ? 1e-6 * kCap : 0);
    double expected_sum = 0, expected_weighted = 0, slack = 0, weighted_slack = 0;
    for (int64_t j = 0; j < columns; ++j) {
      const double x = logits[size_t(j)] - shift, e = logits[size_t(j)] == -INFINITY ? 0 : exp2(x);
      // The polynomial's error, that of the difference, and that of the soft cap; under 2^-126 results may
      // become 0.
      const double size = e == 0 ? 0 : fabs(x);
      const double tolerance = e * (2.5e-7 + kUnit * size + (c.soft_cap ? 2e-6 * kCap : 0)) + 0x1p-126;
      CHECK_NEAR(strip.row(r)[j], e, tolerance);
      expected_sum += e;
      expected_weighted += e * (e == 0 ? 0 : x);
      slack += tolerance;
      weighted_slack += tolerance * (size + 1);
    }
    CHECK_NEAR(sum[r], expected_sum, slack + double(vectors + 4) * kUnit * expected_sum);
    if (c.weighted) {
      CHECK_NEAR(weighted[r], expected_weighted,
                 weighted_slack + double(vectors + 4) * kUnit * fabs(expected_weighted));
    }
  }
}

// A row that sees one key, whose logit is NaN, is NaN wherever that key stands, and not a row without keys.
void check_only_nan(const tsv::Kernels& table, int64_t vectors) {
  const int64_t lanes = table.shape.lanes, columns = vectors * lanes;
  for (int64_t place = 0; place < columns; ++place) {
    Strip strip(table, 1, columns);
    Buffer<float> row_max(lanes);
    for (float& most : row_max) most = tsv::kHidden;
    for (int64_t j = 0; j < columns; ++j) strip.row(0)[j] = j == place ? NAN : tsv::kHidden;
    float max = 0, sum = 0;
    table.attention_softmax({strip.data.data(), strip.stride, 1, columns, row_max.data(), nullptr, 0, 0,
                             nullptr, nullptr, nullptr, &max, &sum, nullptr, 0});
    at("attention_softmax of %d columns, NaN at %d", int(columns), int(place));
    CHECK(isnan(max) && isnan(sum));
  }
}

}  // namespace

KERNEL_TEST(attention_softmax) {
  for (int64_t vectors : vector_counts()) {
    for (int bits = 0; bits < 32; ++bits) {
      compare_softmax(table, vectors,
                      {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, (bits & 16) != 0});
    }
    check_only_nan(table, vectors);
  }
}

KERNEL_TEST(attention_columns) {
  constexpr int64_t kStripRows = 9;
  const int64_t lanes = table.shape.lanes;
  for (int64_t vectors : vector_counts()) {
    for (int64_t rows : {0, 1, 3, 9}) {
      for (int32_t maximum : {0, 1}) {
        Random random(vectors * 10 + rows);
        Strip strip(table, kStripRows, vectors * lanes);
        for (float& x : strip.data) x = fabsf(random.number());
        Buffer<int32_t> index(rows);
        Buffer<float> weight(rows), out(strip.columns);
        for (int32_t& i : index) i = int32_t(random.below(kStripRows));
        for (float& w : weight) w = fabsf(random.number());
        std::vector<float> before;
        for (float& x : out) before.push_back(x = 0.25f * fabsf(random.number()));
        table.attention_columns({strip.data.data(), strip.stride, index.data(), weight.data(), rows,
                                 strip.columns, maximum, out.data()});
        at("attention_columns %d rows, %d columns%s", int(rows), int(strip.columns),
           maximum ? ", maximum" : "");
        for (int64_t c = 0; c < strip.columns; ++c) {
          double expected = before[size_t(c)];
          for (int64_t i = 0; i < rows; ++i) {
            const double term = double(weight[i]) * strip.row(index[i])[c];
            expected = maximum ? std::max(expected, term) : expected + term;
          }
          CHECK_NEAR(out[c], expected, double(rows + 2) * kUnit * expected);
        }
        if (rows == 0) continue;
        strip.row(index[0])[0] = NAN;  // stays, whatever comes after it
        for (int again = 0; again < 2; ++again) {
          table.attention_columns({strip.data.data(), strip.stride, index.data(), weight.data(), rows,
                                   strip.columns, maximum, out.data()});
          CHECK(isnan(out[0]));
          strip.row(index[0])[0] = 0;
        }
      }
    }
  }
}

KERNEL_TEST(attention_values) {
  for (int64_t rows : row_counts(table)) {
    for (int64_t columns : lengths_around(table)) {
      if (columns == 0) continue;
      for (int64_t keys : {1, 6, 33}) {
        Random random(rows + columns * 100 + keys);
        Strip strip(table, rows, keys);
        fill(strip.data, random);
        const PackedMatrix values(table, keys, columns, random);
        Strip out(table, rows, whole_vectors(table, columns));
        for (int32_t first : {1, 0}) {  // twice: the second adds the same again
          table.attention_values({strip.data.data(), strip.stride, rows, keys, values.panels.data(), columns,
                                  first, out.data.data(), out.stride});
          at("attention_values %d x %d x %d%s", int(rows), int(keys), int(columns), first ? "" : ", added");
          for (int64_t r = 0; r < rows; ++r) {
            for (int64_t c = 0; c < columns; ++c) {
              double sum = 0, magnitude = 0;
              for (int64_t k = 0; k < keys; ++k) {
                sum += double(strip.row(r)[k]) * values.at(k, c);
                magnitude += fabs(double(strip.row(r)[k]) * values.at(k, c));
              }
              const double times = first ? 1 : 2;
              CHECK_NEAR(out.row(r)[c], times * sum, double(keys + 2) * kUnit * times * magnitude);
            }
          }
        }
      }
    }
  }
}
