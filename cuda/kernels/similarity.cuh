// What similarities are made of and ordered by, once tokens are ready (prepare_tokens.cu).
#pragma once
#include "pair_similarity.cuh"
#include "product.cuh"

namespace tsv {
namespace cuda {

// The similarity of two prepared tokens from the product of their rows and their factors:
//   cosine  the factor is 1 / |row|, 0 for a zero vector, NaN for one that is not finite
//   dot     the product is all
//   l2      the factor is |row|^2 about the centre, NaN for a token that is not finite
// Absent tokens have the factor -1 in all three.
__device__ inline float similarity(float product, float a, float b, int metric) {
  if (metric == TSV_METRIC_COSINE) return a == 0.0f || b == 0.0f ? 0.0f : product * a * b;
  if (metric == TSV_METRIC_DOT) return product;
  return fmaf(2.0f, product, -(a + b));
}
__device__ inline bool is_absent(float factor) { return factor < 0.0f; }

// The rows of an item of prepared tokens that exist.
__device__ inline int row_count(const PreparedTokens& tokens, int64_t item) {
  return tokens.counts == nullptr ? tokens.count : tokens.counts[item];
}

// What a block works on where each item has as many: its item, and its place there.
struct ItemBlock {
  int64_t item;
  int place;
  __device__ explicit ItemBlock(int64_t blocks_an_item)
      : item(blockIdx.x / blocks_an_item), place(int(blockIdx.x % blocks_an_item)) {}
};

// Tiles of 64 columns.
struct TileRange {
  int first, last;
};

// Products of 64 rows of one item, from `row` on, with the columns of some tiles: use(product, first column)
// for each of them. The tokens' rows are of type T.
template <class T, class Use>
__device__ inline void for_each_column_tile(ProductStage (&stages)[2], const PreparedTokens& rows,
                                            const PreparedTokens& columns, int64_t item, int row,
                                            TileRange tiles, const Use& use) {
  using Product = ProductTile<T>;
  const int64_t depth = rows.depth;
  const T* a = static_cast<const T*>(rows.rows) + (item * rows.capacity + row) * depth;
  const T* b = static_cast<const T*>(columns.rows) +
               (item * columns.capacity + int64_t(tiles.first) * kProductTile) * depth;
  for_each_product<Product>(
      stages, tiles.last > tiles.first ? tiles.last - tiles.first : 0, rows.depth / Product::kDepth,
      [&](ProductStage& stage, int tile, int step) {
        copy_rows<Product>(stage.a, a + step * Product::kDepth, depth);
        copy_rows<Product>(stage.b, b + tile * kProductTile * depth + step * Product::kDepth, depth);
      },
      [&](const Product& product, int tile) { use(product, (tiles.first + tile) * kProductTile); });
}

__device__ inline TileRange column_tiles(const PreparedTokens& columns, int64_t item) {
  return {0, (row_count(columns, item) + kProductTile - 1) / kProductTile};
}

// ---- Order: higher value first, then lower index, NaN last ----

// A similarity and the column it is with, as a number that is the greater the better: no two columns of a row
// have the same, and 0 is none.
using Key = uint64_t;

__device__ inline Key make_key(float value, int index) {
  const uint32_t bits = __float_as_uint(value + 0.0f);  // -0 is +0
  const uint32_t order = isnan(value) ? 0 : (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
  return Key(order) << 32 | uint32_t(~index);
}
__device__ inline int key_index(Key key) { return int(~uint32_t(key)); }
__device__ inline float key_value(Key key) {
  const uint32_t order = uint32_t(key >> 32);
  if (order == 0) return CUDART_NAN_F;
  return __uint_as_float((order & 0x80000000u) != 0 ? order & 0x7fffffffu : ~order);
}

// The greatest key of kLanes lanes that lie next to each other, in each of them.
template <int kLanes>
__device__ inline Key greatest_key(Key key) {
#pragma unroll
  for (int step = kLanes / 2; step > 0; step /= 2) {
    const Key other = __shfl_xor_sync(kFullWarp, key, step);
    key = other > key ? other : key;
  }
  return key;
}

// Puts a key into a list of k that descends, whose last falls out. All lanes of a warp, with the same key,
// which is greater than the last.
__device__ inline void insert_key(Key* list, int k, Key key) {
  for (int end = k; end > 0;) {
    const int begin = end > kWarp ? end - kWarp : 0, at = begin + lane();
    const Key here = at < end ? list[at] : 0, before = at < end && at > 0 ? list[at - 1] : ~Key(0);
    __syncwarp();
    if (at < end && here < key) list[at] = before < key ? before : key;
    __syncwarp();
    if (__any_sync(kFullWarp, at < end && here > key)) return;
    end = begin;
  }
}

}  // namespace cuda
}  // namespace tsv
