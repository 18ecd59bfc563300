// Rotary position embedding turned further, from one position to another (Su et al. 2021, arXiv 2104.09864):
//   out_i = x_i cos - x_i' sin,   out_i' = x_i' cos + x_i sin,   angle = (to - from) * frequency_i
// with pairs (i, i + P), halves, or (2i, 2i + 1), interleaved. Columns past the 2 P rotated ones are copied,
// and so is a token that does not move, bit for bit.
//
// Angles: a frequency is a fraction of a turn in 64 bits, so its product with a shift, taken modulo 2^64,
// has lost whole turns exactly, however far the shift. The highest 32 bits give the quarter and, in float64,
// the rest of at most an eighth of a turn, whose sine and cosine are short Taylor polynomials (error under
// 1e-11): the factors are float32's nearest, or next to it, and the same on every instruction set. They are
// made once for all heads that share positions, and again only where the shift changes: kept tokens come in
// runs.
//
// Layout: factors stand ready for every column, the sine with its sign, so that a row is x * cos + partner *
// sin in one pass. 3 flops an element beside the factors; the limit is reading and writing k once.
#ifndef TOKENSIEVE_KERNELS_ROTATE_KEYS_H
#define TOKENSIEVE_KERNELS_ROTATE_KEYS_H
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/load_rows.h"

namespace {

struct Rotation {
  float cosine, sine;
};

// Of a phase in units of 2^-32 of a turn.
inline Rotation rotation_of(uint32_t phase) {
  const uint32_t quarter = (phase + 0x20000000u) >> 30;
  const double x = double(int32_t(phase - (quarter << 30))) * (1.5707963267948966 / double(1 << 30));
  const double q = x * x;
  const double sine =
      x *
      (1 - q * (1.0 / 6) *
               (1 - q * (1.0 / 20) * (1 - q * (1.0 / 42) * (1 - q * (1.0 / 72) * (1 - q * (1.0 / 110))))));
  const double cosine =
      1 - q * 0.5 *
              (1 - q * (1.0 / 12) *
                       (1 - q * (1.0 / 30) *
                                (1 - q * (1.0 / 56) * (1 - q * (1.0 / 90) * (1 - q * (1.0 / 132))))));
  const bool odd = (quarter & 1) != 0;
  const double c = odd ? sine : cosine, s = odd ? cosine : sine;
  return {float(((quarter + 1) & 2) != 0 ? -c : c), float((quarter & 2) != 0 ? -s : s)};
}

// The factors of every rotated column for one shift in each section.
inline void make_factors(const tsv::RotateKeys& a, const int64_t* shifts, float* cosines, float* sines) {
  int64_t i = 0;
  const int64_t step = a.interleaved ? 2 : 1, partner = a.interleaved ? 1 : a.pairs;
  for (int64_t section = 0; section < a.sections; ++section) {
    const uint64_t shift = uint64_t(shifts[section]);
    for (; i < a.section_ends[section]; ++i) {
      const Rotation r = rotation_of(uint32_t((shift * a.turns[i]) >> 32));
      const int64_t column = i * step;
      cosines[column] = cosines[column + partner] = r.cosine;
      sines[column] = -r.sine;
      sines[column + partner] = r.sine;
    }
  }
}

// out = x * cosines + partner * sines
template <class V, int kX, int kPartner>
inline void rotate_columns(const typename Stored<V, kX>::Element* x,
                           const typename Stored<V, kPartner>::Element* partner, const float* cosines,
                           const float* sines, int64_t columns, typename Stored<V, kX>::Element* out) {
  using X = Stored<V, kX>;
  using Partner = Stored<V, kPartner>;
  int64_t c = 0;
  for (; c + V::kLanes <= columns; c += V::kLanes) {
    const typename V::F turned =
        V::fma(Partner::load(partner + c), V::load(sines + c), V::mul(X::load(x + c), V::load(cosines + c)));
    X::store(out + c, turned, V::kLanes);
  }
  if (c == columns) return;
  const int n = int(columns - c);
  const typename V::F turned = V::fma(Partner::load(partner + c, n), V::load(sines + c, n),
                                      V::mul(X::load(x + c, n), V::load(cosines + c, n)));
  X::store(out + c, turned, n);
}

template <class V, int kType>
void rotate_row(const tsv::RotateKeys& a, const typename Stored<V, kType>::Element* x, const float* cosines,
                const float* sines, float* swapped, typename Stored<V, kType>::Element* out) {
  const int64_t pairs = a.pairs;
  if (a.interleaved) {
    for (int64_t c = 0; c < 2 * pairs; c += V::kLanes) {
      const int n = 2 * pairs - c < V::kLanes ? int(2 * pairs - c) : V::kLanes;
      V::store(swapped + c, Stored<V, kType>::load(x + c, n), n);
    }
    for (int64_t i = 0; i < pairs; ++i) {
      const float even = swapped[2 * i];
      swapped[2 * i] = swapped[2 * i + 1];
      swapped[2 * i + 1] = even;
    }
    rotate_columns<V, kType, TSV_FLOAT32>(x, swapped, cosines, sines, 2 * pairs, out);
  } else {
    rotate_columns<V, kType, kType>(x, x + pairs, cosines, sines, pairs, out);
    rotate_columns<V, kType, kType>(x + pairs, x, cosines + pairs, sines + pairs, pairs, out + pairs);
  }
  memcpy(out + 2 * pairs, x + 2 * pairs, size_t(a.columns - 2 * pairs) * sizeof *x);
}

template <class V, int kType>
void rotate_keys_of(const tsv::RotateKeys& a) {
  using Element = typename Stored<V, kType>::Element;
  const auto* source = static_cast<const Element*>(a.source.data);
  auto* out = static_cast<Element*>(a.out);
  float *cosines = a.scratch, *sines = cosines + 2 * a.pairs, *swapped = sines + 2 * a.pairs;
  const int64_t* made_for = nullptr;
  for (int64_t token = 0; token < a.count; ++token) {
    const int64_t* shifts = a.shifts + token * a.sections;
    bool moves = false;
    for (int64_t section = 0; section < a.sections; ++section) moves |= shifts[section] != 0;
    if (moves &&
        (made_for == nullptr || memcmp(made_for, shifts, size_t(a.sections) * sizeof *shifts) != 0)) {
      make_factors(a, shifts, cosines, sines);
      made_for = shifts;
    }
    for (int64_t head = 0; head < a.heads; ++head) {
      const Element* row = source + head * a.head_stride + token * a.source.stride;
      Element* turned = out + head * a.out_head_stride + token * a.out_stride;
      if (moves) {
        rotate_row<V, kType>(a, row, cosines, sines, swapped, turned);
      } else {
        memcpy(turned, row, size_t(a.columns) * sizeof *row);
      }
    }
  }
}

template <class V>
void rotate_keys(const tsv::RotateKeys& a) {
  TSV_DISPATCH_TYPE(a.source.dtype, rotate_keys_of, a);
}

}  // namespace
#endif
