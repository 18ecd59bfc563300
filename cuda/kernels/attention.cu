// output[i,:] = sum_j softmax_j(x_ij) v_j with x_ij = softcap(scale q_i.k_j) + bias_j, and each row's
// log-sum-exp and entropy: attention with a running greatest logit, the matrix of probabilities never stored.
// What a block does, what it costs and what limits it stands in attention_softmax.cuh (tensor cores, elements
// of one 16-bit type, depths in multiples of 16 up to 256) and in attention_softmax_simt.cuh (everything
// else).
//
// The number in a name is the greatest depth; a block has as many channels of the values, up to 128, and more
// are other blocks' work. 16 or 32 keys a tile keep two stages of keys and values under 48 KB of shared
// memory and leave registers (150, 210, 230 at depths of 64, 128, 256) for two blocks a multiprocessor or
// more. sm_75 has no bfloat16 product: its bfloat16 kernels are empty, and the plan takes the form of any
// type.
#include "attention_softmax.cuh"
#include "attention_softmax_simt.cuh"

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(kSimtThreads, 2)
    tsv_attention_output_any(const AttentionSoftmaxArguments a) {
  attention_softmax_simt<true>(a);
}

#define TSV_ATTENTION_OUTPUT(suffix, T, kDepth, kKeys, kValues) \
  extern "C" __global__ void __launch_bounds__(kSoftmaxThreads, 2) \
      tsv_attention_output_##suffix##_##kDepth(const AttentionSoftmaxArguments a) { \
    if constexpr (kHasMma<T>) attention_softmax<T, kDepth, kKeys, kValues>(a); \
  }
TSV_ATTENTION_OUTPUT(f16, __half, 64, 32, 64)
TSV_ATTENTION_OUTPUT(f16, __half, 128, 32, 128)
TSV_ATTENTION_OUTPUT(f16, __half, 256, 16, 128)
TSV_ATTENTION_OUTPUT(bf16, __nv_bfloat16, 64, 32, 64)
TSV_ATTENTION_OUTPUT(bf16, __nv_bfloat16, 128, 32, 128)
TSV_ATTENTION_OUTPUT(bf16, __nv_bfloat16, 256, 16, 128)
