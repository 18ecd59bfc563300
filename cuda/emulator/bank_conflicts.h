// How shared memory serves a warp-wide access.
#ifndef TOKENSIEVE_EMULATOR_BANK_CONFLICTS_H
#define TOKENSIEVE_EMULATOR_BANK_CONFLICTS_H
#include <stdint.h>

#include "coalescing.h"

namespace tsv_sim {

struct SharedPasses {
  int needed = 0;  // wavefronts that the width of the access needs without any conflict
  int taken = 0;   // wavefronts with the conflicts; the difference are replays
};

// Shared memory has 32 banks of 4 bytes: word w lies in bank w % 32. A wavefront reads or writes one word of
// each bank, for any number of lanes. Lanes of up to 4 bytes go together, of 8 bytes by half warps, of 16
// bytes by quarters (so the rows of one 8 x 8 matrix of ldmatrix go together); each group takes as many
// wavefronts as its fullest bank has distinct words. `address` in bytes from the start of shared memory;
// `footprint` of the access.
SharedPasses count_shared_passes(const uint64_t* address, uint32_t mask, uint32_t bytes,
                                 const Footprint& footprint);

}  // namespace tsv_sim
#endif
