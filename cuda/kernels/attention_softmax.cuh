// For each row of a query head's queries i, over the keys j that it sees, in one pass with running greatest:
//
//     x_ij = log2(e) (softcap(scale q_i.k_j) + bias_j)
//     greatest_i = max_j x_ij,  sum_i = sum_j 2^(x_ij - greatest_i),  weighted_i = sum_j 2^(..) (x_ij -
//     greatest_i) output_i = sum_j 2^(x_ij - greatest_i) v_j / sum_i, where it is asked for
//
// (FlashAttention-2, Dao, 2023.) Rows are those of all query heads that share a key head, head after head:
// grouped heads with few queries read their keys once. A block has 64 of them and streams tiles of keys; the
// keys may be split among blocks, whose partial sums attention_combine puts together in order.
//
// Here the form for tensor cores; its elements are of one 16-bit type. 4 warps, 16 rows each, whose queries
// stay in registers as fragments; keys (and values) come as tiles of kKeys by cp.async into two stages,
// swizzled for ldmatrix, so that a tile is on its way while the last one is worked on. A row's greatest takes
// two shuffles, its sums stay in the four lanes that share it until the end. Keys that no row of the block
// sees are not read.
//
// Probabilities are not rounded to 16 bits before they meet the values, which would cost 2^-8 of each where
// the contract allows 1e-5: for float16, 2^15 p is split into two float16 (22 bits; the scale keeps what is
// under 2^-14 of the greatest, to 2^-40 of it), for bfloat16 p into three (24 bits). So the second product
// costs two or three times the first.
//
// Cost per (query, key): 2 D flops, 4 or 6 Dv more with output, one exponential; keys are read from global
// memory once per 64 rows. An H100 takes 16 exponentials a clock and SM, and 1024 dense multiply-adds: by
// that model exponentials limit the sums alone up to D = 64, tensor cores from there on and wherever there is
// output. Of few rows, reading the keys is the limit.
#pragma once
#include "attention_softmax_rows.cuh"
#include "mma.cuh"

namespace tsv {
namespace cuda {

// Two probabilities as kParts fragments' registers whose sum they are, times kScale.
template <class T>
struct SplitProbabilities;

template <>
struct SplitProbabilities<__half> {
  static constexpr int kParts = 2;
  static constexpr float kScale = 32768.0f;
  __device__ static void split(float x, float y, uint32_t (&parts)[kParts]) {
    x *= kScale, y *= kScale;
    const __half2 high = __floats2half2_rn(x, y);
    const __half2 low = __floats2half2_rn(x - __low2float(high), y - __high2float(high));
    memcpy(&parts[0], &high, sizeof high);
    memcpy(&parts[1], &low, sizeof low);
  }
};

template <>
struct SplitProbabilities<__nv_bfloat16> {
  static constexpr int kParts = 3;
  static constexpr float kScale = 1.0f;
  __device__ static void split(float x, float y, uint32_t (&parts)[kParts]) {
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
      const __nv_bfloat162 here = __floats2bfloat162_rn(x, y);
      memcpy(&parts[part], &here, sizeof here);
      x -= __low2float(here), y -= __high2float(here);
    }
  }
};

// kDepth and kValues are upper bounds in whole fragments; kValues = 0: sums alone. Distances is NoDistances
// or those of a thread's two rows.
template <class T, int kDepth, int kKeys, int kValues, class Distances>
struct Softmax {
  static constexpr int kPieces = kDepth / 8, kValuePieces = kValues / 8;
  static constexpr int kStage = kKeys * (kPieces + kValuePieces);  // in pieces of 16 bytes
  static constexpr int kQueries = kAttentionTile * kPieces;        // these come first, in the stages' place
  static constexpr int kMemory = 2 * kStage > kQueries ? 2 * kStage : kQueries;
  using Split = SplitProbabilities<T>;

  struct Output {
    FragmentC tile[kValues > 0 ? kValues / 8 : 1];
  };

  struct Shared {
    uint4 memory[kMemory];
    float bias[2][kKeys];
    SoftmaxRows rows;
  };

  const AttentionSoftmaxArguments& a;
  Shared& shared;
  const SoftmaxBlock at;
  const float* bias;
  const T *keys, *values;
  const Distances distances;

  __device__ Tile<T, kPieces> key_tile(int stage) const { return {shared.memory + stage * kStage}; }
  __device__ Tile<T, kValuePieces> value_tile(int stage) const {
    return {shared.memory + stage * kStage + kKeys * kPieces};
  }

  // Keys from `key` on, their values and biases, into a stage. Values of masked keys are zeros: they meet
  // probabilities of 0.
  __device__ void fetch(int stage, int64_t key) const {
    const int pieces = a.in.depth / 8;
#pragma unroll 4
    for (int i = int(threadIdx.x); i < kKeys * kPieces; i += kSoftmaxThreads) {
      const int row = i / kPieces, piece = i % kPieces;
      if (piece >= pieces) continue;
      const bool there = key + row < a.in.keys;
      copy16(key_tile(stage).at(row, piece),
             there ? keys + (key + row) * a.in.k.row_stride + piece * 8 : keys, there ? 16 : 0);
    }
    if constexpr (kValues > 0) {
      const int value_pieces = a.value_depth / 8 - int(at.chunk) * kValuePieces;
#pragma unroll 4
      for (int i = int(threadIdx.x); i < kKeys * kValuePieces; i += kSoftmaxThreads) {
        const int row = i / kValuePieces, piece = i % kValuePieces;
        const bool there = piece < value_pieces && bias[key + row] > kHidden;
        copy16(value_tile(stage).at(row, piece),
               there ? values + (key + row) * a.v.row_stride + piece * 8 : values, there ? 16 : 0);
      }
    }
    if (threadIdx.x < kKeys) shared.bias[stage][threadIdx.x] = bias[key + threadIdx.x];
    commit_copies();
  }

  __device__ void fetch_queries() const {
    const int pieces = a.in.depth / 8;
#pragma unroll 4
    for (int i = int(threadIdx.x); i < kQueries; i += kSoftmaxThreads) {
      const int row = i / kPieces, piece = i % kPieces;
      if (piece >= pieces) continue;
      copy16(Tile<T, kPieces>{shared.memory}.at(row, piece),
             static_cast<const T*>(shared.rows.query[row]) + piece * 8);
    }
    commit_copies();
    wait_copies<0>();
    __syncthreads();
  }

  __device__ void run() {
    const int row0 = warp() * 16;
    const int mine[2] = {row0 + fragment_row(), row0 + fragment_row() + 8};
    const int steps = a.in.depth / 16;
    fetch_queries();
    FragmentA queries[kDepth / 16];
#pragma unroll
    for (int step = 0; step < kDepth / 16; ++step) {
      if (step < steps) Tile<T, kPieces>{shared.memory}.load(queries[step], row0, step);
    }
    __syncthreads();

    AttentionPartial rows[2] = {{-CUDART_INF_F, 0.0f, 0.0f, 0.0f}, {-CUDART_INF_F, 0.0f, 0.0f, 0.0f}};
    int first[2], last[2];
#pragma unroll
    for (int r = 0; r < 2; ++r) first[r] = shared.rows.first[mine[r]], last[r] = shared.rows.last[mine[r]];
    // The warp's rows see something, and keys that all of them see need no look at their ranges.
    const bool some = __any_sync(kFullWarp, first[0] < last[0] || first[1] < last[1]);
    int all_first = max(first[0], first[1]), all_last = min(last[0], last[1]);
#pragma unroll
    for (int step = 4; step < kWarp; step *= 2) {
      all_first = max(all_first, __shfl_xor_sync(kFullWarp, all_first, step));
      all_last = min(all_last, __shfl_xor_sync(kFullWarp, all_last, step));
    }
    Output out = {};

    const int64_t begin = at.first_key(a, shared.rows, kKeys), end = at.last_key(a, shared.rows);
    if (begin < end) fetch(0, begin);
    int stage = 0;
    for (int64_t key = begin; key < end; key += kKeys, stage ^= 1) {
      if (key + kKeys < end) {
        fetch(stage ^ 1, key + kKeys);
        wait_copies<1>();
      } else {
        wait_copies<0>();
      }
      __syncthreads();
      if (some) {
        FragmentC x[kKeys / 8] = {};
        multiply(x, queries, stage, steps);
        const bool whole = all_first <= key && key + kKeys <= all_last;
        logits(x, stage, int(key), first, last, whole);
        exponentials(x, rows, out);
        if constexpr (kValues > 0) add_values(x, out, stage);
      }
      __syncthreads();
    }
    finish(rows, out, mine);
  }

  __device__ void multiply(FragmentC (&x)[kKeys / 8], const FragmentA (&queries)[kDepth / 16], int stage,
                           int steps) const {
    const Tile<T, kPieces> tile = key_tile(stage);
#pragma unroll
    for (int step = 0; step < kDepth / 16; ++step) {
      if (step >= steps) break;
#pragma unroll
      for (int n = 0; n < kKeys / 8; n += 2) {
        FragmentB even, odd;
        tile.load(even, odd, n * 8, step);
        mma<T>(x[n], queries[step], even);
        mma<T>(x[n + 1], queries[step], odd);
      }
    }
  }

  __device__ void logits(FragmentC (&x)[kKeys / 8], int stage, int key, const int (&first)[2],
                         const int (&last)[2], bool whole) const {
    float by = a.in.scale;
    if constexpr (Distances::kScale) {
#pragma unroll
      for (int n = 0; n < kKeys / 8; ++n) {
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          const int32_t position = distances.at(key + n * 8 + fragment_column() + e);
#pragma unroll
          for (int r = 0; r < 2; ++r) x[n].r[2 * r + e] *= by * distances.factor(r, position);
        }
      }
      by = 1.0f;
    }
    if (a.in.soft_cap > 0.0f) {
#pragma unroll
      for (int n = 0; n < kKeys / 8; ++n) {
#pragma unroll
        for (int e = 0; e < 4; ++e) x[n].r[e] = soft_capped(x[n].r[e] * by, a.in.soft_cap);
      }
      by = 1.0f;
    }
#pragma unroll
    for (int n = 0; n < kKeys / 8; ++n) {
      const int column = n * 8 + fragment_column();
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const float bias = shared.bias[stage][column + (e & 1)];
        const float logit = fmaf(x[n].r[e], by, bias);
        x[n].r[e] = bias > kHidden ? logit : -CUDART_INF_F;
      }
    }
    if (whole) return;
#pragma unroll
    for (int n = 0; n < kKeys / 8; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int j = key + n * 8 + fragment_column() + (e & 1);
        if (j < first[e >> 1] || j >= last[e >> 1]) x[n].r[e] = -CUDART_INF_F;
      }
    }
  }

  // Logits to exponentials and the rows' sums; what was summed before moves to the new greatest logit.
  __device__ void exponentials(FragmentC (&x)[kKeys / 8], AttentionPartial (&rows)[2], Output& out) const {
    float by[2];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float greatest = rows[r].greatest;
#pragma unroll
      for (int n = 0; n < kKeys / 8; ++n) greatest = fmaxf(greatest, fmaxf(x[n].r[2 * r], x[n].r[2 * r + 1]));
      greatest = fmaxf(greatest, __shfl_xor_sync(kFullWarp, greatest, 1));
      greatest = fmaxf(greatest, __shfl_xor_sync(kFullWarp, greatest, 2));
      by[r] = raise(rows[r], greatest);
      const float shift = shift_of(greatest);
      float sum = 0.0f, weighted = 0.0f;
#pragma unroll
      for (int n = 0; n < kKeys / 8; ++n) {
#pragma unroll
        for (int e = 2 * r; e < 2 * r + 2; ++e) {
          const float d = x[n].r[e] - shift;
          x[n].r[e] = exp2f(d);
          sum += x[n].r[e];
          if (a.weighted != 0) weighted += weighted_term(x[n].r[e], d);
        }
      }
      rows[r].sum += sum;
      rows[r].weighted += weighted;
    }
    if constexpr (kValues > 0) {
      if (!__any_sync(kFullWarp, by[0] != 1.0f || by[1] != 1.0f)) return;
#pragma unroll
      for (int n = 0; n < kValues / 8; ++n) {
#pragma unroll
        for (int e = 0; e < 4; ++e) out.tile[n].r[e] *= by[e >> 1];
      }
    }
  }

  // A product's C fragments of two neighbours are the A fragment of depth 16 of the next.
  __device__ void add_values(const FragmentC (&x)[kKeys / 8], Output& out, int stage) const {
    const Tile<T, kValuePieces> tile = value_tile(stage);
    const int columns = a.value_depth - int(at.chunk) * kValues;
#pragma unroll
    for (int step = 0; step < kKeys / 16; ++step) {
      FragmentA parts[Split::kParts];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const FragmentC& from = x[2 * step + i / 2];
        uint32_t of[Split::kParts];
        Split::split(from.r[2 * (i & 1)], from.r[2 * (i & 1) + 1], of);
#pragma unroll
        for (int part = 0; part < Split::kParts; ++part) parts[part].r[i] = of[part];
      }
#pragma unroll
      for (int n = 0; n < kValues / 8; n += 2) {
        if (n * 8 >= columns) break;
        FragmentB even, odd;
        tile.load_transposed(even, odd, step * 16, n / 2);
#pragma unroll
        for (int part = 0; part < Split::kParts; ++part) {
          mma<T>(out.tile[n], parts[part], even);
          mma<T>(out.tile[n + 1], parts[part], odd);
        }
      }
    }
  }

  __device__ void finish(AttentionPartial (&rows)[2], const Output& out, const int (&mine)[2]) const {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
#pragma unroll
      for (int step = 1; step < 4; step *= 2) {
        rows[r].sum += __shfl_xor_sync(kFullWarp, rows[r].sum, step);
        rows[r].weighted += __shfl_xor_sync(kFullWarp, rows[r].weighted, step);
      }
      const int64_t place = shared.rows.place[mine[r]];
      if (place < 0) continue;
      const int64_t row = statistics_row(a.in, at.b, at.key_head, place);
      const int64_t all = int64_t(a.in.batch) * a.in.heads * a.in.row_count;
      if (at.chunk == 0 && fragment_column() == 0) a.partial[at.split * all + row] = rows[r];
      if constexpr (kValues > 0) store(rows[r], out, r, row, at.split * all + row);
    }
  }

  __device__ void store(const AttentionPartial& sums, const Output& out, int r, int64_t row,
                        int64_t partial_row) const {
    const bool whole = a.splits == 1;
    const float scale = whole ? output_scale(sums, a.lse == nullptr ? nullptr : a.lse + row) : 1.0f;
    const int64_t head = row / a.in.row_count;
    const int query = a.in.rows[at.b * a.in.row_count + row % a.in.row_count].query;
    T* to = whole ? const_cast<T*>(token_at<T>(a.output, head, query)) : nullptr;
    float* partial = whole ? nullptr : a.partial_output + partial_row * a.value_depth;
#pragma unroll
    for (int n = 0; n < kValues / 8; ++n) {
      const int column = int(at.chunk) * kValues + n * 8 + fragment_column();
      if (column >= a.value_depth) break;
      float x[2];
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        x[e] = scale == 0.0f ? 0.0f : out.tile[n].r[2 * r + e] / Split::kScale * scale;
      }
      if (whole) {
        store_pair(to + column, from_float<T>(x[0]), from_float<T>(x[1]));
      } else {
        *reinterpret_cast<float2*>(partial + column) = make_float2(x[0], x[1]);
      }
    }
  }
};

template <class T, int kDepth, int kKeys, int kValues>
__device__ inline void attention_softmax(const AttentionSoftmaxArguments& a) {
  using Block = Softmax<T, kDepth, kKeys, kValues, NoDistances>;
  __shared__ typename Block::Shared shared;
  const SoftmaxBlock at(a, kValues);
  load_rows(shared.rows, a.in, at.b, at.key_head, at.tile);
  const int64_t key_matrix = at.b * a.in.key_heads + at.key_head;
  Block{a,
        shared,
        at,
        a.in.bias + at.b * a.in.bias_stride,
        token_at<T>(a.in.k, key_matrix, 0),
        kValues == 0 ? nullptr : token_at<T>(a.v, key_matrix, 0) + at.chunk * kValues,
        {}}
      .run();
}

// The same with factors of distances.
template <class T, int kDepth, int kKeys, int kValues>
__device__ inline void attention_softmax_by_distance(const AttentionSoftmaxDistanceArguments& all) {
  using Block = Softmax<T, kDepth, kKeys, kValues, Distances<2>>;
  const AttentionSoftmaxArguments& a = all.softmax;
  __shared__ typename Block::Shared shared;
  const SoftmaxBlock at(a, kValues);
  load_rows(shared.rows, a.in, at.b, at.key_head, at.tile);
  const int64_t key_matrix = at.b * a.in.key_heads + at.key_head;
  Block{a,
        shared,
        at,
        a.in.bias + at.b * a.in.bias_stride,
        token_at<T>(a.in.k, key_matrix, 0),
        kValues == 0 ? nullptr : token_at<T>(a.v, key_matrix, 0) + at.chunk * kValues,
        softmax_distances<2>(all, shared.rows, at.b, warp() * 16 + fragment_row())}
      .run();
}

}  // namespace cuda
}  // namespace tsv
