// The best columns of each row, over those that a row may choose: the bodies of the kernels of
// similarity_argmax.cu, whose head says how, and similarity_candidates.cu.
#pragma once
#include "similarity.cuh"

namespace tsv {
namespace cuda {

// Every row may choose every column, by similarity itself.
struct EveryColumn {
  struct Weight {
    __device__ float of(float similarity) const { return similarity; }
  };
  __device__ EveryColumn(const BestColumnsArguments&, int64_t) {}
  __device__ EveryColumn(const FinishBestArguments&, int64_t) {}
  __device__ TileRange tiles(int, TileRange all) const { return all; }
  __device__ int first_column(int) const { return 0; }
  __device__ int last_column(int, int count) const { return count; }
  __device__ bool is_hidden(int, int) const { return false; }
  __device__ Weight weight(int) const { return {}; }
  __device__ float exact_value(float similarity, int) const { return similarity; }
  __device__ float value_of(Key key) const { return key_value(key); }
};

template <class T, class Columns, class Arguments>
__device__ inline void best_column(const Arguments& a) {
  using Product = ProductTile<T>;
  __shared__ ProductStage stages[2];
  const ItemBlock block(a.rows.capacity / kProductTile);
  const int64_t item = block.item;
  const int row = block.place * kProductTile;
  if (row >= row_count(a.rows, item)) return;
  const Columns candidates(a, item);
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
  const TileRange tiles = candidates.tiles(block.place, column_tiles(a.columns, item));
  for_each_column_tile<T>(
      stages, a.rows, a.columns, item, row, tiles, [&](const Product& product, int first) {
#pragma unroll
        for (int c = 0; c < Product::kColumnCount; ++c) {
          const int column = first + Product::column(c);
          const float other = column_factors[column];
          if (is_absent(other)) continue;
          const auto weight = candidates.weight(column);
#pragma unroll
          for (int r = 0; r < Product::kRowCount; ++r) {
            if (candidates.is_hidden(row + Product::row(r), column)) continue;
            const float s = weight.of(similarity(product.value(r, c), factor[r], other, a.metric));
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

template <class T, class Columns, class Arguments>
__device__ inline void best_columns(const Arguments& a) {
  using Product = ProductTile<T>;
  __shared__ ProductStage stages[2];
  __shared__ float products[kProductTile * kScorePitch];
  const ItemBlock block(a.rows.capacity / kProductTile);
  const int64_t item = block.item;
  const int row = block.place * kProductTile;
  if (row >= row_count(a.rows, item)) return;
  const Columns candidates(a, item);
  const float* row_factors = a.rows.factors + item * a.rows.capacity + row;
  const float* column_factors = a.columns.factors + item * a.columns.capacity;
  Key* lists = a.keys + (item * a.rows.capacity + row) * a.k;
  for (int i = lane(); i < 16 * a.k; i += kWarp) lists[warp() * 16 * a.k + i] = 0;
  __syncwarp();
  for_each_column_tile<T>(
      stages, a.rows, a.columns, item, row, candidates.tiles(block.place, column_tiles(a.columns, item)),
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
            const auto weight = candidates.weight(first + column);
            const Key key =
                is_absent(other) || candidates.is_hidden(row + r, first + column)
                    ? Key(0)
                    : make_key(
                          weight.of(similarity(products[r * kScorePitch + column], factor, other, a.metric)),
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

// A row of a warp in finish_best.
struct FinishedRow {
  AnyRow token;
  int64_t item;
  int at;  // in its item
  Key* keys;
};

__device__ inline AnyRow column_token(const FinishBestArguments& a, int64_t item, int column) {
  const int64_t token =
      a.column_list == nullptr ? column : a.column_list[item * a.column_list_stride + column];
  return any_row(a.b, item, token);
}

// The k best of a row's candidates by float64.
template <class Columns>
__device__ inline void search_row(const FinishBestArguments& a, const FinishedRow& row,
                                  const Columns& candidates) {
  for (int i = lane(); i < a.k; i += kWarp) row.keys[i] = 0;
  __syncwarp();
  const uint8_t* kinds = a.columns.kinds + row.item * a.columns.capacity;
  const int count = candidates.last_column(row.at, row_count(a.columns, row.item));
  Key last = 0;
  for (int first = candidates.first_column(row.at); first < count; first += 2) {
    const int mine = first + lane() / kHalfWarp, column = mine < count ? mine : first;
    const float s = pair_similarity(row.token, column_token(a, row.item, column), a.channels, a.metric);
    const bool may_choose =
        mine < count && kinds[column] != kAbsentToken && !candidates.is_hidden(row.at, column);
    const Key key = may_choose ? make_key(candidates.exact_value(s, column), column) : Key(0);
    for (int half = 0; half < 2; ++half) {
      const Key next = __shfl_sync(kFullWarp, key, half * kHalfWarp);
      if (next <= last) continue;
      insert_key(row.keys, a.k, next);
      last = row.keys[a.k - 1];
    }
  }
}

// The values of the chosen by float64, and their order by those.
template <class Columns>
__device__ inline void order_row(const FinishBestArguments& a, const FinishedRow& row,
                                 const Columns& candidates, Key* exact) {
  for (int first = 0; first < a.k; first += 2) {
    const int mine = first + lane() / kHalfWarp, place = mine < a.k ? mine : first;
    const int column = key_index(row.keys[place]);
    const float s = pair_similarity(row.token, column_token(a, row.item, column), a.channels, a.metric);
    if (half_lane() == 0 && mine < a.k) exact[place] = make_key(candidates.exact_value(s, column), column);
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

template <class Columns, class Arguments>
__device__ inline void finish_best(const Arguments& a) {
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
  const FinishedRow row = {any_row(a.a, item, token), item, at, a.keys + place * a.k};
  const Columns candidates(a, item);
  if (must_search(a, item, kind, row.keys)) {
    __syncwarp();
    search_row(a, row, candidates);
  } else {
    order_row(a, row, candidates, a.exact + place * a.k);
  }
  __syncwarp();
  for (int i = lane(); i < a.k; i += kWarp) {
    a.indices[out + i] = key_index(row.keys[i]);  // -1 for none
    a.values[out + i] = candidates.value_of(row.keys[i]);
  }
}

}  // namespace cuda
}  // namespace tsv
