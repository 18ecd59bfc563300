// tokens[r,i] = (x - mean) / sqrt(variance + epsilon) * weight + bias over the channels of x[r,i].
//
// One warp a token, 8 tokens a block; a lane reads 16 bytes at a time where rows are aligned. Three passes,
// as on the CPU (native/kernels/layer_norm.h): a mean m; the sum and the sum of squares of x - m, which say
// what m lacks; the result. The first reads memory, the others find rows of up to a few thousand channels in
// L1. About 9 flops an element that is read once and written once: the bandwidth of memory is the limit.
//
// The mean of x - m is divided, not multiplied by 1 / C: equal elements then have exactly no variance.
#include "common.cuh"

namespace tsv {
namespace cuda {

// kCount neighbours, by one instruction where they are 16 bytes.
template <int kCount, class T>
__device__ inline void load_neighbours(const T* from, T* to) {
  constexpr int kPiece = kCount < Chunk<T>::kCount ? 1 : Chunk<T>::kCount;
#pragma unroll
  for (int e = 0; e < kCount; e += kPiece) {
    if constexpr (kPiece == 1) {
      to[e] = from[e];
    } else {
      *reinterpret_cast<Chunk<T>*>(to + e) = *reinterpret_cast<const Chunk<T>*>(from + e);
    }
  }
}

// What a lane holds of a row, kCount channels at a time: body(first channel, elements).
template <int kCount, class T, class Body>
__device__ inline void each_channels(const T* row, int channels, const Body& body) {
  for (int c = lane() * kCount; c < channels; c += kWarp * kCount) {
    alignas(16) T element[kCount];
    load_neighbours<kCount>(row + c, element);
    body(c, element);
  }
}

template <int kCount, class T>
__device__ inline void norm_row(const LayerNormArguments& a, const T* row, T* out) {
  const float channels = float(a.channels), share = 1.0f / channels;
  float mean = 0.0f;
  each_channels<kCount>(row, a.channels, [&](int, const T* element) {
#pragma unroll
    for (int e = 0; e < kCount; ++e) mean = fmaf(to_float(element[e]), share, mean);
  });
  mean = warp_sum(mean);
  float sum = 0.0f, square = 0.0f;
  each_channels<kCount>(row, a.channels, [&](int, const T* element) {
#pragma unroll
    for (int e = 0; e < kCount; ++e) {
      const float distance = to_float(element[e]) - mean;
      sum += distance;
      square = fmaf(distance, distance, square);
    }
  });
  const float offset = warp_sum(sum) / channels;
  const float variance = fmaf(-offset, offset, warp_sum(square) / channels);
  const float spread = (variance < 0.0f ? 0.0f : variance) + a.epsilon;
  const float inverse = spread == 0.0f ? 0.0f : 1.0f / sqrtf(spread);
  each_channels<kCount>(row, a.channels, [&](int c, const T* element) {
    alignas(16) T normed[kCount];
    alignas(16) float weight[kCount], bias[kCount];
    if (a.weight != nullptr) load_neighbours<kCount>(a.weight + c, weight);
    if (a.bias != nullptr) load_neighbours<kCount>(a.bias + c, bias);
#pragma unroll
    for (int e = 0; e < kCount; ++e) {
      float y = (to_float(element[e]) - mean - offset) * inverse;
      if (a.weight != nullptr) y *= weight[e];
      if (a.bias != nullptr) y += bias[e];
      normed[e] = from_float<T>(y);
    }
    if constexpr (kCount == 1) {
      out[c] = normed[0];
    } else {
      store_chunk(out + c, normed);
    }
  });
}

template <class T>
__device__ inline void layer_norm(const LayerNormArguments& a) {
  const int64_t at = int64_t(blockIdx.x) * (blockDim.x / kWarp) + warp();
  if (at >= a.rows * a.n) return;
  const T* row = token_at<T>(a.x, at / a.n, at % a.n);
  T* out = static_cast<T*>(a.tokens) + at * a.channels;
  if (a.aligned != 0) {
    norm_row<Chunk<T>::kCount>(a, row, out);
  } else {
    norm_row<1>(a, row, out);
  }
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

#define TSV_LAYER_NORM(suffix, T) \
  extern "C" __global__ void __launch_bounds__(256) tsv_layer_norm_##suffix(const LayerNormArguments a) { \
    layer_norm<T>(a); \
  }
TSV_LAYER_NORM(f32, float)
TSV_LAYER_NORM(f16, __half)
TSV_LAYER_NORM(bf16, __nv_bfloat16)
