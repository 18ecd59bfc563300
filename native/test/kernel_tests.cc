// Every kernel of the list on every instruction set that this machine has.
#include "kernel_tests.h"

#include "runtime/dispatch.h"

namespace test {

std::vector<KernelTest>& kernel_tests() {
  static std::vector<KernelTest> all;
  return all;
}

std::vector<Int8KernelTest>& int8_kernel_tests() {
  static std::vector<Int8KernelTest> all;
  return all;
}

}  // namespace test

namespace {

template <class Test, class Table>
void run_tests_of(const char* kernel, const char* isa, const std::vector<Test>& tests, const Table& table) {
  const test::Counts before = test::counts;
  for (const Test& one : tests) {
    if (strcmp(one.kernel, kernel) == 0) one.run(table);
  }
  const long checks = test::counts.passed - before.passed, failed = test::counts.failed - before.failed;
  if (checks + failed == 0) {
    ++test::counts.failed;
    fprintf(stderr, "%s has no test: add it in native/test/kernels/\n", kernel);
  }
  printf("%-7s %-28s %8ld checks, %ld failed\n", isa, kernel, checks, failed);
}

}  // namespace

int main() {
  for (int32_t isa = TSV_ISA_SCALAR; isa <= TSV_ISA_AVX512; ++isa) {
    const tsv::Kernels* table = tsv::kernels_of(isa);
    if (table == nullptr) continue;
#define RUN_TESTS_OF(name, Arguments) run_tests_of(#name, tsv_isa_name(isa), test::kernel_tests(), *table);
    TSV_FOR_EACH_KERNEL(RUN_TESTS_OF)
#undef RUN_TESTS_OF
  }
  if (const tsv::Int8Kernels* table = tsv::int8_kernels()) {
#define RUN_TESTS_OF(name, Arguments) run_tests_of(#name, "vnni", test::int8_kernel_tests(), *table);
    TSV_FOR_EACH_INT8_KERNEL(RUN_TESTS_OF)
#undef RUN_TESTS_OF
  }
  return test::finish("kernels");
}
