// Steps of the plans that compare tokens: tokens made ready for products (kernels/prepare_tokens.cu), and the
// best columns of each row (kernels/similarity_argmax.cu).
#ifndef TOKENSIEVE_CUDA_PLANS_SIMILARITY_H
#define TOKENSIEVE_CUDA_PLANS_SIMILARITY_H
#include "abi/candidate_columns.h"
#include "cuda/driver/queue.h"

namespace tsv {
namespace cuda {

// The tokens of a side: all of each item, or those of a list.
struct SimilaritySide {
  View x;  // [B,N,C]
  MaskArguments mask;
  const int32_t* list = nullptr;    // [B,N], ascending
  const int32_t* counts = nullptr;  // [B]
  int64_t most = 0;                 // of them in an item
};

struct SimilarityProduct {
  PreparedTokens rows, columns;
  int32_t* flags;      // [B], of the columns
  int32_t dtype;       // of the prepared rows
  int32_t keeps_type;  // whether that is the tokens' own, not float32
};

// Tokens [B,N,C] of a mask [B,N] or [N] and lengths [B].
MaskArguments item_mask(Queue& queue, const View& mask, const View& lengths, int64_t n);

SimilaritySide every_token(Queue& queue, const View& x, const View& mask, const View& lengths);

SimilarityProduct prepare_product(Queue& queue, const SimilaritySide& a, const SimilaritySide& b,
                                  int32_t metric);
// The same tokens on both sides.
SimilarityProduct prepare_product(Queue& queue, const SimilaritySide& x, int32_t metric);

// Refuses, on the device, items of which k passes the candidates.
void check_candidates(Queue& queue, const SimilarityProduct& product, int64_t items, int64_t k,
                      int32_t argument);

// The weights of columns in their order; those that nobody has checked are, and items with one that is not
// finite are refused.
CandidateArguments weigh_candidates(Queue& queue, const SimilarityProduct& product,
                                    const Candidates& candidates, int64_t items, bool checked);

// indices and values [B,out_rows,k] for the first rows of each item. Without candidates every row may choose
// every column.
void find_best_columns(Queue& queue, const SimilarityProduct& product, const SimilaritySide& a,
                       const SimilaritySide& b, int32_t metric, int64_t k, int64_t out_rows, int32_t* indices,
                       float* values, const CandidateArguments* candidates = nullptr);

}  // namespace cuda
}  // namespace tsv
#endif
