// Where the keys and the rows of attention stand, as int32, and whether its factors are finite: what
// attention_distances.cuh reads. A thread an element of each; launches and memory are the limit.
#include "common.cuh"

namespace tsv {
namespace cuda {

// An element of a batch item's positions, or of the one row for all.
__device__ inline int32_t position_of(const AttentionPositionsArguments& a, const void* list, int64_t stride,
                                      bool is_int64, int argument, int64_t b, int64_t i) {
  const int64_t at = b * stride + i;
  if (!is_int64) return static_cast<const int32_t*>(list)[at];
  const int64_t position = static_cast<const int64_t*>(list)[at];
  if (position >= INT32_MIN && position <= INT32_MAX) return int32_t(position);
  report_range(a.fault, argument, double(position), INT32_MIN, INT32_MAX, at);
  return 0;
}

__device__ inline int32_t key_position(const AttentionPositionsArguments& a, int64_t b, int64_t key) {
  if (a.keys == nullptr) return int32_t(key);
  return position_of(a, a.keys, a.keys_stride, a.keys_are_int64 != 0, TSV_ARG_POSITIONS, b, key);
}

__device__ inline int32_t query_position(const AttentionPositionsArguments& a, int64_t b, int64_t query) {
  if (a.queries == nullptr) return key_position(a, b, a.key_count - a.query_count + query);
  return position_of(a, a.queries, a.queries_stride, a.queries_are_int64 != 0, TSV_ARG_QUERY_POSITIONS, b,
                     query);
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(128)
    tsv_attention_positions(const AttentionPositionsArguments a) {
  const int64_t at = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at < a.batch * a.stride) {
    const int64_t b = at / a.stride, key = at % a.stride;
    a.key_position[at] = key < a.key_count ? key_position(a, b, key) : 0;
  }
  if (at < a.batch * a.row_count) {
    a.row_position[at] = query_position(a, at / a.row_count, a.rows[at].query);
  }
  if (at < a.factor_count && !isfinite(a.factors[at])) {
    report_not_finite(a.fault, TSV_ARG_DISTANCE_SCALE, double(a.factors[at]), at);
  }
}
