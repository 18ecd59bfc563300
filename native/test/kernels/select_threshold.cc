#include <algorithm>

#include "kernel_tests.h"

using namespace test;

namespace {

struct Rule {
  int32_t rule;
  double parameter;
  int32_t ddof;
};

struct Row {
  const Matrix& x;
  const Buffer<uint8_t>* mask;  // or null
  int64_t length;

  bool present(int64_t i) const { return i < length && (mask == nullptr || (*mask)[i] != 2); }
  bool kept(int64_t i) const { return present(i) && mask != nullptr && (*mask)[i] == 1; }
  double score(int64_t i) const { return x.at(0, i); }
};

// numpy's linear quantile of ascending numbers
double quantile(const std::vector<double>& sorted, double p) {
  const double place = p * double(sorted.size() - 1), below = floor(place);
  const double low = sorted[size_t(below)], fraction = place - below;
  return fraction == 0 ? low : low + fraction * (sorted[size_t(below) + 1] - low);
}

// Best first, ties and NaN by index, NaN last; kept ones before all where asked.
std::vector<int32_t> in_order(const Row& row, bool kept_first) {
  std::vector<int32_t> order;
  for (int64_t i = 0; i < row.x.columns(); ++i) {
    if (row.present(i)) order.push_back(int32_t(i));
  }
  std::stable_sort(order.begin(), order.end(), [&](int32_t i, int32_t j) {
    if (kept_first && row.kept(i) != row.kept(j)) return row.kept(i);
    const double a = row.score(i), b = row.score(j);
    return a == a && (b != b || a > b);
  });
  return order;
}

double threshold_of(const Rule& rule, const std::vector<double>& sorted) {
  double mean = 0, squares = 0;
  for (double x : sorted) mean += x / double(sorted.size());
  for (double x : sorted) squares += (x - mean) * (x - mean);
  switch (rule.rule) {
    case TSV_RULE_QUANTILE:
      return quantile(sorted, rule.parameter);
    case TSV_RULE_IQR:
      return quantile(sorted, 0.75) + rule.parameter * (quantile(sorted, 0.75) - quantile(sorted, 0.25));
    case TSV_RULE_MEAN_STD:
      return mean + rule.parameter * sqrt(squares / (double(sorted.size()) - rule.ddof));
    default:
      return rule.parameter;
  }
}

std::vector<int32_t> selected(const Row& row, const Rule& rule, int64_t min, int64_t max) {
  std::vector<double> numbers;
  double total = 0;
  const std::vector<int32_t> order = in_order(row, false), kept_first = in_order(row, true);
  for (int32_t i : order) {
    if (row.score(i) != row.score(i)) continue;
    numbers.push_back(row.score(i));
    total += row.score(i);
  }
  std::vector<int32_t> passing;
  if (!numbers.empty() && rule.rule == TSV_RULE_MASS) {
    double sum = 0;
    for (size_t n = 0; n < numbers.size() && sum < rule.parameter * total; sum += numbers[n++])
      passing.push_back(order[n]);
  } else if (!numbers.empty()) {
    std::reverse(numbers.begin(), numbers.end());
    const double threshold = threshold_of(rule, numbers);
    for (int32_t i : order) {
      if (row.score(i) > threshold) passing.push_back(i);
    }
  }
  int64_t kept = 0;
  for (int32_t i : order) {
    kept += row.kept(i) ? 1 : 0;
    if (row.kept(i) && std::find(passing.begin(), passing.end(), i) == passing.end()) passing.push_back(i);
  }
  const int64_t least = std::min<int64_t>(min, int64_t(order.size()));
  const auto first = [&](int64_t n) { passing.assign(kept_first.begin(), kept_first.begin() + n); };
  const bool many = max >= 0 && int64_t(passing.size()) > std::max(max, kept);
  if (int64_t(passing.size()) < least) first(least);
  if (many) first(std::max(max, kept));
  std::sort(passing.begin(), passing.end());
  return passing;
}

void compare(const tsv::Kernels& table, const Matrix& x, int32_t dtype, const Buffer<uint8_t>* mask,
             int64_t length, const Rule& rule) {
  const int64_t n = x.columns();
  for (int64_t min : {int64_t(-1), n / 2}) {
    for (int64_t max : {int64_t(-1), int64_t(0), n / 3}) {
      if (max >= 0 && max < min) continue;
      const size_t bytes = (tsv::select_threshold_scratch(n) + 63) / 64 * 64;
      char* scratch = static_cast<char*>(aligned_alloc(64, bytes));
      Buffer<int32_t> indices(n);
      int64_t count = -1;
      table.select_threshold({x.rows().data, dtype, rule.rule, rule.ddof, rule.parameter, n,
                              mask != nullptr ? mask->data() : nullptr, length, min, max, scratch,
                              indices.data(), &count});
      free(scratch);
      const std::vector<int32_t> expected = selected({x, mask, length}, rule, min, max);
      at("select_threshold of %d to %d, type %d, rule %d with %g, %d to %d%s", int(n), int(length), dtype,
         rule.rule, rule.parameter, int(min), int(max), mask != nullptr ? ", masked" : "");
      CHECK_THAT(
          count == int64_t(expected.size()) && std::equal(expected.begin(), expected.end(), indices.data()),
          "%d selected, expected %d", int(count), int(expected.size()));
    }
  }
}

}  // namespace

KERNEL_TEST(select_threshold) {
  const Rule rules[] = {{TSV_RULE_ABOVE, 0.25, 0},   {TSV_RULE_ABOVE, INFINITY, 0}, {TSV_RULE_QUANTILE, 0, 0},
                        {TSV_RULE_QUANTILE, 0.7, 0}, {TSV_RULE_QUANTILE, 1, 0},     {TSV_RULE_IQR, 0.5, 0},
                        {TSV_RULE_MEAN_STD, 0.5, 0}, {TSV_RULE_MEAN_STD, -1, 1},    {TSV_RULE_MASS, 0, 0},
                        {TSV_RULE_MASS, 0.6, 0},     {TSV_RULE_MASS, 1, 0}};
  std::vector<int64_t> lengths = {1, 2, 7, 31, 67, 600};
  for (int32_t dtype : kFloatTypes) {
    for (int64_t n : lengths) {
      Random random(n);
      Buffer<uint8_t> mask(n);
      for (uint8_t& m : mask) m = uint8_t(std::max<int64_t>(0, random.below(8) - 5));
      for (int pattern = 0; pattern < 3; ++pattern) {
        Matrix x(dtype, 1, n, 0, n % 3);
        for (int64_t i = 0; i < n; ++i) {
          // Multiples of an eighth, whose sums are exact in any order: distinct ones, ties, or some that are
          // NaN.
          const double eighths = double(pattern == 0 ? (i * 7) % n : random.below(4)) / 8;
          x.set(0, i, pattern == 2 && random.below(5) == 0 ? double(NAN) : eighths);
        }
        for (const Rule& rule : rules) {
          compare(table, x, dtype, nullptr, n, rule);
          compare(table, x, dtype, &mask, n - n / 5, rule);
        }
      }
    }
  }
}
