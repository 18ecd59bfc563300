#include <algorithm>
#include <vector>

#include "kernel_tests.h"

using namespace test;

namespace {

struct Case {
  int32_t rule, ddof;
  double parameter;
  int64_t min, max;
  bool masked;
};

double quantile(const std::vector<double>& ascending, double p) {
  const double place = p * double(ascending.size() - 1);
  const size_t low = size_t(place), high = std::min(low + 1, ascending.size() - 1);
  return ascending[low] + (place - double(low)) * (ascending[high] - ascending[low]);
}

// How many of the scores, in descending order, pass.
size_t passing(const std::vector<double>& descending, const Case& c) {
  std::vector<double> ascending(descending.rbegin(), descending.rend());
  if (ascending.empty()) return 0;
  double threshold = c.parameter;
  double sum = 0, squares = 0;
  for (double x : descending) sum += x;
  const double mean = sum / double(ascending.size());
  for (double x : descending) squares += (x - mean) * (x - mean);
  if (c.rule == TSV_RULE_MASS) {
    size_t length = 0;
    for (double reached = 0; length < descending.size() && reached < c.parameter * sum;) {
      reached += descending[length++];
    }
    return length;
  }
  if (c.rule == TSV_RULE_QUANTILE) threshold = quantile(ascending, c.parameter);
  if (c.rule == TSV_RULE_IQR) {
    const double first = quantile(ascending, 0.25), third = quantile(ascending, 0.75);
    threshold = third + c.parameter * (third - first);
  }
  if (c.rule == TSV_RULE_MEAN_STD) {
    threshold = mean + c.parameter * sqrt(squares / (double(ascending.size()) - c.ddof));
  }
  return size_t(std::count_if(descending.begin(), descending.end(), [&](double x) { return x > threshold; }));
}

void compare(const tsv::Kernels& table, const Matrix& x, int32_t dtype, const Buffer<uint8_t>& mask,
             int64_t length, const Case& c) {
  const int64_t n = x.columns();
  std::vector<int32_t> order;
  for (int64_t i = 0; i < length; ++i) {
    if (!c.masked || mask[i] != 2) order.push_back(int32_t(i));
  }
  std::stable_sort(order.begin(), order.end(), [&](int32_t i, int32_t j) { return x.at(0, i) > x.at(0, j); });
  std::vector<double> descending;
  for (int32_t i : order) descending.push_back(x.at(0, i));
  const size_t first = passing(descending, c);
  std::vector<int32_t> expected;
  std::vector<int32_t> free;
  for (size_t i = 0; i < order.size(); ++i) {
    const bool kept = c.masked && mask[order[i]] == 1;
    if (kept || i < first) expected.push_back(order[i]);
    if (!kept && i >= first) free.push_back(order[i]);
  }
  for (int32_t i : free) {
    if (int64_t(expected.size()) < c.min) expected.push_back(i);
  }
  for (auto worst = expected.end(); c.max >= 0 && worst != expected.begin();) {
    --worst;
    const bool kept = c.masked && mask[*worst] == 1;
    if (int64_t(expected.size()) > c.max && !kept) worst = expected.erase(worst);
  }
  std::sort(expected.begin(), expected.end());

  std::vector<uint64_t> scratch(tsv::select_threshold_scratch(n) / 8 + 1);
  Buffer<int32_t> indices(n);
  int64_t selected = -1;
  table.select_threshold({x.rows().data, dtype, c.rule, c.ddof, c.parameter, n,
                          c.masked ? mask.data() : nullptr, length, c.min, c.max, scratch.data(),
                          indices.data(), &selected});
  at("select_threshold of %d to %d, type %d, rule %d %g, %d to %d%s", int(n), int(length), int(dtype),
     int(c.rule), c.parameter, int(c.min), int(c.max), c.masked ? ", masked" : "");
  CHECK_THAT(selected == int64_t(expected.size()), "%d selected, expected %d", int(selected),
             int(expected.size()));
  for (int64_t i = 0; i < std::min(selected, int64_t(expected.size())); ++i) {
    CHECK(indices[i] == expected[size_t(i)]);
  }
}

}  // namespace

KERNEL_TEST(select_threshold) {
  const Case cases[] = {
      {TSV_RULE_ABOVE, 0, 0.25, -1, -1, false},   {TSV_RULE_ABOVE, 0, 0.25, 5, 9, true},
      {TSV_RULE_QUANTILE, 0, 0.6, -1, -1, false}, {TSV_RULE_QUANTILE, 0, 1.0, 2, -1, true},
      {TSV_RULE_IQR, 0, -0.4, -1, 3, true},       {TSV_RULE_IQR, 0, 0.1, -1, -1, false},
      {TSV_RULE_MEAN_STD, 0, 0.5, -1, -1, true},  {TSV_RULE_MEAN_STD, 1, -0.5, 1, 6, false},
      {TSV_RULE_MASS, 0, 0.5, -1, -1, true},      {TSV_RULE_MASS, 0, 1.0, -1, 4, false},
  };
  Random random(41);
  for (int32_t dtype : kFloatTypes) {
    for (int64_t n : lengths_around(table)) {
      for (int64_t distinct : {3, 1000}) {
        Matrix x(dtype, 1, n, 0, 1);
        Buffer<uint8_t> mask(n);
        for (int64_t i = 0; i < n; ++i) {
          x.set(0, i, double(random.below(distinct)) / double(distinct));
          mask[i] = uint8_t(random.below(8) > 2 ? 0 : random.below(3));
        }
        for (const Case& c : cases) compare(table, x, dtype, mask, n - (n > 4 ? random.below(3) : 0), c);
      }
    }
  }
}
