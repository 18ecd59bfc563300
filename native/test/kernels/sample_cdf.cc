#include <algorithm>
#include <numeric>

#include "kernel_tests.h"

using namespace test;

namespace {

// The tokens picked, from the formula: the nearest by a search through all.
std::vector<int32_t> sampled(const Matrix& x, const std::vector<uint8_t>& mask, int64_t length,
                             int64_t points) {
  std::vector<int32_t> order, chosen;
  for (int64_t i = 0; i < length; ++i) {
    const int state = mask.empty() ? 0 : mask[size_t(i)];
    if (state == 1) chosen.push_back(int32_t(i));
    if (state == 0) order.push_back(int32_t(i));
  }
  const auto is_number = [&](int32_t i) { return x.at(0, i) == x.at(0, i); };
  const bool numbers = std::any_of(order.begin(), order.end(), is_number);
  if (numbers) order.erase(std::stable_partition(order.begin(), order.end(), is_number), order.end());
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t i, int32_t j) { return numbers && x.at(0, i) < x.at(0, j); });
  const double greatest = numbers ? x.at(0, order.back()) : 0;
  std::vector<double> y;
  double sum = 0;
  for (int32_t i : order) {
    sum += greatest == 0 ? 1 : greatest == INFINITY ? double(x.at(0, i) == INFINITY) : x.at(0, i);
    y.push_back(sum);
  }
  if (order.size() == 1 && points > 0) chosen.push_back(order[0]);
  if (order.size() > 1) {
    const double least = y.front(), span = y.back() - least;
    for (double& place : y) place = (place - least) / span;
    const double start = *std::find_if(y.begin(), y.end(), [](double place) { return place > 0; });
    for (int64_t k = 0; k < points; ++k) {
      const double point = points == 1 ? 1 : start + (double(k) - start * double(k)) / double(points - 1);
      size_t nearest = 0;
      for (size_t j = 1; j < y.size(); ++j) {
        if (fabs(y[j] - point) < fabs(y[nearest] - point)) nearest = j;
      }
      chosen.push_back(order[nearest]);
    }
  }
  std::sort(chosen.begin(), chosen.end());
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  return chosen;
}

void compare(const tsv::Kernels& table, const Matrix& x, int32_t dtype, const std::vector<uint8_t>& mask,
             int64_t length, int64_t points) {
  const int64_t count = x.columns();
  const size_t bytes = tsv::sample_cdf_scratch(count);
  std::vector<char> block(bytes + 64);
  void* scratch = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(block.data()) + 63) / 64 * 64);
  const std::vector<int32_t> expected = sampled(x, mask, length, points);
  Buffer<int32_t> indices(int64_t(expected.size()));
  int64_t selected = -1;
  table.sample_cdf({x.rows().data, dtype, count, mask.empty() ? nullptr : mask.data(), length, points,
                    scratch, indices.data(), &selected});
  CHECK_THAT(selected == int64_t(expected.size()), "%d tokens, expected %d", int(selected),
             int(expected.size()));
  if (selected == int64_t(expected.size())) {
    CHECK(std::equal(expected.begin(), expected.end(), indices.begin()));
  }
}

}  // namespace

KERNEL_TEST(sample_cdf) {
  for (int32_t dtype : kFloatTypes) {
    for (int64_t count : lengths_around(table)) {
      Random random(count + 1);
      for (int fill = 0; fill < 6; ++fill) {
        Matrix x(dtype, 1, count, 0, count % 3);
        for (int64_t i = 0; i < count; ++i) {
          const double number = fabs(double(random.number()));
          x.set(0, i,
                fill == 0   ? number
                : fill == 1 ? double(random.below(4))                                  // ties and zeros
                : fill == 2 ? 0.0                                                      // nothing to go by
                : fill == 3 ? (random.below(3) == 0 ? NAN : number)                    // some are no numbers
                : fill == 4 ? (random.below(9) == 0 ? double(INFINITY) : number)       // some are everything
                            : (random.below(2) == 0 ? 1e-6 + pow(number, 20) : 0.0));  // a few hold it all
        }
        std::vector<uint8_t> mask(static_cast<size_t>(count));
        for (uint8_t& state : mask) state = uint8_t(random.below(3));
        for (int64_t points : {int64_t(0), int64_t(1), int64_t(2), int64_t(5), count / 2, count}) {
          at("sample_cdf of %d, type %d, fill %d, %d points", int(count), dtype, fill, int(points));
          compare(table, x, dtype, {}, count, points);
          compare(table, x, dtype, {}, count / 2, points);
          compare(table, x, dtype, mask, count - count / 4, points);
        }
      }
      Matrix none(dtype, 1, count);
      for (int64_t i = 0; i < count; ++i) none.set(0, i, NAN);
      at("sample_cdf of %d NaN, type %d", int(count), dtype);
      compare(table, none, dtype, {}, count, count / 2);
    }
  }
}
