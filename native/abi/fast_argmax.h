// The nearest columns of a similarity problem with precision 'fast': products of bytes, where the processor
// multiplies them (kernels/int8_kernels.h), say which columns may be the nearest, and those are compared
// exactly.
#ifndef TOKENSIEVE_ABI_FAST_ARGMAX_H
#define TOKENSIEVE_ABI_FAST_ARGMAX_H
#include "abi/similarity_product.h"

namespace tsv {

// Whether bytes serve a problem of so many channels here.
bool fast_argmax_applies(int64_t channels, int64_t k);

// As find_best_columns with k 1. Items with a token of which bytes make nothing (not finite, or too large or
// small) are computed exactly as a whole.
tsv_status find_nearest_columns_fast(const SimilarityProblem& problem, int64_t stride, float* similarity,
                                     int32_t* place);

}  // namespace tsv
#endif
