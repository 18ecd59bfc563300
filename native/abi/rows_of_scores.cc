#include "abi/rows_of_scores.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "simd/half.h"

namespace tsv {
namespace {

float score_at(const View& x, int64_t i) {
  if (x.dtype == TSV_FLOAT32) return x.as<float>()[i];
  const uint16_t bits = x.as<uint16_t>()[i];
  return x.dtype == TSV_FLOAT16 ? float16_to_float(bits) : bfloat16_to_float(bits);
}

}  // namespace

RowsOfScores read_rows_of_scores(Check& check, const tsv_tensor* x, const tsv_tensor* mask,
                                 const tsv_tensor* lengths, int32_t argument) {
  RowsOfScores found;
  found.x = check.input(x, argument, kFloats, 2, 3);
  if (check.failed()) return found;
  const View& v = found.x;
  static_cast<TokenRows&>(found) =
      read_token_rows(check, v.dim[0], v.rank == 3 ? v.dim[1] : 1, v.dim[v.rank - 1], mask, lengths);
  return found;
}

void check_not_negative(Check& check, const RowsOfScores& rows, int32_t argument, const char* expected) {
  for (int64_t r = 0; r < rows.rows && !rows.x.on_device && !check.failed(); ++r) {
    const uint8_t* mask = rows.mask_of(r);
    for (int64_t i = 0; i < rows.length_of(r); ++i) {
      const float score = score_at(rows.x, r * rows.n + i);
      if (!(score < 0.0f) || (mask != nullptr && mask[i] == 2)) continue;
      char got[64];
      snprintf(got, sizeof got, "%.9g at element %" PRId64, double(score), r * rows.n + i);
      check.fail(argument, TSV_E_RANGE, got, "%s", expected);
      break;
    }
  }
}

void close_ranks(int64_t rows, int64_t room, int32_t* index, int32_t* offsets) {
  offsets[0] = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const int32_t selected = offsets[r + 1];
    if (selected > 0) memmove(index + offsets[r], index + r * room, size_t(selected) * sizeof *index);
    offsets[r + 1] += offsets[r];
  }
  const int64_t rest = rows * room - offsets[rows];
  if (rest > 0) memset(index + offsets[rows], 0, size_t(rest) * sizeof *index);
}

}  // namespace tsv
