// For each source of a bipartite match, its most similar destination by cosine.
#ifndef TOKENSIEVE_ABI_BEST_DESTINATIONS_H
#define TOKENSIEVE_ABI_BEST_DESTINATIONS_H
#include "abi/bipartite_partition.h"
#include "abi/check.h"

namespace tsv {

// Fills, for each batch item in which something merges, similarity and best at [item * N + i] for its i-th
// source: the greatest cosine, and the place of that destination among the destinations, the lowest of equal
// ones. The cosine with a zero vector is 0; one that is NaN is below everything. TSV_E_MEMORY when there is
// no room for the packed destinations.
tsv_status find_best_destinations(const tsv_context* context, const View& metric, const BipartiteSides* sides,
                                  float* similarity, int32_t* best);

}  // namespace tsv
#endif
