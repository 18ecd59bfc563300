// Which tokens may merge away and which may be merged into: the two sides of a bipartite match.
#ifndef TOKENSIEVE_ABI_BIPARTITE_PARTITION_H
#define TOKENSIEVE_ABI_BIPARTITE_PARTITION_H
#include "abi/check.h"

namespace tsv {

enum Side : uint8_t {
  kAbsent = 0,           // dropped: in no slot
  kSource = 1,           // may merge away
  kDestination = 2,      // may be merged into
  kKeptSource = 3,       // of the source set, but kept as it is
  kKeptDestination = 4,  // of the destination set, but kept as it is
};

inline bool in_source_set(uint8_t side) { return side == kSource || side == kKeptSource; }

// The sides of one batch item. The lists have room for every token of it and ascend.
struct BipartiteSides {
  uint8_t* side;
  int32_t* sources;       // the tokens of side kSource
  int32_t* destinations;  // the tokens of side kDestination
  int64_t source_count;
  int64_t destination_count;
  int64_t present;  // tokens that are not absent
  int64_t merges;   // how many sources may merge: r, within its limits
};

// Checks r and the numbers of the partition over n tokens.
void check_partition(Check& check, const tsv_bipartite_match_args& a, int64_t n);

// Fills in 1 for the tokens of the destination set, of which the random partition has all until it draws.
void mark_destinations(const tsv_bipartite_match_args& a, int64_t n, uint8_t* destination);

// Fills in the seed of each item's draws.
void draw_seeds(uint64_t seed, int64_t items, uint64_t* seeds);

// Fills the sides of every item from the marks of mark_destinations().
void choose_sides(const tsv_bipartite_match_args& a, const View& mask, const View& lengths, int64_t items,
                  int64_t n, const uint8_t* destination, BipartiteSides* sides);

}  // namespace tsv
#endif
