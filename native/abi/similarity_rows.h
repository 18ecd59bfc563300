// Tokens made ready as rows of the product that gives similarities.
#ifndef TOKENSIEVE_ABI_SIMILARITY_ROWS_H
#define TOKENSIEVE_ABI_SIMILARITY_ROWS_H
#include "abi/similarity_product.h"

namespace tsv {

// What l2 appends to the channels.
constexpr int64_t kExtraL2 = 2;

// One side of the product, of a batch item: cosine scales its tokens to unit length; dot takes them as they
// are; l2 subtracts the centre from both sides and appends two elements,
//   [2 a, 1, -|a|^2] . [b, -|b|^2, 1] = -|a - b|^2.
struct SimilaritySide {
  const Kernels& kernels;
  Rows tokens;
  int64_t channels;
  int32_t metric;       // tsv_similarity_metric
  const float* centre;  // [channels], l2
  const float* norms;   // of all tokens, else
  bool is_column;
};

// Floats from row to row: room for whole vectors, and not a multiple of a page, so that the rows of a tile
// do not meet in one set of the cache.
inline int64_t similarity_row_stride(int64_t depth) { return (depth + 15) / 16 * 16 + 16; }

// Whether each of `count` tokens becomes a row or column by multiplication with a number, as all do but those
// of l2 and ones whose norm float32 does not hold: fills in these numbers, and that all are ordinary.
bool find_scales(const SimilaritySide& side, const int32_t* token, int64_t count, float* scales,
                 TokenKind* kinds);

// `count` tokens as rows of the product, and what kind each is. `scales` has room for as many.
void prepare_rows(const SimilaritySide& side, const int32_t* token, int64_t count, float* scales, float* rows,
                  int64_t stride, TokenKind* kinds);

// A point in the midst of the tokens of a list: the mean of a thousand of them. Any point gives the same
// distances; what is left of the tokens when it is taken off decides how exact the products are. `row` and
// `sums` have room for a token.
void find_centre(const SimilaritySide& side, const TokenList& list, float* row, double* sums, float* centre);

}  // namespace tsv
#endif
