// The CUDA kernels: their names and arguments, read by nvcc and by the launch plans. A kernel NAME of the
// list is the function tsv_NAME of one module's PTX and takes one argument struct by value.
//
// Strides count elements. Every pointer is a device pointer, NULL where an argument is absent.
#ifndef TOKENSIEVE_CUDA_KERNELS_H
#define TOKENSIEVE_CUDA_KERNELS_H
#include <stdint.h>

namespace tsv {
namespace cuda {

// What a kernel found wrong in data that the host cannot see. The first to report keeps its place; the host
// reads the record when it waits for the stream.
struct FaultRecord {
  int32_t status;    // tsv_status, 0 for none
  int32_t argument;  // tsv_argument
  int32_t kind;      // FaultKind
  int32_t unused;
  int64_t low, high;  // what an integer must be from and to
  int64_t element;    // where in the argument; -1: the argument is a number itself
  double got;
};

enum FaultKind : int32_t {
  kFaultRange = 0 /* an integer from low to high */,
  kFaultNegative = 1 /* a number from 0 */,
  kFaultDropped = 2 /* a token that is not dropped */,
  kFaultNotFinite = 3 /* a finite number */
};

// Tokens in rows [B,N] or [B,H,N]: 0 free, 1 keep, 2 drop.
struct MaskArguments {
  const uint8_t* mask;
  const int32_t* lengths;  // [B]
  int32_t rows_a_mask;     // row / rows_a_mask is the mask's row; 0: one mask for all
  int32_t heads;           // rows of a batch item
  int64_t n;
};

// Matrices of rows of elements, [B,H] of them.
struct MatrixArguments {
  const void* data;
  int64_t item_stride, head_stride, row_stride;
  int32_t dtype;  // tsv_dtype
  int32_t heads;
};

struct TokenNormsArguments {
  MatrixArguments x;
  MaskArguments mask;
  float* norms;     // [rows,n]
  int64_t rows, n;  // n tokens a row
  int32_t channels;
  int32_t p;  // 1 or 2
};

// Tokens normalized over their channels: see layer_norm.cu.
struct LayerNormArguments {
  MatrixArguments x;
  const float* weight;  // [channels], or NULL for ones
  const float* bias;    // [channels], or NULL for zeros
  void* tokens;         // [rows,n,channels], of x's type
  int64_t rows, n;
  int32_t channels;
  int32_t aligned;  // rows of x and tokens, weight and bias, to 16 bytes
  float epsilon;
};

// Moments of channels over tokens: see channel_moments.cu.
struct ChannelMomentsArguments {
  MatrixArguments x;
  MaskArguments mask;
  double* means;    // [rows,ranges,channels], of a range's tokens
  double* squares;  // likewise, the sums of squared distances to them
  int32_t* counts;  // [rows,ranges]: tokens
  float* mean;      // [rows,channels]
  float* variance;  // likewise
  int64_t rows, n, ranges;
  int32_t channels, ddof;
};
constexpr int kMomentTokens = 32;  // that a thread of channel_moments holds
constexpr int kMomentWarps = 8;
constexpr int kMomentRange = kMomentTokens * kMomentWarps;

// Rows of given lengths that close ranks: see row_offsets.cu.
struct RowOffsetsArguments {
  const int32_t* lengths;  // [rows], each at most `most`
  int32_t* offsets;        // [rows + 1]
  FaultRecord* fault;
  int64_t rows, most, room;  // room: what the lengths add up to at most
  int32_t argument;          // tsv_argument that is to blame
};

// Slots listed from an assignment: see slots.cu. Arrays of [rows,n] but where another length stands.
struct SlotsArguments {
  const int32_t* assignment;
  const int32_t* output_lengths;  // [rows]
  int64_t rows, n;
  int32_t bits;  // that tell n + 1 slots apart, a multiple of 8
  uint32_t *keys, *spare_keys;
  int32_t *places, *spare_places;
  int32_t *starts, *listed;            // the first member of each slot, within its row; the row's members
  int32_t* row_members;                // [rows]
  int32_t *first_slot, *first_member;  // [rows + 1]
  int32_t *offsets, *members;          // [rows * n + 1], [rows * n]
};

struct CopyPeakArguments {
  const void* from;
  void* to;
  int64_t pieces;  // of 16 bytes
};

struct RatePeakArguments {
  float* never;  // 256 elements that stay as they are
  int32_t rounds;
  uint32_t seed;  // 0, which the compiler does not know
};

// ---- Products of rows with rows (product.cuh) ----

struct MatmulArguments {
  const void* a;      // [groups][rows][depth]
  const void* b;      // [groups or 1][depth][columns], or with `transposed` [..][columns][depth]
  const float* bias;  // [columns]
  void* out;          // [groups][rows][columns], of a's type
  int64_t b_stride;   // elements from group to group, 0 where b is one
  int64_t rows;
  int32_t depth, columns;
  int32_t a_dtype, b_dtype;
  int32_t activation;  // tsv_activation
  int32_t transposed;
};

// Tokens made ready as rows of a product by prepare_tokens.cu: [items][capacity] of them, `depth` elements
// each, which zeros fill up.
struct PreparedTokens {
  const void* rows;
  const float* factors;   // [items][capacity], by kind and metric
  const uint8_t* kinds;   // [items][capacity], TokenKind
  const int32_t* counts;  // [items]: rows that stand for a token, or NULL: count
  int32_t count;
  int32_t capacity;  // a multiple of kProductTile
  int32_t depth;     // a multiple of kProductDepth
};
constexpr int kProductTile = 64;   // rows and columns of a block's product
constexpr int kProductDepth = 32;  // elements that its depth is a multiple of

enum TokenKind : uint8_t {
  kOrdinaryToken = 0,
  kZeroToken,       // cosine: like everything else by 0
  kNotFiniteToken,  // cosine, l2: its products are NaN
  kExtremeToken,    // dot, l2: too long for float32 products
  kAbsentToken      // dropped, or past the end
};

// What an item's columns hold, and whether it is to be left alone.
enum ItemFlag : int32_t { kHasExtreme = 1, kHasNotFinite = 2, kRefused = 4 };

struct PrepareTokensArguments {
  MatrixArguments x;
  MaskArguments mask;
  const int32_t* list;    // [items][n]: the token of each row, or NULL: its own
  const int32_t* counts;  // [items], with a list
  const float* centre;    // [items][channels], l2
  void* rows;
  float* factors;
  uint8_t* kinds;
  int32_t* flags;  // [items], columns raise theirs; or NULL
  int64_t items, n;
  int32_t capacity, depth, channels;
  int32_t metric;
  int32_t keeps_type;  // rows are of x's type, not float32
};

struct FindCentreArguments {
  MatrixArguments x;
  MaskArguments mask;
  float* centre;  // [items][channels]
  int64_t n;
  int32_t channels;
};

// Refuses items of which fewer tokens than k are candidates.
struct CheckCandidatesArguments {
  PreparedTokens rows, columns;
  FaultRecord* fault;
  int32_t* flags;
  int32_t k;
  int32_t argument;  // of k
};

// The best columns of each row, as keys of similarity.cuh, best first.
struct BestColumnsArguments {
  PreparedTokens rows, columns;
  uint64_t* keys;  // [items][rows.capacity][k]
  int32_t metric;
  int32_t k;
};

// The same with the similarities that float64 gives.
struct FinishBestArguments {
  MatrixArguments a, b;
  PreparedTokens rows, columns;
  const int32_t *row_list, *column_list;  // [items][..stride], or NULL
  int64_t row_list_stride, column_list_stride;
  const int32_t* flags;
  uint64_t* keys;
  uint64_t* exact;   // as keys
  int32_t* indices;  // [items][out_rows][k]: columns
  float* values;
  int32_t out_rows;
  int32_t channels, metric, k;
};

// Which columns a row may choose, and their weights: scale * similarity + bias is compared.
struct CandidateArguments {
  const float *scale, *bias;  // [items][columns.capacity]
  int32_t which;              // tsv_candidates
};
struct BestCandidatesArguments : BestColumnsArguments {
  CandidateArguments candidates;
};
struct FinishCandidatesArguments : FinishBestArguments {
  CandidateArguments candidates;
};

struct WeighCandidatesArguments {
  PreparedTokens columns;
  const float *scale, *bias;  // by token, or NULL
  int64_t scale_stride, bias_stride;
  float *column_scale, *column_bias;  // [items][columns.capacity]
  FaultRecord* fault;                 // where the weights have not been checked, else NULL
  int32_t* flags;
};

struct SimilarityReduceArguments {
  MatrixArguments x;
  PreparedTokens rows;
  int32_t dtype;  // of the prepared rows
  const int32_t* flags;
  double* partial;    // the mean's sums of columns: [items][pieces][depth + 1], a piece 64 rows
  double* totals;     // [items][depth + 1]; or NULL for another function
  double* sums;       // [items][capacity], of the others
  float* similarity;  // [items][rows.count]
  double parameter;
  float product_parameter;  // as float32 products take it: the margin, 1 / sigma, or the threshold
  int32_t channels, metric, function, without_self;
};

struct KnnDensityArguments {
  MatrixArguments x;
  PreparedTokens rows;
  const int32_t* flags;
  const float* nearest;  // [items][rows.count][k], similarities
  uint64_t* denser;      // [items][capacity]: the nearest of higher density, as a key
  float* least;          // [items][capacity]: the least similarity with any
  float* density;        // [items][rows.count]
  float* separation;     // [items][rows.count]
  int32_t channels, metric, k;
};

// ---- Matching ----

// The sides of each item's tokens, as in abi/bipartite_partition.h.
struct BipartiteSides {
  uint8_t* side;           // [items][n]
  int32_t* sources;        // [items][n], ascending
  int32_t* destinations;   // [items][n], ascending
  int32_t* row_counts;     // [items]: the sources, or 0 where none may merge
  int32_t* column_counts;  // [items]: the destinations
  int32_t* merges;         // [items]
  int32_t n;
};

struct BipartiteSidesArguments {
  MaskArguments mask;
  BipartiteSides sides;
  const uint8_t* destination;  // [n]: 1 for tokens of the destination set
  const uint64_t* seeds;       // [items] of the random partition, or NULL
  int64_t r;
  int32_t alternate;
};

struct BipartiteMergeArguments {
  BipartiteSides sides;
  const float* similarity;  // [items][most_sources], by place among the sources
  const int32_t* best;      // likewise, places among the destinations
  int32_t* merged;          // [items][n]: the token that each goes into, or -1
  int32_t* assignment;      // [items][n]
  int32_t* output_lengths;  // [items]
  double threshold;         // NaN: none
  int32_t most_sources;
};

// ---- Greedy choices ----

struct UnitRowsArguments {
  MatrixArguments x;
  float* rows;      // [items][n][columns]
  double* squares;  // [items][n]: 0 for a zero vector, NaN for a token that is not finite
  int64_t tokens;   // of all items
  int32_t n, channels;
  int32_t columns;  // the channels in whole blocks of 16
  int32_t unit;
};

// Refuses items whose tokens the count, or the start, does not fit.
struct CheckChoiceArguments {
  MaskArguments mask;
  FaultRecord* fault;
  int32_t* refused;  // [items]
  int64_t count;
  int64_t start;  // -1: none
};

// The best token of a part of an item.
struct GreedyCandidate {
  double value;
  double residual;  // dpp_greedy
  int32_t index;    // -1: none
  int32_t rank;     // goes before the value
  int32_t pivots;   // dpp_greedy: of the item so far
  int32_t unused;
};

// The tokens of an item from which a greedy choice is made, and where the choices go.
struct GreedyChoiceArguments {
  MaskArguments mask;
  const float* rows;  // of unit_rows
  const double* squares;
  const int32_t* refused;         // [items], or NULL
  const GreedyCandidate* before;  // [items][parts], of the step before
  GreedyCandidate* after;
  int32_t* indices;  // [items][count]
  int32_t n, columns, count;
  int32_t parts, part;  // parts of so many tokens
  int32_t step;
};

struct FarthestPointArguments {
  GreedyChoiceArguments choice;
  double* nearest;  // [items][n]: squared distance to the nearest chosen token, or a rank
  int32_t* starts;  // [items]: the token that comes after those of mask 1, or -1
  int64_t start;    // the same for all items; -1: the most isolated
  int32_t cosine;
};

struct DppGreedyArguments {
  GreedyChoiceArguments choice;
  const float* relevance;  // [items][n]
  FaultRecord* fault;      // where the relevance has not been checked, else NULL
  double* residual;        // [items][n]; below 0: chosen, or not there
  double* factors;         // [items][n][count]
};

// ---- Attention ----

// One row of attention: a query and the keys first..last-1 that its place lets it see, none where the query
// takes no part; `slot` is its place in arrays of statistics.
struct AttentionRow {
  int32_t query, first, last, slot;
};

// Of kAttentionTile rows: the keys that any of them sees, and those that all do.
struct AttentionTile {
  int32_t any_first, any_last, all_first, all_last;
};
constexpr int kAttentionTile = 64;

// Of a row's logits in units of log2(e), over some keys: the greatest, the sum of 2^(logit - greatest) and
// the sum of that times (logit - greatest).
struct AttentionPartial {
  float greatest, sum, weighted, unused;
};

// A probability is 2^(logit - shift) * weight.
struct AttentionStatistics {
  float shift, weight;
};

struct AttentionRowsArguments {
  const void* list;  // int32 or int64 [count]; NULL: first_query and those after it
  const uint8_t* query_mask;
  int64_t query_mask_stride;  // 0: one for all items
  const int32_t* lengths;     // [batch], where they hold for queries
  AttentionRow* rows;         // [batch,count]
  AttentionTile* tiles;       // [batch,tiles of count]
  int32_t* counted;           // [batch], 0 before: rows that take part
  FaultRecord* fault;
  int64_t first_query, count, queries, keys, window;
  int32_t batch, list_is_int64, causal, slot_is_query;
};

struct AttentionKeysArguments {
  const float* given;    // natural
  int64_t given_stride;  // 0: one for all items
  MaskArguments mask;    // rows are batch items
  float* bias;           // [batch,stride]: in units of log2(e); -Infinity for masked keys and past the last
  int64_t keys, stride;
  int32_t batch;
};

// What both passes over the logits read.
struct AttentionInputs {
  MatrixArguments q, k;
  const AttentionRow* rows;    // [batch,row_count]
  const AttentionTile* tiles;  // [batch,tiles of row_count]
  const float* bias;           // [batch,bias_stride] of attention_keys
  int64_t bias_stride, row_count, keys;
  int32_t batch, heads, key_heads, group, depth;
  int32_t kept_depth;     // of the forms of any type: see simt_product.cuh
  float scale, soft_cap;  // in units of log2(e); soft_cap 0: none
};

struct AttentionSoftmaxArguments {
  AttentionInputs in;
  MatrixArguments v, output;
  AttentionPartial* partial;  // [splits][batch,heads,row_count]
  float* partial_output;      // [splits][batch,heads,row_count,value_depth], where splits > 1
  const float* lse;           // [batch,heads,row_count] where it is known
  int64_t split_keys;         // a multiple of kAttentionTile
  int32_t splits, value_depth, weighted;
};

// Splits of the keys to one: statistics for the columns, and what the caller asked for.
struct AttentionCombineArguments {
  const AttentionPartial* partial;
  const float* partial_output;
  const AttentionRow* rows;
  const float* lse;  // known
  AttentionStatistics* statistics;
  float *lse_out, *entropy;  // [batch,heads,row_count], or NULL
  MatrixArguments output;
  int64_t row_count;
  int32_t batch, heads, splits, value_depth;
};

// Statistics of rows whose log-sum-exp is known, without a look at their logits.
struct AttentionKnownArguments {
  const float* lse;  // [batch,heads,row_count]
  const float* bias;
  const AttentionRow* rows;
  AttentionStatistics* statistics;
  float* lse_out;
  int64_t bias_stride, row_count;
  int32_t batch, heads;
};

// The chosen rows' probabilities added up, or their greatest, for each key.
struct AttentionColumnsArguments {
  AttentionInputs in;
  const AttentionStatistics* statistics;  // [batch,heads,statistics_count]
  float* columns;                         // [chunks][batch,heads,scored]
  int64_t statistics_count, first_scored, scored;
  int32_t chunks, head_splits, maximum;
};

// By what products of queries and keys are multiplied: factors[distance], `reach` at most.
struct AttentionDistances {
  const float* factors;         // [reach + 1]
  const int32_t* row_position;  // [batch,row_count]
  const int32_t* key_position;  // [batch,bias_stride]
  int32_t reach;
};

struct AttentionSoftmaxDistanceArguments {
  AttentionSoftmaxArguments softmax;
  AttentionDistances distances;
};

struct AttentionColumnsDistanceArguments {
  AttentionColumnsArguments columns;
  AttentionDistances distances;
};

// Where the keys and rows of attention stand.
struct AttentionPositionsArguments {
  const void* keys;                     // int32 or int64; NULL: 0 and on
  const void* queries;                  // NULL: with the last keys
  int64_t keys_stride, queries_stride;  // 0: one row for all items
  const float* factors;                 // to be finite
  const AttentionRow* rows;             // [batch,row_count]
  int32_t* row_position;                // [batch,row_count]
  int32_t* key_position;                // [batch,stride]; 0 past the keys
  FaultRecord* fault;
  int64_t factor_count, row_count, query_count, key_count, stride;
  int32_t batch, keys_are_int64, queries_are_int64;
};

// How many rows of the chosen ones see each key.
struct AttentionObserversArguments {
  const AttentionRow* rows;
  const AttentionTile* tiles;
  int32_t* seen;  // [batch,scored]
  int64_t row_count, first_scored, scored;
  int32_t batch;
};

struct AttentionFinishArguments {
  const float* columns;
  const float* bias;
  const int32_t* counted;  // NULL: no mean
  const int32_t* seen;     // NULL: not by observers
  const float* norms;      // [batch,key_heads,keys] of the values, or NULL
  float* scores;           // [batch,heads,scored]
  int64_t bias_stride, keys, first_scored, scored;
  int32_t batch, heads, group, chunks, maximum;
};

// Of `heads` rows of scores after each other one.
struct AttentionHeadsArguments {
  const float* scores;  // [rows * heads, scored]
  float* reduced;       // [rows, scored]
  int64_t rows, scored;
  int32_t heads, mean, maximum;
};

// ---- Selecting and moving tokens ----

// Of one part of a long row: tokens kept and not dropped, keys above and equal to the digits found so far.
struct TopKPart {
  int32_t kept, allowed, above, equal;
};
// The digits of a selection's k-th key, and its rank among the keys that share them.
struct TopKFound {
  uint32_t key;
  int32_t rank, valid;
};

// The k best of `segments` pieces of each row: see top_k.cu.
struct TopKArguments {
  const void* x;  // [rows,n]
  MaskArguments mask;
  FaultRecord* fault;
  const void* segment_offsets;  // [segments + 1] int32 or int64; NULL: whole rows
  int64_t segments;
  int32_t segment_bytes;  // of an offset
  int32_t dtype, largest;
  int32_t stores_keys;  // shared memory holds a selection's keys
  int64_t k;
  int32_t* indices;  // [selections,k]
  void* values;      // x's type, or NULL
  // Parts of a row
  int64_t parts, part_length;
  int32_t* histograms;  // [selections,parts,2048]
  TopKPart* standing;   // [selections,parts]
  TopKFound* found;     // [selections]
  int32_t pass;
  // In order of value: [selections,k]
  uint32_t *keys, *spare_keys;
  int32_t *places, *spare_places;
};

// Chosen indices of each row, moved together: see ragged.cu.
struct CloseRanksArguments {
  const int32_t* staged;   // [rows,staged_length]
  const int32_t* offsets;  // [rows + 1]
  int32_t* indices;        // [rows * room]
  int64_t rows, staged_length, room;
};

// The scores of each row that pass a rule: see select_threshold.cu.
struct SelectThresholdArguments {
  const void* x;  // [rows,n]
  MaskArguments mask;
  FaultRecord* fault;
  int64_t rows;
  double parameter;
  int64_t min, max;  // -1: none
  int32_t rule;      // tsv_threshold_rule
  int32_t ddof, dtype;
  int32_t stores_keys;  // shared memory holds a row's keys
  int32_t* staged;      // [rows,n]
  int32_t* selected;    // [rows]
  // For mass, [blocks,n]
  uint32_t *keys, *spare_keys;
  double* sums;
};

// The tokens that even points along the cumulative sum of each row's scores pick: see sample_cdf.cu.
struct SampleCdfArguments {
  const void* scores;  // [rows,n]
  MaskArguments mask;
  FaultRecord* fault;
  int64_t rows;
  int64_t count;
  int32_t dtype;
  int32_t* staged;    // [rows,count]
  int32_t* selected;  // [rows]
  // [blocks,n]
  uint32_t *keys, *spare_keys;
  int32_t *places, *spare_places;
  double* sums;
};

// Rows of x by index: see gather_tokens.cu.
struct GatherTokensArguments {
  const char* x;           // [rows,n] rows of row_bytes
  const void* indices;     // int32 or int64, [rows,longest], or ragged [total]
  const int32_t* offsets;  // [rows + 1] with ragged indices
  FaultRecord* fault;
  int64_t rows, n, total, longest;
  int64_t places;  // rows of the output
  int64_t row_bytes, pieces;
  int32_t index_bytes, packed, word;
  int32_t* lengths;  // [rows] or NULL
  char* tokens;      // [rows,longest], or packed [total], rows of row_bytes
};

// Channels by index: see gather_channels.cu.
struct GatherChannelsArguments {
  const void* x;        // [rows,n,channels] items
  const void* indices;  // int32 or int64, [rows / rows_a_list,count], or [count] where rows_a_list is 0
  FaultRecord* fault;
  int64_t rows, n, channels, count;
  int64_t rows_a_list;
  int64_t groups, pieces;  // of kGatheredTokens tokens, and of kGatheredChannels channels
  int32_t index_bytes, item_bytes;
  void* tokens;  // [rows,n,count]
};
constexpr int kGatheredTokens = 4;  // that a warp moves the same channels of
constexpr int kGatheredChannels = 128;

// Every token from the slot that owns it: see restore_tokens.cu.
struct RestoreTokensArguments {
  const char* y;                  // [rows,longest] rows of row_bytes
  const int32_t* assignment;      // [rows,n]
  const int32_t* output_lengths;  // [rows]
  const char* dropped;            // [rows,n] rows of row_bytes, or NULL
  FaultRecord* fault;
  int64_t rows, n, longest;
  int64_t row_bytes, pieces;
  int32_t word;
  int32_t* nearest;  // [rows,n], what nearest_owners finds
  char* tokens;      // [rows,n] rows of row_bytes
};

// The same tokens weighted and added to a residual.
struct RestoreWeightedArguments {
  RestoreTokensArguments restore;
  const float* weights;  // [rows / rows_an_item,n], or NULL for ones
  const char* residual;  // [rows,n] rows of row_bytes, or NULL for zeros
  int64_t rows_an_item;
  int64_t pieces;   // of 512 bytes of a row
  int32_t aligned;  // rows, to 16 bytes
};

// The members of each slot put together: see merge_tokens.cu.
struct MergeTokensArguments {
  const void* x;              // [rows,n,columns]
  const int32_t* first_slot;  // [rows + 1]
  const int32_t* offsets;     // of every slot, and one
  const int32_t* members;     // [member_count]
  const float* weights;       // [member_count], or NULL for ones
  const float* sizes_in;      // [rows / rows_an_item,n], or NULL for ones
  FaultRecord* fault;
  int64_t rows, n, columns, member_count, rows_an_item;
  int64_t longest;  // slots of a row in the output
  int64_t places;   // slots of the output
  int64_t pieces;   // of 512 bytes of a slot
  int32_t reduce;   // tsv_merge_reduce
  int32_t packed, aligned;
  void* tokens;  // [places,columns]
  float* sizes;  // [places]
};

// Scores pooled over their neighbours: see pool_scores.cu.
struct PoolScoresArguments {
  const void* x;  // [rows,n]
  MaskArguments mask;
  int64_t kernel, reach;  // reach: to either side, at most n
  int64_t tile, tiles;    // results of a block, blocks of a row
  int32_t dtype;
  int32_t mode;    // tsv_pool_mode
  float* scratch;  // [blocks,2 (tile + reach)], or NULL for shared memory
  float* scores;   // [rows,n]
};

// How alike tokens in pairs are: see paired_similarity.cu.
struct PairedSimilarityArguments {
  MatrixArguments a, b;
  MaskArguments mask;
  int64_t rows;
  int32_t columns;
  int32_t metric;     // tsv_similarity_metric
  float* similarity;  // [rows,n]
};

// Positions [N], [B,N] or [B,Hkv,N], with sections after a leading one.
struct PositionArguments {
  const void* data;
  int64_t rows;  // 1, B or B * Hkv
  int64_t of_section, n;
  int32_t heads;  // 1, or Hkv where each head has its own
  int32_t bytes;  // of a position, 4 or 8
};

// Keys turned from one rotary position to another: see rotate_keys.cu.
struct RotateKeysArguments {
  MatrixArguments k, keys;
  PositionArguments from, to;
  const uint64_t* turns;        // [pairs], in units of 2^-64 of a turn
  const int32_t* section_ends;  // [sections]
  const int32_t* lengths;       // [items] or NULL
  FaultRecord* fault;
  int64_t items, apart;  // apart: heads with positions of their own, or 1
  int64_t n, columns, pairs, sections;
  int32_t interleaved, pairs_aligned;
};
// What turns and section_ends are made of, where they are not NULL.
struct RotaryTurnsArguments {
  const float* frequencies;
  const int32_t* section_lengths;
  uint64_t* turns;
  int32_t* section_ends;
  FaultRecord* fault;
  int64_t pairs, sections;
};

// Module (the .cu file), kernel, argument struct.
#define TSV_FOR_EACH_CUDA_KERNEL(ENTRY) \
  ENTRY(ceilings, copy_peak, CopyPeakArguments) \
  ENTRY(ceilings, matrix_peak, RatePeakArguments) \
  ENTRY(ceilings, fma_peak, RatePeakArguments) \
  ENTRY(token_norms, token_norms_f32, TokenNormsArguments) \
  ENTRY(token_norms, token_norms_f16, TokenNormsArguments) \
  ENTRY(token_norms, token_norms_bf16, TokenNormsArguments) \
  ENTRY(layer_norm, layer_norm_f32, LayerNormArguments) \
  ENTRY(layer_norm, layer_norm_f16, LayerNormArguments) \
  ENTRY(layer_norm, layer_norm_bf16, LayerNormArguments) \
  ENTRY(channel_moments, channel_moments_f32, ChannelMomentsArguments) \
  ENTRY(channel_moments, channel_moments_f16, ChannelMomentsArguments) \
  ENTRY(channel_moments, channel_moments_bf16, ChannelMomentsArguments) \
  ENTRY(channel_moments, join_moments, ChannelMomentsArguments) \
  ENTRY(row_offsets, row_offsets, RowOffsetsArguments) \
  ENTRY(slots, sort_slots, SlotsArguments) \
  ENTRY(slots, place_slots, SlotsArguments) \
  ENTRY(matmul, matmul_f32, MatmulArguments) \
  ENTRY(matmul, matmul_f16, MatmulArguments) \
  ENTRY(matmul, matmul_bf16, MatmulArguments) \
  ENTRY(matmul, matmul_mixed, MatmulArguments) \
  ENTRY(prepare_tokens, prepare_tokens_f32, PrepareTokensArguments) \
  ENTRY(prepare_tokens, prepare_tokens_f16, PrepareTokensArguments) \
  ENTRY(prepare_tokens, prepare_tokens_bf16, PrepareTokensArguments) \
  ENTRY(prepare_tokens, find_centre_f32, FindCentreArguments) \
  ENTRY(prepare_tokens, find_centre_f16, FindCentreArguments) \
  ENTRY(prepare_tokens, find_centre_bf16, FindCentreArguments) \
  ENTRY(prepare_tokens, check_candidates, CheckCandidatesArguments) \
  ENTRY(similarity_argmax, best_column_f32, BestColumnsArguments) \
  ENTRY(similarity_argmax, best_column_f16, BestColumnsArguments) \
  ENTRY(similarity_argmax, best_column_bf16, BestColumnsArguments) \
  ENTRY(similarity_argmax, best_columns_f32, BestColumnsArguments) \
  ENTRY(similarity_argmax, best_columns_f16, BestColumnsArguments) \
  ENTRY(similarity_argmax, best_columns_bf16, BestColumnsArguments) \
  ENTRY(similarity_argmax, finish_best, FinishBestArguments) \
  ENTRY(similarity_candidates, weigh_candidates, WeighCandidatesArguments) \
  ENTRY(similarity_candidates, best_candidate_f32, BestCandidatesArguments) \
  ENTRY(similarity_candidates, best_candidate_f16, BestCandidatesArguments) \
  ENTRY(similarity_candidates, best_candidate_bf16, BestCandidatesArguments) \
  ENTRY(similarity_candidates, best_candidates_f32, BestCandidatesArguments) \
  ENTRY(similarity_candidates, best_candidates_f16, BestCandidatesArguments) \
  ENTRY(similarity_candidates, best_candidates_bf16, BestCandidatesArguments) \
  ENTRY(similarity_candidates, finish_candidates, FinishCandidatesArguments) \
  ENTRY(similarity_reduce, reduce_similarities_f32, SimilarityReduceArguments) \
  ENTRY(similarity_reduce, reduce_similarities_f16, SimilarityReduceArguments) \
  ENTRY(similarity_reduce, reduce_similarities_bf16, SimilarityReduceArguments) \
  ENTRY(similarity_reduce, sum_columns, SimilarityReduceArguments) \
  ENTRY(similarity_reduce, add_column_sums, SimilarityReduceArguments) \
  ENTRY(similarity_reduce, finish_reduction, SimilarityReduceArguments) \
  ENTRY(knn_density, average_nearest, KnnDensityArguments) \
  ENTRY(knn_density, nearest_denser_f32, KnnDensityArguments) \
  ENTRY(knn_density, nearest_denser_f16, KnnDensityArguments) \
  ENTRY(knn_density, nearest_denser_bf16, KnnDensityArguments) \
  ENTRY(knn_density, knn_separation, KnnDensityArguments) \
  ENTRY(knn_density, greatest_distance, KnnDensityArguments) \
  ENTRY(bipartite_match, bipartite_sides, BipartiteSidesArguments) \
  ENTRY(bipartite_match, bipartite_merge, BipartiteMergeArguments) \
  ENTRY(unit_rows, unit_rows_f32, UnitRowsArguments) \
  ENTRY(unit_rows, unit_rows_f16, UnitRowsArguments) \
  ENTRY(unit_rows, unit_rows_bf16, UnitRowsArguments) \
  ENTRY(unit_rows, check_choice, CheckChoiceArguments) \
  ENTRY(farthest_point, isolate_points, FarthestPointArguments) \
  ENTRY(farthest_point, start_points, FarthestPointArguments) \
  ENTRY(farthest_point, choose_farthest, FarthestPointArguments) \
  ENTRY(dpp_greedy, start_dpp, DppGreedyArguments) \
  ENTRY(dpp_greedy, choose_diverse, DppGreedyArguments) \
  ENTRY(attention_rows, attention_rows, AttentionRowsArguments) \
  ENTRY(attention_rows, attention_keys, AttentionKeysArguments) \
  ENTRY(attention_rows, attention_observers, AttentionObserversArguments) \
  ENTRY(attention_rows, attention_known, AttentionKnownArguments) \
  ENTRY(attention_rows, attention_combine, AttentionCombineArguments) \
  ENTRY(attention_rows, attention_combine_output, AttentionCombineArguments) \
  ENTRY(attention_scores, attention_lse_any, AttentionSoftmaxArguments) \
  ENTRY(attention_scores, attention_lse_f16_64, AttentionSoftmaxArguments) \
  ENTRY(attention_scores, attention_lse_f16_128, AttentionSoftmaxArguments) \
  ENTRY(attention_scores, attention_lse_f16_256, AttentionSoftmaxArguments) \
  ENTRY(attention_scores, attention_lse_bf16_64, AttentionSoftmaxArguments) \
  ENTRY(attention_scores, attention_lse_bf16_128, AttentionSoftmaxArguments) \
  ENTRY(attention_scores, attention_lse_bf16_256, AttentionSoftmaxArguments) \
  ENTRY(attention_scores, attention_columns_any, AttentionColumnsArguments) \
  ENTRY(attention_scores, attention_columns_f16_64, AttentionColumnsArguments) \
  ENTRY(attention_scores, attention_columns_f16_128, AttentionColumnsArguments) \
  ENTRY(attention_scores, attention_columns_f16_256, AttentionColumnsArguments) \
  ENTRY(attention_scores, attention_columns_bf16_64, AttentionColumnsArguments) \
  ENTRY(attention_scores, attention_columns_bf16_128, AttentionColumnsArguments) \
  ENTRY(attention_scores, attention_columns_bf16_256, AttentionColumnsArguments) \
  ENTRY(attention, attention_output_any, AttentionSoftmaxArguments) \
  ENTRY(attention, attention_output_f16_64, AttentionSoftmaxArguments) \
  ENTRY(attention, attention_output_f16_128, AttentionSoftmaxArguments) \
  ENTRY(attention, attention_output_f16_256, AttentionSoftmaxArguments) \
  ENTRY(attention, attention_output_bf16_64, AttentionSoftmaxArguments) \
  ENTRY(attention, attention_output_bf16_128, AttentionSoftmaxArguments) \
  ENTRY(attention, attention_output_bf16_256, AttentionSoftmaxArguments) \
  ENTRY(attention_positions, attention_positions, AttentionPositionsArguments) \
  ENTRY(attention_scores_distance, attention_lse_distance_any, AttentionSoftmaxDistanceArguments) \
  ENTRY(attention_scores_distance, attention_lse_distance_f16_64, AttentionSoftmaxDistanceArguments) \
  ENTRY(attention_scores_distance, attention_lse_distance_f16_128, AttentionSoftmaxDistanceArguments) \
  ENTRY(attention_scores_distance, attention_lse_distance_f16_256, AttentionSoftmaxDistanceArguments) \
  ENTRY(attention_scores_distance, attention_lse_distance_bf16_64, AttentionSoftmaxDistanceArguments) \
  ENTRY(attention_scores_distance, attention_lse_distance_bf16_128, AttentionSoftmaxDistanceArguments) \
  ENTRY(attention_scores_distance, attention_lse_distance_bf16_256, AttentionSoftmaxDistanceArguments) \
  ENTRY(attention_scores_distance, attention_columns_distance_any, AttentionColumnsDistanceArguments) \
  ENTRY(attention_scores_distance, attention_columns_distance_f16_64, AttentionColumnsDistanceArguments) \
  ENTRY(attention_scores_distance, attention_columns_distance_f16_128, AttentionColumnsDistanceArguments) \
  ENTRY(attention_scores_distance, attention_columns_distance_f16_256, AttentionColumnsDistanceArguments) \
  ENTRY(attention_scores_distance, attention_columns_distance_bf16_64, AttentionColumnsDistanceArguments) \
  ENTRY(attention_scores_distance, attention_columns_distance_bf16_128, AttentionColumnsDistanceArguments) \
  ENTRY(attention_scores_distance, attention_columns_distance_bf16_256, AttentionColumnsDistanceArguments) \
  ENTRY(attention_distance, attention_output_distance_any, AttentionSoftmaxDistanceArguments) \
  ENTRY(attention_distance, attention_output_distance_f16_64, AttentionSoftmaxDistanceArguments) \
  ENTRY(attention_distance, attention_output_distance_f16_128, AttentionSoftmaxDistanceArguments) \
  ENTRY(attention_distance, attention_output_distance_f16_256, AttentionSoftmaxDistanceArguments) \
  ENTRY(attention_distance, attention_output_distance_bf16_64, AttentionSoftmaxDistanceArguments) \
  ENTRY(attention_distance, attention_output_distance_bf16_128, AttentionSoftmaxDistanceArguments) \
  ENTRY(attention_distance, attention_output_distance_bf16_256, AttentionSoftmaxDistanceArguments) \
  ENTRY(attention_finish, attention_finish, AttentionFinishArguments) \
  ENTRY(attention_finish, attention_heads, AttentionHeadsArguments) \
  ENTRY(top_k, top_k_select, TopKArguments) \
  ENTRY(top_k, top_k_count, TopKArguments) \
  ENTRY(top_k, top_k_find, TopKArguments) \
  ENTRY(top_k, top_k_collect, TopKArguments) \
  ENTRY(top_k, top_k_order, TopKArguments) \
  ENTRY(ragged, close_ranks, CloseRanksArguments) \
  ENTRY(select_threshold, mass_prefix, SelectThresholdArguments) \
  ENTRY(select_threshold, select_by_rule, SelectThresholdArguments) \
  ENTRY(sample_cdf, sample_rows, SampleCdfArguments) \
  ENTRY(gather_tokens, gather_rows, GatherTokensArguments) \
  ENTRY(gather_tokens, row_lengths, GatherTokensArguments) \
  ENTRY(gather_channels, gather_columns, GatherChannelsArguments) \
  ENTRY(restore_tokens, restore_rows, RestoreTokensArguments) \
  ENTRY(restore_tokens, nearest_owners, RestoreTokensArguments) \
  ENTRY(restore_tokens, restore_weighted_f32, RestoreWeightedArguments) \
  ENTRY(restore_tokens, restore_weighted_f16, RestoreWeightedArguments) \
  ENTRY(restore_tokens, restore_weighted_bf16, RestoreWeightedArguments) \
  ENTRY(merge_tokens, merge_slots_f32, MergeTokensArguments) \
  ENTRY(merge_tokens, merge_slots_f16, MergeTokensArguments) \
  ENTRY(merge_tokens, merge_slots_bf16, MergeTokensArguments) \
  ENTRY(merge_tokens, merge_norms_f32, MergeTokensArguments) \
  ENTRY(merge_tokens, merge_norms_f16, MergeTokensArguments) \
  ENTRY(merge_tokens, merge_norms_bf16, MergeTokensArguments) \
  ENTRY(pool_scores, pool_windows, PoolScoresArguments) \
  ENTRY(rotate_keys, rotary_turns, RotaryTurnsArguments) \
  ENTRY(rotate_keys, rotate_keys_f32, RotateKeysArguments) \
  ENTRY(rotate_keys, rotate_keys_f16, RotateKeysArguments) \
  ENTRY(rotate_keys, rotate_keys_bf16, RotateKeysArguments) \
  ENTRY(paired_similarity, compare_pairs, PairedSimilarityArguments)

enum class Kernel : int32_t {
#define TSV_CUDA_KERNEL_ENUM(module, name, Arguments) name,
  TSV_FOR_EACH_CUDA_KERNEL(TSV_CUDA_KERNEL_ENUM)
#undef TSV_CUDA_KERNEL_ENUM
};

}  // namespace cuda
}  // namespace tsv
#endif
