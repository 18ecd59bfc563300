// Queries to unsigned bytes: round(127 q g / m) + 128, m the greatest magnitude of that query, with what the
// row needs besides: the scale, its norm, which bounds the logits, and its product with the keys' centre,
// which the log-sum-exp is less by. 16 rows at a time, so that their sums are finished together.
#ifndef TOKENSIEVE_KERNELS_QUANTISE_QUERIES_H
#define TOKENSIEVE_KERNELS_QUANTISE_QUERIES_H
#include "kernels/int8_kernels.h"
#include "kernels/load_rows.h"
#include "kernels/pack_int8_keys.h"

namespace {

template <class V, int kType>
void quantise_rows(const tsv::QuantiseQueries& a, int64_t first, int count) {
  using Element = typename Stored<V, kType>::Element;
  using F = typename V::F;
  using I = typename V::I;
  constexpr int L = V::kLanes;
  const Element* source = static_cast<const Element*>(a.source.data);
  const Element* rows[L];
  I most[L];
  F squares[L], offsets[L];
  TSV_UNROLL for (int i = 0; i < L; ++i) {
    rows[i] = source + a.index[first + (i < count ? i : 0)] * a.source.stride;
    most[i] = V::zero_int();
    squares[i] = offsets[i] = V::zero();
  }
  each_four_vectors<V>(a.depth, [&](int64_t c, auto extent) {
    F gain[4], centre[4];
    TSV_UNROLL for (int v = 0; v < 4; ++v) {
      gain[v] = V::load(a.gain + c + v * L);
      centre[v] = V::load(a.centre + c + v * L);
    }
    for (int i = 0; i < L; ++i) {
      I magnitude = V::zero_int();
      F square = V::zero(), offset = V::zero();
      TSV_UNROLL for (int v = 0; v < 4; ++v) {
        const F x = load_channels<V, kType>(rows[i], c + v * L, a.depth, extent), y = V::mul(x, gain[v]);
        magnitude = V::max(magnitude, V::magnitude(y));
        square = V::fma(y, y, square);
        offset = V::fma(x, centre[v], offset);
      }
      most[i] = V::max(most[i], magnitude);
      squares[i] = V::add(squares[i], square);
      offsets[i] = V::add(offsets[i], offset);
    }
  });
  const auto add = [](F x, F y) { return V::add(x, y); };
  const I magnitudes = V::reduce_rows(most, [](I x, I y) { return V::max(x, y); });
  const F scale = V::set(a.scale), greatest = V::as_float(magnitudes);
  float to_bytes[L];
  V::store(to_bytes, V::keep(V::greater(greatest, V::zero()), V::div(V::set(127.0f), greatest)));
  const F row_scale = V::mul(V::mul(greatest, V::set(1.0f / 127.0f)), scale);
  V::store(a.row_scale + first, V::select(V::finite(magnitudes), row_scale, V::set(NAN)), count);
  V::store(a.norm + first, V::mul(V::sqrt(V::reduce_rows(squares, add)), V::abs(scale)), count);
  V::store(a.offset + first, V::mul(V::reduce_rows(offsets, add), scale), count);

  const int64_t bytes = 4 * tsv::int8_quads(a.depth);
  const Element* next = rows[count - 1] + a.source.stride;  // fetched, never read
  each_four_vectors<V>(a.depth, [&](int64_t c, auto extent) {
    F gain[4];
    TSV_UNROLL for (int v = 0; v < 4; ++v) gain[v] = V::load(a.gain + c + v * L);
    for (int i = 0; i < count; ++i) {
      const F by = V::set(to_bytes[i]);
      const auto scaled = [&](int v) {
        return V::mul(V::mul(load_channels<V, kType>(rows[i], c + v * L, a.depth, extent), gain[v]), by);
      };
      const I flipped = V::flip_signs(V::to_bytes(scaled(0), scaled(1), scaled(2), scaled(3)));
      V::store_bytes(a.out + (first + i) * bytes + c, flipped,
                     decltype(extent)::kIs ? 4 * L : int(bytes - c));
      fetch_channels<V>(next + i * a.source.stride + c);
    }
  });
}

template <class V, int kType>
void quantise_queries_of(const tsv::QuantiseQueries& a) {
  for (int64_t i = 0; i < a.count; i += V::kLanes) {
    quantise_rows<V, kType>(a, i, int(a.count - i < V::kLanes ? a.count - i : V::kLanes));
  }
}

template <class V>
void quantise_queries(const tsv::QuantiseQueries& a) {
  TSV_DISPATCH_TYPE(a.source.dtype, quantise_queries_of, a);
}

}  // namespace
#endif
