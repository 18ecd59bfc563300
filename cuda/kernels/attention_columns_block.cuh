// One block of the pass over attention's keys (attention_columns.cuh, attention_columns_simt.cuh).
#pragma once
#include "attention_distances.cuh"
#include "attention_logits.cuh"

namespace tsv {
namespace cuda {

constexpr int kColumnsThreads = 128;

// The keys and the rows of one block.
struct ColumnsBlock {
  int32_t b, key_head, first_head, last_head, first_tile, last_tile, first_key, chunk;

  __device__ ColumnsBlock(const AttentionColumnsArguments& a, int block_keys) {
    BlockPlaces places;
    chunk = int32_t(places.take(a.chunks));
    const int64_t head_split = places.take(a.head_splits);
    const int64_t key_blocks = (a.scored + block_keys - 1) / block_keys;
    first_key = int32_t(a.first_scored + places.take(key_blocks) * block_keys);
    key_head = int32_t(places.take(a.in.key_heads));
    b = int32_t(places.rest);
    first_head = key_head * a.in.group + int32_t(a.in.group * head_split / a.head_splits);
    last_head = key_head * a.in.group + int32_t(a.in.group * (head_split + 1) / a.head_splits);
    const int64_t tiles = (a.in.row_count + kAttentionTile - 1) / kAttentionTile;
    first_tile = int32_t(tiles * chunk / a.chunks);
    last_tile = int32_t(tiles * (chunk + 1) / a.chunks);
  }

  __device__ int64_t key_matrix(const AttentionInputs& in) const {
    return int64_t(b) * in.key_heads + key_head;
  }
  __device__ int64_t query_matrix(const AttentionInputs& in, int head) const {
    return int64_t(b) * in.heads + head;
  }
};

// A query's row and its statistics; nothing past the last row.
struct ColumnsRow {
  AttentionRow row;
  AttentionStatistics statistics;
};

__device__ inline ColumnsRow columns_row(const AttentionColumnsArguments& a, const ColumnsBlock& at, int head,
                                         int64_t i) {
  if (i >= a.in.row_count) return {{0, 0, 0, 0}, {0.0f, 0.0f}};
  const AttentionRow row = a.in.rows[at.b * a.in.row_count + i];
  return {row, a.statistics[at.query_matrix(a.in, head) * a.statistics_count + row.slot]};
}

template <bool kMaximum>
__device__ inline void add_probability(float& sum, float e, float weight) {
  if (kMaximum) {
    sum = max_or_nan(sum, e * weight);
  } else {
    sum = fmaf(e, weight, sum);
  }
}

template <bool kMaximum>
__device__ inline float joined(float a, float b) {
  return kMaximum ? max_or_nan(a, b) : a + b;
}

__device__ inline AttentionTile rows_of_tile(const AttentionColumnsArguments& a, const ColumnsBlock& at,
                                             int tile) {
  const int64_t tiles = (a.in.row_count + kAttentionTile - 1) / kAttentionTile;
  return a.in.tiles[at.b * tiles + tile];
}

// Whether a row of the tile sees one of the block's keys.
__device__ inline bool sees_any(const AttentionColumnsArguments& a, const ColumnsBlock& at, int tile,
                                int block_keys) {
  const AttentionTile rows = rows_of_tile(a, at, tile);
  return rows.any_first < at.first_key + block_keys && rows.any_last > at.first_key;
}

// The distances of the keys that a thread keeps, which place(0) to place(kKeys - 1) are.
template <int kKeys, class Place>
__device__ inline Distances<kKeys> columns_distances(const AttentionColumnsDistanceArguments& a,
                                                     const ColumnsBlock& at, const Place& place) {
  const AttentionInputs& in = a.columns.in;
  Distances<kKeys> distances = {a.distances, a.distances.row_position + at.b * in.row_count, {}};
#pragma unroll
  for (int i = 0; i < kKeys; ++i) {
    distances.position[i] = a.distances.key_position[at.b * in.bias_stride + place(i)];
  }
  return distances;
}

// Where a block's columns of one head go.
__device__ inline float* columns_of(const AttentionColumnsArguments& a, const ColumnsBlock& at, int head) {
  return a.columns + (int64_t(at.chunk) * a.in.batch * a.in.heads + at.query_matrix(a.in, head)) * a.scored;
}

}  // namespace cuda
}  // namespace tsv
