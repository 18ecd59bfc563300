// From the columns of attention_columns to scores, in the order of the definition: reduced over queries,
// times the norms of the values, pooled along the keys, reduced over heads. A thread a result; neighbours
// read and write neighbours, 16 sectors a request of 512 bytes. Memory is the limit, a few bytes for each D
// flops of the passes before.
#include "attention_logits.cuh"

namespace tsv {
namespace cuda {

// The average, or the greatest, over a window about place j of a row; outside stand 0 or -Infinity. Sums are
// made 32 at a time, so that a long window's error does not grow with it.
__device__ inline float pooled(const float* row, int64_t n, int64_t j, int64_t kernel, bool maximum) {
  if (kernel <= 1) return row[j];
  const int64_t first = max(j - kernel / 2, int64_t(0)), end = min(j + kernel / 2 + 1, n);
  float result = maximum ? -CUDART_INF_F : 0.0f;
  for (int64_t at = first; at < end; at += kWarp) {
    const int64_t stop = min(at + kWarp, end);
    float part = result;
    if (!maximum) part = 0.0f;
    for (int64_t i = at; i < stop; ++i) part = maximum ? max_or_nan(part, row[i]) : part + row[i];
    result = maximum ? part : result + part;
  }
  return maximum ? result : result / float(kernel);
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(128) tsv_attention_finish(const AttentionFinishArguments a) {
  const int64_t at = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  const int64_t all = int64_t(a.batch) * a.heads * a.scored;
  if (at >= all) return;
  const int64_t i = at % a.scored, head = at / a.scored, b = head / a.heads, j = a.first_scored + i;
  float score = 0.0f;
  for (int chunk = 0; chunk < a.chunks; ++chunk) {
    const float x = a.columns[chunk * all + at];
    score = a.maximum != 0 ? max_or_nan(score, x) : score + x;
  }
  if (a.counted != nullptr && a.counted[b] > 0) score /= float(a.counted[b]);
  if (a.seen != nullptr) {
    const int32_t seen = a.seen[b * a.scored + i];
    score = seen > 0 ? score / float(seen) : 0.0f;
  }
  if (a.norms != nullptr) score *= a.norms[head / a.group * a.keys + j];
  a.scores[at] = a.bias[b * a.bias_stride + j] > kHidden ? score : 0.0f;
}

extern "C" __global__ void __launch_bounds__(128) tsv_attention_heads(const AttentionHeadsArguments a) {
  const int64_t at = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= a.rows * a.scored) return;
  const int64_t j = at % a.scored;
  const float* first = a.scores + at / a.scored * a.heads * a.scored;
  float result = a.maximum != 0 ? -CUDART_INF_F : 0.0f;
  for (int h = 0; h < a.heads; ++h) {
    const float x = pooled(first + h * a.scored, a.scored, j, a.pool_kernel, a.pool_mode == TSV_POOL_MAX);
    result = a.maximum != 0 ? max_or_nan(result, x) : result + x;
  }
  a.reduced[at] = a.mean != 0 ? result / float(a.heads) : result;
}
