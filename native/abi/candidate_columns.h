// The best columns of each row where rows have candidates of their own, or columns weights.
#ifndef TOKENSIEVE_ABI_CANDIDATE_COLUMNS_H
#define TOKENSIEVE_ABI_CANDIDATE_COLUMNS_H
#include "abi/similarity_product.h"

namespace tsv {

struct Candidates {
  int32_t which;  // tsv_candidates
  View scale;     // float32 [B,Nb] or [Nb], or nothing: 1
  View bias;      // the same, or nothing: 0

  // Every row may choose every column, by similarity itself.
  bool all_alike() const { return which == TSV_CANDIDATES_ALL && !scale.present() && !bias.present(); }
};

// As find_best_columns (abi/best_columns.h) by scale * similarity + bias, in float64 and rounded once, and
// over what candidates a row has: places past those are -1, of value -INFINITY.
tsv_status find_best_candidates(const SimilarityProblem& problem, const Candidates& candidates, int64_t k,
                                int64_t stride, float* value, int32_t* place);

}  // namespace tsv
#endif
