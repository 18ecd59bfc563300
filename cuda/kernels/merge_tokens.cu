// tokens[s] = the members of slot s put together: with f_m the size of member m times the map's weight for
// it,
//   mean: sum f_m x_m / sum f_m    sum: sum f_m x_m    max: the elementwise maximum, NaN if any is
//   norm: the mean's direction at the norm of the longest member
// and sizes[s] = the sum of the members' sizes, with the exceptions of native/kernels/merge_tokens.h: a slot
// of one member that is not rescaled is a copy, a member with f_m = 0 takes no part, factors that add up to 0
// give zeros. Slots are CSR, in device memory, and so are their offsets: what lies past the last slot is
// zeros.
//
// merge_slots: a warp for 512 bytes of a slot's columns, 16 a lane where rows are aligned, 8 warps a block.
// It goes through the members in their order, fused multiply-adds in float32, as the CPU does: sums come out
// in the CPU's bits, whatever the schedule. A slot of many members is shared out by its columns alone. Each
// element is read once, coalesced, and each output written once: 2 flops an element, the limit is memory
// bandwidth.
//
// merge_norms: a warp for a whole slot, which it reads three times, twice out of cache: for the norms of its
// members, for the mean's, and for the result.
#include "merge_slots.cuh"

using namespace tsv::cuda;

#define TSV_MERGE_TOKENS(suffix, T) \
  extern "C" __global__ void __launch_bounds__(256) tsv_merge_slots_##suffix(const MergeTokensArguments a) { \
    merge_slots<T>(a); \
  } \
  extern "C" __global__ void __launch_bounds__(256, 1) \
      tsv_merge_norms_##suffix(const MergeTokensArguments a) { \
    merge_norms<T>(a); \
  }
TSV_MERGE_TOKENS(f32, float)
TSV_MERGE_TOKENS(f16, __half)
TSV_MERGE_TOKENS(bf16, __nv_bfloat16)
