// out[i] = source[index[i]]: rows of any type, moved as bytes.
// Nothing but copying (copy_row.h): the limit is memory bandwidth, and for rows under a few cache lines the
// latency of finding them, which the prefetch of a row some places ahead hides. Reached on Zen 4, of what the
// C library's copy does on as much memory: 60 to 70 % at half of 197 to 577 tokens, of which the call itself
// takes 3 us, 69 % at 720 of 2880 tokens of 16 KB, past the caches.
#ifndef TOKENSIEVE_KERNELS_GATHER_TOKENS_H
#define TOKENSIEVE_KERNELS_GATHER_TOKENS_H
#include "kernels/copy_row.h"
#include "kernels/kernels.h"

namespace {

template <class V>
void gather_tokens(const tsv::GatherTokens& a) {
  constexpr int64_t kAhead = 4;
  for (int64_t i = 0; i < a.count; ++i) {
    if (i + kAhead < a.count) V::prefetch(a.source + a.index[i + kAhead] * a.row_bytes);
    copy_row<V>(a.source + a.index[i] * a.row_bytes, size_t(a.row_bytes), a.streamed,
                a.out + i * a.row_bytes);
  }
  end_rows<V>(a.streamed);
}

}  // namespace
#endif
