// The rows of one block of the pass over attention's rows (attention_softmax.cuh,
// attention_softmax_simt.cuh).
#pragma once
#include "attention_distances.cuh"
#include "attention_logits.cuh"

namespace tsv {
namespace cuda {

constexpr int kSoftmaxThreads = 128;

// The rows of a block: where their queries lie and what they see.
struct SoftmaxRows {
  const void* query[kAttentionTile];
  int64_t place[kAttentionTile];  // in the key head's rows; -1 past the last
  int32_t first[kAttentionTile], last[kAttentionTile];
  int32_t any_first, any_last;
};

// Fills them; ends with a barrier.
__device__ inline void load_rows(SoftmaxRows& rows, const AttentionInputs& in, int64_t b, int64_t key_head,
                                 int64_t tile) {
  const int i = int(threadIdx.x);
  if (i == 0) rows.any_first = INT32_MAX, rows.any_last = 0;
  __syncthreads();
  if (i < kAttentionTile) {
    const int64_t place = tile * kAttentionTile + i;
    const bool there = place < in.group * in.row_count;
    const int64_t head = key_head * in.group + (there ? place / in.row_count : 0);
    AttentionRow row = {0, 0, 0, 0};
    if (there) row = in.rows[b * in.row_count + place % in.row_count];
    rows.query[i] = row_at(in.q, b * in.heads + head, row.query);
    rows.first[i] = row.first;
    rows.last[i] = row.last;
    rows.place[i] = there ? place : -1;
    if (row.first < row.last) {
      atomicMin(&rows.any_first, row.first);
      atomicMax(&rows.any_last, row.last);
    }
  }
  __syncthreads();
}

// The row of [batch,heads,row_count] at a place of a key head's rows.
__device__ inline int64_t statistics_row(const AttentionInputs& in, int64_t b, int64_t key_head,
                                         int64_t place) {
  return (b * in.heads + key_head * in.group) * in.row_count + place;
}

// The distances of the rows first, first + 8 and so on of a block.
template <int kRows>
__device__ inline Distances<kRows> softmax_distances(const AttentionSoftmaxDistanceArguments& a,
                                                     const SoftmaxRows& rows, int64_t b, int first) {
  const AttentionInputs& in = a.softmax.in;
  Distances<kRows> distances = {a.distances, a.distances.key_position + b * in.bias_stride, {}};
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    const int64_t place = rows.place[first + 8 * r];
    distances.position[r] = place < 0 ? 0 : a.distances.row_position[b * in.row_count + place % in.row_count];
  }
  return distances;
}

// Which of a key head's rows, which channels of the values and which keys a block has.
struct SoftmaxBlock {
  int64_t b, key_head, tile, chunk, split;

  __device__ SoftmaxBlock(const AttentionSoftmaxArguments& a, int chunk_values) {
    BlockPlaces places;
    split = places.take(a.splits);
    chunk = chunk_values == 0 ? 0 : places.take((a.value_depth + chunk_values - 1) / chunk_values);
    tile = places.take((a.in.group * a.in.row_count + kAttentionTile - 1) / kAttentionTile);
    key_head = places.take(a.in.key_heads);
    b = places.rest;
  }
  // The keys to go through, from a multiple of `step` on.
  __device__ int64_t first_key(const AttentionSoftmaxArguments& a, const SoftmaxRows& rows, int step) const {
    return max(int64_t(rows.any_first), split * a.split_keys) / step * step;
  }
  __device__ int64_t last_key(const AttentionSoftmaxArguments& a, const SoftmaxRows& rows) const {
    return min(int64_t(rows.any_last), (split + 1) * a.split_keys);
  }
};

}  // namespace cuda
}  // namespace tsv
