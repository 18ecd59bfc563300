// What the processor can do at most, for benchmarks to be held against. Kernels like the others, so that a
// ceiling is one of the instruction set in use:
//   fma_peak   fused multiply-adds between registers, 2 flops each
//   read_peak  bytes read
//   copy_peak  bytes read and written
// Nothing here repeats itself: the caller does, through a pointer that no compiler sees through.
#ifndef TOKENSIEVE_KERNELS_CEILINGS_H
#define TOKENSIEVE_KERNELS_CEILINGS_H
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/tile.h"

namespace {

// Independent chains x = x * factor + term. An FMA takes 4 cycles (a multiplication and an addition 6), and 2
// start in each, 4 in the widest NEON cores: 16 chains keep all of them busy, and 12 those that have but 16
// registers. The chains begin apart, or the compiler would compute one for all.
template <class V>
void fma_peak(const tsv::FmaPeak& a) {
  constexpr int kChains = V::kTileRows * V::kTileVectors > 16 ? 16 : 12;
  const typename V::F factor = V::set(a.factor), term = V::set(a.term);
  typename V::F x[kChains];
  TSV_UNROLL for (int i = 0; i < kChains; ++i) x[i] = V::set(float(i));
  for (int64_t done = 0; done < a.count; done += kChains * V::kLanes) {
    TSV_UNROLL for (int i = 0; i < kChains; ++i) x[i] = V::fma(x[i], factor, term);
  }
  typename V::F sum = V::zero();
  TSV_UNROLL for (int i = 0; i < kChains; ++i) sum = V::add(sum, x[i]);
  *a.sum = V::sum(sum);
}

// Eight sums, so that the loads are what it waits for.
template <class V>
void read_peak(const tsv::ReadPeak& a) {
  constexpr int kWays = 8;
  typename V::F sums[kWays];
  TSV_UNROLL for (int w = 0; w < kWays; ++w) sums[w] = V::zero();
  for (int64_t i = 0; i + kWays * V::kLanes <= a.count; i += kWays * V::kLanes) {
    TSV_UNROLL for (int w = 0; w < kWays; ++w) sums[w] =
        V::add(sums[w], V::load(a.source + i + w * V::kLanes));
  }
  typename V::F sum = V::zero();
  TSV_UNROLL for (int w = 0; w < kWays; ++w) sum = V::add(sum, sums[w]);
  *a.sum = V::sum(sum);
}

// The C library's copy, which knows this processor: tokens are moved by it whatever the instruction set.
template <class V>
void copy_peak(const tsv::CopyPeak& a) {
  memcpy(a.out, a.source, size_t(a.count) * sizeof(float));
}

}  // namespace
#endif
