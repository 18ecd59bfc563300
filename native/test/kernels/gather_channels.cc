#include "kernel_tests.h"

using namespace test;

KERNEL_TEST(gather_channels) {
  Random random(3);
  for (int64_t item_bytes : {1, 2, 4, 8}) {
    for (int64_t channels : {1, 7, 16, 67}) {
      for (int64_t columns : {0, 1, 5, 16, 33}) {
        for (int64_t rows : {0, 1, 3}) {
          const int64_t row_bytes = channels * item_bytes + 3;
          Buffer<char> source(rows * row_bytes, 1), out(rows * columns * item_bytes, 1);
          for (char& byte : source) byte = char(random.bits());
          Buffer<int32_t> index(columns);
          for (int32_t& channel : index) channel = int32_t(random.below(channels));
          table.gather_channels(
              {source.data(), row_bytes, index.data(), rows, columns, item_bytes, out.data()});
          bool equal = true;
          for (int64_t i = 0; i < rows; ++i) {
            for (int64_t k = 0; k < columns; ++k) {
              for (int64_t b = 0; b < item_bytes; ++b) {
                equal = equal && out[(i * columns + k) * item_bytes + b] ==
                                     source[i * row_bytes + index[k] * item_bytes + b];
              }
            }
          }
          at("gather_channels of %d bytes, %d of %d, %d rows", int(item_bytes), int(columns), int(channels),
             int(rows));
          CHECK(equal);
        }
      }
    }
  }
}
