// norms[r,i] = ||x[r,i,:]||_p, p = 1 or 2, in float32; 0 for a dropped token.
//
// One warp a token, 8 tokens a block: 256 threads fill an SM's 64 warps with 8 blocks, and nothing is shared
// between warps. A lane reads 16 bytes at a time where rows are aligned, so that a warp's request is 512
// contiguous bytes, 16 sectors. 2 C flops for C elements read once: the bandwidth of memory is the limit.
#include "common.cuh"

namespace tsv {
namespace cuda {

template <class T>
__device__ void token_norms(const TokenNormsArguments& a) {
  const int64_t at = int64_t(blockIdx.x) * (blockDim.x / kWarp) + warp();
  if (at >= a.rows * a.n) return;
  const int64_t row = at / a.n, token = at % a.n;
  const T* x = token_at<T>(a.x, row, token);
  const auto term = [&](T element) {
    const float value = to_float(element);
    return a.p == 2 ? value * value : fabsf(value);
  };
  float sum = 0.0f;
  if (token_state(a.mask, row, token) != 2) {
    int first = 0;
    if (aligned16(x)) {
      const int chunks = a.channels / Chunk<T>::kCount;
      for (int c = lane(); c < chunks; c += kWarp) {
        const Chunk<T> chunk = reinterpret_cast<const Chunk<T>*>(x)[c];
#pragma unroll
        for (int e = 0; e < Chunk<T>::kCount; ++e) sum += term(chunk.element[e]);
      }
      first = chunks * Chunk<T>::kCount;
    }
    for (int c = first + lane(); c < a.channels; c += kWarp) sum += term(x[c]);
  }
  sum = warp_sum(sum);
  if (lane() == 0) a.norms[at] = a.p == 2 ? sqrtf(sum) : sum;
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

#define TSV_TOKEN_NORMS(suffix, T) \
  extern "C" __global__ void __launch_bounds__(256) tsv_token_norms_##suffix(const TokenNormsArguments a) { \
    token_norms<T>(a); \
  }
TSV_TOKEN_NORMS(f32, float)
TSV_TOKEN_NORMS(f16, __half)
TSV_TOKEN_NORMS(bf16, __nv_bfloat16)
