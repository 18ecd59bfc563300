// What the native tests share: checks that count, memory that ends where its array ends, numbers to try.
#ifndef TOKENSIEVE_TEST_HARNESS_H
#define TOKENSIEVE_TEST_HARNESS_H
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mutex>
#include <string>

namespace test {

struct Counts {
  long passed = 0, failed = 0;
};
inline Counts counts;
inline std::mutex counting;
inline std::string where;  // the case at hand, for messages

// Counts a check, on any thread; only the first failures are told.
inline void count(bool holds, const char* file, int line, const char* what) {
  const std::lock_guard<std::mutex> lock(counting);
  if (holds) {
    ++counts.passed;
  } else if (++counts.failed <= 20) {
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, where.c_str(), what);
  }
}

// True for equal numbers, infinities and NaNs included, and for numbers within `tolerance` of each other.
inline bool near(double got, double expected, double tolerance) {
  if (got != got || expected != expected) return got != got && expected != expected;
  const double difference = got > expected ? got - expected : expected - got;
  return got == expected || difference <= tolerance;
}

inline std::string text(const char* format, ...) {
  char line[200];
  va_list values;
  va_start(values, format);
  vsnprintf(line, sizeof line, format, values);
  va_end(values);
  return line;
}

#define CHECK(condition) test::count(condition, __FILE__, __LINE__, "not true: " #condition)
// The same with what to say when it does not hold, formatted only then.
#define CHECK_THAT(condition, ...) \
  ((condition) ? test::count(true, "", 0, "") \
               : test::count(false, __FILE__, __LINE__, test::text(__VA_ARGS__).c_str()))
#define CHECK_NEAR(got, expected, tolerance) \
  CHECK_THAT(test::near(got, expected, tolerance), "got %.9g, expected %.9g within %.3g", double(got), \
             double(expected), double(tolerance))

// The last line of every test program.
inline int finish(const char* name) {
  printf("%s: %ld checks passed, %ld failed\n", name, counts.passed, counts.failed);
  return counts.failed == 0 && counts.passed > 0 ? 0 : 1;
}

// `count` elements that end with their block of the heap, `offset` elements into it: AddressSanitizer sees
// the first byte read or written past them, and an offset of one element misaligns every vector.
template <class T>
class Buffer {
 public:
  explicit Buffer(int64_t count, int64_t offset = 0)
      : count_(count),
        block_(static_cast<T*>(malloc(size_t(count + offset) * sizeof(T)))),
        data_(block_ + offset) {
    memset(static_cast<void*>(block_), 0x5a, size_t(count + offset) * sizeof(T));
  }
  ~Buffer() { free(block_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](int64_t i) { return data_[i]; }
  const T& operator[](int64_t i) const { return data_[i]; }
  int64_t size() const { return count_; }
  T* begin() { return data_; }
  T* end() { return data_ + count_; }

 private:
  int64_t count_;
  T* block_;
  T* data_;
};

// xorshift64*: the same numbers on every machine.
class Random {
 public:
  explicit Random(int64_t seed) : state_(uint64_t(seed) * 0x9e3779b97f4a7c15ull + 1) {}
  uint64_t bits() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dull;
  }
  // From -1 to 1
  float number() { return float(int64_t(bits() >> 40) - (1 << 23)) / float(1 << 23); }
  int64_t below(int64_t n) { return int64_t(bits() % uint64_t(n)); }

 private:
  uint64_t state_;
};

}  // namespace test
#endif
