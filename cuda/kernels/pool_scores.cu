// out[i] = avg or max of x over [i - kernel/2, i + kernel/2], kernel odd; outside the row, and in place of
// dropped tokens, stand 0 for avg, which divides by the kernel all the same, and -inf for max. A NaN makes
// every window that holds it NaN; a dropped token's own result is 0.
//
// The CPU's passes (native/kernels/pool_scores.h), in its order and so in its bits: windows of 1, 2, 4, ...
// by joining two neighbours, in place; the average adds one such window for each bit of the kernel, the
// maximum joins two that overlap. log2(kernel) passes, so that a window as long as the row costs little more
// than one of three.
//
// A block takes 1024 results, 4 a thread, and what their windows see, in shared memory where that fits (reach
// up to 5 K); past that a block takes a row, out of device memory. Joining in place needs no second copy: 256
// windows are read before any of them is written, and none after them has been. 6 or 8 bytes a score, read
// and written coalesced: the limit at the kernels in use (3 to 13) is the latency of a few passes.
#include "common.cuh"
#include "radix_select.cuh"

namespace tsv {
namespace cuda {

__device__ inline float greater_or_nan(float a, float b) { return a != a || a > b ? a : b; }

// windows[i] = windows[i] joined with windows[i + by], for the first `count`. Whole blocks take part.
__device__ inline void join_neighbours(float* windows, int64_t by, int64_t count, bool maximum) {
  for (int64_t first = 0; first < count; first += blockDim.x) {
    const int64_t i = first + threadIdx.x;
    float joined = 0.0f;
    if (i < count) {
      joined = maximum ? greater_or_nan(windows[i], windows[i + by]) : windows[i] + windows[i + by];
    }
    __syncthreads();
    if (i < count) windows[i] = joined;
    __syncthreads();
  }
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(256) tsv_pool_windows(const PoolScoresArguments a) {
  extern __shared__ float shared[];
  const int64_t row = blockIdx.x / a.tiles, n = a.mask.n, start = blockIdx.x % a.tiles * a.tile;
  const int64_t places = n - start < a.tile ? n - start : a.tile;
  const int64_t reach = a.reach, window = 2 * reach + 1, seen = places + 2 * reach;
  float* x = a.scratch == nullptr ? shared : a.scratch + int64_t(blockIdx.x) * (2 * a.tile + 2 * reach);
  float* result = x + seen;
  const bool maximum = a.mode == TSV_POOL_MAX;
  for (int64_t i = threadIdx.x; i < seen; i += blockDim.x) {
    const int64_t at = start - reach + i;
    const bool there = at >= 0 && at < n && token_state(a.mask, row, at) != 2;
    x[i] = there ? score_at(a.x, a.dtype, row * n + at) : maximum ? -CUDART_INF_F : 0.0f;
  }
  for (int64_t i = threadIdx.x; i < places; i += blockDim.x) result[i] = 0.0f;
  __syncthreads();
  int64_t length = 1, added = 0;  // of the windows in x; of the part of each result that has been added up
  for (;; length *= 2) {
    if (!maximum && (window & length) != 0) {
      for (int64_t i = threadIdx.x; i < places; i += blockDim.x) result[i] += x[i + added];
      added += length;
      __syncthreads();
    }
    if (2 * length > window) break;
    join_neighbours(x, length, seen - 2 * length + 1, maximum);
  }
  for (int64_t i = threadIdx.x; i < places; i += blockDim.x) {
    const int64_t at = row * n + start + i;
    const float pooled = maximum ? greater_or_nan(x[i], x[i + window - length]) : result[i] / float(a.kernel);
    a.scores[at] = token_state(a.mask, row, start + i) == 2 ? 0.0f : pooled;
  }
}
