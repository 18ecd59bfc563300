// Queries to unsigned bytes: round(127 q g / m) + 128, m the greatest magnitude of that query, with what the
// row needs besides: the scale, its norm, which bounds the logits, and its product with the keys' centre,
// which the log-sum-exp is less by. 16 rows at a time, so that their sums are finished together.
#ifndef TOKENSIEVE_KERNELS_QUANTISE_QUERIES_H
#define TOKENSIEVE_KERNELS_QUANTISE_QUERIES_H
#include "kernels/int8_kernels.h"
#include "kernels/load_rows.h"
#include "kernels/pack_int8_keys.h"

namespace {

template <class V, int kType, bool kWhole>
void quantise_rows(const tsv::QuantiseQueries& a, int64_t first, int count) {
  using S = Stored<V, kType>;
  using F = typename V::F;
  using I = typename V::I;
  constexpr int L = V::kLanes;
  const auto* source = static_cast<const typename S::Element*>(a.source.data);
  const typename S::Element* rows[L];
  I most[L];
  F squares[L], offsets[L];
  for (int i = 0; i < L; ++i) {
    most[i] = V::zero_int();
    squares[i] = offsets[i] = V::zero();
    if (i >= count) continue;
    rows[i] = source + a.index[first + i] * a.source.stride;
    for (int64_t c = 0; c < a.depth; c += L) {
      const F x = load_channels<V, kType, kWhole>(rows[i], c, a.depth);
      const F y = V::mul(x, V::load(a.gain + c));
      most[i] = V::max(most[i], V::magnitude(y));
      squares[i] = V::fma(y, y, squares[i]);
      offsets[i] = V::fma(x, V::load(a.centre + c), offsets[i]);
    }
  }
  V::transpose_words(most);
  transpose(squares);
  transpose(offsets);
  TSV_UNROLL for (int width = L / 2; width > 0; width /= 2) {
    TSV_UNROLL for (int i = 0; i < width; ++i) {
      most[i] = V::max(most[i], most[i + width]);
      squares[i] = V::add(squares[i], squares[i + width]);
      offsets[i] = V::add(offsets[i], offsets[i + width]);
    }
  }
  const F scale = V::set(a.scale), greatest = V::as_float(most[0]);
  float to_bytes[L];
  V::store(to_bytes, V::keep(V::greater(greatest, V::zero()), V::div(V::set(127.0f), greatest)));
  const F row_scale = V::mul(V::mul(greatest, V::set(1.0f / 127.0f)), scale);
  V::store(a.row_scale + first, V::select(V::finite(most[0]), row_scale, V::set(NAN)), count);
  V::store(a.norm + first, V::mul(V::sqrt(squares[0]), V::abs(scale)), count);
  V::store(a.offset + first, V::mul(offsets[0], scale), count);

  const int64_t bytes = 4 * tsv::int8_quads(a.depth);
  for (int i = 0; i < count; ++i) {
    uint8_t* out = a.out + (first + i) * bytes;
    const F by = V::set(to_bytes[i]);
    const auto scaled = [&](int64_t c) {
      const F y = V::mul(load_channels<V, kType, kWhole>(rows[i], c, a.depth), V::load(a.gain + c));
      return V::mul(y, by);
    };
    for (int64_t c = 0; c < a.depth; c += 4 * L) {
      const I signed_bytes = V::to_bytes(scaled(c), scaled(c + L), scaled(c + 2 * L), scaled(c + 3 * L));
      V::store_bytes(out + c, V::flip_signs(signed_bytes), int(bytes - c < 4 * L ? bytes - c : 4 * L));
    }
  }
}

template <class V, int kType>
void quantise_queries_of(const tsv::QuantiseQueries& a) {
  for (int64_t i = 0; i < a.count; i += V::kLanes) {
    const int count = int(a.count - i < V::kLanes ? a.count - i : V::kLanes);
    if (a.depth % (4 * V::kLanes) == 0) {
      quantise_rows<V, kType, true>(a, i, count);
    } else {
      quantise_rows<V, kType, false>(a, i, count);
    }
  }
}

template <class V>
void quantise_queries(const tsv::QuantiseQueries& a) {
  TSV_DISPATCH_TYPE(a.source.dtype, quantise_queries_of, a);
}

}  // namespace
#endif
