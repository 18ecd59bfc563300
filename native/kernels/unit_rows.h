// out[i] = x_i / |x_i|, or x_i itself, as float32 rows that zeros fill up to whole blocks (row_sums.h), and
// squares[i] = |out_i|^2: 0 for a zero vector, NaN for one that is not finite; the rows of both are zeros.
//
// The norm and the division are in float64: nothing overflows or vanishes, and equal tokens, or tokens that a
// power of two tells apart, give equal rows. A row is read from memory once and from the cache twice; one
// call prepares it for every choice that compares it.
#ifndef TOKENSIEVE_KERNELS_UNIT_ROWS_H
#define TOKENSIEVE_KERNELS_UNIT_ROWS_H
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/load_rows.h"
#include "kernels/row_sums.h"

namespace {

template <class V, int kType>
void unit_rows_of(const tsv::UnitRows& a) {
  using S = Stored<V, kType>;
  const auto* source = static_cast<const typename S::Element*>(a.source.data);
  const int64_t length = tsv::whole_row_blocks(a.columns);
  for (int64_t i = 0; i < a.count; ++i) {
    const auto* row = source + (a.first + i) * a.source.stride;
    float* out = a.out + (a.first + i) * length;
    int64_t c = 0;
    for (; c + V::kLanes <= a.columns; c += V::kLanes) V::store(out + c, S::load(row + c));
    if (c < a.columns) V::store(out + c, S::load(row + c, int(a.columns - c)), int(a.columns - c));
    for (c = a.columns; c < length; ++c) out[c] = 0.0f;

    double& square = a.squares[a.first + i];
    square = product_of_rows(out, out, length);
    const bool finite = square < INFINITY;
    if (finite && (square == 0.0 || !a.unit)) continue;
    const double scale = 1.0 / sqrt(square);
    for (c = 0; c < length; ++c) out[c] = finite ? float(double(out[c]) * scale) : 0.0f;
    square = finite ? product_of_rows(out, out, length) : NAN;
  }
}

template <class V>
void unit_rows(const tsv::UnitRows& a) {
  TSV_DISPATCH_TYPE(a.source.dtype, unit_rows_of, a);
}

}  // namespace
#endif
