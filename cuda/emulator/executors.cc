#include "executors.h"

#include <stdlib.h>
#include <string.h>

namespace tsv_sim {
namespace {

using Select = Execute (*)(const Form& form);

Select choose() {
#if defined(__x86_64__) && defined(__GNUC__)
  const char* told = getenv("TOKENSIEVE_ISA");
  const bool baseline = told && strcmp(told, "scalar") == 0;
  // F16C, which those objects use too, is older than AVX2, and Clang 14 has no name for it
  if (!baseline && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return select_avx2;
#endif
  return select_baseline;
}

}  // namespace

Execute select_executor(const Form& form) {
  static const Select select = choose();
  return select(form);
}

}  // namespace tsv_sim
