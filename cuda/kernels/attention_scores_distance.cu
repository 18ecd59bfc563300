// The kernels of attention_scores.cu where logits are multiplied by factors of distances
// (attention_distances.cuh). Kernels of their own, so that those without keep their registers.
#include "attention_columns.cuh"
#include "attention_columns_simt.cuh"
#include "attention_softmax.cuh"
#include "attention_softmax_simt.cuh"
using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(kSimtThreads, 3)
    tsv_attention_lse_distance_any(const AttentionSoftmaxDistanceArguments a) {
  attention_softmax_simt_by_distance<false>(a);
}
extern "C" __global__ void __launch_bounds__(kSimtThreads, 2)
    tsv_attention_columns_distance_any(const AttentionColumnsDistanceArguments a) {
  attention_columns_simt_by_distance(a);
}

#define TSV_ATTENTION_LSE(suffix, T, kDepth, kKeys) \
  extern "C" __global__ void __launch_bounds__(kSoftmaxThreads, 3) \
      tsv_attention_lse_distance_##suffix##_##kDepth(const AttentionSoftmaxDistanceArguments a) { \
    if constexpr (kHasMma<T>) attention_softmax_by_distance<T, kDepth, kKeys, 0>(a); \
  }
TSV_ATTENTION_LSE(f16, __half, 64, 64)
TSV_ATTENTION_LSE(f16, __half, 128, 32)
TSV_ATTENTION_LSE(f16, __half, 256, 32)
TSV_ATTENTION_LSE(bf16, __nv_bfloat16, 64, 64)
TSV_ATTENTION_LSE(bf16, __nv_bfloat16, 128, 32)
TSV_ATTENTION_LSE(bf16, __nv_bfloat16, 256, 32)

#define TSV_ATTENTION_COLUMNS(suffix, T, kDepth, kRows, kGroups) \
  extern "C" __global__ void __launch_bounds__(kColumnsThreads, kDepth == 128 ? 2 : 3) \
      tsv_attention_columns_distance_##suffix##_##kDepth(const AttentionColumnsDistanceArguments a) { \
    if constexpr (kHasMma<T>) attention_columns_by_distance<T, kDepth, kRows, kGroups>(a); \
  }
TSV_ATTENTION_COLUMNS(f16, __half, 64, 64, 2)
TSV_ATTENTION_COLUMNS(f16, __half, 128, 64, 2)
TSV_ATTENTION_COLUMNS(f16, __half, 256, 32, 1)
TSV_ATTENTION_COLUMNS(bf16, __nv_bfloat16, 64, 64, 2)
TSV_ATTENTION_COLUMNS(bf16, __nv_bfloat16, 128, 64, 2)
TSV_ATTENTION_COLUMNS(bf16, __nv_bfloat16, 256, 32, 1)
