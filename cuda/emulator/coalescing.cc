#include "coalescing.h"

#include <algorithm>
#include <utility>

namespace tsv_sim {
namespace {

// Whether all lanes take part and lie one after another, as in most accesses.
bool contiguous(const uint64_t* address, uint32_t mask, uint32_t bytes) {
  if (mask != 0xffffffffu) return false;
  uint64_t difference = 0;
  for (uint64_t lane = 0; lane < 32; ++lane) difference |= address[lane] ^ (address[0] + lane * bytes);
  return difference == 0;
}

// Sorts pieces and joins those that touch.
void put_in_order(Footprint* footprint) {
  std::pair<uint64_t, uint64_t> pieces[32];
  for (int i = 0; i < footprint->count; ++i) pieces[i] = {footprint->begin[i], footprint->end[i]};
  std::sort(pieces, pieces + footprint->count);
  int last = 0;
  footprint->begin[0] = pieces[0].first;
  footprint->end[0] = pieces[0].second;
  for (int i = 1; i < footprint->count; ++i) {
    const auto [begin, end] = pieces[i];
    if (begin > footprint->end[last]) {
      ++last;
      footprint->begin[last] = begin;
      footprint->end[last] = end;
    } else {
      footprint->shared |= begin < footprint->end[last];
      footprint->end[last] = std::max(footprint->end[last], end);
    }
  }
  footprint->count = last + 1;
}

}  // namespace

void find_footprint(const uint64_t* address, uint32_t mask, uint32_t bytes, Footprint* footprint) {
  footprint->shared = footprint->whole = false;
  const uint64_t first = address[__builtin_ctz(mask)];
  footprint->begin[0] = first;
  footprint->end[0] = first + bytes;
  footprint->count = 1;
  if (contiguous(address, mask, bytes)) {
    footprint->end[0] = first + 32 * uint64_t(bytes);
    footprint->whole = true;
    return;
  }
  int last = 0;
  bool in_order = true;
  for (uint32_t rest = mask & (mask - 1); rest != 0; rest &= rest - 1) {
    const uint64_t at = address[__builtin_ctz(rest)];
    if (at == footprint->end[last]) {
      footprint->end[last] += bytes;
    } else if (at >= footprint->begin[last] && at + bytes <= footprint->end[last]) {
      footprint->shared = true;
    } else {
      in_order &= at > footprint->end[last];
      ++last;
      footprint->begin[last] = at;
      footprint->end[last] = at + bytes;
    }
  }
  footprint->count = last + 1;
  if (!in_order) put_in_order(footprint);
}

void find_sectors(const Footprint& footprint, Sectors* sectors) {
  sectors->lines = sectors->total = 0;
  for (int i = 0; i < footprint.count; ++i) {
    uint64_t sector = footprint.begin[i] / kSector;
    const uint64_t last = (footprint.end[i] - 1) / kSector;
    for (; sector <= last; ++sector) {
      const uint64_t line = sector / (kLine / kSector);
      const auto bit = uint8_t(1u << (sector % (kLine / kSector)));
      if (sectors->lines == 0 || sectors->line[sectors->lines - 1] != line) {
        sectors->line[sectors->lines] = line;
        sectors->sectors[sectors->lines++] = 0;
      }
      uint8_t& bits = sectors->sectors[sectors->lines - 1];
      sectors->total += (bits & bit) == 0;
      bits |= bit;
    }
  }
}

}  // namespace tsv_sim
