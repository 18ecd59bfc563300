#include "kernel_tests.h"

using namespace test;

KERNEL_TEST(restore_tokens) {
  constexpr int64_t kSlots = 7;
  Random random(11);
  for (int64_t row_bytes : {0, 1, 2, 31, 32, 33, 64, 129, 1024}) {
    Buffer<char> source(kSlots * row_bytes, 1);
    for (char& byte : source) byte = char(random.bits());
    for (int64_t count : {0, 1, 4, 5, 33}) {
      Buffer<int32_t> index(count);
      for (int32_t& i : index) i = int32_t(random.below(kSlots + 2)) - 2;
      Buffer<char> dropped(count * row_bytes), out(count * row_bytes, 1);
      for (char& byte : dropped) byte = char(random.bits());
      for (bool filled : {false, true}) {
        table.restore_tokens({source.data(), index.data(), filled ? dropped.data() : nullptr, count,
                              row_bytes, out.data(), filled});
        bool equal = true;
        for (int64_t i = 0; i < count; ++i) {
          for (int64_t b = 0; b < row_bytes; ++b) {
            const char expected = index[i] >= 0 ? source[index[i] * row_bytes + b]
                                  : filled      ? dropped[i * row_bytes + b]
                                                : char(0);
            equal = equal && out[i * row_bytes + b] == expected;
          }
        }
        at("restore_tokens of %d rows of %d bytes%s", int(count), int(row_bytes),
           filled ? ", dropped given" : "");
        CHECK(equal);
      }
    }
  }
}
