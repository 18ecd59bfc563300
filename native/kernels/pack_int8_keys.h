// Keys to signed bytes in the order that int8_tile.h reads them: byte = round(127 (k - c)/g / m), m the
// greatest magnitude of that key, which is one scale a key: one a panel would cost a third of the precision.
//
// 16 keys at a time: their magnitudes, then 64 channels of each to a register of bytes, transposed as 16 x 16
// groups of four. A masked key, and those that fill the last vector, are zeros with the scale 0. The keys are
// read twice, the second time from L1: about 10 operations for 16 elements. From memory the limit is its
// bandwidth: two prefetches a row of 64 channels keep the next keys coming.
#ifndef TOKENSIEVE_KERNELS_PACK_INT8_KEYS_H
#define TOKENSIEVE_KERNELS_PACK_INT8_KEYS_H
#include "kernels/int8_kernels.h"
#include "kernels/load_rows.h"
#include "kernels/tile.h"

namespace {

// Elements c.. of a row to float32, those past its end 0.
template <class V, int kType, bool kWhole>
inline typename V::F load_channels(const typename Stored<V, kType>::Element* row, int64_t c, int64_t depth) {
  using S = Stored<V, kType>;
  if (kWhole || c + V::kLanes <= depth) return S::load(row + c);
  return c < depth ? S::load(row + c, int(depth - c)) : V::zero();
}

template <class V, int kType, bool kWhole>
void pack_int8_vector(const tsv::PackInt8Keys& a, const typename Stored<V, kType>::Element* const* rows,
                      int8_t* out, int64_t step, int32_t* starts, float* scales) {
  using F = typename V::F;
  using I = typename V::I;
  constexpr int L = V::kLanes;
  const auto balanced = [&](int lane, int64_t c) {
    const F x = V::sub(load_channels<V, kType, kWhole>(rows[lane], c, a.depth), V::load(a.centre + c));
    return V::mul(x, V::load(a.inverse + c));
  };

  I most[L];
  for (int lane = 0; lane < L; ++lane) {
    most[lane] = V::zero_int();
    if (rows[lane] == nullptr) continue;
    I second = V::zero_int();
    for (int64_t c = 0; c < a.depth; c += 2 * L) {
      most[lane] = V::max(most[lane], V::magnitude(balanced(lane, c)));
      if (c + L < a.depth) second = V::max(second, V::magnitude(balanced(lane, c + L)));
    }
    most[lane] = V::max(most[lane], second);
  }
  V::transpose_words(most);
  TSV_UNROLL for (int width = L / 2; width > 0; width /= 2) {
    TSV_UNROLL for (int i = 0; i < width; ++i) most[i] = V::max(most[i], most[i + width]);
  }
  const F greatest = V::as_float(most[0]);
  const auto there = V::greater(greatest, V::zero()), finite = V::finite(most[0]);
  float to_bytes[L];
  V::store(to_bytes, V::keep(there, V::div(V::set(127.0f), greatest)));
  const F scale = V::mul(greatest, V::set(1.0f / 127.0f));
  V::store(scales, V::select(finite, scale, V::set(NAN)));

  I sums = V::zero_int();
  for (int64_t c = 0; c < a.depth; c += 4 * L) {
    I words[L];
    for (int lane = 0; lane < L; ++lane) {
      words[lane] = V::zero_int();
      if (rows[lane] == nullptr) continue;
      const F by = V::set(to_bytes[lane]);
      words[lane] = V::to_bytes(V::mul(balanced(lane, c), by), V::mul(balanced(lane, c + L), by),
                                V::mul(balanced(lane, c + 2 * L), by), V::mul(balanced(lane, c + 3 * L), by));
    }
    V::transpose_words(words);
    const int64_t quads = tsv::int8_quads(a.depth) - c / 4;
    TSV_UNROLL for (int i = 0; i < L; ++i) {
      if (i >= quads) break;
      V::store_bytes(out + (c / 4 + i) * step, words[i]);
      sums = V::dot(sums, V::set_byte(128), words[i]);
    }
  }
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
    for (int lane = 0; lane < L; ++lane) {
      const int64_t key = a.first + column + lane;
      const bool there = column + lane < a.columns && (a.mask == nullptr || a.mask[key] != 2);
      rows[lane] = there ? source + key * a.source.stride : nullptr;
    }
    int8_t* out = a.panels + panel * row_bytes + (column - panel) * 4;
    if (a.depth % (4 * L) == 0) {
      pack_int8_vector<V, kType, true>(a, rows, out, step, a.starts + column, a.scales + column);
    } else {
      pack_int8_vector<V, kType, false>(a, rows, out, step, a.starts + column, a.scales + column);
    }
  }
}

template <class V>
void pack_int8_keys(const tsv::PackInt8Keys& a) {
  TSV_DISPATCH_TYPE(a.source.dtype, pack_int8_keys_of, a);
}

}  // namespace
#endif
