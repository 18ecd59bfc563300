// What each key receives: for every query head and scored key j, over the chosen queries i that see it,
//
//     column_j = sum_i or max_i of 2^(x_ij - shift_i) weight_i,   x_ij = log2(e) (softcap(scale q_i.k_j) +
//     bias_j)
//
// with the statistics that the pass over the rows left, shift and weight = 1/sum; the matrix of probabilities
// is never stored. Key-stationary, as in FlashAttention's backward pass: a block keeps its keys and streams
// tiles of queries past them, so that every sum stays in the registers of one warp, is added up in an order
// that the shape fixes, and is stored once. Queries may be cut into chunks, whose columns attention_finish
// adds up in order. Query tiles that see none of the block's keys are skipped. A block goes through some or
// all of the query heads that share its keys.
//
// Here the form for tensor cores; its elements are of one 16-bit type. 4 warps with 16 kGroups keys each,
// held in registers as fragments of 16 keys; products are of 16 keys by 8 queries, so that few queries fill
// them. Queries come as tiles of kRows by cp.async into two stages, swizzled for ldmatrix. The quad of lanes
// that shares a key adds up at the end of a head, in two shuffles; within a head each tile is summed apart,
// which keeps the error of thousands of additions down.
//
// Cost per (query, key): 2 D flops, one exponential (ex2 and two operations that keep denormals), three to
// five others; queries are read from global memory (or the L2 cache) once per 64 kGroups keys. Shared memory:
// 16 KB at a depth of 64, 32 KB above. An H100 takes 16 exponentials a clock and SM, and 1024 dense
// multiply-adds: by that model, of the roofline alone, exponentials are the limit up to D = 64, tensor cores
// from there on.
#pragma once
#include "attention_columns_block.cuh"
#include "mma.cuh"

namespace tsv {
namespace cuda {

// Distances is NoDistances or those of a thread's keys.
template <class T, int kDepth, int kRows, int kGroups, class Distances>
struct Columns {
  static constexpr int kPieces = kDepth / 8;
  static constexpr int kKeys = 4 * 16 * kGroups;
  static constexpr int kStage =
      kRows * kPieces;  // in pieces of 16 bytes; the keys come first, in the stages' place
  static constexpr int kMemory = kKeys * kPieces > 2 * kStage ? kKeys* kPieces : 2 * kStage;

  struct Shared {
    uint4 memory[kMemory];
    AttentionStatistics statistics[2][kRows];
    int2 range[2][kRows];
  };
  struct Sums {
    float of[kGroups][2];  // of keys fragment_row() and fragment_row() + 8 of each 16
  };

  const AttentionColumnsArguments& a;
  Shared& shared;
  const ColumnsBlock at;
  const Distances distances;

  __device__ Tile<T, kPieces> tile(int stage) const { return {shared.memory + stage * kStage}; }
  __device__ int warp_key() const { return at.first_key + warp() * 16 * kGroups; }

  __device__ void fetch_keys() const {
    const int pieces = a.in.depth / 8;
    const T* keys = token_at<T>(a.in.k, at.key_matrix(a.in), 0);
#pragma unroll 4
    for (int i = int(threadIdx.x); i < kKeys * kPieces; i += kColumnsThreads) {
      const int row = i / kPieces, piece = i % kPieces;
      if (piece >= pieces) continue;
      const int key = at.first_key + row;
      const bool there = key < a.in.keys;
      copy16(Tile<T, kPieces>{shared.memory}.at(row, piece),
             there ? keys + int64_t(key) * a.in.k.row_stride + piece * 8 : keys, there ? 16 : 0);
    }
    commit_copies();
    wait_copies<0>();
    __syncthreads();
  }

  // Rows step * kRows.. of a head into a stage.
  __device__ void fetch(int stage, int head, int step) const {
    const int pieces = a.in.depth / 8;
    const T* queries = token_at<T>(a.in.q, at.query_matrix(a.in, head), 0);
#pragma unroll 4
    for (int i = int(threadIdx.x); i < kStage; i += kColumnsThreads) {
      const int row = i / kPieces, piece = i % kPieces;
      if (piece >= pieces) continue;
      const int64_t place = int64_t(step) * kRows + row;
      const bool there = place < a.in.row_count;
      const int64_t query = there ? a.in.rows[at.b * a.in.row_count + place].query : 0;
      copy16(tile(stage).at(row, piece), queries + query * a.in.q.row_stride + piece * 8, there ? 16 : 0);
    }
    if (threadIdx.x < kRows) {
      const ColumnsRow of = columns_row(a, at, head, int64_t(step) * kRows + threadIdx.x);
      shared.statistics[stage][threadIdx.x] = of.statistics;
      shared.range[stage][threadIdx.x] = make_int2(of.row.first, of.row.last);
    }
    commit_copies();
  }

  // The first step from `step` on of which a row sees one of the block's keys.
  __device__ int next(int step, int end) const {
    for (; step < end; ++step) {
      if (sees_any(a, at, step * kRows / kAttentionTile, kKeys)) break;
    }
    return step;
  }

  __device__ void run() {
    fetch_keys();
    FragmentA keys[kGroups][kDepth / 16];
    float bias[kGroups][2];
#pragma unroll
    for (int m = 0; m < kGroups; ++m) {
#pragma unroll
      for (int step = 0; step < kDepth / 16; ++step) {
        if (step * 16 < a.in.depth) {
          Tile<T, kPieces>{shared.memory}.load(keys[m][step], (warp() * kGroups + m) * 16, step);
        }
      }
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        bias[m][half] = a.in.bias[at.b * a.in.bias_stride + warp_key() + m * 16 + fragment_row() + 8 * half];
      }
    }
    __syncthreads();
    for (int head = at.first_head; head < at.last_head; ++head) {
      if (a.maximum != 0) {
        run_head<true>(head, keys, bias);
      } else {
        run_head<false>(head, keys, bias);
      }
    }
  }

  template <bool kMaximum>
  __device__ void run_head(int head, const FragmentA (&keys)[kGroups][kDepth / 16],
                           const float (&bias)[kGroups][2]) const {
    constexpr int kSteps = kAttentionTile / kRows;
    const int end = min(at.last_tile * kSteps, int((a.in.row_count + kRows - 1) / kRows));
    Sums total = {};
    int step = next(at.first_tile * kSteps, end);
    if (step < end) fetch(0, head, step);
    for (int stage = 0; step < end; stage ^= 1) {
      const int following = next(step + 1, end);
      if (following < end) {
        fetch(stage ^ 1, head, following);
        wait_copies<1>();
      } else {
        wait_copies<0>();
      }
      __syncthreads();
      const AttentionTile rows = rows_of_tile(a, at, step * kRows / kAttentionTile);
      const bool whole = rows.all_first <= warp_key() && warp_key() + 16 * kGroups <= rows.all_last;
      Sums sums = {};
#pragma unroll 1
      for (int row = 0; row < kRows; row += 16) {
        FragmentC x[kGroups][2] = {};
        multiply(x, keys, stage, row);
        if constexpr (Distances::kScale) scale_by_distance(x, step * kRows + row);
        if (whole) {
          add<kMaximum, true>(sums, x, bias, stage, row);
        } else {
          add<kMaximum, false>(sums, x, bias, stage, row);
        }
      }
#pragma unroll
      for (int m = 0; m < kGroups; ++m) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          total.of[m][half] = joined<kMaximum>(total.of[m][half], sums.of[m][half]);
        }
      }
      step = following;
      __syncthreads();
    }
    store<kMaximum>(head, total);
  }

  __device__ void multiply(FragmentC (&x)[kGroups][2], const FragmentA (&keys)[kGroups][kDepth / 16],
                           int stage, int row) const {
#pragma unroll
    for (int step = 0; step < kDepth / 16; ++step) {
      if (step * 16 >= a.in.depth) break;
      FragmentB even, odd;
      tile(stage).load(even, odd, row, step);
#pragma unroll
      for (int m = 0; m < kGroups; ++m) {
        mma<T>(x[m][0], keys[m][step], even);
        mma<T>(x[m][1], keys[m][step], odd);
      }
    }
  }

  // Products of rows `first` on; with it they have the scale.
  __device__ void scale_by_distance(FragmentC (&x)[kGroups][2], int first) const {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int n = i / 2, e = i % 2, query = first + n * 8 + fragment_column() + e;
      const int32_t position = query < a.in.row_count ? distances.at(query) : 0;
#pragma unroll
      for (int key = 0; key < 2 * kGroups; ++key) {
        x[key / 2][n].r[2 * (key % 2) + e] *= a.in.scale * distances.factor(key, position);
      }
    }
  }

  // kWhole: all rows see all keys by their places. What masked keys add up to is for nobody.
  template <bool kMaximum, bool kWhole>
  __device__ void add(Sums& sums, FragmentC (&x)[kGroups][2], const float (&bias)[kGroups][2], int stage,
                      int row) const {
    float by = Distances::kScale ? 1.0f : a.in.scale;
    if (a.in.soft_cap > 0.0f) {
#pragma unroll
      for (int i = 0; i < kGroups * 2 * 4; ++i) {
        float& logit = x[i / 8][i / 4 % 2].r[i % 4];
        logit = soft_capped(logit * by, a.in.soft_cap);
      }
      by = 1.0f;
    }
#pragma unroll
    for (int n = 0; n < 2; ++n) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const int query = row + n * 8 + fragment_column() + e;
        const AttentionStatistics of = shared.statistics[stage][query];
        const int2 range = shared.range[stage][query];
#pragma unroll
        for (int m = 0; m < kGroups; ++m) {
#pragma unroll
          for (int half = 0; half < 2; ++half) {
            const int key = warp_key() + m * 16 + fragment_row() + 8 * half;
            const float d = fmaf(x[m][n].r[2 * half + e], by, bias[m][half] - of.shift);
            const float e = exp2f(d);
            const bool seen = kWhole || (key >= range.x && key < range.y);
            add_probability<kMaximum>(sums.of[m][half], seen ? e : 0.0f, seen ? of.weight : 0.0f);
          }
        }
      }
    }
  }

  template <bool kMaximum>
  __device__ void store(int head, const Sums& total) const {
    float* columns = columns_of(a, at, head);
#pragma unroll
    for (int m = 0; m < kGroups; ++m) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        float sum = total.of[m][half];
#pragma unroll
        for (int step = 1; step < 4; step *= 2) {
          sum = joined<kMaximum>(sum, __shfl_xor_sync(kFullWarp, sum, step));
        }
        const int64_t j = warp_key() + m * 16 + fragment_row() + 8 * half - a.first_scored;
        if (fragment_column() == 0 && j < a.scored) columns[j] = sum;
      }
    }
  }
};

template <class T, int kDepth, int kRows, int kGroups>
__device__ inline void attention_columns(const AttentionColumnsArguments& a) {
  using Block = Columns<T, kDepth, kRows, kGroups, NoDistances>;
  __shared__ typename Block::Shared shared;
  Block{a, shared, ColumnsBlock(a, Block::kKeys), {}}.run();
}

// The same with factors of distances.
template <class T, int kDepth, int kRows, int kGroups>
__device__ inline void attention_columns_by_distance(const AttentionColumnsDistanceArguments& all) {
  using Block = Columns<T, kDepth, kRows, kGroups, Distances<2 * kGroups>>;
  __shared__ typename Block::Shared shared;
  const ColumnsBlock at(all.columns, Block::kKeys);
  const int first = at.first_key + warp() * 16 * kGroups + fragment_row();
  const auto key = [&](int i) { return first + i * 8; };
  Block{all.columns, shared, at, columns_distances<2 * kGroups>(all, at, key)}.run();
}

}  // namespace cuda
}  // namespace tsv
