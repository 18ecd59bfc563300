// Tokens in rows: [B,N] or [B,H,N], with one mask for all rows, for each batch item or for each row, and a
// length for each batch item.
#ifndef TOKENSIEVE_ABI_TOKEN_ROWS_H
#define TOKENSIEVE_ABI_TOKEN_ROWS_H
#include <algorithm>

#include "abi/check.h"
#include "runtime/thread_pool.h"

namespace tsv {

// Of one row: those masked 1, and those not masked 2.
struct TokenCounts {
  int64_t kept, present;
};

struct TokenRows {
  View mask, lengths;
  int64_t rows = 0;
  int64_t n = 0;
  int64_t heads = 1;  // rows of a batch item

  // The mask of a row, or NULL.
  const uint8_t* mask_of(int64_t row) const {
    if (!mask.present()) return nullptr;
    const int64_t at = mask.rank == 1 ? 0 : mask.dim[0] == rows ? row : row / heads;
    return mask.as<uint8_t>() + at * n;
  }
  int64_t length_of(int64_t row) const { return lengths.present() ? lengths.as<int32_t>()[row / heads] : n; }

  TokenCounts count_tokens(int64_t row) const {
    const uint8_t* m = mask_of(row);
    const int64_t length = length_of(row);
    TokenCounts counts{0, length};
    for (int64_t i = 0; i < length && m != nullptr; ++i) {
      counts.kept += m[i] == 1;
      counts.present -= m[i] == 2;
    }
    return counts;
  }

  // Of `count` values of a row's tokens from `first` on, those of dropped tokens become 0.
  void zero_dropped(int64_t row, int64_t first, int64_t count, float* values) const {
    const uint8_t* m = mask_of(row);
    const int64_t length = length_of(row);
    for (int64_t i = 0; i < count && (m != nullptr || length < n); ++i) {
      if (first + i >= length || (m != nullptr && m[first + i] == 2)) values[i] = 0.0f;
    }
  }
};

inline TokenRows read_token_rows(Check& check, int64_t batch, int64_t heads, int64_t n,
                                 const tsv_tensor* mask, const tsv_tensor* lengths) {
  TokenRows found;
  found.rows = batch * heads;
  found.n = n;
  found.heads = heads;
  const bool each = mask != nullptr && mask->ndim == 2 && mask->shape[0] == found.rows;
  found.mask = check.mask(mask, TSV_ARG_MASK, each ? found.rows : batch, n);
  found.lengths = check.lengths(lengths, batch, n);
  return found;
}

// The rows of tokens x: [N,C], [B,N,C] or [B,H,N,C].
inline TokenRows rows_of_tokens(Check& check, const View& x, const tsv_tensor* mask,
                                const tsv_tensor* lengths) {
  if (check.failed()) return TokenRows();
  return read_token_rows(check, x.rank > 2 ? x.dim[0] : 1, x.rank > 3 ? x.dim[1] : 1, x.dim[x.rank - 2], mask,
                         lengths);
}

// An output with one float32 for each token of x, of the dims of x but the last.
inline View output_by_token(Check& check, tsv_tensor* tensor, int32_t argument, const View& x) {
  if (x.rank == 4) return check.output(tensor, argument, kFloat32, {x.dim[0], x.dim[1], x.dim[2]});
  if (x.rank == 3) return check.output(tensor, argument, kFloat32, {x.dim[0], x.dim[1]});
  return check.output(tensor, argument, kFloat32, {x.dim[0]});
}

// Tasks of about `step` tokens: body(row, first, count) for pieces that make up every row. Short rows share a
// task, long ones are cut.
template <class Body>
void for_pieces_of_rows(const tsv_context* context, const TokenRows& tokens, int64_t step, const Body& body) {
  const int64_t total = tokens.rows * tokens.n;
  parallel_for(context, (total + step - 1) / step, [&](int64_t task) {
    const int64_t last = std::min(total, (task + 1) * step);
    for (int64_t at = task * step; at < last;) {
      const int64_t row = at / tokens.n, first = at % tokens.n, count = std::min(tokens.n - first, last - at);
      body(row, first, count);
      at += count;
    }
  });
}

}  // namespace tsv
#endif
