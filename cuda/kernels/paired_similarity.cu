// out[i] = the similarity of a_i and b_i:
//   cosine  a.b / (|a| |b|), 0 where either is a zero vector
//   dot     a.b
//   l2      -|a - b|^2
// and 0 for a dropped token; in float64, and the CPU's bits (pair_similarity.cuh).
//
// Half a warp takes a pair, 16 pairs a block of 256 threads; its request is 64 contiguous bytes of float32,
// two whole sectors, or 32 of 16-bit floats, one. Up to 3 conversions and multiply-adds in float64 for 4 to 8
// bytes read: memory bandwidth where float64 runs at half rate; where it runs at 1/64, as on most GPUs for
// graphics, its units are the limit.
#include "pair_similarity.cuh"

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(256) tsv_compare_pairs(const PairedSimilarityArguments p) {
  const int64_t pair = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) / kHalfWarp, n = p.mask.n;
  const bool there = pair < p.rows * n;
  const int64_t row = there ? pair / n : 0, token = there ? pair % n : 0;
  const bool dropped = !there || token_state(p.mask, row, token) == 2;
  const int32_t channels = dropped ? 0 : p.columns;
  const float similarity =
      pair_similarity(any_row(p.a, row, token), any_row(p.b, row, token), channels, p.metric);
  if (there && half_lane() == 0) p.similarity[pair] = similarity;
}
