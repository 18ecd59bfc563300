// Every kernel of the list on every instruction set that this machine has.
#include "kernel_tests.h"

#include "runtime/dispatch.h"

namespace test {

std::vector<KernelTest>& kernel_tests() {
  static std::vector<KernelTest> all;
  return all;
}

}  // namespace test

namespace {

void run_tests_of(const char* kernel, const tsv::Kernels& table) {
  const char* const isa = tsv_isa_name(table.shape.isa);
  const test::Counts before = test::counts;
  for (const test::KernelTest& one : test::kernel_tests()) {
    if (strcmp(one.kernel, kernel) == 0) one.run(table);
  }
  const long checks = test::counts.passed - before.passed, failed = test::counts.failed - before.failed;
  if (checks + failed == 0) {
    ++test::counts.failed;
    fprintf(stderr, "%s has no test: add native/test/kernels/%s.cc\n", kernel, kernel);
  }
  printf("%-7s %-28s %8ld checks, %ld failed\n", isa, kernel, checks, failed);
}

}  // namespace

int main() {
  for (int32_t isa = TSV_ISA_SCALAR; isa <= TSV_ISA_AVX512; ++isa) {
    const tsv::Kernels* table = tsv::kernels_of(isa);
    if (table == nullptr) continue;
#define RUN_TESTS_OF(name, Arguments) run_tests_of(#name, *table);
    TSV_FOR_EACH_KERNEL(RUN_TESTS_OF)
#undef RUN_TESTS_OF
  }
  return test::finish("kernels");
}
