// Attention received, without an attention matrix: two passes over the logits, of which the first is left out
// where the rows' log-sum-exp is known.
//
//   attention_lse      the greatest logit and the sum of exponentials of each row (attention_softmax.cuh,
//                      attention_softmax_simt.cuh)
//   attention_columns  for each key the probabilities of the chosen rows, added up (attention_columns.cuh,
//                      attention_columns_simt.cuh)
//
// What blocks do, what they cost and what limits them stands there. The number in a name is the greatest
// depth of a form for tensor cores, which takes elements of one 16-bit type and depths in multiples of 16;
// `any` takes everything else. sm_75 has no bfloat16 product: its bfloat16 kernels are empty, and the plan
// takes `any`.
#include "attention_columns.cuh"
#include "attention_columns_simt.cuh"
#include "attention_softmax.cuh"
#include "attention_softmax_simt.cuh"
using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(kSimtThreads, 3)
    tsv_attention_lse_any(const AttentionSoftmaxArguments a) {
  attention_softmax_simt<false>(a);
}
extern "C" __global__ void __launch_bounds__(kSimtThreads, 3)
    tsv_attention_columns_any(const AttentionColumnsArguments a) {
  attention_columns_simt(a);
}

#define TSV_ATTENTION_LSE(suffix, T, kDepth, kKeys) \
  extern "C" __global__ void __launch_bounds__(kSoftmaxThreads, 3) \
      tsv_attention_lse_##suffix##_##kDepth(const AttentionSoftmaxArguments a) { \
    if constexpr (kHasMma<T>) attention_softmax<T, kDepth, kKeys, 0>(a); \
  }
TSV_ATTENTION_LSE(f16, __half, 64, 64)
TSV_ATTENTION_LSE(f16, __half, 128, 64)
TSV_ATTENTION_LSE(f16, __half, 256, 32)
TSV_ATTENTION_LSE(bf16, __nv_bfloat16, 64, 64)
TSV_ATTENTION_LSE(bf16, __nv_bfloat16, 128, 64)
TSV_ATTENTION_LSE(bf16, __nv_bfloat16, 256, 32)

#define TSV_ATTENTION_COLUMNS(suffix, T, kDepth, kRows, kGroups) \
  extern "C" __global__ void __launch_bounds__(kColumnsThreads, kDepth == 128 ? 2 : 3) \
      tsv_attention_columns_##suffix##_##kDepth(const AttentionColumnsArguments a) { \
    if constexpr (kHasMma<T>) attention_columns<T, kDepth, kRows, kGroups>(a); \
  }
TSV_ATTENTION_COLUMNS(f16, __half, 64, 64, 2)
TSV_ATTENTION_COLUMNS(f16, __half, 128, 64, 2)
TSV_ATTENTION_COLUMNS(f16, __half, 256, 32, 1)
TSV_ATTENTION_COLUMNS(bf16, __nv_bfloat16, 64, 64, 2)
TSV_ATTENTION_COLUMNS(bf16, __nv_bfloat16, 128, 64, 2)
TSV_ATTENTION_COLUMNS(bf16, __nv_bfloat16, 256, 32, 1)
