// Which bytes a warp-wide access touches.
#ifndef TOKENSIEVE_EMULATOR_COALESCING_H
#define TOKENSIEVE_EMULATOR_COALESCING_H
#include <stdint.h>

namespace tsv_sim {

// Ascending, disjoint, and no two adjacent.
struct Footprint {
  int count = 0;
  uint64_t begin[32], end[32];
  bool shared = false;  // some byte belongs to more than one lane
  bool whole = false;   // all lanes, one after another: one piece
};

// `address[lane]` and the `bytes` from there, for the lanes in `mask`.
void find_footprint(const uint64_t* address, uint32_t mask, uint32_t bytes, Footprint* footprint);

constexpr uint64_t kSector = 32, kLine = 128;

// The distinct sectors of a footprint, line by line.
struct Sectors {
  int lines = 0;
  uint64_t line[64];    // address / 128
  uint8_t sectors[64];  // a bit for each of its four sectors
  int total = 0;
};

void find_sectors(const Footprint& footprint, Sectors* sectors);

}  // namespace tsv_sim
#endif
