// mean[r,c] and variance[r,c] of x[r,i,c] over the tokens i that are not dropped.
//
// channel_moments: a block for 32 channels of 256 tokens, a thread for one channel of 32 tokens, which stay
// in its registers: a mean m in float32, then the sum and the sum of squares of x - m, which give the block's
// moments without an offset to cancel. The first warp joins the moments of the eight in float64, token after
// token (Chan, Golub and LeVeque, 1983). 32 loads of a thread are under way at a time, each of a warp's 128
// contiguous bytes (64 of 16-bit types): x is read once, and memory's bandwidth is the limit. Of float64
// there are seven operations for 32 elements, which devices that are slow at it hide too.
//
// join_moments: the same for a row's ranges of 256 tokens, in their order; a thread a channel.
#include "common.cuh"

namespace tsv {
namespace cuda {

// Moments of a channel over some tokens.
struct JoinedMoments {
  double mean = 0.0, squares = 0.0;
  int64_t count = 0;

  __device__ void add(int64_t tokens, double other_mean, double other_squares) {
    if (tokens == 0) return;
    const float share = float(tokens) / float(count + tokens);
    const double distance = other_mean - mean;
    mean += distance * double(share);
    squares += other_squares + distance * distance * double(float(count) * share);
    count += tokens;
  }
};

struct WarpMoments {
  double mean[kMomentWarps][kWarp];
  float squares[kMomentWarps][kWarp];
  int32_t count[kMomentWarps];
};

template <class T>
__device__ inline void channel_moments(const ChannelMomentsArguments& a) {
  __shared__ WarpMoments shared;
  const int64_t tiles = (a.channels + kWarp - 1) / kWarp;
  const int64_t range = blockIdx.x / tiles, row = range / a.ranges;
  const int32_t channel = int32_t(blockIdx.x % tiles) * kWarp + lane();
  const int64_t first = range % a.ranges * kMomentRange + warp() * kMomentTokens;
  const int64_t own = first + lane();
  const unsigned present = __ballot_sync(kFullWarp, own < a.n && token_state(a.mask, row, own) != 2);
  const int count = __popc(present);
  const T* x = token_at<T>(a.x, row, first) + channel;
  const bool there = channel < a.channels;
  float value[kMomentTokens], mean = 0.0f, sum = 0.0f, square = 0.0f;
#pragma unroll
  for (int t = 0; t < kMomentTokens; ++t) {
    value[t] = there && (present >> t & 1) != 0 ? to_float(x[t * a.x.row_stride]) : 0.0f;
  }
  const float share = 1.0f / float(count > 0 ? count : 1);
#pragma unroll
  for (int t = 0; t < kMomentTokens; ++t) mean = fmaf(value[t], share, mean);
#pragma unroll
  for (int t = 0; t < kMomentTokens; ++t) {
    const float distance = (present >> t & 1) != 0 ? value[t] - mean : 0.0f;
    sum += distance;
    square = fmaf(distance, distance, square);
  }
  const float offset = sum / float(count > 0 ? count : 1);
  shared.mean[warp()][lane()] = double(mean) + double(offset);
  shared.squares[warp()][lane()] = fmaf(-sum, offset, square);
  if (lane() == 0) shared.count[warp()] = count;
  __syncthreads();
  if (warp() != 0) return;
  JoinedMoments joined;
  for (int w = 0; w < kMomentWarps; ++w) {
    joined.add(shared.count[w], shared.mean[w][lane()], double(shared.squares[w][lane()]));
  }
  if (blockIdx.x % tiles == 0 && lane() == 0) a.counts[range] = int32_t(joined.count);
  if (!there) return;
  a.means[range * a.channels + channel] = joined.mean;
  a.squares[range * a.channels + channel] = joined.squares;
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

#define TSV_CHANNEL_MOMENTS(suffix, T) \
  extern "C" __global__ void __launch_bounds__(256) \
      tsv_channel_moments_##suffix(const ChannelMomentsArguments a) { \
    channel_moments<T>(a); \
  }
TSV_CHANNEL_MOMENTS(f32, float)
TSV_CHANNEL_MOMENTS(f16, __half)
TSV_CHANNEL_MOMENTS(bf16, __nv_bfloat16)

extern "C" __global__ void __launch_bounds__(256) tsv_join_moments(const ChannelMomentsArguments a) {
  const int64_t at = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= a.rows * a.channels) return;
  const int64_t row = at / a.channels, channel = at % a.channels;
  JoinedMoments joined;
  for (int64_t range = row * a.ranges; range < (row + 1) * a.ranges; ++range) {
    const int64_t place = range * a.channels + channel;
    joined.add(a.counts[range], a.means[place], a.squares[place]);
  }
  const double variance = joined.count > a.ddof ? joined.squares / double(joined.count - a.ddof) : 0.0;
  a.mean[at] = float(joined.mean);
  a.variance[at] = variance < 0.0 ? 0.0f : float(variance);
}
