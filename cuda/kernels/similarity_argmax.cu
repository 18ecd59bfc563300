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
#include "similarity.cuh"

namespace tsv {
namespace cuda {

template <class T>
__device__ inline void best_column(const BestColumnsArguments& a) {
  using Product = ProductTile<T>;
  __shared__ ProductStage stages[2];
  const ItemBlock block(a.rows.capacity / kProductTile);
  const int64_t item = block.item;
  const int row = block.place * kProductTile;
  if (row >= row_count(a.rows, item)) return;
  const float* row_factors = a.rows.factors + item * a.rows.capacity + row;
  const float* column_factors = a.columns.factors + item * a.columns.capacity;
  float factor[Product::kRowCount], best[Product::kRowCount];
  int where[Product::kRowCount];
#pragma unroll
  for (int r = 0; r < Product::kRowCount; ++r) {
    factor[r] = row_factors[Product::row(r)];
    best[r] = -CUDART_INF_F;
    where[r] = -1;
  }
  for_each_column_tile<T>(stages, a.rows, a.columns, item, row, column_tiles(a.columns, item),
                          [&](const Product& product, int first) {
#pragma unroll
                            for (int c = 0; c < Product::kColumnCount; ++c) {
                              const int column = first + Product::column(c);
                              const float other = column_factors[column];
                              if (is_absent(other)) continue;
#pragma unroll
                              for (int r = 0; r < Product::kRowCount; ++r) {
                                const float s = similarity(product.value(r, c), factor[r], other, a.metric);
                                if (!(s > best[r])) continue;
                                best[r] = s;
                                where[r] = column;
                              }
                            }
                          });
#pragma unroll
  for (int r = 0; r < Product::kRowCount; ++r) {
    const Key key = greatest_key<Product::kRowLanes>(where[r] < 0 ? Key(0) : make_key(best[r], where[r]));
    if (lane() % Product::kRowLanes == 0) a.keys[item * a.rows.capacity + row + Product::row(r)] = key;
  }
}

// A product in shared memory: 8 places more than a row has leave two lanes of a store at most in one bank.
constexpr int kScorePitch = kProductTile + 8;

template <class T>
__device__ inline void best_columns(const BestColumnsArguments& a) {
  using Product = ProductTile<T>;
  __shared__ ProductStage stages[2];
  __shared__ float products[kProductTile * kScorePitch];
  const ItemBlock block(a.rows.capacity / kProductTile);
  const int64_t item = block.item;
  const int row = block.place * kProductTile;
  if (row >= row_count(a.rows, item)) return;
  const float* row_factors = a.rows.factors + item * a.rows.capacity + row;
  const float* column_factors = a.columns.factors + item * a.columns.capacity;
  Key* lists = a.keys + (item * a.rows.capacity + row) * a.k;
  for (int i = lane(); i < 16 * a.k; i += kWarp) lists[warp() * 16 * a.k + i] = 0;
  __syncwarp();
  for_each_column_tile<T>(
      stages, a.rows, a.columns, item, row, column_tiles(a.columns, item),
      [&](const Product& product, int first) {
#pragma unroll
        for (int r = 0; r < Product::kRowCount; ++r) {
#pragma unroll
          for (int c = 0; c < Product::kColumnCount; ++c) {
            products[Product::row(r) * kScorePitch + Product::column(c)] = product.value(r, c);
          }
        }
        __syncwarp();
        for (int r = warp() * 16; r < warp() * 16 + 16; ++r) {
          const float factor = row_factors[r];
          if (is_absent(factor)) continue;
          Key* list = lists + int64_t(r) * a.k;
          Key last = list[a.k - 1];
#pragma unroll
          for (int half = 0; half < 2; ++half) {
            const int column = half * kWarp + lane();
            const float other = column_factors[first + column];
            const Key key =
                is_absent(other)
                    ? Key(0)
                    : make_key(similarity(products[r * kScorePitch + column], factor, other, a.metric),
                               first + column);
            for (unsigned enter = __ballot_sync(kFullWarp, key > last); enter != 0; enter &= enter - 1) {
              const Key next = __shfl_sync(kFullWarp, key, __ffs(int(enter)) - 1);
              if (next <= last) continue;
              insert_key(list, a.k, next);
              last = list[a.k - 1];
            }
          }
        }
        __syncwarp();
      });
}

// The rows of a warp in finish_best.
struct FinishedRow {
  AnyRow token;
  int64_t item;
  Key* keys;
};

__device__ inline AnyRow column_token(const FinishBestArguments& a, int64_t item, int column) {
  const int64_t token =
      a.column_list == nullptr ? column : a.column_list[item * a.column_list_stride + column];
  return any_row(a.b, item, token);
}

// The k best of all columns by float64.
__device__ inline void search_row(const FinishBestArguments& a, const FinishedRow& row) {
  for (int i = lane(); i < a.k; i += kWarp) row.keys[i] = 0;
  __syncwarp();
  const uint8_t* kinds = a.columns.kinds + row.item * a.columns.capacity;
  const int count = row_count(a.columns, row.item);
  Key last = 0;
  for (int first = 0; first < count; first += 2) {
    const int mine = first + lane() / kHalfWarp, column = mine < count ? mine : first;
    const float s = pair_similarity(row.token, column_token(a, row.item, column), a.channels, a.metric);
    const Key key = mine < count && kinds[column] != kAbsentToken ? make_key(s, column) : Key(0);
    for (int half = 0; half < 2; ++half) {
      const Key next = __shfl_sync(kFullWarp, key, half * kHalfWarp);
      if (next <= last) continue;
      insert_key(row.keys, a.k, next);
      last = row.keys[a.k - 1];
    }
  }
}

// The similarities of the chosen by float64, and their order by those.
__device__ inline void order_row(const FinishBestArguments& a, const FinishedRow& row, Key* exact) {
  for (int first = 0; first < a.k; first += 2) {
    const int mine = first + lane() / kHalfWarp, place = mine < a.k ? mine : first;
    const int column = key_index(row.keys[place]);
    const float s = pair_similarity(row.token, column_token(a, row.item, column), a.channels, a.metric);
    if (half_lane() == 0 && mine < a.k) exact[place] = make_key(s, column);
  }
  __syncwarp();
  for (int i = lane(); i < a.k; i += kWarp) {
    int better = 0;
    for (int j = 0; j < a.k; ++j) better += exact[j] > exact[i];
    row.keys[better] = exact[i];
  }
}

__device__ inline bool must_search(const FinishBestArguments& a, int64_t item, uint8_t kind,
                                   const Key* keys) {
  if (kind == kExtremeToken || (a.flags[item] & kHasExtreme) != 0) return true;
  const Key last = keys[a.k - 1];
  return last == 0 || (a.metric == TSV_METRIC_L2 && isnan(key_value(last)));
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

#define TSV_BEST_COLUMNS(suffix, T) \
  extern "C" __global__ void __launch_bounds__(kProductThreads) \
      tsv_best_column_##suffix(const BestColumnsArguments a) { \
    best_column<T>(a); \
  } \
  extern "C" __global__ void __launch_bounds__(kProductThreads) \
      tsv_best_columns_##suffix(const BestColumnsArguments a) { \
    best_columns<T>(a); \
  }
TSV_BEST_COLUMNS(f32, float)
TSV_BEST_COLUMNS(f16, __half)
TSV_BEST_COLUMNS(bf16, __nv_bfloat16)

extern "C" __global__ void __launch_bounds__(128, 8) tsv_finish_best(const FinishBestArguments a) {
  const int warps = int(blockDim.x) / kWarp;
  const ItemBlock block((a.out_rows + warps - 1) / warps);
  const int64_t item = block.item;
  const int at = block.place * warps + warp();
  if (at >= a.out_rows) return;
  const int64_t place = item * a.rows.capacity + at, out = (item * a.out_rows + at) * a.k;
  const uint8_t kind = a.rows.kinds[place];
  if (kind == kAbsentToken || (a.flags[item] & kRefused) != 0) {
    for (int i = lane(); i < a.k; i += kWarp) {
      a.indices[out + i] = -1;
      a.values[out + i] = -CUDART_INF_F;
    }
    return;
  }
  const int64_t token = a.row_list == nullptr ? at : a.row_list[item * a.row_list_stride + at];
  const FinishedRow row = {any_row(a.a, item, token), item, a.keys + place * a.k};
  if (must_search(a, item, kind, row.keys)) {
    __syncwarp();
    search_row(a, row);
  } else {
    order_row(a, row, a.exact + place * a.k);
  }
  __syncwarp();
  for (int i = lane(); i < a.k; i += kWarp) {
    a.indices[out + i] = key_index(row.keys[i]);
    a.values[out + i] = key_value(row.keys[i]);
  }
}
