// For each token the mean, or the sum, of a function of its similarities with all tokens of its item:
//   elu       s - m where s > m, else exp(s - m) - 1
//   gaussian  exp(-((1 - s) / sigma)^2 / 2)
//   count     1 where s > t, summed
//   square    s^2
//   mean      s
//
// reduce_similarities: a block of 128 threads has 64 rows of an item and goes through all columns, 64 at a
// time (product.cuh). A lane adds the function of its 4 or 16 columns in float32 and each of these sums in
// float64, so that the rounding is that of a few; 4 or 16 lanes add up at the end. 2 N^2 C flops and N^2
// functions, of which an exponential costs about ten instructions: the matrix peak is the limit from C of a
// few hundred in 16 bits, of 64 in float32. Model for an H100 by flops: 577 x 577 x 1024, 32 items, 22
// us in 16 bits, 0.33 ms in float32.
//
// The mean needs no pairs: a row's products with the columns add up to its product with their sum.
// sum_columns adds 64 rows, a thread a channel, add_column_sums the pieces in order; 4 N C flops, reading the
// rows twice: the bandwidth of memory is the limit.
//
// finish_reduction: a warp a token divides, multiplies by the sum for the mean, and does in float64, pair by
// pair, what float32 products cannot: tokens that are extreme or meet one, and those that are not finite.
#include "similarity.cuh"

namespace tsv {
namespace cuda {

__device__ inline float function_of(float s, int32_t function, float parameter) {
  switch (function) {
    case TSV_SIMILARITY_GAUSSIAN: {
      const float far = (1.0f - s) * parameter;
      return expf(-0.5f * (far * far));
    }
    case TSV_SIMILARITY_COUNT_ABOVE:
      return s > parameter ? 1.0f : 0.0f;
    case TSV_SIMILARITY_SQUARE:
      return s * s;
    default: {
      const float over = s - parameter;
      return over > 0.0f ? over : expf(over) - 1.0f;
    }
  }
}

__device__ inline double exact_function_of(double s, int32_t function, double parameter) {
  switch (function) {
    case TSV_SIMILARITY_GAUSSIAN: {
      const double far = (1.0 - s) / parameter;
      return exp(-0.5 * far * far);
    }
    case TSV_SIMILARITY_COUNT_ABOVE:
      return s > parameter ? 1.0 : 0.0;
    case TSV_SIMILARITY_SQUARE:
      return s * s;
    case TSV_SIMILARITY_ELU:
      return s > parameter ? s - parameter : expm1(s - parameter);
    default:
      return s;
  }
}

template <class T>
__device__ inline void reduce_similarities(const SimilarityReduceArguments& a) {
  using Product = ProductTile<T>;
  __shared__ ProductStage stages[2];
  const ItemBlock block(a.rows.capacity / kProductTile);
  const int row = block.place * kProductTile;
  const int64_t first_row = block.item * a.rows.capacity;
  const float* factors = a.rows.factors + first_row;
  const float bound = a.metric == TSV_METRIC_COSINE ? 1.0f : CUDART_INF_F;
  float factor[Product::kRowCount];
  double sums[Product::kRowCount];
#pragma unroll
  for (int r = 0; r < Product::kRowCount; ++r) {
    factor[r] = factors[row + Product::row(r)];
    sums[r] = 0.0;
  }
  for_each_column_tile<T>(stages, a.rows, a.rows, block.item, row, column_tiles(a.rows, block.item),
                          [&](const Product& product, int first) {
                            float part[Product::kRowCount] = {};
#pragma unroll
                            for (int c = 0; c < Product::kColumnCount; ++c) {
                              const int column = first + Product::column(c);
                              const float other = factors[column];
                              if (is_absent(other)) continue;
#pragma unroll
                              for (int r = 0; r < Product::kRowCount; ++r) {
                                if (a.without_self != 0 && column == row + Product::row(r)) continue;
                                const float s = similarity(product.value(r, c), factor[r], other, a.metric);
                                const float bounded = s > bound ? bound : s < -bound ? -bound : s;
                                part[r] += function_of(bounded, a.function, a.product_parameter);
                              }
                            }
#pragma unroll
                            for (int r = 0; r < Product::kRowCount; ++r) sums[r] += double(part[r]);
                          });
#pragma unroll
  for (int r = 0; r < Product::kRowCount; ++r) {
    double sum = sums[r];
#pragma unroll
    for (int step = Product::kRowLanes / 2; step > 0; step /= 2) sum += __shfl_xor_sync(kFullWarp, sum, step);
    if (lane() % Product::kRowLanes == 0) a.sums[first_row + row + Product::row(r)] = sum;
  }
}

// Row `at` of the prepared ones.
__device__ inline AnyRow prepared_row(const SimilarityReduceArguments& a, int64_t at) {
  const int64_t bytes = a.dtype == TSV_FLOAT32 ? 4 : 2;
  return {static_cast<const char*>(a.rows.rows) + at * a.rows.depth * bytes, a.dtype};
}

__device__ inline double warp_sum_of_doubles(double x) {
#pragma unroll
  for (int step = kWarp / 2; step > 0; step /= 2) x += __shfl_xor_sync(kFullWarp, x, step);
  return x;
}

// The product of a row with the sum of the columns, as the sum of similarities.
__device__ inline double sum_by_total(const SimilarityReduceArguments& a, int64_t item, int64_t at,
                                      int present) {
  const double* total = a.totals + item * (a.rows.depth + 1);
  const AnyRow row = prepared_row(a, at);
  double sum = 0.0, square = 0.0;
  for (int c = lane(); c < a.rows.depth; c += kWarp) {
    const double x = double(row[c]);
    sum += x * total[c];
    square += x * x;
  }
  sum = warp_sum_of_doubles(sum);
  square = warp_sum_of_doubles(square);
  const double factor = double(a.rows.factors[at]);
  if (a.metric == TSV_METRIC_COSINE) return sum * factor - (a.without_self != 0 ? 1.0 : 0.0);
  if (a.metric == TSV_METRIC_DOT) return sum - (a.without_self != 0 ? square : 0.0);
  return 2.0 * sum - double(present) * factor - total[a.rows.depth];
}

__device__ inline double sum_by_pairs(const SimilarityReduceArguments& a, int64_t item, int i) {
  const uint8_t* kinds = a.rows.kinds + item * a.rows.capacity;
  const AnyRow token = any_row(a.x, item, i);
  double sum = 0.0;
  for (int first = 0; first < a.rows.count; first += 2) {
    const int mine = first + lane() / kHalfWarp, column = mine < a.rows.count ? mine : first;
    const float s = pair_similarity(token, any_row(a.x, item, column), a.channels, a.metric);
    for (int half = 0; half < 2 && first + half < a.rows.count; ++half) {
      const int j = first + half;
      const double of_half = double(__shfl_sync(kFullWarp, s, half * kHalfWarp));
      if (kinds[j] == kAbsentToken || (a.without_self != 0 && j == i)) continue;
      sum += exact_function_of(of_half, a.function, a.parameter);
    }
  }
  return sum;
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

#define TSV_REDUCE_SIMILARITIES(suffix, T) \
  extern "C" __global__ void __launch_bounds__(kProductThreads) \
      tsv_reduce_similarities_##suffix(const SimilarityReduceArguments a) { \
    reduce_similarities<T>(a); \
  }
TSV_REDUCE_SIMILARITIES(f32, float)
TSV_REDUCE_SIMILARITIES(f16, __half)
TSV_REDUCE_SIMILARITIES(bf16, __nv_bfloat16)

// Thread c of a block has channel c of a piece of 64 rows; the one past the last adds up factors, for l2.
extern "C" __global__ void __launch_bounds__(128) tsv_sum_columns(const SimilarityReduceArguments a) {
  const int width = a.rows.depth + 1;
  const ItemBlock block((width + int(blockDim.x) - 1) / int(blockDim.x));  // of a piece
  const int at = block.place * int(blockDim.x) + int(threadIdx.x);
  if (at >= width) return;
  double sum = 0.0;
  for (int64_t row = block.item * kProductTile; row < (block.item + 1) * kProductTile; ++row) {
    const float factor = a.rows.factors[row];
    if (is_absent(factor)) continue;
    const double scale = a.metric == TSV_METRIC_COSINE ? double(factor) : 1.0;
    sum += at == a.rows.depth ? double(factor) : scale * double(prepared_row(a, row)[at]);
  }
  a.partial[block.item * width + at] = sum;
}

extern "C" __global__ void __launch_bounds__(128) tsv_add_column_sums(const SimilarityReduceArguments a) {
  const int width = a.rows.depth + 1, pieces = a.rows.capacity / kProductTile;
  const ItemBlock block((width + int(blockDim.x) - 1) / int(blockDim.x));
  const int at = block.place * int(blockDim.x) + int(threadIdx.x);
  if (at >= width) return;
  double sum = 0.0;
  for (int piece = 0; piece < pieces; ++piece) sum += a.partial[(block.item * pieces + piece) * width + at];
  a.totals[block.item * width + at] = sum;
}

extern "C" __global__ void __launch_bounds__(128, 8) tsv_finish_reduction(const SimilarityReduceArguments a) {
  const int warps = int(blockDim.x) / kWarp, n = a.rows.count;
  const ItemBlock block((n + warps - 1) / warps);
  const int i = block.place * warps + warp();
  if (i >= n) return;
  const int64_t first = block.item * a.rows.capacity, at = first + i;
  const uint8_t kind = a.rows.kinds[at];
  float* out = a.similarity + block.item * n + i;
  if (kind == kAbsentToken) {
    if (lane() == 0) *out = 0.0f;
    return;
  }
  int present = 0;
  for (int j = 0; j < n; j += kWarp) {
    const bool here = j + lane() < n && a.rows.kinds[first + j + lane()] != kAbsentToken;
    present += __popc(__ballot_sync(kFullWarp, here));
  }
  const int others = present - (a.without_self != 0 ? 1 : 0), flags = a.flags[block.item];
  const bool by_pairs = kind == kNotFiniteToken || kind == kExtremeToken || (flags & kHasExtreme) != 0 ||
                        (a.metric == TSV_METRIC_L2 && (flags & kHasNotFinite) != 0);
  double sum;
  if (a.metric == TSV_METRIC_COSINE && kind == kZeroToken) {
    sum = double(others) * exact_function_of(0.0, a.function, a.parameter);
  } else if (by_pairs) {
    sum = sum_by_pairs(a, block.item, i);
  } else if (a.function == TSV_SIMILARITY_MEAN) {
    sum = sum_by_total(a, block.item, at, present);
  } else {
    sum = a.sums[at];
  }
  if (lane() != 0) return;
  const bool mean = a.function != TSV_SIMILARITY_COUNT_ABOVE;
  *out = others == 0 ? 0.0f : mean ? float(sum / double(others)) : float(sum);
}
