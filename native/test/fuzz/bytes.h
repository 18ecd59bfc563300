// Decisions read from bytes, so that a fuzzer that changes bytes changes decisions.
#ifndef TOKENSIEVE_TEST_FUZZ_BYTES_H
#define TOKENSIEVE_TEST_FUZZ_BYTES_H
#include <stddef.h>
#include <stdint.h>

namespace fuzz {

// Past the last byte everything reads as 0, which is the plain choice everywhere.
class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}

  uint8_t byte() { return at_ < end_ ? *at_++ : 0; }
  uint32_t word() {
    uint32_t word = 0;
    for (int i = 0; i < 4; ++i) word = word << 8 | byte();
    return word;
  }
  // From 0 to n - 1.
  int64_t below(int64_t n) { return n <= 256 ? byte() % n : int64_t(word()) % n; }
  // True now and then, and not for a 0.
  bool one_in(int64_t n) { return below(n) == n - 1; }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

}  // namespace fuzz
#endif
