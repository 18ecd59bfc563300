#include "runtime/dispatch.h"

#include <atomic>
#include <initializer_list>

#include "runtime/cpu_features.h"

namespace tsv {
namespace {

const Kernels* best() {
  const Kernels* found = &tsv_kernels_scalar;
  for (int32_t isa : {TSV_ISA_NEON, TSV_ISA_AVX2, TSV_ISA_AVX512}) {
    if (const Kernels* table = kernels_of(isa)) found = table;
  }
  return found;
}

std::atomic<const Kernels*>& active() {
  static std::atomic<const Kernels*> table{best()};
  return table;
}

}  // namespace

const Kernels* kernels_of(int32_t isa) {
  switch (isa) {
    case TSV_ISA_SCALAR:
      return &tsv_kernels_scalar;
#if defined(__x86_64__) || defined(_M_X64)
    case TSV_ISA_AVX2:
      return cpu_features().avx2 ? &tsv_kernels_avx2 : nullptr;
    case TSV_ISA_AVX512:
      return cpu_features().avx512 ? &tsv_kernels_avx512 : nullptr;
#elif defined(__aarch64__) || defined(_M_ARM64)
    case TSV_ISA_NEON:
      return cpu_features().neon ? &tsv_kernels_neon : nullptr;
#endif
    default:
      return nullptr;
  }
}

const Kernels& kernels() { return *active().load(std::memory_order_relaxed); }

const Int8Kernels* int8_kernels() {
#if defined(__x86_64__) || defined(_M_X64)
  if (kernels().shape.isa == TSV_ISA_AVX512 && cpu_features().avx512_vnni) return &tsv_kernels_avx512_vnni;
#endif
  return nullptr;
}

bool set_isa(int32_t isa) {
  const Kernels* table = kernels_of(isa);
  if (table != nullptr) active().store(table, std::memory_order_relaxed);
  return table != nullptr;
}

}  // namespace tsv
