// The kernels of 8-bit products against the same arithmetic, one number at a time: bytes and integers must
// agree exactly, and so must what is computed from them by single roundings.
#include <algorithm>
#include <vector>

#include "kernel_tests.h"
#include "kernels/int8_kernels.h"

using namespace test;

namespace {

constexpr int64_t kLanes = 16, kPanel = 32;

std::vector<int64_t> depths() { return {1, 3, 4, 15, 16, 17, 63, 64, 65, 80, 128, 200}; }

int64_t padded(int64_t keys) { return (keys + kLanes - 1) / kLanes * kLanes; }

// Where byte (key, channel) lies in panels.
int64_t place_of_byte(int64_t keys, int64_t quads, int64_t key, int64_t channel) {
  const int64_t panel = key / kPanel * kPanel, width = keys - panel > kLanes ? kPanel : kLanes;
  return panel * 4 * quads + channel / 4 * width * 4 + (key - panel) * 4 + channel % 4;
}

float byte_of(float x, float greatest) { return greatest == 0 ? 0 : nearbyintf(x * (127.0f / greatest)); }

struct Channels {
  explicit Channels(int64_t depth)
      : centre(tsv::int8_channels(depth)), gain(centre.size()), inverse(gain.size()) {
    for (Buffer<float>* array : {&centre, &gain, &inverse}) {
      for (float& x : *array) x = 0;
    }
  }
  void draw(int64_t depth, Random& random) {
    for (int64_t c = 0; c < depth; ++c) {
      centre[c] = random.number();
      gain[c] = 1.5f + random.number();
      inverse[c] = 1 / gain[c];
    }
  }
  Buffer<float> centre, gain, inverse;
};

}  // namespace

INT8_KERNEL_TEST(balance_channels) {
  for (int64_t depth : depths()) {
    for (int32_t dtype : {TSV_FLOAT32, TSV_FLOAT16, TSV_BFLOAT16}) {
      Random random(depth);
      Matrix keys(dtype, 9, depth, 3, 1), first(dtype, 5, depth), second(dtype, 5, depth, 1);
      for (Matrix* matrix : {&keys, &first, &second}) matrix->fill(random);
      keys.set(4, depth / 2, 40);  // an outlier
      keys.set(6, 0, NAN);         // counts as 0
      first.set(1, depth - 1, INFINITY);
      const int32_t key_index[] = {0, 2, 4, 6, 8}, query_index[] = {1, 3};
      const tsv::Rows queries[] = {first.rows(), second.rows()};
      Channels got(depth);
      float key_norm = -1;
      table.balance_channels({keys.rows(), key_index, 5, queries, 2, query_index, 2, depth, got.centre.data(),
                              got.gain.data(), got.inverse.data(), &key_norm});
      at("balance_channels of %d", int(depth));
      const auto finite = [](double x) { return isfinite(x) ? x : 0.0; };
      std::vector<double> centre, wide, most;
      for (int64_t c = 0; c < depth; ++c) {
        double sum = 0, range = 0, query = 0;
        for (int32_t i : key_index) sum += finite(keys.at(i, c));
        for (int32_t i : key_index) range = std::max(range, fabs(finite(keys.at(i, c)) - sum / 5));
        for (int32_t i : query_index) {
          query = std::max({query, fabs(finite(first.at(i, c))), fabs(finite(second.at(i, c)))});
        }
        centre.push_back(sum / 5);
        wide.push_back(range);
        most.push_back(query);
      }
      const double widest = *std::max_element(wide.begin(), wide.end());
      const double greatest = *std::max_element(most.begin(), most.end());
      double norm = 0;
      for (int64_t c = 0; c < depth; ++c) {
        const double k = std::max(wide[size_t(c)], 1e-3 * widest),
                     q = std::max(most[size_t(c)], 1e-3 * greatest);
        const double gain = sqrt(k) / sqrt(q);
        CHECK_NEAR(got.centre[c], centre[size_t(c)], 1e-5);
        CHECK_NEAR(got.gain[c], gain, 1e-4 * gain);
        CHECK_NEAR(got.inverse[c], 1 / gain, 1e-4 / gain);
      }
      for (int32_t i : key_index) {
        double square = 0;
        for (int64_t c = 0; c < depth; ++c) {
          const double x = (finite(keys.at(i, c)) - centre[size_t(c)]) * double(got.inverse[c]);
          square += x * x;
        }
        norm = std::max(norm, sqrt(square));
      }
      CHECK_NEAR(key_norm, norm, 1e-4 * norm);

      table.balance_channels({keys.rows(), key_index, 0, nullptr, 0, nullptr, 0, depth, got.centre.data(),
                              got.gain.data(), got.inverse.data(), &key_norm});
      for (int64_t c = 0; c < depth; ++c) {
        CHECK(got.centre[c] == 0 && isfinite(got.gain[c]) && isfinite(got.inverse[c]));
      }
      CHECK(key_norm == 0);
    }
  }
}

INT8_KERNEL_TEST(pack_int8_keys) {
  for (int64_t depth : depths()) {
    for (int64_t count : {1, 15, 16, 17, 31, 32, 33, 48, 49, 70}) {
      for (int32_t dtype : {TSV_FLOAT32, TSV_FLOAT16, TSV_BFLOAT16}) {
        constexpr int64_t kFirst = 2;
        Random random(depth * 100 + count);
        Matrix keys(dtype, kFirst + count, depth, 3, 1);
        keys.fill(random);
        Channels channels(depth);
        channels.draw(depth, random);
        Buffer<uint8_t> mask(kFirst + count);
        for (uint8_t& m : mask) m = uint8_t(random.below(3));
        const int64_t whole = padded(count), quads = tsv::int8_quads(depth);
        if (count > 15) {
          keys.set(kFirst + 3, depth - 1, NAN);
          keys.set(kFirst + 4, 0, INFINITY);
          mask[kFirst + 3] = mask[kFirst + 4] = 0;
          keys.set(kFirst + 5, 0, NAN);  // masked: may hold anything
          mask[kFirst + 5] = 2;
          for (int64_t c = 0; c < depth; ++c) keys.set(kFirst + 6, c, 0);
        }
        Buffer<int8_t> panels(whole * 4 * quads);
        Buffer<int32_t> starts(whole);
        Buffer<float> scales(whole);
        table.pack_int8_keys({keys.rows(), mask.data(), kFirst, count, depth, channels.centre.data(),
                              channels.inverse.data(), panels.data(), starts.data(), scales.data()});
        at("pack_int8_keys of %d keys of %d", int(count), int(depth));
        for (int64_t j = 0; j < whole; ++j) {
          const bool there = j < count && mask[kFirst + j] != 2;
          float most = 0;
          bool finite = true;
          std::vector<float> row(size_t(4 * quads), 0.0f);
          for (int64_t c = 0; there && c < depth; ++c) {
            row[size_t(c)] = fmaf(float(keys.at(kFirst + j, c)), channels.inverse[c],
                                  -(channels.centre[c] * channels.inverse[c]));
            most = std::max(most, fabsf(row[size_t(c)]));
            finite = finite && isfinite(row[size_t(c)]);
          }
          if (!finite) {
            CHECK(isnan(scales[j]));
            continue;
          }
          int32_t sum = 0;
          for (int64_t c = 0; c < 4 * quads; ++c) {
            const int byte = int(byte_of(row[size_t(c)], most));
            CHECK(panels[place_of_byte(count, quads, j, c)] == byte);
            sum += byte;
          }
          CHECK(starts[j] == -128 * sum);
          CHECK(scales[j] == most * (1.0f / 127.0f));
        }
      }
    }
  }
}

INT8_KERNEL_TEST(quantise_queries) {
  constexpr float kScale = 0.37f;
  for (int64_t depth : depths()) {
    for (int64_t count : {1, 2, 15, 16, 17, 35}) {
      for (int32_t dtype : {TSV_FLOAT32, TSV_FLOAT16, TSV_BFLOAT16}) {
        Random random(depth * 100 + count);
        Matrix queries(dtype, 40, depth, 1, 1);
        queries.fill(random);
        Channels channels(depth);
        channels.draw(depth, random);
        Buffer<int32_t> index(count);
        for (int32_t& i : index) i = int32_t(random.below(38));
        index[0] = 38;  // zeros
        if (count > 1) index[1] = 39;
        for (int64_t c = 0; c < depth; ++c) queries.set(38, c, 0);
        queries.set(39, depth - 1, NAN);
        const int64_t bytes = 4 * tsv::int8_quads(depth);
        Buffer<uint8_t> out(count * bytes);
        Buffer<float> scale(count), norm(count), offset(count);
        table.quantise_queries({queries.rows(), index.data(), count, depth, kScale, channels.centre.data(),
                                channels.gain.data(), out.data(), scale.data(), norm.data(), offset.data()});
        at("quantise_queries %d of %d", int(count), int(depth));
        for (int64_t i = 0; i < count; ++i) {
          if (index[i] == 39) {
            CHECK(isnan(scale[i]));
            continue;
          }
          float most = 0;
          double square = 0, product = 0, magnitude = 0;
          std::vector<float> row(size_t(bytes), 0.0f);
          for (int64_t c = 0; c < depth; ++c) {
            const float x = float(queries.at(index[i], c));
            row[size_t(c)] = x * channels.gain[c];
            most = std::max(most, fabsf(row[size_t(c)]));
            square += double(row[size_t(c)]) * row[size_t(c)];
            product += double(x) * channels.centre[c];
            magnitude += fabs(double(x) * channels.centre[c]);
          }
          for (int64_t c = 0; c < bytes; ++c)
            CHECK(out[i * bytes + c] == 128 + int(byte_of(row[size_t(c)], most)));
          CHECK(scale[i] == most * (1.0f / 127.0f) * kScale);
          CHECK_NEAR(norm[i], sqrt(square) * kScale, 1e-5 * sqrt(square));
          CHECK_NEAR(offset[i], product * kScale, 1e-5 * magnitude);
        }
      }
    }
  }
}

namespace {

// Exponents are integers times 2^-12 or a little more: one that is off by one changes an exponential by twice
// the tolerance.
void compare_exponentials(const tsv::Int8Kernels& table, int64_t rows, int64_t columns, int64_t depth,
                          bool ranges) {
  constexpr int64_t kFirstKey = 64;
  Random random(rows * 10000 + columns * 100 + depth);
  const int64_t quads = tsv::int8_quads(depth), whole = padded(columns);
  Buffer<uint8_t> queries(rows * 4 * quads, 1);
  Buffer<int8_t> panels(whole * 4 * quads, 1);
  Buffer<int32_t> starts(whole, 1), visible(2 * rows);
  Buffer<float> scales(whole, 1), bias(whole, 1), row_scale(rows), shift(rows), strip(rows * whole, 1);
  Buffer<float> sums(rows * kLanes, 1);
  for (uint8_t& q : queries) q = uint8_t(1 + random.below(255));
  for (int8_t& k : panels) k = int8_t(random.below(255) - 127);
  for (int64_t j = 0; j < whole; ++j) {
    int32_t sum = 0;
    for (int64_t c = 0; c < 4 * quads; ++c) sum += panels[place_of_byte(columns, quads, j, c)];
    starts[j] = -128 * sum;
    scales[j] = ldexpf(random.below(2) == 0 ? 1.0f : 1.25f, -7);
    bias[j] = j >= columns || random.below(6) == 0 ? tsv::kHidden : random.number();
  }
  for (int64_t r = 0; r < rows; ++r) {
    row_scale[r] = ldexpf(random.below(2) == 0 ? 1.0f : 1.25f, -5);
    shift[r] = r % 3 == 0 ? 0 : 20 * random.number();
    visible[2 * r] = int32_t(kFirstKey + random.below(columns + 20) - 10);
    visible[2 * r + 1] = int32_t(visible[2 * r] + random.below(columns + 20));
  }
  for (float& x : sums) x = 0.5f;
  table.int8_exponentials({queries.data(), rows, quads, panels.data(), starts.data(), scales.data(),
                           bias.data(), columns, row_scale.data(), shift.data(),
                           ranges ? visible.data() : nullptr, kFirstKey, strip.data(), sums.data()});
  at("int8_exponentials %d x %d x %d%s", int(rows), int(depth), int(columns), ranges ? ", ranges" : "");
  for (int64_t r = 0; r < rows; ++r) {
    double total = 0.5 * kLanes;
    for (int64_t j = 0; j < whole; ++j) {
      int32_t product = 0;
      for (int64_t c = 0; c < 4 * quads; ++c) {
        product += (queries[r * 4 * quads + c] - 128) * panels[place_of_byte(columns, quads, j, c)];
      }
      const int64_t panel = j / kPanel * kPanel, width = columns - panel > kLanes ? kPanel : kLanes;
      const float got = strip[panel * rows + r * width + j - panel];
      const bool seen = bias[j] != tsv::kHidden &&
                        (!ranges || (kFirstKey + j >= visible[2 * r] && kFirstKey + j < visible[2 * r + 1]));
      const double x = double(fmaf(float(product) * scales[j], row_scale[r], bias[j]) - shift[r]);
      const double expected = seen ? exp2(x) : 0;
      CHECK_NEAR(got, expected, 8e-5 * expected);
      total += double(got);
    }
    double sum = 0;
    for (int64_t lane = 0; lane < kLanes; ++lane) sum += double(sums[r * kLanes + lane]);
    CHECK_NEAR(sum, total, 1e-5 * total);
  }
}

}  // namespace

INT8_KERNEL_TEST(int8_exponentials) {
  for (int64_t rows = 1; rows <= 15; ++rows) {
    for (int64_t columns : {1, 16, 17, 32, 33, 48, 64, 65}) {
      for (bool ranges : {false, true}) compare_exponentials(table, rows, columns, 5, ranges);
    }
  }
  for (int64_t rows : {1, 3, 28, 31, 57}) {
    for (int64_t depth : depths()) compare_exponentials(table, rows, 70, depth, rows == 3);
  }
}

INT8_KERNEL_TEST(int8_columns) {
  constexpr int64_t kStripRows = 9;
  for (int64_t columns : {1, 16, 17, 32, 33, 64, 80, 100}) {
    for (int64_t rows : {0, 1, 3, 4, 5, 9}) {
      for (int32_t maximum : {0, 1}) {
        Random random(columns * 10 + rows);
        const int64_t whole = padded(columns);
        Buffer<float> strip(kStripRows * whole, 1), weight(rows), out(whole, 1);
        Buffer<int32_t> index(rows);
        for (float& x : strip) x = fabsf(random.number());
        for (int32_t& i : index) i = int32_t(random.below(kStripRows));
        for (float& w : weight) w = fabsf(random.number());
        std::vector<float> before;
        for (float& x : out) before.push_back(x = 0.25f * fabsf(random.number()));
        table.int8_columns(
            {strip.data(), kStripRows, index.data(), weight.data(), rows, columns, maximum, out.data()});
        at("int8_columns %d rows, %d columns%s", int(rows), int(columns), maximum ? ", maximum" : "");
        for (int64_t c = 0; c < whole; ++c) {
          const int64_t panel = c / kPanel * kPanel, width = columns - panel > kLanes ? kPanel : kLanes;
          double expected = before[size_t(c)];
          for (int64_t i = 0; i < rows; ++i) {
            const double term = double(weight[i]) * strip[panel * kStripRows + index[i] * width + c - panel];
            expected = maximum ? std::max(expected, term) : expected + term;
          }
          CHECK_NEAR(out[c], expected, double(rows + 2) * kUnit * expected);
        }
      }
    }
  }
}
