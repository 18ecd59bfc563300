// The kernels of similarities in bytes against the same arithmetic, one number at a time.
#include <algorithm>
#include <vector>

#include "kernel_tests.h"
#include "kernels/int8_kernels.h"

using namespace test;

namespace {

constexpr int64_t kLanes = 16, kPanel = 32;

int64_t padded(int64_t columns) { return (columns + kLanes - 1) / kLanes * kLanes; }

// Where byte (column, channel) lies in panels.
int64_t place_of_byte(int64_t columns, int64_t quads, int64_t column, int64_t channel) {
  const int64_t panel = column / kPanel * kPanel, width = columns - panel > kLanes ? kPanel : kLanes;
  return panel * 4 * quads + channel / 4 * width * 4 + (column - panel) * 4 + channel % 4;
}

struct Balance {
  Balance(int64_t depth, Random& random)
      : shift(tsv::int8_channels(depth)), gain(shift.size()), middle(shift.size()) {
    for (int64_t c = 0; c < shift.size(); ++c) {
      shift[c] = c < depth ? random.number() : 0;
      gain[c] = c < depth ? 1.5f + random.number() : 1;
      middle[c] = c < depth ? random.number() : 0;
    }
  }
  Buffer<float> shift, gain, middle;
};

// What a call of quantise_tokens fills.
struct Quantised {
  Quantised(int64_t count, int64_t stride)
      : bytes(count * stride), scales(count), squares(count), bias(count) {}
  Buffer<uint8_t> bytes;
  Buffer<float> scales, squares, bias;
};

// Token `i` of `got` against the token at `row`.
void compare_token(const Matrix& tokens, int64_t row, const tsv::QuantiseTokens& q, int64_t i) {
  double square = 0;
  for (int64_t c = 0; c < q.depth; ++c) square += tokens.at(row, c) * tokens.at(row, c);
  const double n = q.unit == 0 ? 1 : square == 0 ? 0 : 1 / sqrt(square);
  double greatest = 0, squares = 0, bias = 0, of_bias = 0;
  std::vector<double> y(size_t(4 * tsv::int8_quads(q.depth)), 0.0);
  for (int64_t c = 0; c < q.depth; ++c) {
    const double z = tokens.at(row, c) * n + double(q.shift[c]);
    y[size_t(c)] = z * double(q.gain[c]);
    greatest = std::max(greatest, fabs(y[size_t(c)]));
    squares += y[size_t(c)] * y[size_t(c)];
    if (q.middle == nullptr) continue;
    bias += (double(q.middle[c]) - double(q.square_share) * z) * z;
    of_bias += (fabs(double(q.middle[c])) + double(q.square_share) * fabs(z)) * fabs(z);
  }
  const double tolerance = double(q.depth + 8) * kUnit;
  if (q.middle == nullptr && n == 0) {
    CHECK(q.scales[i] == -1);
  } else {
    CHECK_NEAR(q.scales[i], greatest / 127, 8 * kUnit * (greatest + 1));
  }
  // What the shift takes off may leave little of a y.
  CHECK_NEAR(q.squares[i], squares, tolerance * (squares + double(q.depth)));
  if (q.middle != nullptr) CHECK_NEAR(q.bias[i], bias, tolerance * (of_bias + 1));
  for (size_t c = 0; c < y.size(); ++c) {
    const uint8_t byte = q.out[i * q.stride + int64_t(c)];
    const double got = q.add_128 != 0 ? double(byte) - 128 : double(int8_t(byte));
    CHECK_NEAR(got, greatest == 0 ? 0 : y[c] * 127 / greatest, 0.5001);
  }
}

void compare_tokens(const tsv::Int8Kernels& table, int64_t depth, int32_t dtype, bool unit, bool of_columns) {
  constexpr int64_t kTokens = 9, kZero = 6, kFirstOdd = 7;
  Random random(depth * 8 + dtype);
  Matrix tokens(dtype, kTokens, depth, 3, 1);
  tokens.fill(random);
  for (int64_t c = 0; c < depth; ++c) tokens.set(kZero, c, 0);
  tokens.set(kFirstOdd, depth - 1, NAN);
  tokens.set(kFirstOdd + 1, 0, -INFINITY);
  const Balance balance(depth, random);
  Buffer<int32_t> index(kTokens);
  for (int32_t i = 0; i < kTokens; ++i) index[i] = kTokens - 1 - i;
  const int64_t stride = 4 * tsv::int8_quads(depth) + 5;
  Quantised got(kTokens, stride);
  const tsv::QuantiseTokens q = {tokens.rows(),
                                 index.data(),
                                 kTokens,
                                 depth,
                                 unit ? 1 : 0,
                                 of_columns ? 0 : 1,
                                 balance.shift.data(),
                                 balance.gain.data(),
                                 of_columns ? balance.middle.data() : nullptr,
                                 unit ? 0.0f : 0.5f,
                                 got.bytes.data(),
                                 stride,
                                 got.scales.data(),
                                 got.squares.data(),
                                 got.bias.data()};
  table.quantise_tokens(q);
  at("quantise_tokens of %d%s%s", int(depth), unit ? ", unit" : "", of_columns ? ", columns" : "");
  for (int64_t i = 0; i < kTokens; ++i) {
    if (index[i] >= kFirstOdd) {
      CHECK(isnan(got.scales[i]));
    } else {
      compare_token(tokens, index[i], q, i);
    }
  }
}

}  // namespace

INT8_KERNEL_TEST(quantise_tokens) {
  for (int64_t depth : {1, 3, 4, 15, 16, 17, 63, 64, 65, 80, 128, 200}) {
    for (int32_t dtype : kFloatTypes) {
      for (bool unit : {false, true}) {
        for (bool of_columns : {false, true}) compare_tokens(table, depth, dtype, unit, of_columns);
      }
    }
  }
  // Past what products of bytes can be scaled back from, and under what a norm can be taken of.
  for (float size : {1e-30f, 1e-16f, 1e16f, 1e25f, 3e38f}) {
    const int64_t depth = 20, channels = tsv::int8_channels(depth);
    Random random(5);
    Matrix tokens(TSV_FLOAT32, 1, depth);
    for (int64_t c = 0; c < depth; ++c) tokens.set(0, c, double(size));
    Buffer<float> shift(channels), gain(channels);
    for (float& x : shift) x = 0;
    for (float& x : gain) x = 1;
    Quantised got(1, depth);
    const int32_t index[] = {0};
    for (int32_t unit : {0, 1}) {
      table.quantise_tokens({tokens.rows(), index, 1, depth, unit, 0, shift.data(), gain.data(), nullptr, 0,
                             got.bytes.data(), depth, got.scales.data(), got.squares.data(), nullptr});
      at("a token of elements of %g, unit %d", double(size), int(unit));
      const bool fits = unit == 1 && size > 1e-18f && size < 1e17f;
      if (fits) {
        CHECK_NEAR(got.scales[0], 1 / sqrt(20) / 127, 1e-8);
      } else {
        CHECK(isnan(got.scales[0]));
      }
    }
  }
}

INT8_KERNEL_TEST(pack_bytes) {
  for (int64_t depth : {1, 3, 4, 15, 16, 17, 63, 64, 65, 80, 128, 200}) {
    for (int64_t columns : {1, 15, 16, 17, 31, 32, 33, 48, 49, 70}) {
      Random random(depth * 100 + columns);
      const int64_t quads = tsv::int8_quads(depth), stride = 4 * quads + 3, whole = padded(columns);
      Buffer<uint8_t> rows((columns - 1) * stride + 4 * quads, 1);
      for (uint8_t& byte : rows) byte = uint8_t(random.below(256));
      Buffer<int8_t> panels(whole * 4 * quads, 1);
      Buffer<int32_t> starts(whole, 1);
      table.pack_bytes({rows.data(), stride, columns, quads, panels.data(), starts.data()});
      at("pack_bytes of %d columns of %d", int(columns), int(depth));
      for (int64_t j = 0; j < whole; ++j) {
        int32_t sum = 0;
        for (int64_t c = 0; c < 4 * quads; ++c) {
          const int8_t byte = j < columns ? int8_t(rows[j * stride + c]) : int8_t(0);
          CHECK(panels[place_of_byte(columns, quads, j, c)] == byte);
          sum += byte;
        }
        CHECK(starts[j] == -128 * sum);
      }
    }
  }
}

namespace {

// x of a row and column: each operation of it rounded once.
float similarity_of(const tsv::Int8Argmax& a, int64_t row, int64_t column) {
  int32_t product = 0;
  for (int64_t c = 0; c < 4 * a.quads; ++c) {
    product += (a.rows[row * a.stride + c] - 128) * a.panels[place_of_byte(a.columns, a.quads, column, c)];
  }
  return fmaf(float(product) * a.scales[column], a.row_scale[row], a.bias[column]);
}

// The greatest x of each lane of a panel, and where, as a list of what is not under `least`.
std::vector<int32_t> candidates_of(const tsv::Int8Argmax& a, int64_t row, float least) {
  std::vector<int32_t> found;
  for (int64_t lane = 0; lane < kPanel; ++lane) {
    float most = -INFINITY;
    int32_t column = -1;
    for (int64_t j = lane; j < a.columns; j += kPanel) {
      const float x = similarity_of(a, row, j);
      if (x > most) most = x, column = int32_t(j);
    }
    if (column >= 0 && most >= least) found.push_back(column);
  }
  return found;
}

void compare_candidates(const tsv::Int8Kernels& table, int64_t rows, int64_t columns, int64_t depth,
                        float deviations) {
  Random random(rows * 10000 + columns * 100 + depth);
  const int64_t quads = tsv::int8_quads(depth), stride = 4 * quads + 7, whole = padded(columns);
  Buffer<uint8_t> bytes(rows * stride);
  Buffer<int8_t> panels(whole * 4 * quads, 1);
  Buffer<int32_t> starts(whole, 1);
  Buffer<float> scales(whole, 1), bias(whole, 1), squares(whole, 1), row_scale(rows), row_squares(rows);
  Buffer<float> best(rows * kPanel);
  Buffer<int32_t> column_of(rows * kPanel), candidates(rows * kPanel + kLanes), found(rows);
  // Few values, so that equal similarities are common.
  for (uint8_t& x : bytes) x = uint8_t(128 + random.below(5) - 2);
  for (int8_t& x : panels) x = int8_t(random.below(5) - 2);
  for (int64_t j = 0; j < whole; ++j) {
    int32_t sum = 0;
    for (int64_t c = 0; c < 4 * quads; ++c) sum += panels[place_of_byte(columns, quads, j, c)];
    starts[j] = -128 * sum;
    scales[j] = j < columns ? 0.25f : 0;
    bias[j] = j < columns ? 0.5f * float(random.below(4)) : -INFINITY;
    squares[j] = 3 + random.number();
  }
  for (float& x : row_scale) x = ldexpf(1, int(random.below(3)));
  for (float& x : row_squares) x = 3 + random.number();
  const tsv::Int8Argmax a = {bytes.data(),
                             stride,
                             rows,
                             quads,
                             panels.data(),
                             starts.data(),
                             scales.data(),
                             bias.data(),
                             squares.data(),
                             columns,
                             row_scale.data(),
                             row_squares.data(),
                             deviations,
                             best.data(),
                             column_of.data(),
                             candidates.data(),
                             found.data()};
  table.int8_argmax(a);
  at("int8_argmax %d x %d x %d", int(rows), int(columns), int(depth));
  const int32_t* got = candidates.data();
  for (int64_t r = 0; r < rows; ++r) {
    float most = -INFINITY;
    for (int64_t j = 0; j < columns; ++j) most = std::max(most, similarity_of(a, r, j));
    const int32_t first = candidates_of(a, r, most).front();
    const float scale = scales[first];
    const float variance =
        (row_squares[r] * scale * scale + squares[first] * row_scale[r] * row_scale[r]) / 6;
    const float least = most - deviations * sqrtf(variance);
    const std::vector<int32_t> expected = candidates_of(a, r, least);
    CHECK(found[r] == int32_t(expected.size()));
    CHECK(std::equal(expected.begin(), expected.end(), got));
    got += found[r];
  }
}

}  // namespace

INT8_KERNEL_TEST(int8_argmax) {
  for (float deviations : {0.0f, 0.3f, 5.0f}) {
    for (int64_t rows = 1; rows <= 15; ++rows) {
      for (int64_t columns : {1, 16, 17, 32, 33, 48, 64, 65, 200}) {
        compare_candidates(table, rows, columns, 5, deviations);
      }
    }
    for (int64_t rows : {1, 3, 28, 31, 57}) {
      for (int64_t depth : {1, 4, 15, 64, 65, 200}) compare_candidates(table, rows, 70, depth, deviations);
    }
  }
}
