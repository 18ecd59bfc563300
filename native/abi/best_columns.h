// For each row of a similarity problem, the columns that it is most like.
#ifndef TOKENSIEVE_ABI_BEST_COLUMNS_H
#define TOKENSIEVE_ABI_BEST_COLUMNS_H
#include "abi/similarity_product.h"

namespace tsv {

// Fills similarity and place at [(item * stride + i) * k ..] for the i-th row of each item: the k best places
// among its columns, best first, equal ones by place, NaN last. Similarities are exact for the columns they
// are given for; which columns are best is known to within the rounding of the product. An item has no
// columns, or k at least.
tsv_status find_best_columns(const SimilarityProblem& problem, int64_t k, int64_t stride, float* similarity,
                             int32_t* place);

// The same for one block, at [i * k ..] for its i-th row; false when there is no memory.
bool find_best_of_block(const SimilarityProblem& problem, int64_t k, const SimilarityBlock& block,
                        float* similarity, int32_t* place);

// Puts a row's places in order: the greatest similarity first, equal ones by place, NaN last.
struct Neighbour {
  float similarity;
  int32_t place;
};
void put_in_order(int64_t count, float* similarity, int32_t* place, Neighbour* scratch);

}  // namespace tsv
#endif
