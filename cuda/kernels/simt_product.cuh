// Products of rows with rows for any element type and any depth, in float32 on the ordinary FMA units.
//
// A block of 128 threads makes 64 x 64 products: x[i][j] = sum_c kept[y + 8 i][c] streamed[t + 16 j][c] by
// the thread of t = thread mod 16 and y = thread div 16. Both operands come from shared memory as float32, in
// rows of the depth and 4 more, so that 8 neighbouring rows lie in different banks: 12 reads of 16 bytes, of
// which 8 are the same for 16 threads, feed 128 FMA. The streamed operand comes 32 channels at a time; the
// kept one stays as a whole where shared memory has room for it, else it comes alongside.
//
// The order of additions is that of the channels. On an H100, 128 FMA a clock and SM: 32 clocks a depth of 1.
#pragma once
#include "common.cuh"

namespace tsv {
namespace cuda {

constexpr int kSimtThreads = 128;
constexpr int kSimtTile = 64;
constexpr int kSimtDepth = 32;
constexpr int kSimtStride = kSimtDepth + 4;

template <class T>
struct alignas(4 * sizeof(T)) Four {
  T element[4];
};

template <class T>
__device__ inline float4 load_four(const T* row, int channel, int depth) {
  const T* at = row + channel;
  if (channel + 4 <= depth && reinterpret_cast<uintptr_t>(at) % sizeof(Four<T>) == 0) {
    const Four<T> x = *reinterpret_cast<const Four<T>*>(at);
    return make_float4(to_float(x.element[0]), to_float(x.element[1]), to_float(x.element[2]),
                       to_float(x.element[3]));
  }
  return make_float4(channel < depth ? to_float(at[0]) : 0.0f, channel + 1 < depth ? to_float(at[1]) : 0.0f,
                     channel + 2 < depth ? to_float(at[2]) : 0.0f,
                     channel + 3 < depth ? to_float(at[3]) : 0.0f);
}

// Channels channel.. of 4 of a row of `depth`, 0 past its end and of a row that is NULL.
__device__ inline float4 load_four(const void* row, int dtype, int channel, int depth) {
  if (row == nullptr || channel >= depth) return make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  if (dtype == TSV_FLOAT32) return load_four(static_cast<const float*>(row), channel, depth);
  if (dtype == TSV_FLOAT16) return load_four(static_cast<const __half*>(row), channel, depth);
  return load_four(static_cast<const __nv_bfloat16*>(row), channel, depth);
}

// `rows` rows of `kChannels` channels from `channel` on to shared memory, where a row takes `stride` floats.
// A warp reads 128 contiguous bytes of float32 a row.
template <int kRows, int kChannels, class RowOf>
__device__ inline void fetch_rows(float* to, int stride, int dtype, int channel, int depth,
                                  const RowOf& row_of) {
  constexpr int kFours = kChannels / 4;
#pragma unroll
  for (int i = int(threadIdx.x); i < kRows * kFours; i += kSimtThreads) {
    const int row = i / kFours, four = i % kFours;
    *reinterpret_cast<float4*>(to + row * stride + four * 4) =
        load_four(row_of(row), dtype, channel + four * 4, depth);
  }
}

// Adds the products over `kLength` channels.
template <int kLength>
__device__ inline void add_products(float (&x)[8][4], const float* kept, int kept_stride,
                                    const float* streamed) {
#pragma unroll 2
  for (int c = 0; c < kLength; c += 4) {
    float4 b[4];
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      b[j] = *reinterpret_cast<const float4*>(streamed + 16 * j * kSimtStride + c);
    }
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const float4 a = *reinterpret_cast<const float4*>(kept + 8 * i * kept_stride + c);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        x[i][j] = fmaf(a.x, b[j].x, x[i][j]);
        x[i][j] = fmaf(a.y, b[j].y, x[i][j]);
        x[i][j] = fmaf(a.z, b[j].z, x[i][j]);
        x[i][j] = fmaf(a.w, b[j].w, x[i][j]);
      }
    }
  }
}

// Where the two operands of a block's products lie. The kept one is there as a whole when kept_depth reaches
// the depth.
struct SimtOperands {
  float *kept, *streamed;
  int kept_depth, depth;

  __device__ bool keeps_all() const { return kept_depth >= depth; }
  __device__ int kept_stride() const { return kept_depth + 4; }
  __device__ float* after() const { return streamed + kSimtTile * kSimtStride; }

  template <class RowOf>
  __device__ void keep(int dtype, const RowOf& row_of) const {
    if (!keeps_all()) return;
    for (int c = 0; c < kept_depth; c += kSimtDepth) {
      fetch_rows<kSimtTile, kSimtDepth>(kept + c, kept_stride(), dtype, c, depth, row_of);
    }
  }

  // Every thread's products of a tile. Ends with a barrier: the streamed operand's place is free.
  template <class KeptRow, class StreamedRow>
  __device__ void multiply(float (&x)[8][4], int kept_type, const KeptRow& kept_row, int streamed_type,
                           const StreamedRow& streamed_row) const {
    const int t = int(threadIdx.x) % 16, y = int(threadIdx.x) / 16;
    for (int c = 0; c < depth; c += kSimtDepth) {
      if (!keeps_all()) {
        fetch_rows<kSimtTile, kSimtDepth>(kept, kept_stride(), kept_type, c, depth, kept_row);
      }
      fetch_rows<kSimtTile, kSimtDepth>(streamed, kSimtStride, streamed_type, c, depth, streamed_row);
      __syncthreads();
      add_products<kSimtDepth>(x, kept + y * kept_stride() + (keeps_all() ? c : 0), kept_stride(),
                               streamed + t * kSimtStride);
      __syncthreads();
    }
  }
};

// In a block's dynamic shared memory.
__device__ inline SimtOperands simt_operands(float4* memory, const AttentionInputs& in) {
  float* kept = reinterpret_cast<float*>(memory);
  return {kept, kept + kSimtTile * (in.kept_depth + 4), in.kept_depth, in.depth};
}

}  // namespace cuda
}  // namespace tsv
