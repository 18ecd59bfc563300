// Density peaks of an item's tokens (tokensieve.h, tsv_knn_density): how dense it is around each, from its k
// nearest, and how far the nearest denser one is.
//
// The k nearest come from kernels/similarity_argmax.cu, in order, and average_nearest adds their squared
// distances in that order, a thread a token.
//
// nearest_denser: a block of 128 threads has 64 rows and goes through all columns, 64 at a time
// (product.cuh); a lane keeps, for each of its rows, the nearest of those columns that are denser, ties of
// density going to the lower index, and the least similarity with any. 2 N^2 C flops beside those of the k
// nearest: the matrix peak is the limit. Model for an H100 by flops, both products: 577 x 577 x 1024, 32
// items, 0.65 ms, since l2 is in float32; 44 us by cosine in 16 bits.
//
// knn_separation: a warp a token takes the distance to that one again in float64: a product of lengths and
// angles loses those of near copies. greatest_distance: a block an item finds the row of the least
// similarity, takes its distances again, and gives the greatest to the tokens that none is denser than.
#include "scan.cuh"
#include "similarity.cuh"

namespace tsv {
namespace cuda {

// Of a token that none is denser than, until the greatest distance is known.
constexpr float kDensest = -1.0f;

__device__ inline double distance(const KnnDensityArguments& a, float similarity) {
  if (a.metric == TSV_METRIC_COSINE) return 1.0 - double(similarity);
  return sqrt((0.0 - double(similarity)) / double(a.channels > 1 ? a.channels : 1));
}

// Whether token j comes before token i in order of density, NaN last.
__device__ inline bool is_denser(float of_j, int j, float of_i, int i) {
  if (isnan(of_i) || isnan(of_j)) return isnan(of_i) && (!isnan(of_j) || j < i);
  return of_j > of_i || (of_j == of_i && j < i);
}

template <class T>
__device__ inline void nearest_denser(const KnnDensityArguments& a) {
  using Product = ProductTile<T>;
  __shared__ ProductStage stages[2];
  const ItemBlock block(a.rows.capacity / kProductTile);
  const int row = block.place * kProductTile;
  const int64_t first_row = block.item * a.rows.capacity;
  const float* factors = a.rows.factors + first_row;
  const float* densities = a.density + block.item * a.rows.count;
  float factor[Product::kRowCount], density[Product::kRowCount], best[Product::kRowCount],
      least[Product::kRowCount];
  int where[Product::kRowCount];
#pragma unroll
  for (int r = 0; r < Product::kRowCount; ++r) {
    const int i = row + Product::row(r);
    factor[r] = factors[i];
    density[r] = i < a.rows.count ? densities[i] : 0.0f;
    best[r] = -CUDART_INF_F;
    least[r] = CUDART_INF_F;
    where[r] = -1;
  }
  for_each_column_tile<T>(
      stages, a.rows, a.rows, block.item, row, column_tiles(a.rows, block.item),
      [&](const Product& product, int first) {
#pragma unroll
        for (int c = 0; c < Product::kColumnCount; ++c) {
          const int column = first + Product::column(c);
          const float other = factors[column];
          if (is_absent(other)) continue;
          const float dense = densities[column];
#pragma unroll
          for (int r = 0; r < Product::kRowCount; ++r) {
            const float s = similarity(product.value(r, c), factor[r], other, a.metric);
            if (s < least[r]) least[r] = s;
            if (!(s > best[r]) || !is_denser(dense, column, density[r], row + Product::row(r))) continue;
            best[r] = s;
            where[r] = column;
          }
        }
      });
#pragma unroll
  for (int r = 0; r < Product::kRowCount; ++r) {
    const Key key = greatest_key<Product::kRowLanes>(where[r] < 0 ? Key(0) : make_key(best[r], where[r]));
    float fewest = least[r];
#pragma unroll
    for (int step = Product::kRowLanes / 2; step > 0; step /= 2) {
      fewest = fminf(fewest, __shfl_xor_sync(kFullWarp, fewest, step));
    }
    if (lane() % Product::kRowLanes != 0) continue;
    a.denser[first_row + row + Product::row(r)] = key;
    a.least[first_row + row + Product::row(r)] = fewest;
  }
}

// The nearest denser token of token i and its least similarity with any, by float64.
__device__ inline Key search_denser(const KnnDensityArguments& a, int64_t item, int i, float* least) {
  const uint8_t* kinds = a.rows.kinds + item * a.rows.capacity;
  const float* densities = a.density + item * a.rows.count;
  const AnyRow token = any_row(a.x, item, i);
  Key best = 0;
  float fewest = CUDART_INF_F;
  for (int first = 0; first < a.rows.count; first += 2) {
    const int mine = first + lane() / kHalfWarp, column = mine < a.rows.count ? mine : first;
    const float s = pair_similarity(token, any_row(a.x, item, column), a.channels, a.metric);
    if (kinds[column] == kAbsentToken || isnan(s)) continue;
    fewest = fminf(fewest, s);
    const Key key = make_key(s, column);
    if (key > best && is_denser(densities[column], column, densities[i], i)) best = key;
  }
  *least = fminf(fewest, __shfl_xor_sync(kFullWarp, fewest, kHalfWarp));
  return greatest_key<kWarp>(best);
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(256, 4) tsv_average_nearest(const KnnDensityArguments a) {
  const ItemBlock block((a.rows.count + int(blockDim.x) - 1) / int(blockDim.x));
  const int i = block.place * int(blockDim.x) + int(threadIdx.x);
  if (i >= a.rows.count) return;
  const int64_t at = block.item * a.rows.count + i;
  const bool absent = a.rows.kinds[block.item * a.rows.capacity + i] == kAbsentToken;
  double squares = 0.0;
  for (int j = 0; j < a.k; ++j) {
    const double d = distance(a, a.nearest[at * a.k + j]);
    squares += d * d;
  }
  a.density[at] = absent || (a.flags[block.item] & kRefused) != 0 ? 0.0f : float(exp(-squares / double(a.k)));
}

#define TSV_NEAREST_DENSER(suffix, T) \
  extern "C" __global__ void __launch_bounds__(kProductThreads) \
      tsv_nearest_denser_##suffix(const KnnDensityArguments a) { \
    nearest_denser<T>(a); \
  }
TSV_NEAREST_DENSER(f32, float)
TSV_NEAREST_DENSER(f16, __half)
TSV_NEAREST_DENSER(bf16, __nv_bfloat16)

extern "C" __global__ void __launch_bounds__(128, 8) tsv_knn_separation(const KnnDensityArguments a) {
  const int warps = int(blockDim.x) / kWarp;
  const ItemBlock block((a.rows.count + warps - 1) / warps);
  const int i = block.place * warps + warp();
  if (i >= a.rows.count) return;
  const int64_t at = block.item * a.rows.capacity + i;
  const uint8_t kind = a.rows.kinds[at];
  const int flags = a.flags[block.item];
  float separation, least = a.least[at];
  if (kind == kAbsentToken || (flags & kRefused) != 0) {
    separation = 0.0f;
    least = CUDART_INF_F;
  } else if (kind == kNotFiniteToken) {
    separation = CUDART_NAN_F;
    least = CUDART_INF_F;
  } else {
    Key nearest = a.denser[at];
    if (kind == kExtremeToken || (flags & kHasExtreme) != 0) {
      nearest = search_denser(a, block.item, i, &least);
    }
    separation = kDensest;
    if (nearest != 0) {
      const float s = pair_similarity(any_row(a.x, block.item, i),
                                      any_row(a.x, block.item, key_index(nearest)), a.channels, a.metric);
      separation = float(distance(a, s));
    }
  }
  __syncwarp();
  if (lane() != 0) return;
  a.least[at] = least;
  a.separation[block.item * a.rows.count + i] = separation;
}

extern "C" __global__ void __launch_bounds__(256) tsv_greatest_distance(const KnnDensityArguments a) {
  __shared__ Key farthest[kMostWarps];
  __shared__ double greatest[kMostWarps];
  const int64_t item = blockIdx.x, first = item * a.rows.capacity;
  const int n = a.rows.count, threads = int(blockDim.x);
  Key key = 0;
  for (int i = int(threadIdx.x); i < n; i += threads) {
    const float least = a.least[first + i];
    const Key here = least < CUDART_INF_F ? make_key(-least, i) : Key(0);
    key = here > key ? here : key;
  }
  key = greatest_key<kWarp>(key);
  if (lane() == 0) farthest[warp()] = key;
  __syncthreads();
  for (int w = 0; w < warps(); ++w) key = farthest[w] > key ? farthest[w] : key;

  double most = 0.0;
  for (int j = 2 * warp(); j < n && key != 0; j += 2 * warps()) {
    const int mine = j + lane() / kHalfWarp, column = mine < n ? mine : j;
    const float s =
        pair_similarity(any_row(a.x, item, key_index(key)), any_row(a.x, item, column), a.channels, a.metric);
    const double d = distance(a, s);
    if (a.rows.kinds[first + column] != kAbsentToken && d > most && d < CUDART_INF) most = d;
  }
  const double other = __shfl_xor_sync(kFullWarp, most, kHalfWarp);
  if (lane() == 0) greatest[warp()] = other > most ? other : most;
  __syncthreads();
  for (int w = 0; w < warps(); ++w) most = greatest[w] > most ? greatest[w] : most;
  for (int i = int(threadIdx.x); i < n; i += threads) {
    float& separation = a.separation[item * n + i];
    if (separation == kDensest) separation = float(most);
  }
}
