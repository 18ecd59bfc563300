// From the columns of attention_columns to scores: reduced over queries and times the norms of the values;
// then, after the pooling of pool_scores.cu, reduced over heads. A thread a result; neighbours read and write
// neighbours, 16 sectors a request of 512 bytes. Memory is the limit, a few bytes for each D flops of the
// passes before.
#include "attention_logits.cuh"

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
  const float* first = a.scores + at / a.scored * a.heads * a.scored + at % a.scored;
  float result = a.maximum != 0 ? -CUDART_INF_F : 0.0f;
  for (int h = 0; h < a.heads; ++h) {
    const float x = first[h * a.scored];
    result = a.maximum != 0 ? max_or_nan(result, x) : result + x;
  }
  a.reduced[at] = a.mean != 0 ? result / float(a.heads) : result;
}
