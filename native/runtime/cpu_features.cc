#include "runtime/cpu_features.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__) || defined(_M_X64)
#define TSV_X64 1
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

namespace tsv {
namespace {

#ifdef TSV_X64
struct Registers {
  uint32_t a, b, c, d;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r{};
#if defined(_MSC_VER)
  int v[4];
  __cpuidex(v, int(leaf), int(subleaf));
  r = {uint32_t(v[0]), uint32_t(v[1]), uint32_t(v[2]), uint32_t(v[3])};
#else
  __cpuid_count(leaf, subleaf, r.a, r.b, r.c, r.d);
#endif
  return r;
}

// Which register states the operating system saves; CPUID alone does not tell.
uint64_t saved_states() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t(high) << 32) | low;
#endif
}

bool bit(uint32_t word, int n) { return (word >> n) & 1; }
#endif

CpuFeatures detect() {
  CpuFeatures found{};
#ifdef TSV_X64
  if (cpuid(0, 0).a < 7) return found;
  const Registers one = cpuid(1, 0), seven = cpuid(7, 0);
  const uint64_t states = bit(one.c, 27) ? saved_states() : 0;
  const bool ymm = (states & 0x6) == 0x6, zmm = (states & 0xe6) == 0xe6;
  found.avx2 = ymm && bit(one.c, 12) && bit(one.c, 29) && bit(seven.b, 5);
  found.avx512 =
      found.avx2 && zmm && bit(seven.b, 16) && bit(seven.b, 17) && bit(seven.b, 30) && bit(seven.b, 31);
  found.avx512_vnni = found.avx512 && bit(seven.c, 11);
#elif defined(__aarch64__) || defined(_M_ARM64)
  found.neon = true;
#endif
  return found;
}

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures found = detect();
  return found;
}

void cpu_name(char* name, size_t length) {
  if (length == 0) return;
  name[0] = 0;
#ifdef TSV_X64
  if (cpuid(0x80000000u, 0).a < 0x80000004u) return;
  char brand[49] = {};
  for (uint32_t i = 0; i < 3; ++i) {
    const Registers r = cpuid(0x80000002u + i, 0);
    memcpy(brand + 16 * i, &r, 16);
  }
  const char* text = brand;
  while (*text == ' ') ++text;
  snprintf(name, length, "%s", text);
#elif defined(__aarch64__) || defined(_M_ARM64)
  snprintf(name, length, "arm64");
#endif
}

}  // namespace tsv
