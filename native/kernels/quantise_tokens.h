// Tokens of either side of a similarity as bytes: round(127 y / m), y = (n x + shift) gain, m the greatest
// magnitude of that token's y; n brings the token to unit length where cosines are asked for. Of a token of b
// also its bias: what its similarities have besides the products of bytes, when the middle of each side was
// taken off that side, and the half of its own square where they are distances.
//
// A token at a time, in L1 from the first pass on: its norm, then the greatest magnitude and the sums, then
// the bytes. About 20 operations for 16 elements, half of them multiplications and roundings; 16 elements of
// float32 are a cache line, so that from memory the limit is its bandwidth.
#ifndef TOKENSIEVE_KERNELS_QUANTISE_TOKENS_H
#define TOKENSIEVE_KERNELS_QUANTISE_TOKENS_H
#include <math.h>
#include <string.h>

#include "kernels/int8_kernels.h"
#include "kernels/load_rows.h"
#include "kernels/pack_int8_keys.h"
#include "kernels/token_norms.h"

namespace {

// Norms whose squares float32 holds, and magnitudes whose products it does.
constexpr float kLeastNorm = 1e-18f, kGreatestNorm = 1e18f;
constexpr float kLeastMagnitude = 1e-15f, kGreatestMagnitude = 1e15f, kGreatestBias = 1e37f;

template <class V, int kType>
bool is_zero_vector(const typename Stored<V, kType>::Element* row, int64_t depth) {
  typename V::I most = V::zero_int();
  for (int64_t c = 0; c < depth; c += V::kLanes) {
    most = V::max(most, V::magnitude(load_channels<V, kType>(row, c, depth, Partial())));
  }
  return V::maximum(most) == 0;
}

// 1 / |x|, 0 for a zero vector, NaN for what has no norm in float32.
template <class V, int kType>
inline float unit_scale(const typename Stored<V, kType>::Element* row, int64_t depth) {
  const float norm = sqrtf(norm_of_row<V, kType, 2>(row, depth));
  if (norm >= kLeastNorm && norm <= kGreatestNorm) return 1.0f / norm;
  return is_zero_vector<V, kType>(row, depth) ? 0.0f : NAN;
}

template <class V, int kType, class Extent, bool kBias>
void quantise_token(const tsv::QuantiseTokens& a, int64_t i) {
  using F = typename V::F;
  using I = typename V::I;
  constexpr int L = V::kLanes;
  const auto* row =
      static_cast<const typename Stored<V, kType>::Element*>(a.source.data) + a.index[i] * a.source.stride;
  const float unit = a.unit != 0 ? unit_scale<V, kType>(row, a.depth) : 1.0f;
  const F n = V::set(unit);
  const auto shifted = [&](int64_t c) {
    return V::fma(load_channels<V, kType>(row, c, a.depth, Extent()), n, V::load(a.shift + c));
  };

  I most = V::zero_int();
  F squares = V::zero(), bias = V::zero();
  const F share = V::set(-a.square_share);
  for (int64_t c = 0; c < a.depth; c += L) {
    const F z = shifted(c), y = V::mul(z, V::load(a.gain + c));
    most = V::max(most, V::magnitude(y));
    squares = V::fma(y, y, squares);
    if (kBias) bias = V::fma(V::fma(z, share, V::load(a.middle + c)), z, bias);
  }
  const int32_t bits = V::maximum(most);
  float greatest;
  memcpy(&greatest, &bits, sizeof greatest);
  bool fits = greatest == 0.0f || (greatest >= kLeastMagnitude && greatest <= kGreatestMagnitude);
  if (kBias) {
    a.bias[i] = V::sum(bias);
    fits = fits && fabsf(a.bias[i]) <= kGreatestBias;
  }
  a.squares[i] = V::sum(squares);
  a.scales[i] = !fits ? NAN : unit == 0.0f && !kBias ? -1.0f : greatest * (1.0f / 127.0f);

  const F by = V::set(greatest > 0.0f ? 127.0f / greatest : 0.0f);
  const I flip = V::set_byte(a.add_128 != 0 ? 0x80 : 0);
  const auto scaled = [&](int64_t c) { return V::mul(V::mul(shifted(c), V::load(a.gain + c)), by); };
  uint8_t* out = a.out + i * a.stride;
  const int64_t bytes = 4 * tsv::int8_quads(a.depth);
  for (int64_t c = 0; c < a.depth; c += 4 * L) {
    const I signed_bytes = V::to_bytes(scaled(c), scaled(c + L), scaled(c + 2 * L), scaled(c + 3 * L));
    V::store_bytes(out + c, V::exclusive_or(signed_bytes, flip), int(bytes - c < 4 * L ? bytes - c : 4 * L));
  }
}

template <class V, int kType>
void quantise_tokens_of(const tsv::QuantiseTokens& a) {
  const bool whole = a.depth % (4 * V::kLanes) == 0;
  const auto quantise = whole                 ? a.middle != nullptr ? quantise_token<V, kType, Whole, true>
                                                                    : quantise_token<V, kType, Whole, false>
                                        : a.middle != nullptr ? quantise_token<V, kType, Partial, true>
                                              : quantise_token<V, kType, Partial, false>;
  for (int64_t i = 0; i < a.count; ++i) quantise(a, i);
}

template <class V>
void quantise_tokens(const tsv::QuantiseTokens& a) {
  TSV_DISPATCH_TYPE(a.source.dtype, quantise_tokens_of, a);
}

}  // namespace
#endif
