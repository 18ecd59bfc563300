// As similarity_argmax.cu where a token chooses among the others, the later or the earlier ones only, or
// columns have weights: what is compared is scale[j] s_ij + bias[j].
//
// weigh_candidates: a thread a column. Puts both weights in the order of the columns, 1 and 0 where there are
// none, and refuses items with one that is not finite.
// best_candidate, best_candidates, finish_candidates: the bodies of best_columns.cuh. A block of 64 rows goes
// through the tiles of 64 columns that hold candidates of its own: from its own on for the later ones, up to
// its own for the earlier ones, so that half of the 2 N^2 C flops are left. Beside the product a column costs
// two loads from L1, a similarity an FMA and a comparison. A row with fewer candidates than k is searched
// whole by finish_candidates, which are the last or the first k of an item.
#include "best_columns.cuh"

namespace tsv {
namespace cuda {

// The candidates of an item's rows.
class WeighedColumns {
 public:
  struct Weight {
    float scale, bias;
    __device__ float of(float similarity) const { return fmaf(similarity, scale, bias); }
  };
  template <class Arguments>
  __device__ WeighedColumns(const Arguments& a, int64_t item)
      : scale_(a.candidates.scale + item * a.columns.capacity),
        bias_(a.candidates.bias + item * a.columns.capacity),
        which_(a.candidates.which) {}

  __device__ TileRange tiles(int place, TileRange all) const {
    if (which_ == TSV_CANDIDATES_LATER) return {place, all.last};
    if (which_ == TSV_CANDIDATES_EARLIER) return {0, place < all.last ? place + 1 : all.last};
    return all;
  }
  __device__ int first_column(int row) const { return which_ == TSV_CANDIDATES_LATER ? row + 1 : 0; }
  __device__ int last_column(int row, int count) const {
    return which_ == TSV_CANDIDATES_EARLIER && row < count ? row : count;
  }
  __device__ bool is_hidden(int row, int column) const {
    return which_ == TSV_CANDIDATES_OTHERS    ? column == row
           : which_ == TSV_CANDIDATES_LATER   ? column <= row
           : which_ == TSV_CANDIDATES_EARLIER ? column >= row
                                              : false;
  }
  __device__ Weight weight(int column) const { return {scale_[column], bias_[column]}; }
  // As the CPU's: in float64, rounded once.
  __device__ float exact_value(float similarity, int column) const {
    return float(__dadd_rn(__dmul_rn(double(similarity), double(scale_[column])), double(bias_[column])));
  }
  __device__ float value_of(Key key) const { return key == 0 ? -CUDART_INF_F : key_value(key); }

 private:
  const float *scale_, *bias_;
  int32_t which_;
};

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(256) tsv_weigh_candidates(const WeighCandidatesArguments a) {
  const ItemBlock block((a.columns.capacity + int(blockDim.x) - 1) / int(blockDim.x));
  const int column = block.place * int(blockDim.x) + int(threadIdx.x);
  if (column >= a.columns.capacity) return;
  const int64_t at = block.item * a.columns.capacity + column;
  const bool is_there = column < a.columns.count;
  const float scale = is_there && a.scale != nullptr ? a.scale[block.item * a.scale_stride + column] : 1.0f;
  const float bias = is_there && a.bias != nullptr ? a.bias[block.item * a.bias_stride + column] : 0.0f;
  a.column_scale[at] = scale;
  a.column_bias[at] = bias;
  if (a.fault == nullptr || a.columns.kinds[at] == kAbsentToken) return;
  if (isfinite(scale) && isfinite(bias)) return;
  if (isfinite(scale)) {
    report_not_finite(a.fault, TSV_ARG_BIAS, double(bias), block.item * a.bias_stride + column);
  } else {
    report_not_finite(a.fault, TSV_ARG_SCALE, double(scale), block.item * a.scale_stride + column);
  }
  atomicOr(&a.flags[block.item], int(kRefused));
}

#define TSV_BEST_CANDIDATES(suffix, T) \
  extern "C" __global__ void __launch_bounds__(kProductThreads) \
      tsv_best_candidate_##suffix(const BestCandidatesArguments a) { \
    best_column<T, WeighedColumns>(a); \
  } \
  extern "C" __global__ void __launch_bounds__(kProductThreads) \
      tsv_best_candidates_##suffix(const BestCandidatesArguments a) { \
    best_columns<T, WeighedColumns>(a); \
  }
TSV_BEST_CANDIDATES(f32, float)
TSV_BEST_CANDIDATES(f16, __half)
TSV_BEST_CANDIDATES(bf16, __nv_bfloat16)

extern "C" __global__ void __launch_bounds__(128, 8)
    tsv_finish_candidates(const FinishCandidatesArguments a) {
  finish_best<WeighedColumns>(a);
}
