#include <algorithm>

#include "kernel_tests.h"

using namespace test;

namespace {

constexpr int kTokens = 23;

// Slots of one to many members, each token in any number of them.
struct Slots {
  explicit Slots(Random& random) {
    for (int size : {1, 2, 3, 1, 9, kTokens}) {
      for (int64_t m = 0; m < size; ++m)
        members.push_back(int32_t(size == kTokens ? m : random.below(kTokens)));
      offsets.push_back(int32_t(members.size()));
    }
    for (size_t m = 0; m < members.size(); ++m)
      weights.push_back(m % 4 == 3 ? 0.0f : fabsf(random.number()) + 0.1f);
    for (int64_t i = 0; i < kTokens; ++i) sizes.push_back(float(1 + random.below(5)));
  }
  int64_t count() const { return int64_t(offsets.size()) - 1; }

  std::vector<int32_t> offsets = {0}, members;
  std::vector<float> weights, sizes;
};

struct Expected {
  double value, tolerance;
};

// One element of one slot, in double.
struct Reference {
  const Matrix& x;
  const Slots& slots;
  bool weighted, sized;

  double factor(int32_t m) const {
    const float size = sized ? slots.sizes[size_t(slots.members[size_t(m)])] : 1;
    return weighted ? double(slots.weights[size_t(m)] * size) : double(size);
  }
  Expected sum(int64_t slot, int64_t column) const {
    double total = 0, magnitude = 0;
    for (int32_t m = slots.offsets[size_t(slot)]; m < slots.offsets[size_t(slot) + 1]; ++m) {
      const double term = factor(m) * x.at(slots.members[size_t(m)], column);
      total += term;
      magnitude += fabs(term);
    }
    return {total, (kTokens + 2) * kUnit * magnitude};
  }
  Expected mean(int64_t slot, int64_t column) const {
    double total = 0;
    for (int32_t m = slots.offsets[size_t(slot)]; m < slots.offsets[size_t(slot) + 1]; ++m)
      total += factor(m);
    const Expected s = sum(slot, column);
    if (total == 0) return {0, 0};
    return {s.value / total, s.tolerance / total + 2 * kUnit * fabs(s.value / total)};
  }
  Expected norm(int64_t slot, int64_t column) const {
    double longest = 0, length = 0, slack = 0;
    for (int32_t m = slots.offsets[size_t(slot)]; m < slots.offsets[size_t(slot) + 1]; ++m) {
      double square = 0;
      for (int64_t c = 0; c < x.columns(); ++c) square += pow(x.at(slots.members[size_t(m)], c), 2);
      longest = std::max(longest, sqrt(square));
    }
    for (int64_t c = 0; c < x.columns(); ++c) {
      const Expected e = mean(slot, c);
      length += e.value * e.value;
      slack += e.tolerance * e.tolerance;
    }
    length = sqrt(length);
    if (length == 0) return {0, 0};
    const Expected e = mean(slot, column);
    const double value = e.value * longest / length;
    const double relative = sqrt(slack) / length + double(x.columns() + 12) * kUnit;
    return {value, e.tolerance * longest / length + relative * fabs(value)};
  }
  Expected maximum(int64_t slot, int64_t column) const {
    double most = -INFINITY;
    for (int32_t m = slots.offsets[size_t(slot)]; m < slots.offsets[size_t(slot) + 1]; ++m) {
      const double value = x.at(slots.members[size_t(m)], column);
      if (value != value) return {value, 0};
      most = std::max(most, value);
    }
    return {most, 0};
  }
  Expected of(int32_t reduce, int64_t slot, int64_t column) const {
    switch (reduce) {
      case TSV_MERGE_SUM:
        return sum(slot, column);
      case TSV_MERGE_MAX:
        return maximum(slot, column);
      case TSV_MERGE_NORM:
        return norm(slot, column);
      default:
        return mean(slot, column);
    }
  }
};

// What storing adds to the error of a number of about this size.
double rounding(int32_t dtype, double value) {
  if (dtype == TSV_FLOAT32) return 0;
  return fabs(value) * (dtype == TSV_FLOAT16 ? 0x1p-11 : 0x1p-8) * 1.01 +
         (dtype == TSV_FLOAT16 ? 0x1p-25 : 0);
}

void compare(const tsv::Kernels& table, const Matrix& x, int32_t dtype, int32_t reduce, bool weighted,
             bool sized) {
  Random random(17);
  const Slots slots(random);
  const int64_t columns = x.columns();
  Matrix out(dtype, slots.count(), columns, 0, 1);
  Buffer<float> out_sizes(slots.count()), scratch(columns);
  table.merge_tokens({x.rows(), slots.offsets.data(), slots.members.data(),
                      weighted ? slots.weights.data() : nullptr, sized ? slots.sizes.data() : nullptr,
                      slots.count(), columns, reduce, scratch.data(), out.data(), out_sizes.data(), sized});
  const Reference reference = {x, slots, weighted, sized};
  at("merge_tokens type %d, %d columns, reduce %d%s%s", dtype, int(columns), reduce,
     weighted ? ", map weights" : "", sized ? ", sizes" : "");
  for (int64_t slot = 0; slot < slots.count(); ++slot) {
    double size = 0;
    for (int32_t m = slots.offsets[size_t(slot)]; m < slots.offsets[size_t(slot) + 1]; ++m) {
      size += sized ? slots.sizes[size_t(slots.members[size_t(m)])] : 1;
    }
    CHECK(out_sizes[slot] == float(size));
    for (int64_t c = 0; c < columns; ++c) {
      const Expected e = reference.of(reduce, slot, c);
      CHECK_NEAR(out.at(slot, c), e.value, e.tolerance + rounding(dtype, e.value));
    }
  }
}

}  // namespace

KERNEL_TEST(merge_tokens) {
  std::vector<int64_t> lengths = lengths_around(table);
  lengths.push_back(8 * table.shape.lanes + 1);  // past a block of columns
  for (int32_t dtype : kFloatTypes) {
    for (int64_t columns : lengths) {
      Random random(columns + 1);
      Matrix x(dtype, kTokens, columns, 1, columns % 2);
      x.fill(random);
      for (int32_t reduce : {TSV_MERGE_MEAN, TSV_MERGE_SUM, TSV_MERGE_MAX, TSV_MERGE_NORM}) {
        compare(table, x, dtype, reduce, false, false);
        compare(table, x, dtype, reduce, true, true);
      }
      if (columns == 0) continue;
      x.set(3, columns - 1, NAN);
      compare(table, x, dtype, TSV_MERGE_MAX, false, false);
    }
  }
}
