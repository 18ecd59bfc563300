// out[i] = source[index[i]], or where the index is negative dropped[i], or zeros without `dropped`: rows of
// any type, moved as bytes. As in gather_tokens.h the limit is memory bandwidth; neighbours often share a
// slot, and then the source is in cache.
#ifndef TOKENSIEVE_KERNELS_RESTORE_TOKENS_H
#define TOKENSIEVE_KERNELS_RESTORE_TOKENS_H
#include <string.h>

#include "kernels/copy_row.h"
#include "kernels/kernels.h"

namespace {

template <class V>
void restore_tokens(const tsv::RestoreTokens& a) {
  constexpr int64_t kAhead = 4;
  const size_t bytes = size_t(a.row_bytes);
  for (int64_t i = 0; i < a.count; ++i) {
    if (i + kAhead < a.count && a.index[i + kAhead] >= 0) {
      V::prefetch(a.source + a.index[i + kAhead] * a.row_bytes);
    }
    char* out = a.out + i * a.row_bytes;
    if (a.index[i] >= 0) {
      copy_row<V>(a.source + a.index[i] * a.row_bytes, bytes, a.streamed, out);
    } else if (a.dropped != nullptr) {
      copy_row<V>(a.dropped + i * a.row_bytes, bytes, a.streamed, out);
    } else {
      memset(out, 0, bytes);
    }
  }
  end_rows<V>(a.streamed);
}

}  // namespace
#endif
