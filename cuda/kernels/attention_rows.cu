// What passes over attention's logits need to know beforehand of each query and key, and what they leave put
// together. Every kernel here reads and writes a few bytes a row or a key: launches and memory are the limit,
// some 10^-3 of the work of a pass.
//
//   attention_rows            which keys each chosen query sees by its place; of kAttentionTile queries,
//   which
//                             any and which all see. A block a tile.
//   attention_keys            bias in units of log2(e), -Infinity where a key is masked. A thread a key.
//   attention_observers       how many rows see each key, for reduce 'observed'. A thread a key, which reads
//                             all rows of its batch item: a broadcast of 16 bytes a warp.
//   attention_known           statistics of rows whose log-sum-exp is known. A warp a row, until it finds a
//   key. attention_combine         the splits of a row's keys to one: statistics, log-sum-exp, entropy. A
//   thread a
//                             row.
//   attention_combine_output  the same for outputs. A warp a row.
#include "attention_logits.cuh"

namespace tsv {
namespace cuda {

__device__ inline AttentionRow attention_row(const AttentionRowsArguments& a, int64_t b, int64_t i) {
  int64_t query = a.first_query + i;
  if (a.list != nullptr) {
    query = a.list_is_int64 != 0 ? static_cast<const int64_t*>(a.list)[i]
                                 : static_cast<const int32_t*>(a.list)[i];
    if (query < 0 || query >= a.queries) {
      report_range(a.fault, TSV_ARG_QUERIES, double(query), 0, a.queries - 1, i);
      return {0, 0, 0, 0};
    }
  }
  AttentionRow row = {int32_t(query), 0, 0, int32_t(a.slot_is_query != 0 ? query : i)};
  if (a.query_mask != nullptr && a.query_mask[b * a.query_mask_stride + query] == 2) return row;
  if (a.lengths != nullptr && query >= a.lengths[b]) return row;
  const int64_t own = a.keys - a.queries + query;  // bottom-right aligned
  const int64_t first = a.window > 0 ? own - a.window + 1 : 0, last = a.causal != 0 ? own + 1 : a.keys;
  row.first = int32_t(min(max(first, int64_t(0)), a.keys));
  row.last = int32_t(min(max(last, int64_t(row.first)), a.keys));
  atomicAdd(a.counted + b, 1);
  return row;
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(kAttentionTile)
    tsv_attention_rows(const AttentionRowsArguments a) {
  __shared__ AttentionTile of_warps[kAttentionTile / kWarp];
  const int64_t tiles = (a.count + kAttentionTile - 1) / kAttentionTile;
  const int64_t b = blockIdx.x / tiles, tile = blockIdx.x % tiles;
  const int64_t i = tile * kAttentionTile + threadIdx.x;
  AttentionRow row = {0, 0, 0, 0};
  if (i < a.count) {
    row = attention_row(a, b, i);
    *reinterpret_cast<int4*>(a.rows + b * a.count + i) = {row.query, row.first, row.last, row.slot};
  }
  AttentionTile sum = {row.first < row.last ? row.first : INT32_MAX, row.last, row.first, row.last};
#pragma unroll
  for (int step = kWarp / 2; step > 0; step /= 2) {
    sum.any_first = min(sum.any_first, __shfl_xor_sync(kFullWarp, sum.any_first, step));
    sum.any_last = max(sum.any_last, __shfl_xor_sync(kFullWarp, sum.any_last, step));
    sum.all_first = max(sum.all_first, __shfl_xor_sync(kFullWarp, sum.all_first, step));
    sum.all_last = min(sum.all_last, __shfl_xor_sync(kFullWarp, sum.all_last, step));
  }
  if (lane() == 0) of_warps[warp()] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    const AttentionTile &x = of_warps[0], &y = of_warps[1];
    a.tiles[b * tiles + tile] = {min(x.any_first, y.any_first), max(x.any_last, y.any_last),
                                 max(x.all_first, y.all_first), min(x.all_last, y.all_last)};
  }
}

extern "C" __global__ void __launch_bounds__(256) tsv_attention_keys(const AttentionKeysArguments a) {
  const int64_t at = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= a.batch * a.stride) return;
  const int64_t b = at / a.stride, j = at % a.stride;
  float bias = -CUDART_INF_F;
  if (j < a.keys && token_state(a.mask, b, j) != 2) {
    bias = a.given == nullptr ? 0.0f : float(double(a.given[b * a.given_stride + j]) * 1.4426950408889634);
    if (bias <= kHidden) bias = -CUDART_INF_F;
  }
  a.bias[at] = bias;
}

extern "C" __global__ void __launch_bounds__(128)
    tsv_attention_observers(const AttentionObserversArguments a) {
  const int64_t at = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= a.batch * a.scored) return;
  const int64_t b = at / a.scored, j = a.first_scored + at % a.scored;
  const int64_t tiles = (a.row_count + kAttentionTile - 1) / kAttentionTile;
  int32_t seen = 0;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const AttentionTile of = a.tiles[b * tiles + tile];
    if (j < of.any_first || j >= of.any_last) continue;
    const int64_t end = min((tile + 1) * kAttentionTile, a.row_count);
    for (int64_t i = tile * kAttentionTile; i < end; ++i) {
      const AttentionRow row = a.rows[b * a.row_count + i];
      seen += j >= row.first && j < row.last ? 1 : 0;
    }
  }
  a.seen[at] = seen;
}

extern "C" __global__ void __launch_bounds__(128) tsv_attention_known(const AttentionKnownArguments a) {
  const int64_t at = int64_t(blockIdx.x) * (blockDim.x / kWarp) + warp();
  if (at >= a.batch * a.row_count) return;
  const int64_t b = at / a.row_count, i = at % a.row_count;
  const AttentionRow row = a.rows[at];
  const float* bias = a.bias + b * a.bias_stride;
  bool sees = false;
  for (int first = row.first; first < row.last && !sees; first += kWarp) {
    const int j = first + lane();
    sees = __any_sync(kFullWarp, j < row.last && bias[j] > kHidden) != 0;
  }
  for (int h = lane(); h < a.heads; h += kWarp) {
    const int64_t to = (b * a.heads + h) * a.row_count + i;
    const float lse = a.lse[to];
    const bool empty = !sees || known_shift(lse) <= 0.5f * kHidden;
    a.statistics[to] = {empty ? 0.0f : known_shift(lse), empty ? 0.0f : 1.0f};
    if (a.lse_out != nullptr) a.lse_out[to] = empty ? -CUDART_INF_F : lse;
  }
}

// The splits of row `at` put together, in order.
__device__ inline AttentionPartial combined(const AttentionCombineArguments& a, int64_t at) {
  const int64_t rows = int64_t(a.batch) * a.heads * a.row_count;
  AttentionPartial total = a.partial[at];
  for (int split = 1; split < a.splits; ++split) add(total, a.partial[split * rows + at]);
  return total;
}

extern "C" __global__ void __launch_bounds__(128) tsv_attention_combine(const AttentionCombineArguments a) {
  const int64_t at = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= int64_t(a.batch) * a.heads * a.row_count) return;
  const AttentionPartial row = combined(a, at);
  const float known = a.lse == nullptr ? 0.0f : known_shift(a.lse[at]);
  const bool empty = is_empty(row) || (a.lse != nullptr && known <= 0.5f * kHidden);
  if (a.statistics != nullptr) {
    AttentionStatistics of = {0.0f, 0.0f};
    if (!empty && a.lse == nullptr) of = {row.greatest, 1.0f / row.sum};
    if (!empty && a.lse != nullptr) of = {known, 1.0f};
    a.statistics[at] = of;
  }
  if (a.lse_out != nullptr) {
    const float lse = a.lse == nullptr ? fmaf(row.greatest, kLn2, logf(row.sum)) : a.lse[at];
    a.lse_out[at] = empty ? -CUDART_INF_F : lse;
  }
  if (a.entropy != nullptr) {
    // -sum p ln p with p = 2^(x - shift) / sum; where the log-sum-exp is known, p = 2^(x - known).
    float entropy;
    if (a.lse == nullptr) {
      entropy = logf(row.sum) - kLn2 * (row.weighted / row.sum);
    } else {
      const float above = row.greatest - known;
      entropy = -kLn2 * exp2f(above) * fmaf(row.sum, above, row.weighted);
    }
    a.entropy[at] = empty ? 0.0f : entropy;
  }
}

extern "C" __global__ void __launch_bounds__(128)
    tsv_attention_combine_output(const AttentionCombineArguments a) {
  const int64_t at = int64_t(blockIdx.x) * (blockDim.x / kWarp) + warp();
  const int64_t rows = int64_t(a.batch) * a.heads * a.row_count;
  if (at >= rows) return;
  const AttentionPartial row = combined(a, at);
  const int64_t head = at / a.row_count, b = head / a.heads;
  const int32_t query = a.rows[b * a.row_count + at % a.row_count].query;
  const float scale = output_scale(row, a.lse == nullptr ? nullptr : a.lse + at);
  for (int c = lane(); c < a.value_depth; c += kWarp) {
    float sum = 0.0f;
    for (int split = 0; split < a.splits; ++split) {
      const AttentionPartial part = a.partial[split * rows + at];
      if (is_empty(part)) continue;
      sum = fmaf(exp2f(part.greatest - row.greatest),
                 a.partial_output[(split * rows + at) * a.value_depth + c], sum);
    }
    store_float(a.output, head, query, c, scale == 0.0f ? 0.0f : sum * scale);
  }
}
