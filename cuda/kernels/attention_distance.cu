// The kernels of attention.cu where logits are multiplied by factors of distances (attention_distances.cuh).
// Kernels of their own, so that those without keep their registers.
#include "attention_softmax.cuh"
#include "attention_softmax_simt.cuh"

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(kSimtThreads, 2)
    tsv_attention_output_distance_any(const AttentionSoftmaxDistanceArguments a) {
  attention_softmax_simt_by_distance<true>(a);
}

#define TSV_ATTENTION_OUTPUT(suffix, T, kDepth, kKeys, kValues) \
  extern "C" __global__ void __launch_bounds__(kSoftmaxThreads, 2) \
      tsv_attention_output_distance_##suffix##_##kDepth(const AttentionSoftmaxDistanceArguments a) { \
    if constexpr (kHasMma<T>) attention_softmax_by_distance<T, kDepth, kKeys, kValues>(a); \
  }
TSV_ATTENTION_OUTPUT(f16, __half, 64, 32, 64)
TSV_ATTENTION_OUTPUT(f16, __half, 128, 32, 128)
TSV_ATTENTION_OUTPUT(f16, __half, 256, 16, 128)
TSV_ATTENTION_OUTPUT(bf16, __nv_bfloat16, 64, 32, 64)
TSV_ATTENTION_OUTPUT(bf16, __nv_bfloat16, 128, 32, 128)
TSV_ATTENTION_OUTPUT(bf16, __nv_bfloat16, 256, 16, 128)
