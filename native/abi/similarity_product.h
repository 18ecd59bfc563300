// Similarities of tokens to tokens as the products of rows with packed columns, of which no matrix is kept:
// what matching, nearest neighbours and averages of similarities have in common.
#ifndef TOKENSIEVE_ABI_SIMILARITY_PRODUCT_H
#define TOKENSIEVE_ABI_SIMILARITY_PRODUCT_H
#include "abi/check.h"

namespace tsv {

// Tokens of a batch item, in order.
struct TokenList {
  const int32_t* token;
  int64_t count;
};

// Fills `token` with the tokens that a mask does not drop, ascending.
TokenList list_tokens(const TokenMask& mask, int64_t n, int32_t* token);

// For each batch item, the tokens of a that make the rows and those of b that make the columns.
struct SimilarityProblem {
  const tsv_context* context;
  View a;          // [B,Na,C]
  View b;          // [B,Nb,C]
  int32_t metric;  // tsv_similarity_metric
  const TokenList* rows;
  const TokenList* columns;
  bool sum_columns = false;  // the sum of the columns is wanted, in place of themselves
};

enum TokenKind : uint8_t {
  kOrdinary,
  kZeroVector,  // cosine: like everything else by 0
  kNotFinite,   // cosine, l2: as a column, its products are NaN
  kExtreme,     // dot, l2: too long for float32 products
};

// Rows of an item and the columns that they meet. A product is the similarity to within float32's rounding
// of products of its size, when both kinds are ordinary; l2 takes a point in the midst of the columns from
// both sides, so that an offset which all tokens share costs no accuracy.
struct SimilarityBlock {
  int64_t item;
  int64_t first;  // place in the list of rows
  int64_t count;
  const float* rows;  // [count][depth], `stride` apart
  int64_t stride;
  int64_t depth;
  const TokenKind* row_kinds;  // [count]
  const float* panels;         // of pack_key_panels; the columns that fill up the last one give NaN
  int64_t columns;
  const double* column_sum;  // [depth], and no panels, where the problem says so
  const TokenKind* column_kinds;
  bool extreme_columns;     // an extreme one is among them
  bool not_finite_columns;  // l2: one that is not finite is

  // Its similarities are to be taken one by one.
  bool exact(int64_t row) const { return extreme_columns || row_kinds[row] == kExtreme; }
};

// Calls body(block) for every row of every item, on several threads, in blocks that depend on the shapes
// alone; false from it means that it had no memory. TSV_E_MEMORY, TSV_E_CANCELLED or TSV_OK.
using SimilarityBody = bool (*)(const void* state, const SimilarityBlock& block);
tsv_status for_each_similarity_block(const SimilarityProblem& problem, SimilarityBody body,
                                     const void* state);

template <class Body>
tsv_status for_each_similarity_block(const SimilarityProblem& problem, const Body& body) {
  return for_each_similarity_block(
      problem,
      [](const void* state, const SimilarityBlock& block) {
        return (*static_cast<const Body*>(state))(block);
      },
      &body);
}

// out[i] = the similarity of the row at first + i of its list with b's token[i], in float64 and rounded once.
void exact_similarities_of_rows(const SimilarityProblem& problem, int64_t item, int64_t first,
                                const int32_t* token, int64_t count, float* out);

// out[j] = the similarity of the row at a place of its list with b's token[j], likewise.
void exact_similarities(const SimilarityProblem& problem, int64_t item, int64_t row, const int32_t* token,
                        int64_t count, float* out);

}  // namespace tsv
#endif
