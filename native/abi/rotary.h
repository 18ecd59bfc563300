// What rotating keys works with once its arguments are checked.
#ifndef TOKENSIEVE_ABI_ROTARY_H
#define TOKENSIEVE_ABI_ROTARY_H
#include "abi/check.h"

namespace tsv {

// Positions [N], [B,N] or [B,Hkv,N], with sections after a leading one.
struct Positions {
  View view;
  int64_t tokens = 0;      // N
  int64_t heads = 1;       // 1, or Hkv where each head has its own
  int64_t rows = 1;        // 1, B or B * Hkv
  int64_t of_section = 0;  // elements

  bool by_head() const { return heads > 1; }
  int64_t at(int64_t section, int64_t b, int64_t head, int64_t token) const {
    const int64_t row = rows == 1 ? 0 : b * heads + (heads > 1 ? head : 0);
    return view.integer(section * of_section + row * tokens + token);
  }
};

struct Rotary {
  View k, keys;  // [B,Hkv,N,D]
  Positions from, to;
  View lengths, frequencies, sections;
  int64_t pairs, parts;  // parts: sections, or 1
  bool interleaved;
  // Of each pair, in units of 2^-64 of a turn, and the pair that each section ends before: NULL where
  // frequencies, or sections, lie on a device.
  const uint64_t* turns;
  const int32_t* section_ends;
};

}  // namespace tsv
#endif
