// Candidates and weights for the tests of the kernels that take them: whole numbers, so that all is exact.
#ifndef TOKENSIEVE_TEST_CANDIDATE_COLUMNS_H
#define TOKENSIEVE_TEST_CANDIDATE_COLUMNS_H
#include "kernel_tests.h"

namespace test {

enum class Hidden { kNone, kOwn, kOthersAfter, kOthersBefore };
constexpr Hidden kHidden[] = {Hidden::kNone, Hidden::kOwn, Hidden::kOthersAfter, Hidden::kOthersBefore};

struct WeightedColumns {
  // Row i has column own + i.
  WeightedColumns(const tsv::Kernels& table, int64_t rows, int64_t columns, Hidden rule, int64_t own,
                  Random& random)
      : ranges(2 * rows),
        scale(whole_panels(table, columns)),
        bias(whole_panels(table, columns)),
        arguments{ranges.data(), scale.data(), bias.data()} {
    for (int64_t c = 0; c < scale.size(); ++c) {
      scale[c] = c < columns ? float(random.below(4)) - 1 : NAN;
      bias[c] = c < columns ? float(random.below(5)) - 2 : NAN;
    }
    for (int64_t i = 0; i < rows; ++i) {
      const int32_t here = int32_t(own + i < columns ? own + i : columns);
      const int32_t next = int32_t(here < columns ? here + 1 : columns);
      ranges[2 * i] = rule == Hidden::kNone || rule == Hidden::kOthersBefore ? 0 : here;
      ranges[2 * i + 1] = rule == Hidden::kNone ? 0 : rule == Hidden::kOthersAfter ? int32_t(columns) : next;
    }
  }

  static int64_t whole_panels(const tsv::Kernels& table, int64_t columns) {
    const int64_t wide = table.shape.panel_width;
    return (columns + wide - 1) / wide * wide;
  }

  // What a row compares in place of a product.
  double value(int64_t row, int64_t column, double product) const {
    const bool hidden = column >= ranges[2 * row] && column < ranges[2 * row + 1];
    return hidden ? double(NAN) : product * double(scale[column]) + double(bias[column]);
  }

  Buffer<int32_t> ranges;
  Buffer<float> scale, bias;
  tsv::CandidateColumns arguments;
};

}  // namespace test
#endif
