#include "kernel_tests.h"

using namespace test;

namespace {

double norm(const Matrix& x, int64_t row, int32_t p) {
  double sum = 0;
  for (int64_t c = 0; c < x.columns(); ++c) sum += p == 2 ? x.at(row, c) * x.at(row, c) : fabs(x.at(row, c));
  return p == 2 ? sqrt(sum) : sum;
}

void compare(const tsv::Kernels& table, const Matrix& x, int64_t first, int64_t count, int32_t p) {
  Buffer<float> out(count);
  table.token_norms({x.rows(), first, count, x.columns(), p, out.data()});
  for (int64_t i = 0; i < count; ++i) {
    // Each addition and square rounds once, and at most columns / lanes of them follow each other in a lane.
    const double expected = norm(x, first + i, p);
    CHECK_NEAR(out[i], expected, (double(x.columns()) + 8) * kUnit * expected);
  }
}

}  // namespace

KERNEL_TEST(token_norms) {
  for (int32_t dtype : kFloatTypes) {
    for (int64_t columns : lengths_around(table)) {
      for (int64_t offset : {0, 1, 3}) {
        Random random(columns + 1);
        Matrix x(dtype, 4, columns, 2, offset);
        x.fill(random);
        for (int32_t p : {1, 2}) {
          at("token_norms type %d, %d columns, offset %d, p %d", dtype, int(columns), int(offset), p);
          compare(table, x, 1, 3, p);
          compare(table, x, 0, 0, p);
        }
      }
    }
    // One unusual element anywhere in the row is what the norm is.
    const double unusual[] = {NAN, INFINITY, -INFINITY, -0.0, 0x1p-24};
    for (double element : unusual) {
      for (int64_t place = 0; place < 67; ++place) {
        Matrix x(dtype, 1, 67);
        for (int64_t c = 0; c < 67; ++c) x.set(0, c, c == place ? element : 0);
        at("token_norms type %d, %g at %d", dtype, element, int(place));
        compare(table, x, 0, 1, 1);
        compare(table, x, 0, 1, 2);
      }
    }
  }
}
