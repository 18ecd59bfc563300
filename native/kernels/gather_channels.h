// out[i][k] = source[i][index[k]]: items of any type, moved as bytes.
// An index, a load and a store an item, whatever the instruction set: an item may come from anywhere in its
// row, so there are no vectors to load, and what gathers them takes as long as single loads do. The row comes
// into L1 a line at a time; the limit is reading the lines that are chosen from, and where every other
// channel is, that is all of x.
#ifndef TOKENSIEVE_KERNELS_GATHER_CHANNELS_H
#define TOKENSIEVE_KERNELS_GATHER_CHANNELS_H
#include <string.h>

#include "kernels/kernels.h"

namespace {

template <int kBytes>
void gather_channels_of(const tsv::GatherChannels& a) {
  char* out = a.out;
  for (int64_t i = 0; i < a.count; ++i) {
    const char* row = a.source + i * a.source_bytes;
    for (int64_t k = 0; k < a.columns; ++k, out += kBytes) {
      memcpy(out, row + int64_t(a.index[k]) * kBytes, kBytes);
    }
  }
}

template <class V>
void gather_channels(const tsv::GatherChannels& a) {
  switch (a.item_bytes) {
    case 1:
      return gather_channels_of<1>(a);
    case 2:
      return gather_channels_of<2>(a);
    case 4:
      return gather_channels_of<4>(a);
    default:
      return gather_channels_of<8>(a);
  }
}

}  // namespace
#endif
