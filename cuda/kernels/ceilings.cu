// What a GPU can do at most, for benchmarks to be held against.
//
// copy_peak: 16 bytes a thread at a time, each read once and written once, neighbours by neighbours:
// bandwidth of memory. matrix_peak: products of fragments in registers, eight accumulators a warp so that no
// product waits for the one before it: the rate of tensor cores that mma.sync reaches on float16, which on
// sm_90 and up is below that of wgmma. fma_peak: the same of float32 multiply-adds, sixteen a thread.
//
// Blocks of 256 threads, four to a multiprocessor: enough warps for every scheduler.
#include "common.cuh"
#include "mma.cuh"

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(256) tsv_copy_peak(const CopyPeakArguments a) {
  const uint4* const from = static_cast<const uint4*>(a.from);
  uint4* const to = static_cast<uint4*>(a.to);
  const int64_t step = int64_t(gridDim.x) * blockDim.x;
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < a.pieces; i += step) to[i] = from[i];
}

// Products of zeros are as fast as others; a sum that is not 0 can not be, but the compiler does not know it.
extern "C" __global__ void __launch_bounds__(256) tsv_matrix_peak(const RatePeakArguments a) {
  constexpr int kProducts = 8;
  const FragmentA left = {{a.seed, a.seed, a.seed, a.seed}};
  const FragmentB right = {{a.seed, a.seed}};
  FragmentC sums[kProducts] = {};
  for (int round = 0; round < a.rounds; ++round) {
#pragma unroll
    for (int i = 0; i < kProducts; ++i) mma<__half>(sums[i], left, right);
  }
  float sum = 0.0f;
#pragma unroll
  for (int i = 0; i < kProducts; ++i) sum += sums[i].r[0] + sums[i].r[1] + sums[i].r[2] + sums[i].r[3];
  if (sum != 0.0f) a.never[threadIdx.x] = sum;
}

extern "C" __global__ void __launch_bounds__(256) tsv_fma_peak(const RatePeakArguments a) {
  constexpr int kSums = 16;
  const float factor = __uint_as_float(a.seed);
  float sums[kSums];
#pragma unroll
  for (int i = 0; i < kSums; ++i) sums[i] = factor;
  for (int round = 0; round < a.rounds; ++round) {
#pragma unroll
    for (int i = 0; i < kSums; ++i) sums[i] = fmaf(sums[i], factor, factor);
  }
  float sum = 0.0f;
#pragma unroll
  for (int i = 0; i < kSums; ++i) sum += sums[i];
  if (sum != 0.0f) a.never[threadIdx.x] = sum;
}
