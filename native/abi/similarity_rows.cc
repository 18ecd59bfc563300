#include "abi/similarity_rows.h"

#include <math.h>

#include <algorithm>

namespace tsv {
namespace {

// Between these the square of a norm, and its products with others, stay well inside float32.
constexpr float kLeastNorm = 1e-18f, kGreatestNorm = 1e18f;

double exact_norm(const float* row, int64_t channels) {
  double sum = 0;
  for (int64_t c = 0; c < channels; ++c) sum += double(row[c]) * double(row[c]);
  return sqrt(sum);
}

// The factor that brings a row to unit length. A norm that may not fit float32 is taken again in float64, and
// such a row is scaled here.
float unit_scale(float* row, int64_t channels, float norm, TokenKind* kind) {
  *kind = kOrdinary;
  if (norm >= kLeastNorm && norm <= kGreatestNorm) return 1.0f / norm;
  const double exact = exact_norm(row, channels);
  if (exact == 0.0) {
    *kind = kZeroVector;
    return 0.0f;
  }
  if (!std::isfinite(exact)) {
    *kind = kNotFinite;
    return NAN;
  }
  for (int64_t c = 0; c < channels; ++c) row[c] = float(double(row[c]) / exact);
  return 1.0f;
}

// Whether a norm, of a row as it was or with the centre taken off, keeps the products within float32.
TokenKind kind_by_size(const float* row, int64_t channels, float norm) {
  if (norm <= kGreatestNorm) return kOrdinary;
  return std::isfinite(exact_norm(row, channels)) ? kExtreme : kNotFinite;
}

void finish_l2(const SimilaritySide& side, float* row, float norm, TokenKind* kind) {
  *kind = kind_by_size(row, side.channels, norm);
  if (*kind == kNotFinite) std::fill(row, row + side.channels, NAN);
  const float square = norm * norm;
  row[side.channels] = side.is_column ? -square : 1.0f;
  row[side.channels + 1] = side.is_column ? 1.0f : -square;
  for (int64_t c = 0; c < side.channels && !side.is_column; ++c) row[c] *= 2.0f;
}

}  // namespace

bool find_scales(const SimilaritySide& side, const int32_t* token, int64_t count, float* scales,
                 TokenKind* kinds) {
  if (side.metric == TSV_METRIC_L2) return false;
  const bool unit = side.metric == TSV_METRIC_COSINE;
  const float least = unit ? kLeastNorm : 0.0f;
  for (int64_t i = 0; i < count; ++i) {
    const float norm = side.norms[token[i]];
    if (!(norm >= least && norm <= kGreatestNorm)) return false;
    scales[i] = unit ? 1.0f / norm : 1.0f;
  }
  std::fill(kinds, kinds + count, kOrdinary);
  return true;
}

void prepare_rows(const SimilaritySide& side, const int32_t* token, int64_t count, float* scales, float* rows,
                  int64_t stride, TokenKind* kinds) {
  const int64_t channels = side.channels;
  if (find_scales(side, token, count, scales, kinds)) {
    side.kernels.load_rows({side.tokens, token, 0, count, channels, 1.0f, rows, stride, scales});
    return;
  }
  float* const norms = scales;
  side.kernels.load_rows({side.tokens, token, 0, count, channels, 1.0f, rows, stride});
  for (int64_t i = 0; i < count && side.metric == TSV_METRIC_L2; ++i) {
    float* row = rows + i * stride;
    for (int64_t c = 0; c < channels; ++c) row[c] -= side.centre[c];
  }
  side.kernels.token_norms({{rows, TSV_FLOAT32, stride}, 0, count, channels, 2, norms});
  for (int64_t i = 0; i < count; ++i) {
    float* row = rows + i * stride;
    switch (side.metric) {
      case TSV_METRIC_L2:
        finish_l2(side, row, norms[i], kinds + i);
        break;
      case TSV_METRIC_DOT:  // infinities and NaN come out of the product as they should
        kinds[i] = kind_by_size(row, channels, norms[i]) == kExtreme ? kExtreme : kOrdinary;
        break;
      default:
        norms[i] = unit_scale(row, channels, norms[i], kinds + i);
    }
  }
  if (side.metric == TSV_METRIC_COSINE) {
    const Rows loaded = {rows, TSV_FLOAT32, stride};
    side.kernels.load_rows({loaded, nullptr, 0, count, channels, 1.0f, rows, stride, norms});
  }
}

void find_centre(const SimilaritySide& side, const TokenList& list, float* row, double* sums, float* centre) {
  constexpr int64_t kSamples = 1024;
  const int64_t step = (list.count + kSamples - 1) / kSamples;
  int64_t samples = 0;
  std::fill(sums, sums + side.channels, 0.0);
  for (int64_t i = 0; i < list.count; i += step) {
    side.kernels.load_rows({side.tokens, list.token + i, 0, 1, side.channels, 1.0f, row, side.channels});
    if (!std::isfinite(exact_norm(row, side.channels))) continue;
    for (int64_t c = 0; c < side.channels; ++c) sums[c] += double(row[c]);
    ++samples;
  }
  for (int64_t c = 0; c < side.channels; ++c) centre[c] = samples > 0 ? float(sums[c] / samples) : 0.0f;
}

}  // namespace tsv
