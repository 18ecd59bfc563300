// Every operation of the C interface with arguments that are right, nearly right, and wrong: whatever comes,
// the call returns a status, a failed one has written nothing, every instruction set gives the same result,
// and AddressSanitizer sees no access outside the tensors, each of which is an allocation of its own size.
//   fuzz_tests [calls an operation] [first seed]
#include <array>

#include "fuzz/run.h"

namespace {

// Bytes of a length of their own: where they end, the rest of the call is plain.
long succeeded_of(const fuzz::Operation& operation, int64_t calls, int64_t first_seed) {
  long succeeded = 0;
  for (int64_t seed = first_seed; seed < first_seed + calls; ++seed) {
    test::Random random(seed);
    std::array<uint8_t, 512> bytes;
    for (uint8_t& byte : bytes) byte = uint8_t(random.bits() >> 32);
    test::where = std::string(operation.name) + ", seed " + std::to_string(seed);
    const fuzz::Bytes some(bytes.data(), size_t(random.below(512)));
    succeeded += fuzz::run_everywhere(operation.prepare(some, fuzz::kLargest));
  }
  return succeeded;
}

}  // namespace

int main(int count, char** arguments) {
  const int64_t calls = count > 1 ? atoll(arguments[1]) : 300;
  const int64_t first_seed = count > 2 ? atoll(arguments[2]) : 0;
  for (const fuzz::Operation& operation : fuzz::operations()) {
    const long succeeded = succeeded_of(operation, calls, first_seed);
    printf("%-20s %ld of %lld calls succeeded\n", operation.name, succeeded, static_cast<long long>(calls));
    test::where = operation.name;
    CHECK(succeeded > calls / 20);
  }
  return test::finish("fuzz");
}
