// The pass over attention's keys (see attention_columns.cuh) for every type, mixed ones too, and every depth:
// in float32 on the FMA units.
//
// A block of 128 threads keeps 64 keys in shared memory where they fit (up to a depth of 128; else they come
// along 32 channels at a time) and streams tiles of 64 queries; a thread has keys y + 8 i and queries t + 16
// j of a tile. The 16 threads of half a warp that share their keys add up at the end of a head.
//
// Cost per (query, key): 2 D flops, one exponential, about 6 other operations. 128 FMA a clock and SM of an
// H100 against 16 exponentials: by that model FMA are the limit from D = 8 on.
#pragma once
#include "attention_columns_block.cuh"
#include "simt_product.cuh"

namespace tsv {
namespace cuda {

struct SimtColumnsShared {
  const void* query[kSimtTile];
  AttentionStatistics statistics[kSimtTile];
  int2 range[kSimtTile];
};

// Distances is NoDistances or those of a thread's keys.
template <class Distances>
struct SimtColumns {
  const AttentionColumnsArguments& a;
  SimtColumnsShared& shared;
  const ColumnsBlock at;
  const SimtOperands operands;
  const Distances distances;

  __device__ int t() const { return int(threadIdx.x) % 16; }
  __device__ int y() const { return int(threadIdx.x) / 16; }

  __device__ void run() {
    const auto key_row = [&](int row) {
      const int key = at.first_key + row;
      return key < a.in.keys ? row_at(a.in.k, at.key_matrix(a.in), key) : nullptr;
    };
    operands.keep(a.in.k.dtype, key_row);
    float bias[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      bias[i] = a.in.bias[at.b * a.in.bias_stride + at.first_key + y() + 8 * i];
    }
    for (int head = at.first_head; head < at.last_head; ++head) {
      if (a.maximum != 0) {
        run_head<true>(head, key_row, bias);
      } else {
        run_head<false>(head, key_row, bias);
      }
    }
  }

  template <bool kMaximum, class KeyRow>
  __device__ void run_head(int head, const KeyRow& key_row, const float (&bias)[8]) const {
    float total[8] = {};
    for (int tile = at.first_tile; tile < at.last_tile; ++tile) {
      if (!sees_any(a, at, tile, kSimtTile)) continue;
      if (threadIdx.x < kSimtTile) {
        const ColumnsRow of = columns_row(a, at, head, int64_t(tile) * kSimtTile + threadIdx.x);
        const bool there = int64_t(tile) * kSimtTile + threadIdx.x < a.in.row_count;
        shared.query[threadIdx.x] =
            there ? row_at(a.in.q, at.query_matrix(a.in, head), of.row.query) : nullptr;
        shared.statistics[threadIdx.x] = of.statistics;
        shared.range[threadIdx.x] = make_int2(of.row.first, of.row.last);
      }
      __syncthreads();
      float x[8][4] = {};
      operands.multiply(x, a.in.k.dtype, key_row, a.in.q.dtype, [&](int row) { return shared.query[row]; });
      if constexpr (Distances::kScale) scale_by_distance(x, tile);
      float sums[8] = {};
      add<kMaximum>(sums, x, bias);
#pragma unroll
      for (int i = 0; i < 8; ++i) total[i] = joined<kMaximum>(total[i], sums[i]);
      __syncthreads();
    }
    float* columns = columns_of(a, at, head);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      float sum = total[i];
#pragma unroll
      for (int step = 8; step > 0; step /= 2) {
        sum = joined<kMaximum>(sum, __shfl_xor_sync(kFullWarp, sum, step));
      }
      const int64_t j = at.first_key + y() + 8 * i - a.first_scored;
      if (t() == 0 && j < a.scored) columns[j] = sum;
    }
  }

  __device__ void scale_by_distance(float (&x)[8][4], int tile) const {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int64_t row = int64_t(tile) * kSimtTile + t() + 16 * j;
      const int32_t position = row < a.in.row_count ? distances.at(row) : 0;
#pragma unroll
      for (int i = 0; i < 8; ++i) x[i][j] *= distances.factor(i, position);
    }
  }

  // What masked keys add up to is for nobody.
  template <bool kMaximum>
  __device__ void add(float (&sums)[8], const float (&x)[8][4], const float (&bias)[8]) const {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const AttentionStatistics of = shared.statistics[t() + 16 * j];
      const int2 range = shared.range[t() + 16 * j];
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        const int key = at.first_key + y() + 8 * i;
        float logit = x[i][j] * a.in.scale;
        if (a.in.soft_cap > 0.0f) logit = soft_capped(logit, a.in.soft_cap);
        const float e = exp2f(logit + (bias[i] - of.shift));
        const bool seen = key >= range.x && key < range.y;
        add_probability<kMaximum>(sums[i], seen ? e : 0.0f, seen ? of.weight : 0.0f);
      }
    }
  }
};

__device__ inline void attention_columns_simt(const AttentionColumnsArguments& a) {
  extern __shared__ float4 memory[];
  __shared__ SimtColumnsShared shared;
  SimtColumns<NoDistances>{a, shared, ColumnsBlock(a, kSimtTile), simt_operands(memory, a.in), {}}.run();
}

// The same with factors of distances.
__device__ inline void attention_columns_simt_by_distance(const AttentionColumnsDistanceArguments& all) {
  extern __shared__ float4 memory[];
  __shared__ SimtColumnsShared shared;
  const AttentionColumnsArguments& a = all.columns;
  const ColumnsBlock at(a, kSimtTile);
  const auto key = [&](int i) { return at.first_key + int(threadIdx.x) / 16 + 8 * i; };
  SimtColumns<Distances<8>>{a, shared, at, simt_operands(memory, a.in), columns_distances<8>(all, at, key)}
      .run();
}

}  // namespace cuda
}  // namespace tsv
