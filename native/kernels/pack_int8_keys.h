// Keys to signed bytes in the order that int8_tile.h reads them: byte = round(127 (k - c)/g / m), m the
// greatest magnitude of that key, which is one scale a key: one a panel would cost a third of the precision.
//
// 16 keys at a time: their magnitudes, then 64 channels of each to a register of bytes, transposed as 16 x 16
// groups of four. A masked key, and those that fill the last vector, are zeros with the scale 0. The keys are
// read twice, the second time from L1, and the next 16 are fetched meanwhile, since as many streams as keys
// are too many for the hardware to follow. About 12 operations for 16 elements: 10 ns a key of 64 channels on
// a Zen 4, where memory takes 15.
#ifndef TOKENSIEVE_KERNELS_PACK_INT8_KEYS_H
#define TOKENSIEVE_KERNELS_PACK_INT8_KEYS_H
#include "kernels/int8_kernels.h"
#include "kernels/load_rows.h"
#include "kernels/tile.h"

namespace {

// Runs body(c, whole) for each four vectors of channels; `whole` tells, as a type, that none is past the end.
struct Whole {
  static constexpr bool kIs = true;
};
struct Partial {
  static constexpr bool kIs = false;
};
template <class V, class Body>
inline void each_four_vectors(int64_t depth, const Body& body) {
  int64_t c = 0;
  for (; c + 4 * V::kLanes <= depth; c += 4 * V::kLanes) body(c, Whole());
  if (c < depth) body(c, Partial());
}

// Elements c.. of a row to float32, those past its end 0.
template <class V, int kType, class Extent>
inline typename V::F load_channels(const typename Stored<V, kType>::Element* row, int64_t c, int64_t depth,
                                   Extent) {
  using S = Stored<V, kType>;
  if (Extent::kIs || c + V::kLanes <= depth) return S::load(row + c);
  return c < depth ? S::load(row + c, int(depth - c)) : V::zero();
}

// Four vectors of channels of the keys, less their centre and balanced: k/g - c/g.
template <class V, int kType, class Extent>
struct BalancedKeys {
  typename V::F inverse[4], less[4];
  int64_t channel, depth;

  BalancedKeys(const tsv::PackInt8Keys& a, int64_t c) : channel(c), depth(a.depth) {
    TSV_UNROLL for (int v = 0; v < 4; ++v) {
      inverse[v] = V::load(a.inverse + c + v * V::kLanes);
      less[v] = V::sub(V::zero(), V::mul(V::load(a.centre + c + v * V::kLanes), inverse[v]));
    }
  }
  inline typename V::F load(const typename Stored<V, kType>::Element* row, int v) const {
    const typename V::F x = load_channels<V, kType>(row, channel + v * V::kLanes, depth, Extent());
    return V::fma(x, inverse[v], less[v]);
  }
};

template <class V, class Element>
inline void fetch_channels(const Element* row) {
  for (size_t byte = 0; byte < 4 * V::kLanes * sizeof(Element); byte += 64) {
    V::prefetch(reinterpret_cast<const char*>(row) + byte);
  }
}

template <class V, int kType>
void pack_int8_vector(const tsv::PackInt8Keys& a, const typename Stored<V, kType>::Element* const* rows,
                      const typename V::Mask* there, int8_t* out, int64_t step, int32_t* starts,
                      float* scales) {
  using F = typename V::F;
  using I = typename V::I;
  constexpr int L = V::kLanes;
  I most[L];
  TSV_UNROLL for (int lane = 0; lane < L; ++lane) most[lane] = V::zero_int();
  each_four_vectors<V>(a.depth, [&](int64_t c, auto extent) {
    const BalancedKeys<V, kType, decltype(extent)> keys(a, c);
    for (int lane = 0; lane < L; ++lane) {
      I pair[2];
      TSV_UNROLL for (int v = 0; v < 2; ++v) {
        pair[v] = V::max(V::magnitude(keys.load(rows[lane], v)), V::magnitude(keys.load(rows[lane], v + 2)));
      }
      most[lane] = V::max(most[lane], V::keep(there[lane], V::max(pair[0], pair[1])));
    }
  });
  const I magnitudes = V::reduce_rows(most, [](I x, I y) { return V::max(x, y); });
  const F greatest = V::as_float(magnitudes);
  float to_bytes[L];
  V::store(to_bytes, V::keep(V::greater(greatest, V::zero()), V::div(V::set(127.0f), greatest)));
  V::store(scales, V::select(V::finite(magnitudes), V::mul(greatest, V::set(1.0f / 127.0f)), V::set(NAN)));

  I sums = V::zero_int();
  const auto* next = rows[L - 1] + a.source.stride;  // fetched, never read
  each_four_vectors<V>(a.depth, [&](int64_t c, auto extent) {
    const BalancedKeys<V, kType, decltype(extent)> keys(a, c);
    I words[L];
    for (int lane = 0; lane < L; ++lane) {
      const F by = V::set(to_bytes[lane]);
      const auto scaled = [&](int v) { return V::mul(keys.load(rows[lane], v), by); };
      words[lane] = V::keep(there[lane], V::to_bytes(scaled(0), scaled(1), scaled(2), scaled(3)));
      fetch_channels<V>(next + lane * a.source.stride + c);
    }
    V::transpose_words(words);
    const int64_t quads = tsv::int8_quads(a.depth) - c / 4;
    TSV_UNROLL for (int i = 0; i < L; ++i) {
      if (decltype(extent)::kIs || i < quads) V::store_bytes(out + (c / 4 + i) * step, words[i]);
      sums = V::dot(sums, V::set_byte(128), words[i]);
    }
  });
  V::store(starts, V::sub(V::zero_int(), sums));
}

template <class V, int kType>
void pack_int8_keys_of(const tsv::PackInt8Keys& a) {
  constexpr int L = V::kLanes;
  const auto* source = static_cast<const typename Stored<V, kType>::Element*>(a.source.data);
  const int64_t row_bytes = 4 * tsv::int8_quads(a.depth);
  for (int64_t column = 0; column < a.columns; column += L) {
    const int64_t panel = column / PanelShape<V>::kWidth * PanelShape<V>::kWidth;
    const int64_t step = PanelShape<V>::width(panel, a.columns) * 4;
    const typename Stored<V, kType>::Element* rows[L];
    typename V::Mask there[L];  // all lanes, or none
    for (int lane = 0; lane < L; ++lane) {
      const int64_t key = a.first + column + lane;
      const bool is = column + lane < a.columns && (a.mask == nullptr || a.mask[key] != 2);
      rows[lane] = source + (column + lane < a.columns ? key : a.first + column) * a.source.stride;
      there[lane] = V::first(is ? L : 0);
    }
    int8_t* out = a.panels + panel * row_bytes + (column - panel) * 4;
    pack_int8_vector<V, kType>(a, rows, there, out, step, a.starts + column, a.scales + column);
  }
}

template <class V>
void pack_int8_keys(const tsv::PackInt8Keys& a) {
  TSV_DISPATCH_TYPE(a.source.dtype, pack_int8_keys_of, a);
}

}  // namespace
#endif
