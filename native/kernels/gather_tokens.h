// out[i] = source[index[i]]: rows of any type, moved as bytes.
// Nothing but copying: the limit is memory bandwidth, and for rows under a few cache lines the latency of
// finding them, which the prefetch of a row some places ahead hides.
#ifndef TOKENSIEVE_KERNELS_GATHER_TOKENS_H
#define TOKENSIEVE_KERNELS_GATHER_TOKENS_H
#include <string.h>

#include "kernels/kernels.h"

namespace {

template <class V>
void gather_tokens(const tsv::GatherTokens& a) {
  constexpr int64_t kAhead = 4;
  for (int64_t i = 0; i < a.count; ++i) {
    if (i + kAhead < a.count) V::prefetch(a.source + a.index[i + kAhead] * a.row_bytes);
    memcpy(a.out + i * a.row_bytes, a.source + a.index[i] * a.row_bytes, size_t(a.row_bytes));
  }
}

}  // namespace
#endif
