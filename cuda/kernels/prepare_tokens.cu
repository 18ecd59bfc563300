// Tokens as rows of a product that gives similarities, each with a factor and a kind (similarity.cuh):
//   cosine  x 2^-e, e that of its greatest element: no square overflows or vanishes, tokens that a power of
//           two tells apart become equal, and the factor is 1 / |row|
//   dot     x itself
//   l2      x - centre in float32, so that an offset that all tokens share costs no accuracy
// Rows of 16 bits stay so by cosine and dot. Elements that fall under the least number of the type when they
// are scaled are less than 2^-38 of the greatest.
//
// A token past float32's products (a norm over 1e18) is of kind kExtremeToken, and its item is marked: what
// needs it is done again in float64 by who finishes the row. Absent tokens, rows past the end, and those that
// are not finite, dot apart, are zeros.
//
// One warp a token, 8 tokens a block. A row is read twice, the second time from L1, and written once, whole
// and at a multiple of 64 bytes: the bandwidth of memory is the limit. Model for an H100 (3.35 TB/s): 32 x
// 577 x 1024 takes 23 us in 16 bits, 45 us in float32, read and written; no shared memory.
//
// find_centre: the mean of up to 1024 tokens' finite elements. Any point gives the same distances; a thread a
// channel, coalesced, in order.
#include "similarity.cuh"

namespace tsv {
namespace cuda {

constexpr float kGreatestSquare = 1e36f;  // of a norm that keeps products inside float32

__device__ inline float warp_maximum(float x) {
#pragma unroll
  for (int step = kWarp / 2; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(kFullWarp, x, step));
  return x;
}

// The exponent that a token's greatest element gets: float16 has few below.
template <class T>
constexpr int kTopExponent = 0;
template <>
constexpr int kTopExponent<__half> = 14;

// Row `at` of all, from token `token` of its item, or -1.
template <class T, class Out>
__device__ inline void prepare(const PrepareTokensArguments& a, int64_t item, int64_t at, int64_t token) {
  Out* out = static_cast<Out*>(a.rows) + at * a.depth;
  const T* x = token_at<T>(a.x, item, token < 0 ? 0 : token);
  const float* centre = a.centre == nullptr ? nullptr : a.centre + item * a.channels;
  const int channels = token < 0 ? 0 : a.channels;
  const auto element = [&](int c) { return to_float(x[c]) - (centre == nullptr ? 0.0f : centre[c]); };
  float greatest = 0.0f;
  bool finite = true;
  for (int c = lane(); c < channels; c += kWarp) {
    const float size = fabsf(element(c));
    finite = finite && size < CUDART_INF_F;
    greatest = fmaxf(greatest, size);
  }
  finite = __all_sync(kFullWarp, finite);
  greatest = warp_maximum(greatest);
  const bool cosine = a.metric == TSV_METRIC_COSINE, dot = a.metric == TSV_METRIC_DOT;
  const int shift = cosine && finite && greatest > 0.0f ? kTopExponent<Out> - ilogbf(greatest) : 0;
  const bool whole = finite || dot;
  float square = 0.0f;
  for (int c = lane(); c < a.depth; c += kWarp) {
    float y = c < channels && whole ? element(c) : 0.0f;
    if (shift != 0) y = scalbnf(y, shift);
    const Out stored = from_float<Out>(y);
    out[c] = stored;
    square += to_float(stored) * to_float(stored);
  }
  square = warp_sum(square);
  if (lane() != 0) return;
  uint8_t kind = kOrdinaryToken;
  if (token < 0) {
    kind = kAbsentToken;
  } else if (!finite) {
    kind = dot ? kOrdinaryToken : kNotFiniteToken;
  } else if (cosine && greatest == 0.0f) {
    kind = kZeroToken;
  } else if (!cosine && !(square <= kGreatestSquare)) {
    kind = kExtremeToken;
  }
  a.kinds[at] = kind;
  a.factors[at] = kind == kAbsentToken      ? -1.0f
                  : kind == kNotFiniteToken ? CUDART_NAN_F
                  : kind == kZeroToken      ? 0.0f
                  : cosine                  ? 1.0f / sqrtf(square)
                  : dot                     ? 1.0f
                                            : square;
  if (a.flags == nullptr) return;
  if (kind == kExtremeToken) atomicOr(&a.flags[item], int(kHasExtreme));
  if (kind == kNotFiniteToken) atomicOr(&a.flags[item], int(kHasNotFinite));
}

template <class T>
__device__ inline void prepare_tokens(const PrepareTokensArguments& a) {
  const int64_t at = int64_t(blockIdx.x) * (blockDim.x / kWarp) + warp();
  if (at >= a.items * a.capacity) return;
  const int64_t item = at / a.capacity, row = at % a.capacity;
  const int64_t count = a.list == nullptr ? a.n : a.counts[item];
  int64_t token = row >= count ? -1 : a.list == nullptr ? row : a.list[item * a.n + row];
  if (token >= 0 && token_state(a.mask, item, token) == 2) token = -1;
  if (a.keeps_type != 0) {
    prepare<T, T>(a, item, at, token);
  } else {
    prepare<T, float>(a, item, at, token);
  }
}

template <class T>
__device__ inline void find_centre(const FindCentreArguments& a) {
  constexpr int64_t kSamples = 1024;
  const ItemBlock block((a.channels + int(blockDim.x) - 1) / int(blockDim.x));
  const int64_t item = block.item;
  const int c = block.place * int(blockDim.x) + int(threadIdx.x);
  if (c >= a.channels) return;
  const int64_t step = a.n > kSamples ? (a.n + kSamples - 1) / kSamples : 1;
  double sum = 0.0;
  int samples = 0;
  for (int64_t i = 0; i < a.n; i += step) {
    if (token_state(a.mask, item, i) == 2) continue;
    const float x = to_float(token_at<T>(a.x, item, i)[c]);
    if (!(fabsf(x) < CUDART_INF_F)) continue;
    sum += double(x);
    ++samples;
  }
  a.centre[item * a.channels + c] = samples > 0 ? float(sum / samples) : 0.0f;
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

#define TSV_PREPARE_TOKENS(suffix, T) \
  extern "C" __global__ void __launch_bounds__(256) \
      tsv_prepare_tokens_##suffix(const PrepareTokensArguments a) { \
    prepare_tokens<T>(a); \
  } \
  extern "C" __global__ void __launch_bounds__(128) tsv_find_centre_##suffix(const FindCentreArguments a) { \
    find_centre<T>(a); \
  }
TSV_PREPARE_TOKENS(f32, float)
TSV_PREPARE_TOKENS(f16, __half)
TSV_PREPARE_TOKENS(bf16, __nv_bfloat16)

// One block an item: k must not pass its candidates, if it has rows at all.
extern "C" __global__ void __launch_bounds__(256) tsv_check_candidates(const CheckCandidatesArguments a) {
  const int64_t item = blockIdx.x;
  const auto count = [&](const PreparedTokens& tokens) {
    int total = 0;
    for (int first = 0; first < tokens.capacity; first += int(blockDim.x)) {
      const int i = first + int(threadIdx.x);
      const bool present = i < tokens.capacity && tokens.kinds[item * tokens.capacity + i] != kAbsentToken;
      total += __syncthreads_count(present);
    }
    return total;
  };
  const int rows = count(a.rows), columns = count(a.columns);
  if (threadIdx.x != 0 || rows == 0 || a.k <= columns) return;
  report_range(a.fault, a.argument, a.k, 1, columns, item);
  a.flags[item] |= kRefused;
}
