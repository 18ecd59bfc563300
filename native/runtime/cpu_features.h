// What this processor and its operating system can run. Asked once: in a virtual machine each CPUID leaves
// the guest.
#ifndef TOKENSIEVE_RUNTIME_CPU_FEATURES_H
#define TOKENSIEVE_RUNTIME_CPU_FEATURES_H
#include <stddef.h>

namespace tsv {

struct CpuFeatures {
  bool avx2;         // AVX2, FMA and F16C
  bool avx512;       // AVX-512 F, DQ, BW and VL
  bool avx512_vnni;  // and products of bytes
  bool neon;
};

const CpuFeatures& cpu_features();
void cpu_name(char* name, size_t length);

}  // namespace tsv
#endif
