// rows[i] = x_i / |x_i|, or x_i itself, as float32 rows that zeros fill up to whole blocks of 16, and
// squares[i] = |rows[i]|^2; as native/kernels/unit_rows.h, bit for bit.
//
// Half a warp a token, 16 tokens a block: 16 neighbouring elements at a time, two tokens a request. A row is
// read from memory once and from L1 twice: the bandwidth of memory is the limit. Model for an H100 (3.35
// TB/s): 577 x 1024 in 16 bits takes 1 us, less than a launch; no shared memory.
#include "greedy_choice.cuh"

namespace tsv {
namespace cuda {

template <class T>
__device__ inline void unit_rows(const UnitRowsArguments& a) {
  const int64_t mine = int64_t(blockIdx.x) * kChoiceHalves + threadIdx.x / kHalfWarp;
  const bool inside = mine < a.tokens;
  const int64_t token = inside ? mine : a.tokens - 1;
  const T* x = token_at<T>(a.x, token / a.n, token % a.n);
  float* out = a.rows + token * a.columns;
  const auto element = [&](int c) { return c < a.channels ? to_float(x[c]) : 0.0f; };
  double square = 0.0;
  for (int c = half_lane(); c < a.columns; c += kHalfWarp) {
    const double value = double(element(c));
    square = fma(value, value, square);
  }
  square = half_warp_sum(square);
  const bool finite = square < CUDART_INF;
  const bool as_is = finite && (square == 0.0 || a.unit == 0);
  const double scale = as_is ? 1.0 : 1.0 / sqrt(square);
  double of_unit = 0.0;
  for (int c = half_lane(); c < a.columns; c += kHalfWarp) {
    const float value = !finite ? 0.0f : as_is ? element(c) : float(double(element(c)) * scale);
    of_unit = fma(double(value), double(value), of_unit);
    if (inside) out[c] = value;
  }
  of_unit = half_warp_sum(of_unit);
  if (!inside || half_lane() != 0) return;
  a.squares[token] = !finite ? CUDART_NAN : as_is ? square : of_unit;
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

#define TSV_UNIT_ROWS(suffix, T) \
  extern "C" __global__ void __launch_bounds__(kChoiceThreads) \
      tsv_unit_rows_##suffix(const UnitRowsArguments a) { \
    unit_rows<T>(a); \
  }
TSV_UNIT_ROWS(f32, float)
TSV_UNIT_ROWS(f16, __half)
TSV_UNIT_ROWS(bf16, __nv_bfloat16)

// One block an item.
extern "C" __global__ void __launch_bounds__(256) tsv_check_choice(const CheckChoiceArguments a) {
  __shared__ ScanMemory<int> memory;
  const int64_t item = blockIdx.x;
  int kept = 0, present = 0;
  for (int64_t i = threadIdx.x; i < a.mask.n; i += blockDim.x) {
    const int state = token_state(a.mask, item, i);
    kept += state == 1;
    present += state != 2;
  }
  kept = block_sum(kept, memory);
  present = block_sum(present, memory);
  if (threadIdx.x != 0) return;
  const bool fits = a.count >= kept && a.count <= present;
  const bool starts = a.start < 0 || token_state(a.mask, item, a.start) != 2;
  if (!fits) {
    report_range(a.fault, TSV_ARG_COUNT, double(a.count), kept, present, item);
  } else if (!starts) {
    report_dropped(a.fault, TSV_ARG_START, double(a.start), item);
  }
  a.refused[item] = fits && starts ? 0 : 1;
}
