// For each token of a the k tokens of b that are most like it, b's whole range in one block.
//
// best_column (k = 1) and best_columns: a block of 128 threads has 64 rows of an item and goes through all
// columns, 64 at a time (product.cuh), so that no blocks have to agree and no matrix of similarities is kept.
// The factors of similarity.cuh come in as each product leaves its tile.
//   k = 1  A lane keeps the best of its own columns for each of its rows: columns ascend and only a strictly
//          greater one replaces. At the end 4 or 16 lanes compare keys.
//   k > 1  A product goes to shared memory, 18 KB. A warp then takes its rows one by one, two columns a
//          lane: those above the list's last enter it, best first, at about k (1 + ln(columns / k)) a row.
//          The lists, k keys a row, stay in L1.
// finish_best: a warp a row gives the chosen their similarities in float64 (pair_similarity.cuh), two at a
// time, and puts them in order by that. A row of which float32 knows too little is searched again whole: one
// of an extreme token, or that meets one, l2 with NaN, and k = 1 where nothing was above -infinity.
//
// 2 Na Nb C flops; reads a once and b once for each 64 rows of a, from L2. Tensor cores' peak in 16 bits and
// FMA's in float32 are the limit. Model for an H100: 288 x 289 x 1024, 32 items, 5.5 GFLOP: 5.5 us in 16
// bits, 82 us in float32, beside 22 us for reading, preparing and reading again 38 MB; one item alone keeps 5
// of 132 SMs busy. 16 KB of shared memory, with lists 34 KB.
#include "best_columns.cuh"

using namespace tsv::cuda;

#define TSV_BEST_COLUMNS(suffix, T) \
  extern "C" __global__ void __launch_bounds__(kProductThreads) \
      tsv_best_column_##suffix(const BestColumnsArguments a) { \
    best_column<T, EveryColumn>(a); \
  } \
  extern "C" __global__ void __launch_bounds__(kProductThreads) \
      tsv_best_columns_##suffix(const BestColumnsArguments a) { \
    best_columns<T, EveryColumn>(a); \
  }
TSV_BEST_COLUMNS(f32, float)
TSV_BEST_COLUMNS(f16, __half)
TSV_BEST_COLUMNS(bf16, __nv_bfloat16)

extern "C" __global__ void __launch_bounds__(128, 8) tsv_finish_best(const FinishBestArguments a) {
  finish_best<EveryColumn>(a);
}
