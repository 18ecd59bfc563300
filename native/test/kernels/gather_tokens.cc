#include "kernel_tests.h"

using namespace test;

KERNEL_TEST(gather_tokens) {
  constexpr int64_t kRows = 9;
  Random random(3);
  for (int64_t row_bytes : {0, 1, 2, 3, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1024, 4099}) {
    Buffer<char> source(kRows * row_bytes, 1);
    for (char& byte : source) byte = char(random.bits());
    for (int64_t count : {0, 1, 2, 4, 5, 6, 40}) {
      Buffer<int32_t> index(count);
      for (int32_t& i : index) i = int32_t(random.below(kRows));
      for (bool streamed : {false, true}) {
        at("gather_tokens of %d rows of %d bytes%s", int(count), int(row_bytes),
           streamed ? ", streamed" : "");
        Buffer<char> out(count * row_bytes, 1);
        table.gather_tokens({source.data(), index.data(), count, row_bytes, out.data(), streamed});
        bool equal = true;
        for (int64_t i = 0; i < count; ++i) {
          for (int64_t b = 0; b < row_bytes; ++b) {
            equal = equal && out[i * row_bytes + b] == source[index[i] * row_bytes + b];
          }
        }
        CHECK(equal);
      }
    }
  }
}
