// Rotary position embedding turned further, from one position to another (Su et al. 2021, arXiv 2104.09864):
//   out_i = x_i cos - x_i' sin,   out_i' = x_i' cos + x_i sin,   angle = (to - from) * frequency_i
// with pairs (i, i + P), halves, or (2i, 2i + 1), interleaved. Columns past the 2 P rotated ones are copied,
// and so is a token that does not move, bit for bit.
//
// Angles as on the CPU (native/kernels/rotate_keys.h) and in its bits: a frequency is a fraction of a turn in
// 64 bits, so that its product with a shift loses whole turns exactly, however far the shift, and Taylor
// polynomials in float64 give sine and cosine of what is left. No special-function unit is asked.
//
// rotate_keys: a warp a token, a lane a pair, and all heads that share the token's positions in turn, so that
// factors are made once for them; 8 warps a block. A lane's request is one element, 128 or 64 contiguous
// bytes a warp, or a pair side by side where rows are interleaved and aligned to pairs. 6 flops a pair beside
// the factors' some 40 in float64: the limit is reading and writing k once, from two heads on where float64
// runs at half rate; with few heads on GPUs of 1/64 rate it is the factors.
//
// rotary_turns, before it where frequencies or sections lie on the device: turns of each, and where sections
// end; one block, and its first thread adds up the few sections.
#include "common.cuh"

namespace tsv {
namespace cuda {

// A float64 whose operations are each rounded, as the CPU's are, and never fused.
struct Rounded {
  double value;
  __device__ Rounded(double x) : value(x) {}
};
__device__ inline Rounded operator*(Rounded a, Rounded b) { return __dmul_rn(a.value, b.value); }
__device__ inline Rounded operator-(Rounded a, Rounded b) { return __dsub_rn(a.value, b.value); }

struct Rotation {
  float cosine, sine;
};

// Of a phase in units of 2^-32 of a turn.
__device__ inline Rotation rotation_of(uint32_t phase) {
  const uint32_t quarter = (phase + 0x20000000u) >> 30;
  const Rounded x =
      Rounded(double(int32_t(phase - (quarter << 30)))) * (1.5707963267948966 / double(1 << 30));
  const Rounded q = x * x, one = 1.0;
  const Rounded sine =
      x * (one - q * (1.0 / 6) *
                     (one - q * (1.0 / 20) *
                                (one - q * (1.0 / 42) * (one - q * (1.0 / 72) * (one - q * (1.0 / 110))))));
  const Rounded cosine =
      one -
      q * 0.5 *
          (one - q * (1.0 / 12) *
                     (one - q * (1.0 / 30) *
                                (one - q * (1.0 / 56) * (one - q * (1.0 / 90) * (one - q * (1.0 / 132))))));
  const bool odd = (quarter & 1) != 0;
  const double c = odd ? sine.value : cosine.value, s = odd ? cosine.value : sine.value;
  return {float(((quarter + 1) & 2) != 0 ? -c : c), float((quarter & 2) != 0 ? -s : s)};
}

__device__ inline int64_t position_at(const PositionArguments& p, int64_t section, int64_t item, int64_t head,
                                      int64_t token) {
  const int64_t row = p.rows == 1 ? 0 : item * p.heads + (p.heads > 1 ? head : 0);
  const int64_t at = section * p.of_section + row * p.n + token;
  return p.bytes == 8 ? static_cast<const int64_t*>(p.data)[at]
                      : int64_t(static_cast<const int32_t*>(p.data)[at]);
}

// By how much a token turns in a section; a position that is no int32 is reported and turns nothing.
__device__ inline int64_t shift_at(const RotateKeysArguments& a, int64_t section, int64_t item, int64_t head,
                                   int64_t token) {
  const int64_t from = position_at(a.from, section, item, head, token);
  const int64_t to = position_at(a.to, section, item, head, token);
  if (int64_t(int32_t(from)) == from && int64_t(int32_t(to)) == to) return to - from;
  const bool bad_from = int64_t(int32_t(from)) != from;
  report_range(a.fault, bad_from ? TSV_ARG_FROM : TSV_ARG_TO, double(bad_from ? from : to), INT32_MIN,
               INT32_MAX, section * a.from.of_section + token);
  return 0;
}

// Two elements side by side.
template <class T>
struct alignas(2 * sizeof(T)) Pair {
  T first, second;
};

template <class T>
__device__ inline Pair<T> load_pair(const RotateKeysArguments& a, const T* row, int64_t i) {
  if (a.interleaved == 0) return {row[i], row[i + a.pairs]};
  if (a.pairs_aligned == 0) return {row[2 * i], row[2 * i + 1]};
  return *reinterpret_cast<const Pair<T>*>(row + 2 * i);
}

template <class T>
__device__ inline void store_pair(const RotateKeysArguments& a, const Pair<T>& pair, int64_t i, T* row) {
  if (a.interleaved != 0 && a.pairs_aligned != 0) {
    *reinterpret_cast<Pair<T>*>(row + 2 * i) = pair;
    return;
  }
  row[a.interleaved == 0 ? i : 2 * i] = pair.first;
  row[a.interleaved == 0 ? i + a.pairs : 2 * i + 1] = pair.second;
}

template <class T>
__device__ void rotate_keys(const RotateKeysArguments& a) {
  const int64_t unit = int64_t(blockIdx.x) * (blockDim.x / kWarp) + warp();
  if (unit >= a.items * a.apart * a.n) return;
  const int64_t token = unit % a.n, row = unit / a.n, item = row / a.apart;
  const int64_t first_head = row % a.apart, heads = a.apart > 1 ? 1 : a.k.heads;
  const auto x_at = [&](int64_t head) { return token_at<T>(a.k, item * a.k.heads + head, token); };
  const auto out_at = [&](int64_t head) {
    return const_cast<T*>(token_at<T>(a.keys, item * a.k.heads + head, token));
  };
  bool moves = false;
  const bool padding = a.lengths != nullptr && token >= a.lengths[item];
  for (int64_t s = 0; s < a.sections && !padding; ++s) moves |= shift_at(a, s, item, first_head, token) != 0;

  const int64_t turned = moves ? a.pairs : 0;
  for (int64_t i = lane(); i < turned; i += kWarp) {
    int64_t section = 0;
    while (section + 1 < a.sections && i >= a.section_ends[section]) ++section;
    const uint64_t shift = uint64_t(shift_at(a, section, item, first_head, token));
    const Rotation r = rotation_of(uint32_t((shift * a.turns[i]) >> 32));
#pragma unroll 2
    for (int64_t head = first_head; head < first_head + heads; ++head) {
      const Pair<T> pair = load_pair(a, x_at(head), i);
      const float x = to_float(pair.first), y = to_float(pair.second);
      store_pair(a,
                 {from_float<T>(fmaf(y, -r.sine, __fmul_rn(x, r.cosine))),
                  from_float<T>(fmaf(x, r.sine, __fmul_rn(y, r.cosine)))},
                 i, out_at(head));
    }
  }
  for (int64_t head = first_head; head < first_head + heads; ++head) {
    for (int64_t c = 2 * turned + lane(); c < a.columns; c += kWarp) out_at(head)[c] = x_at(head)[c];
  }
}

// What an angle in radians is in units of 2^-64 of a turn, without whole turns.
__device__ inline uint64_t turn_of(double angle) {
  const double turns = angle / 6.283185307179586, fraction = __dsub_rn(turns, floor(turns));
  return fraction < 1.0 ? __double2ull_rz(fraction * 18446744073709551616.0) : 0;
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

#define TSV_ROTATE_KEYS(suffix, T) \
  extern "C" __global__ void __launch_bounds__(256) tsv_rotate_keys_##suffix(const RotateKeysArguments a) { \
    rotate_keys<T>(a); \
  }
TSV_ROTATE_KEYS(f32, float)
TSV_ROTATE_KEYS(f16, __half)
TSV_ROTATE_KEYS(bf16, __nv_bfloat16)

extern "C" __global__ void __launch_bounds__(256) tsv_rotary_turns(const RotaryTurnsArguments a) {
  for (int64_t i = threadIdx.x; i < a.pairs && a.frequencies != nullptr; i += blockDim.x) {
    const float frequency = a.frequencies[i];
    if (!isfinite(frequency)) report_not_finite(a.fault, TSV_ARG_FREQUENCIES, double(frequency), i);
    a.turns[i] = isfinite(frequency) ? turn_of(double(frequency)) : 0;
  }
  if (threadIdx.x != 0 || a.section_lengths == nullptr) return;
  int64_t end = 0;
  for (int64_t s = 0; s < a.sections; ++s) {
    const int64_t length = a.section_lengths[s];
    if (length < 0 || length > a.pairs)
      report_range(a.fault, TSV_ARG_SECTIONS, double(length), 0, a.pairs, s);
    end += length > 0 ? length : 0;
    a.section_ends[s] = int32_t(end < a.pairs ? end : a.pairs);
  }
  if (end != a.pairs) report_range(a.fault, TSV_ARG_SECTIONS, double(end), a.pairs, a.pairs, -1);
}
