// Rows as unit_rows leaves them, for the kernels that compare them.
#ifndef TOKENSIEVE_TEST_POINTS_H
#define TOKENSIEVE_TEST_POINTS_H
#include "kernel_tests.h"

namespace test {

struct TestPoints {
  // Tokens 1 and `copy` are the same; the last is a zero vector.
  TestPoints(const tsv::Kernels& table, int64_t n_, int64_t channels, bool unit, Random& random)
      : n(n_), columns(tsv::whole_row_blocks(channels)), rows(n * columns), squares(n) {
    Matrix x(TSV_FLOAT32, n, channels);
    x.fill(random);
    for (int64_t c = 0; c < channels; ++c) {
      if (n > 3) x.set(copy(), c, x.at(1, c));
      x.set(n - 1, c, 0.0);
    }
    table.unit_rows({x.rows(), 0, n, channels, unit, rows.data(), squares.data()});
  }
  int64_t copy() const { return n / 2; }
  double product(int64_t i, int64_t j) const {
    double sum = 0;
    for (int64_t c = 0; c < columns; ++c)
      sum += double(rows[i * columns + c]) * double(rows[j * columns + c]);
    return sum;
  }
  // As a caller by cosine (`unit`) or by Euclidean distance sees it.
  double squared_distance(int64_t i, int64_t j, bool unit) const {
    if (unit && (squares[i] == 0 || squares[j] == 0)) return 2;
    double sum = 0;
    for (int64_t c = 0; c < columns; ++c) {
      const double difference = double(rows[i * columns + c]) - double(rows[j * columns + c]);
      sum += difference * difference;
    }
    return sum;
  }
  tsv::Points points(bool unit) const { return {rows.data(), columns, unit ? squares.data() : nullptr}; }

  int64_t n, columns;
  Buffer<float> rows;
  Buffer<double> squares;
};

}  // namespace test
#endif
