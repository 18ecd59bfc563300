// How a part of the emulator gets its test: EMULATOR_TEST(name) { ... } in any file of this folder.
#ifndef TOKENSIEVE_EMULATOR_TESTS_H
#define TOKENSIEVE_EMULATOR_TESTS_H
#include <vector>

#include "harness.h"

namespace test {

struct EmulatorTest {
  const char* name;
  void (*run)();
};

std::vector<EmulatorTest>& emulator_tests();

#define EMULATOR_TEST(name) \
  static void test_##name(); \
  static const bool registered_##name = (test::emulator_tests().push_back({#name, test_##name}), true); \
  static void test_##name()

}  // namespace test
#endif
