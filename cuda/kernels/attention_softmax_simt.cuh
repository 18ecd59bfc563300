// The pass over attention's rows (see attention_softmax.cuh) for every type, mixed ones too, and every depth:
// in float32 on the FMA units.
//
// A block of 128 threads has 64 rows and goes through tiles of 64 keys; a thread has rows y + 8 i and keys
// t + 16 j of a tile, so the 16 threads of half a warp share their rows and find the greatest in four
// shuffles. With output the probabilities of a tile go through shared memory, where 64 channels of the values
// meet them; more channels are other blocks' work. Shared memory: 64 rows of queries of the depth where they
// fit into 48 KB beside the rest (else 32 channels at a time), 9 KB of streamed rows, 20 KB of probabilities
// with output.
//
// Cost per (query, key): 2 D flops, 2 Dv more with output, one exponential. 128 FMA a clock and SM of an H100
// against 16 exponentials: by that model FMA are the limit from D = 8 on.
#pragma once
#include "attention_softmax_rows.cuh"
#include "simt_product.cuh"

namespace tsv {
namespace cuda {

constexpr int kSimtValues = 64;                  // channels of the values a block
constexpr int kSimtProbabilityStride = 64 + 16;  // rows of neighbouring threads in other banks

template <bool kOutput, class Distances>
struct SimtSoftmax {
  const AttentionSoftmaxArguments& a;
  SoftmaxRows& shared;
  const SoftmaxBlock at;
  const SimtOperands operands;
  const Distances distances;  // NoDistances or those of a thread's rows

  __device__ int t() const { return int(threadIdx.x) % 16; }
  __device__ int y() const { return int(threadIdx.x) / 16; }
  __device__ const float* bias() const { return a.in.bias + at.b * a.in.bias_stride; }
  __device__ int64_t key_matrix() const { return at.b * a.in.key_heads + at.key_head; }

  __device__ void run() {
    const auto query = [&](int row) { return shared.query[row]; };
    operands.keep(a.in.q.dtype, query);
    AttentionPartial rows[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) rows[i] = {-CUDART_INF_F, 0.0f, 0.0f, 0.0f};
    float out[8][4] = {};
    const int64_t begin = at.first_key(a, shared, kSimtTile), end = at.last_key(a, shared);
    for (int64_t key = begin; key < end; key += kSimtTile) {
      float x[8][4] = {};
      operands.multiply(x, a.in.q.dtype, query, a.in.k.dtype, [&](int row) {
        return key + row < a.in.keys ? row_at(a.in.k, key_matrix(), key + row) : nullptr;
      });
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        logits(x[i], int(key), i);
        const float by = exponentials(x[i], rows[i]);
        if constexpr (kOutput) {
#pragma unroll
          for (int j = 0; j < 4; ++j) {
            out[i][j] *= by;
            operands.after()[(y() + 8 * i) * kSimtProbabilityStride + t() + 16 * j] = x[i][j];
          }
        }
      }
      if constexpr (kOutput) add_values(out, key);
    }
#pragma unroll
    for (int i = 0; i < 8; ++i) finish(rows[i], out[i], y() + 8 * i);
  }

  __device__ void logits(float (&x)[4], int key, int i) const {
    const int first = shared.first[y() + 8 * i], last = shared.last[y() + 8 * i];
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int place = key + t() + 16 * j;
      const float of_key = bias()[place];
      float logit = x[j] * a.in.scale;
      if constexpr (Distances::kScale) logit *= distances.factor(i, distances.at(place));
      if (a.in.soft_cap > 0.0f) logit = soft_capped(logit, a.in.soft_cap);
      const bool seen = of_key > kHidden && place >= first && place < last;
      x[j] = seen ? logit + of_key : -CUDART_INF_F;
    }
  }

  // Logits to exponentials and their row's sums; returns by what earlier ones were scaled.
  __device__ float exponentials(float (&x)[4], AttentionPartial& row) const {
    float greatest = fmaxf(fmaxf(x[0], x[1]), fmaxf(x[2], x[3]));
#pragma unroll
    for (int step = 8; step > 0; step /= 2) {
      greatest = fmaxf(greatest, __shfl_xor_sync(kFullWarp, greatest, step));
    }
    const float by = raise(row, fmaxf(row.greatest, greatest));
    const float shift = shift_of(row.greatest);
    float sum = 0.0f, weighted = 0.0f;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const float d = x[j] - shift;
      x[j] = exp2f(d);
      sum += x[j];
      if (a.weighted != 0) weighted += weighted_term(x[j], d);
    }
    row.sum += sum;
    row.weighted += weighted;
    return by;
  }

  // Probabilities in shared memory times values, which come 32 keys at a time. Values of masked keys are
  // zeros: they meet probabilities of 0.
  __device__ void add_values(float (&out)[8][4], int64_t key) const {
    constexpr int kHalf = kSimtTile / 2;
#pragma unroll 1
    for (int half = 0; half < 2; ++half) {
      const int64_t first = key + half * kHalf;
      fetch_rows<kHalf, kSimtValues>(
          operands.streamed, kSimtValues, a.v.dtype, int(at.chunk) * kSimtValues, a.value_depth,
          [&](int row) {
            return bias()[first + row] > kHidden ? row_at(a.v, key_matrix(), first + row) : nullptr;
          });
      __syncthreads();
#pragma unroll 2
      for (int k = 0; k < kHalf; k += 4) {
        float4 v[4];
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          v[j] = *reinterpret_cast<const float4*>(operands.streamed + (k + j) * kSimtValues + t() * 4);
        }
#pragma unroll
        for (int i = 0; i < 8; ++i) {
          const float4 p = *reinterpret_cast<const float4*>(
              operands.after() + (y() + 8 * i) * kSimtProbabilityStride + half * kHalf + k);
          const float of[4] = {p.x, p.y, p.z, p.w};
#pragma unroll
          for (int j = 0; j < 4; ++j) {
            out[i][0] = fmaf(of[j], v[j].x, out[i][0]);
            out[i][1] = fmaf(of[j], v[j].y, out[i][1]);
            out[i][2] = fmaf(of[j], v[j].z, out[i][2]);
            out[i][3] = fmaf(of[j], v[j].w, out[i][3]);
          }
        }
      }
      __syncthreads();
    }
  }

  __device__ void finish(AttentionPartial& sums, const float (&out)[4], int mine) const {
#pragma unroll
    for (int step = 8; step > 0; step /= 2) {
      sums.sum += __shfl_xor_sync(kFullWarp, sums.sum, step);
      sums.weighted += __shfl_xor_sync(kFullWarp, sums.weighted, step);
    }
    const int64_t place = shared.place[mine];
    if (place < 0) return;
    const int64_t row = statistics_row(a.in, at.b, at.key_head, place);
    const int64_t partial_row = at.split * int64_t(a.in.batch) * a.in.heads * a.in.row_count + row;
    if (at.chunk == 0 && t() == 0) a.partial[partial_row] = sums;
    if constexpr (kOutput) store(sums, out, row, partial_row);
  }

  __device__ void store(const AttentionPartial& sums, const float (&out)[4], int64_t row,
                        int64_t partial_row) const {
    const float scale = a.splits > 1 ? 1.0f : output_scale(sums, a.lse == nullptr ? nullptr : a.lse + row);
    const int query = a.in.rows[at.b * a.in.row_count + row % a.in.row_count].query;
    const int first = int(at.chunk) * kSimtValues + t() * 4;
    float* together = nullptr;  // where four floats go by one instruction
    if (a.splits > 1) {
      together = a.partial_output + partial_row * a.value_depth + first;
    } else if (a.output.dtype == TSV_FLOAT32) {
      together = const_cast<float*>(token_at<float>(a.output, row / a.in.row_count, query)) + first;
    }
    if (together != nullptr && first + 4 <= a.value_depth && aligned16(together)) {
      float scaled[4];
#pragma unroll
      for (int j = 0; j < 4; ++j) scaled[j] = a.splits > 1 ? out[j] : scale == 0.0f ? 0.0f : out[j] * scale;
      store_chunk(together, scaled);
      return;
    }
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int column = first + j;
      if (column >= a.value_depth) break;
      if (a.splits > 1) {
        a.partial_output[partial_row * a.value_depth + column] = out[j];
      } else {
        store_float(a.output, row / a.in.row_count, query, column, scale == 0.0f ? 0.0f : out[j] * scale);
      }
    }
  }
};

template <bool kOutput>
__device__ inline void attention_softmax_simt(const AttentionSoftmaxArguments& a) {
  extern __shared__ float4 memory[];
  __shared__ SoftmaxRows rows;
  const SoftmaxBlock at(a, kOutput ? kSimtValues : 0);
  load_rows(rows, a.in, at.b, at.key_head, at.tile);
  SimtSoftmax<kOutput, NoDistances>{a, rows, at, simt_operands(memory, a.in), {}}.run();
}

// The same with factors of distances.
template <bool kOutput>
__device__ inline void attention_softmax_simt_by_distance(const AttentionSoftmaxDistanceArguments& all) {
  extern __shared__ float4 memory[];
  __shared__ SoftmaxRows rows;
  const AttentionSoftmaxArguments& a = all.softmax;
  const SoftmaxBlock at(a, kOutput ? kSimtValues : 0);
  load_rows(rows, a.in, at.b, at.key_head, at.tile);
  SimtSoftmax<kOutput, Distances<8>>{a, rows, at, simt_operands(memory, a.in),
                                     softmax_distances<8>(all, rows, at.b, int(threadIdx.x) / 16)}
      .run();
}

}  // namespace cuda
}  // namespace tsv
