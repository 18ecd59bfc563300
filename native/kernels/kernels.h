// The kernels: one list, and the arguments of each. A kernel in the list has a place in the table of every
// instruction set, a test on each of them, and a line in the benchmarks; one that is not in the list does not
// exist.
//
// Kernels trust their arguments: every relation has been checked in native/abi/. They allocate nothing, know
// nothing of threads, and include C headers only: their objects are built with instruction-set flags, and an
// inline function of a C++ header that slipped in could become everybody's copy.
#ifndef TOKENSIEVE_KERNELS_KERNELS_H
#define TOKENSIEVE_KERNELS_KERNELS_H
#include <stddef.h>
#include <stdint.h>

#include "tokensieve.h"

namespace tsv {

// A matrix of rows as a caller holds it.
struct Rows {
  const void* data;
  int32_t dtype;   // tsv_dtype: float32, float16 or bfloat16
  int64_t stride;  // elements from row to row; the elements of a row are adjacent
};

// out[i][c] = scale * (row_scale ? row_scale[i] : 1) * source[index ? index[i] : first + i][c], as float32;
// `out` may be the source
struct LoadRows {
  Rows source;
  const int32_t* index;
  int64_t first;
  int64_t count;
  int64_t columns;
  float scale;
  float* out;
  int64_t out_stride;
  const float* row_scale = nullptr;
};

// out[i] = p == 2 ? sqrt(sum_c source[first + i][c]^2) : sum_c |source[first + i][c]|
struct TokenNorms {
  Rows source;
  int64_t first;
  int64_t count;
  int64_t columns;
  int32_t p;
  float* out;
};

// out[i] = (source[first + i] - mean) / sqrt(variance + epsilon) * weight + bias: see layer_norm.h.
struct LayerNorm {
  Rows source;
  int64_t first;
  int64_t count;
  int64_t columns;
  const float* weight;  // [columns], or NULL for ones
  const float* bias;    // [columns], or NULL for zeros
  double epsilon;
  void* out;  // `count` rows of the source's type
};

// The means of channels [column, column + columns) over tokens [first, first + count), and the sums of the
// squared distances to them: see channel_moments.h.
struct ChannelMoments {
  Rows source;
  const uint8_t* mask;  // by token: 2 leaves it out; or NULL
  int64_t first;
  int64_t count;
  int64_t column;
  int64_t columns;
  double* mean;     // [columns]
  double* squares;  // [columns]
  int64_t* tokens;  // how many were not left out
};

// What is moved is past the caches from here on, in bytes read and written: as much as half of a common last
// level's 32 MB, which others use as well.
constexpr int64_t kStreamedBytes = 1 << 24;

// out[i] = source[index[i]], rows of `row_bytes` bytes
struct GatherTokens {
  const char* source;
  const int32_t* index;
  int64_t count;
  int64_t row_bytes;
  char* out;
  bool streamed;  // no cache holds the output: see copy_row.h
};

// out[i][k] = source[i][index[k]], items of 1, 2, 4 or 8 bytes
struct GatherChannels {
  const char* source;
  int64_t source_bytes;  // from row to row
  const int32_t* index;
  int64_t count;  // of rows
  int64_t columns;
  int64_t item_bytes;
  char* out;  // rows of `columns` items
};

// Panels for the microkernel out of rows `first` on of the source: see pack_panels.h.
struct PackPanels {
  Rows source;
  const int32_t* index;       // source row of each place, or NULL for the place itself
  const uint8_t* mask;        // by place: 2 packs zeros; or NULL
  const float* column_scale;  // key panels: by place, multiplies the column; or NULL
  int64_t first;
  int64_t columns;  // key panels: places; value panels: elements of a row
  int64_t depth;    // key panels: elements of a row; value panels: places
  float* panels;
};

// x = x * factor + term in registers, `count` times or a few more
struct FmaPeak {
  int64_t count;
  float factor;
  float term;
  float* sum;  // of the results
};

struct ReadPeak {
  const float* source;
  int64_t count;
  float* sum;
};

struct CopyPeak {
  const float* source;
  int64_t count;
  float* out;
};

// Keys turned from one rotary position to another: see rotate_keys.h.
struct RotateKeys {
  Rows source;          // tokens of the first head
  int64_t head_stride;  // elements from head to head
  int64_t heads;        // that share positions
  int64_t count;        // tokens
  int64_t columns;
  int64_t pairs;  // of columns that are rotated
  bool interleaved;
  const uint64_t* turns;        // [pairs], what a pair turns by a position, in units of 2^-64 of a turn
  const int32_t* section_ends;  // [sections], ascending to `pairs`
  int64_t sections;
  const int64_t* shifts;  // [count][sections], in positions
  float* scratch;         // rotate_keys_scratch() bytes
  void* out;              // of the source's type
  int64_t out_stride;
  int64_t out_head_stride;
};

static inline size_t rotate_keys_scratch(int64_t pairs) { return size_t(6 * pairs) * sizeof(float); }

// Which columns a row may choose, and what it compares in place of products: see candidate_columns.h.
struct CandidateColumns {
  const int32_t* hidden;  // [rows][2]: from the first column of a pair up to the second, a row has no
                          // candidates; neither falls from row to row
  const float* scale;     // [columns] and, up to whole panels, NaN: multiplies the products,
  const float* bias;      // and is added to them
};

// For each row the column of the greatest product, and that product: see similarity_argmax.h.
struct SimilarityArgmax {
  const float* rows_data;
  int64_t rows_stride;
  int64_t rows;
  const float* panels;  // of pack_key_panels, the columns that fill up the last one giving NaN
  int64_t columns;
  int64_t depth;
  float* scratch;  // two vectors a row
  float* best;
  int32_t* place;
  const CandidateColumns* candidates = nullptr;
};

// For each row the k columns of the greatest products, and those products: see similarity_top_k.h.
struct SimilarityTopK {
  const float* rows_data;
  int64_t rows_stride;
  int64_t rows;
  const float* panels;  // as for SimilarityArgmax
  int64_t columns;
  int64_t depth;
  int64_t k;
  int32_t* found;  // [rows], scratch
  float* best;     // [rows][k]
  int32_t* place;  // [rows][k]
  const CandidateColumns* candidates = nullptr;
};

// sums[i] += sum_j f(similarity of row i and column j): see similarity_reduce.h.
struct SimilarityReduce {
  const float* rows_data;
  int64_t rows_stride;
  int64_t rows;
  const float* panels;
  int64_t columns;
  int64_t depth;
  int32_t function;  // tsv_similarity_function, but not the mean, which needs no pairs
  float parameter;   // the margin, 1 / sigma, or the threshold
  float bound;       // similarities are clamped to +-bound
  int64_t own;       // the column that row 0 leaves out, the next row the next; or kNoColumn
  float* partial;    // scratch, a vector a row
  double* sums;
};
constexpr int64_t kNoColumn = -(int64_t(1) << 30);

// place[i] = the column before own + i of the greatest product, or -1; least[i] = the least product before
// own + i, or INFINITY: see nearest_denser.h.
struct NearestDenser {
  const float* rows_data;
  int64_t rows_stride;
  int64_t rows;
  const float* panels;
  int64_t columns;  // whole panels, or all that are packed
  int64_t depth;
  int64_t own;
  float* scratch;  // three vectors a row
  int32_t* place;
  float* least;
};

// out[i] = the similarity of a[first ? first[i] : i] and b[second ? second[i] : i]: see paired_similarity.h.
struct PairedSimilarity {
  Rows a;
  Rows b;
  const int32_t* first;
  const int32_t* second;
  int64_t count;
  int64_t columns;
  int32_t metric;  // tsv_similarity_metric
  float* out;
};

// Rows that are compared many times, in float32 and whole blocks: see row_sums.h.
constexpr int kRowBlock = 16;
static inline int64_t whole_row_blocks(int64_t columns) {
  return (columns + kRowBlock - 1) / kRowBlock * kRowBlock;
}

// Rows `first` on, at unit length or as they are: see unit_rows.h.
struct UnitRows {
  Rows source;
  int64_t first;
  int64_t count;
  int64_t columns;
  int32_t unit;
  float* out;       // of all rows, whole_row_blocks(columns) apart
  double* squares;  // of all rows
};

struct Points {
  const float* rows;      // of unit_rows
  int64_t columns;        // in whole blocks
  const double* squares;  // of unit_rows, by cosine; NULL by Euclidean distance
};

// The token of a range that is farthest from the centres: see farthest_point.h.
struct FarthestPoint {
  Points points;
  const int32_t* centres;  // in the order they were chosen
  int32_t centre_count;
  int64_t first;
  int64_t count;
  int32_t* seen;    // by token: how many centres it has been compared with
  double* nearest;  // by token: squared distance to the nearest of those; below 0, a rank that stays
  int32_t* best;
};

// The token of a range whose nearest neighbour is farthest: see farthest_point.h.
constexpr int kIsolatedBlock = 16;
struct IsolatedPoint {
  Points points;
  const uint8_t* mask;  // by token: 0 may be chosen, 1 is a neighbour only, 2 is neither
  int64_t n;
  int64_t first;
  int64_t count;     // at most kIsolatedBlock
  double least;      // tokens with a neighbour nearer than this, squared, do not matter
  int32_t* best;     // -1: none
  double* distance;  // its squared distance to the nearest neighbour
};

// The token of a range that adds most to the determinant of the pivots: see dpp_greedy.h.
struct DppGreedy {
  const float* rows;  // of unit_rows
  int64_t columns;    // in whole blocks
  const int32_t* pivots;
  int32_t pivot_count;
  int64_t first;
  int64_t count;
  const double* weights;  // by token: relevance squared
  int32_t* seen;          // by token: how many pivots its factor goes to
  double* residual;       // by token: what those leave of it
  double* factors;        // by token: its row of the Cholesky factor
  int64_t factor_stride;
  int32_t* best;
};

// Slots [0, count) out of the tokens of one row: see merge_tokens.h.
struct MergeTokens {
  Rows source;
  const int32_t* offsets;  // count + 1, where the members of each slot begin
  const int32_t* members;
  const float* weights;  // the map's, like members; or NULL
  const float* sizes;    // of the row's tokens; or NULL
  int64_t count;
  int64_t columns;
  int32_t reduce;  // tsv_merge_reduce
  float* scratch;  // columns, for TSV_MERGE_NORM
  void* out;       // count rows of the source's type
  float* out_sizes;
  bool streamed;  // no cache holds the output: see copy_row.h
};

// out[i] = index[i] >= 0 ? source[index[i]] : dropped ? dropped[i] : 0, rows of `row_bytes` bytes
struct RestoreTokens {
  const char* source;
  const int32_t* index;
  const char* dropped;  // or NULL
  int64_t count;
  int64_t row_bytes;
  char* out;
  bool streamed;  // no cache holds the output: see copy_row.h
};

// out[i] = residual[i] + weights[i] * restored[i], where restored[i] is as in RestoreTokens; without one to
// restore, residual[i] alone. Rows of one float type.
struct RestoreWeighted {
  const void* source;
  int32_t dtype;  // float32, float16 or bfloat16
  const int32_t* index;
  const void* dropped;   // or NULL
  const float* weights;  // or NULL for ones
  const void* residual;  // or NULL for zeros
  int64_t count;
  int64_t columns;
  void* out;
};

// The k best of source[0..count-1]: higher value first (lower with largest = false), then lower index.
// mask: 1 always among them, 2 never, and never from `length` on; NULL: all free. The others are at least k.
struct TopK {
  const void* source;
  int32_t dtype;  // float32, float16 or bfloat16
  bool largest;
  bool by_value;  // in order of value; else of index
  int64_t count;
  const uint8_t* mask;
  int64_t length;
  int64_t k;
  int32_t first;     // added to every index
  void* scratch;     // top_k_scratch() bytes, aligned to a vector
  int32_t* indices;  // k
  void* values;      // k of the source's type, or NULL
};

// Places for n elements and for what a vector writes past them.
static inline int64_t top_k_room(int64_t n) { return (n + 15) / 16 * 16 + 32; }
static inline size_t top_k_scratch(int64_t count, int64_t k) {
  return size_t(2 * top_k_room(count) + (4 << 11) + 6 * top_k_room(k)) * sizeof(uint32_t);
}

// A logit that no key of a softmax can come near: masked keys and padding. Finite, since infinities subtract
// to NaN.
constexpr float kHidden = -1e30f;

// strip[r][c] = scale * queries[r] . key c + bias[c], row_max[r][lane] = max of it; columns in whole panels.
struct AttentionLogits {
  const float* queries;
  int64_t queries_stride;  // from row to row
  int64_t rows;
  int64_t depth;
  float scale;  // with log2(e) in it
  const float* key_panels;
  int64_t columns;  // a multiple of the vector width
  const float* bias;
  float* strip;
  int64_t strip_stride;
  float* row_max;  // [rows][lanes], from kHidden or what went before
  // What will be read next, brought into the cache meanwhile: queries and keys, so many rows of each.
  Rows next_queries;
  int64_t next_query_rows;
  Rows next_keys;
  int64_t next_key_rows;
};

// Rows of logits to 2^(x - max), or 2^(x - lse) where that is known; everything in units of log2(e).
struct AttentionSoftmax {
  float* strip;
  int64_t strip_stride;
  int64_t rows;
  int64_t columns;
  const float* row_max;
  const int32_t* visible;  // [rows][2], first and last + 1 key that a row sees, or NULL
  int64_t first_key;       // the key of column 0
  float soft_cap;          // 0: none; with one, the bias is added here
  const float* bias;
  const float* known_lse;    // [rows], subtracted instead of the maximum, or NULL
  const float* running_max;  // [rows], from the tiles before: subtracted where it is greater; or NULL
  float* max;                // [rows] out: what was subtracted
  float* sum;                // [rows] out
  float* weighted;           // [rows] out: sum of 2^x x, or NULL
  // Set for queries with an element that is not finite: its products with the zeros of masked keys and of
  // padding are NaN, which the bias can not hide.
  int32_t hide_masked;
};

// As AttentionLogits, of a few rows and keys as they lie; a key whose bias is kHidden gets just that. See
// attention_few.h.
struct AttentionFewLogits {
  const float* queries;
  int64_t queries_stride;
  int64_t rows;
  int64_t depth;
  float scale;  // with log2(e) in it
  Rows keys;
  int64_t count;
  const float* bias;  // kHidden from `count` on, up to a whole vector
  float* strip;
  int64_t strip_stride;
  float* row_max;  // [rows][lanes], from kHidden or what went before
};

// strip[r][c] = strip[r][c] * factor[distance] + bias[c], row_max[r][lane] = max of it, where the distance is
// that of the positions, `reach` at most; a column whose bias is kHidden gets just that. See
// attention_distance.h.
constexpr int kRunKeys = 16;  // at least the vector width of every instruction set
struct AttentionDistance {
  float* strip;
  int64_t strip_stride;
  int64_t rows;
  int64_t columns;              // a multiple of the vector width
  const int32_t* row_position;  // [rows]
  const int32_t* key_position;  // [columns]
  const uint8_t* runs;          // by kRunKeys columns: 1 where each position is the one before and 1
  // At distance 0. To the right the factors of greater distances, to the left those of -1, -2 and so on,
  // which are the same; on either side kRunKeys times more that of `reach`.
  const float* factor;
  int64_t reach;
  const float* bias;
  float* row_max;  // [rows][lanes]
};

// columns_out[c] += row_weight[i] * strip[row_index[i]][c], or the maximum of the two.
struct AttentionColumns {
  const float* strip;
  int64_t strip_stride;
  const int32_t* row_index;
  const float* row_weight;
  int64_t rows;
  int64_t columns;  // a multiple of the vector width
  int32_t maximum;
  float* columns_out;
};

// out[r][c] = or += sum_key strip[r][key] * value[key][c]
struct AttentionValues {
  const float* strip;
  int64_t strip_stride;
  int64_t rows;
  int64_t keys;
  const float* value_panels;
  int64_t columns;
  int32_t first;
  float* out;
  int64_t out_stride;
};

// out[r][c] += sum_key strip[r][key] * values[key][c], of a few rows and values as they lie.
struct AttentionFewValues {
  const float* strip;
  int64_t strip_stride;
  int64_t rows;
  int64_t keys;
  Rows values;
  const uint8_t* hidden;  // by key: 2 leaves it out, whatever its value holds
  int64_t columns;
  float* out;  // rows of whole vectors
  int64_t out_stride;
};

// out = activation(a b + bias), one step of the depth; `first` begins the sums, `last` finishes them.
struct Matmul {
  const float* a;
  int64_t a_stride;
  int64_t rows;
  const float* b;    // panels, or the matrix itself
  int64_t b_stride;  // 0: panels; else from row to row, and columns a multiple of the vector width
  int64_t columns;
  int64_t depth;
  const float* bias;  // or NULL
  int32_t activation;
  int32_t first;
  int32_t last;
  float* out;
  int64_t out_stride;
};

struct StoreRows {
  const float* source;
  int64_t source_stride;
  const float* row_scale;  // or NULL
  const int32_t* index;    // row of the output, or NULL for the same
  int64_t count;
  int64_t columns;
  void* out;
  int32_t out_dtype;
  int64_t out_stride;
};

// The scores of a row that pass a rule: see select_threshold.h.
struct SelectThreshold {
  const void* source;
  int32_t dtype;  // float32, float16 or bfloat16
  int32_t rule;   // tsv_threshold_rule
  int32_t ddof;
  double parameter;
  int64_t count;
  const uint8_t* mask;  // 1 always passes, 2 is left out; or NULL
  int64_t length;       // scores from here on are left out
  int64_t min;          // at least so many; -1: any number
  int64_t max;          // at most so many; -1: any number
  void* scratch;        // select_threshold_scratch() bytes, aligned to a vector
  int32_t* indices;     // count of room
  int64_t* selected;    // how many were written
};

static inline size_t select_threshold_scratch(int64_t count) {
  return size_t(7 * top_k_room(count) + (4 << 11)) * sizeof(uint32_t);
}

// The tokens that even points along the cumulative sum of a row's scores pick: see sample_cdf.h.
struct SampleCdf {
  const void* source;
  int32_t dtype;  // float32, float16 or bfloat16
  int64_t count;
  const uint8_t* mask;  // 1 is always in, 2 never; or NULL
  int64_t length;       // scores from here on are left out
  int64_t points;
  void* scratch;      // sample_cdf_scratch() bytes, aligned to a vector
  int32_t* indices;   // room for the points and the tokens masked 1
  int64_t* selected;  // how many were written
};

static inline size_t sample_cdf_scratch(int64_t count) {
  return size_t(5 * top_k_room(count) + (4 << 11)) * sizeof(uint32_t);
}

// Places [first, first + places) of a row of scores, pooled over their neighbours: see pool_scores.h.
struct PoolScores {
  const void* source;
  int32_t dtype;        // float32, float16 or bfloat16
  int32_t mode;         // tsv_pool_mode
  int64_t count;        // of the row
  const uint8_t* mask;  // 2 counts as padding; or NULL
  int64_t length;       // scores from here on count as padding
  int64_t first;
  int64_t places;
  int64_t kernel;  // odd
  float* scratch;  // pool_scores_scratch() bytes
  float* out;      // `places`; may be the source where that is float32 and the whole row is pooled
};

// How far a window sees to either side; further than the row is long there is nothing to see.
static inline int64_t pool_reach(int64_t kernel, int64_t count) {
  return kernel / 2 < count ? kernel / 2 : count;
}
static inline size_t pool_scores_scratch(int64_t kernel, int64_t count, int64_t places) {
  return size_t(2 * (places + pool_reach(kernel, count)) + 3 * 16) * sizeof(float);
}

// What each instruction set offers, beside the kernels: the size of its matrix tile, which decides the
// blocking.
struct KernelShape {
  int32_t isa;
  int32_t lanes;        // floats in a vector
  int32_t tile_rows;    // rows of the product that one microkernel call makes
  int32_t panel_width;  // its columns: two vectors
};

#define TSV_FOR_EACH_KERNEL(X) \
  X(fma_peak, FmaPeak) \
  X(read_peak, ReadPeak) \
  X(copy_peak, CopyPeak) \
  X(load_rows, LoadRows) \
  X(store_rows, StoreRows) \
  X(pack_key_panels, PackPanels) \
  X(pack_value_panels, PackPanels) \
  X(attention_logits, AttentionLogits) \
  X(attention_distance, AttentionDistance) \
  X(attention_softmax, AttentionSoftmax) \
  X(attention_columns, AttentionColumns) \
  X(attention_values, AttentionValues) \
  X(attention_few_logits, AttentionFewLogits) \
  X(attention_few_values, AttentionFewValues) \
  X(matmul, Matmul) \
  X(token_norms, TokenNorms) \
  X(layer_norm, LayerNorm) \
  X(channel_moments, ChannelMoments) \
  X(gather_tokens, GatherTokens) \
  X(gather_channels, GatherChannels) \
  X(rotate_keys, RotateKeys) \
  X(top_k, TopK) \
  X(select_threshold, SelectThreshold) \
  X(sample_cdf, SampleCdf) \
  X(pool_scores, PoolScores) \
  X(merge_tokens, MergeTokens) \
  X(restore_tokens, RestoreTokens) \
  X(restore_weighted, RestoreWeighted) \
  X(similarity_argmax, SimilarityArgmax) \
  X(similarity_top_k, SimilarityTopK) \
  X(similarity_reduce, SimilarityReduce) \
  X(nearest_denser, NearestDenser) \
  X(paired_similarity, PairedSimilarity) \
  X(unit_rows, UnitRows) \
  X(farthest_point, FarthestPoint) \
  X(isolated_point, IsolatedPoint) \
  X(dpp_greedy, DppGreedy)

struct Kernels {
  KernelShape shape;
#define TSV_KERNEL_MEMBER(name, Arguments) void (*name)(const Arguments&);
  TSV_FOR_EACH_KERNEL(TSV_KERNEL_MEMBER)
#undef TSV_KERNEL_MEMBER
};

// One table for each instruction set, made in native/kernels/tables/. The tables are all that leaves those
// objects.
extern "C" {
extern const Kernels tsv_kernels_scalar;
extern const Kernels tsv_kernels_neon;
extern const Kernels tsv_kernels_avx2;
extern const Kernels tsv_kernels_avx512;
}

}  // namespace tsv
#endif
