// Runs the tests of the emulator: all, or those whose names contain an argument.
#include "emulator_tests.h"

#include "snippets.h"

namespace test {

std::vector<EmulatorTest>& emulator_tests() {
  static std::vector<EmulatorTest> tests;
  return tests;
}

}  // namespace test

int main(int count, char** arguments) {
  for (const test::EmulatorTest& each : test::emulator_tests()) {
    bool chosen = count < 2;
    for (int i = 1; i < count; ++i) chosen |= strstr(each.name, arguments[i]) != nullptr;
    if (!chosen) continue;
    test::where = each.name;
    each.run();
  }
  if (count < 2) test::assemble_snippets();
  return test::finish("emulator_tests");
}
