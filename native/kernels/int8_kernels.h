// The kernels of 8-bit products, for instruction sets that multiply bytes: a list and a table of their own,
// beside those of kernels.h. Where there is no such table, precision 'fast' is computed exactly. (FP16 FMA
// would gain half as much, and no x86 processor has it without VNNI.)
#ifndef TOKENSIEVE_KERNELS_INT8_KERNELS_H
#define TOKENSIEVE_KERNELS_INT8_KERNELS_H
#include "kernels/kernels.h"

namespace tsv {

// Channels are packed four to a lane.
static inline int64_t int8_quads(int64_t depth) { return (depth + 3) / 4; }
// Channels of a vector, whole: the length of what follows a row of floats.
static inline int64_t int8_channels(int64_t depth) { return (depth + 63) / 64 * 64; }

// What keys are less, and channels are divided by, before they are rounded: see balance_channels.h.
struct BalanceChannels {
  Rows keys;
  const int32_t* key_index;  // the sample; the keys that it leaves out are scaled, not cut
  int64_t key_count;
  const Rows* queries;  // [query_heads], or NULL: as large in every channel
  int64_t query_heads;
  const int32_t* query_index;  // of each head
  int64_t query_count;
  int64_t depth;
  float* centre;    // [int8_channels] out, as are the next two
  float* gain;      // what queries are multiplied by
  float* inverse;   // and keys, less the centre
  float* key_norm;  // out: the greatest norm of the sample's keys
};

// Keys first..first+columns-1 as signed bytes, in panels of two vectors: see pack_int8_keys.h.
struct PackInt8Keys {
  Rows source;
  const uint8_t* mask;  // by key: 2 packs zeros; or NULL
  int64_t first;
  int64_t columns;
  int64_t depth;
  const float* centre;
  const float* inverse;
  int8_t* panels;   // that of key c at c * 4 quads
  int32_t* starts;  // by key from `first` on, as is the next: -128 times the sum of its bytes
  float* scales;    // what a byte stands for; NaN: the key is not finite
};

// Queries as unsigned bytes, 128 for 0: see quantise_queries.h.
struct QuantiseQueries {
  Rows source;
  const int32_t* index;
  int64_t count;
  int64_t depth;
  float scale;
  const float* centre;
  const float* gain;
  uint8_t* out;      // [count][4 quads]
  float* row_scale;  // what a byte stands for, times `scale`; NaN: the query is not finite
  float* norm;       // times `scale`, as is the next
  float* offset;     // the product with the centre
};

// Exponentials of the products of queries and keys, and their sums: see int8_attention.h.
struct Int8Exponentials {
  const uint8_t* queries;
  int64_t rows;
  int64_t quads;
  const int8_t* panels;
  const int32_t* starts;
  const float* scales;
  const float* bias;
  int64_t columns;
  const float* row_scale;
  const float* shift;      // subtracted from the exponents
  const int32_t* visible;  // [rows][2], first and last + 1 key that a row sees, or NULL
  int64_t first_key;       // the key of column 0
  float* strip;            // that of panel c at c * rows, a row after the other
  float* sums;             // [rows][lanes], added to
};

// columns_out[c] += row_weight[i] * (row row_index[i] of the strip)[c], or the maximum of the two.
struct Int8Columns {
  const float* strip;
  int64_t strip_rows;
  const int32_t* row_index;
  const float* row_weight;
  int64_t rows;
  int64_t columns;
  int32_t maximum;
  float* columns_out;
};

// Tokens as bytes, round(127 y / m), y = (n x + shift) gain: see quantise_tokens.h.
struct QuantiseTokens {
  Rows source;
  const int32_t* index;
  int64_t count;
  int64_t depth;
  int32_t unit;        // n is 1 / |x|, else 1
  int32_t add_128;     // and the bytes are unsigned
  const float* shift;  // [int8_channels], as is the next
  const float* gain;
  const float* middle;  // [int8_channels], or NULL for no bias
  float square_share;   // bias = middle.(n x + shift) - square_share |n x + shift|^2
  uint8_t* out;         // [count][4 quads], `stride` apart
  int64_t stride;
  float* scales;  // m / 127; NaN: bytes cannot stand for the token; -1: a zero vector, of which unit asks the
                  // direction
  float* squares;  // |y|^2
  float* bias;
};

// Rows of signed bytes to panels of two vectors, and -128 times the sum of each: see pack_bytes.h.
struct PackBytes {
  const uint8_t* rows;
  int64_t stride;
  int64_t columns;
  int64_t quads;
  int8_t* panels;
  int32_t* starts;
};

// Columns of which each row's product may be the greatest: see int8_argmax.h.
struct Int8Argmax {
  const uint8_t* rows;
  int64_t stride;
  int64_t count;
  int64_t quads;
  const int8_t* panels;
  const int32_t* starts;
  const float* scales;
  const float* bias;  // -infinity in those that fill up the last vector
  const float* squares;
  int64_t columns;
  const float* row_scale;
  const float* row_squares;
  float deviations;  // how far below the best a candidate may be, in standard deviations of the difference
  float* best;       // [count][2 vectors], working memory, as is the next
  int32_t* column_of;
  int32_t* candidates;  // [count * 2 vectors + 1 vector] out, a row's after another's
  int32_t* found;       // [count] how many a row has
};

#define TSV_FOR_EACH_INT8_KERNEL(X) \
  X(balance_channels, BalanceChannels) \
  X(pack_int8_keys, PackInt8Keys) \
  X(quantise_queries, QuantiseQueries) \
  X(int8_exponentials, Int8Exponentials) \
  X(int8_columns, Int8Columns) \
  X(quantise_tokens, QuantiseTokens) \
  X(pack_bytes, PackBytes) \
  X(int8_argmax, Int8Argmax)

struct Int8Kernels {
#define TSV_INT8_KERNEL_MEMBER(name, Arguments) void (*name)(const Arguments&);
  TSV_FOR_EACH_INT8_KERNEL(TSV_INT8_KERNEL_MEMBER)
#undef TSV_INT8_KERNEL_MEMBER
};

extern "C" const Int8Kernels tsv_kernels_avx512_vnni;

}  // namespace tsv
#endif
