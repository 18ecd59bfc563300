// mean[c] = sum_i x_ic / n and squares[c] = sum_i (x_ic - mean[c])^2 over the n tokens of a range that are
// not left out.
//
// Blocks of 64 tokens by four vectors of channels, which stay in L1 while two passes go over them: a mean m
// in float32, then the sum and the sum of squares of x - m, all in registers. What m lacks to the block's
// mean the second pass gives. Blocks are joined in float64 by their means (Chan, Golub and LeVeque, 1983),
// token after token: no offset that a channel has, nor one that changes along the tokens, cancels anything,
// and equal elements give exactly their mean and 0. Elements are multiplied by 1 / n before they are summed,
// so that the mean of finite ones is finite. 6 flops an element, half of them fused, beside 7 in float64 for
// 64 elements: the limit is reading x.
#ifndef TOKENSIEVE_KERNELS_CHANNEL_MOMENTS_H
#define TOKENSIEVE_KERNELS_CHANNEL_MOMENTS_H
#include "kernels/kernels.h"
#include "kernels/load_rows.h"
#include "simd/unroll.h"

namespace {

constexpr int kMomentTokens = 64;
constexpr int kMomentVectors = 4;

// Of one block about `middle`, channel by channel.
template <class V>
struct BlockMoments {
  static constexpr int kColumns = kMomentVectors * V::kLanes;
  float middle[kColumns], sums[kColumns], squares[kColumns];
};

// kVectors whole vectors of channels, or the first `rest` channels of one.
template <class V, int kType, int kVectors>
inline void moments_of_block(const typename Stored<V, kType>::Element* column, int64_t stride,
                             const int32_t* token, int count, int rest, BlockMoments<V>* block) {
  using S = Stored<V, kType>;
  using F = typename V::F;
  const auto load = [rest](const typename S::Element* p) {
    return rest < V::kLanes ? S::load(p, rest) : S::load(p);
  };
  const F share = V::set(1.0f / float(count));
  F middle[kVectors], sums[kVectors], squares[kVectors];
  TSV_UNROLL for (int v = 0; v < kVectors; ++v) middle[v] = sums[v] = squares[v] = V::zero();
  for (int t = 0; t < count; ++t) {
    const auto* x = column + token[t] * stride;
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) {
      middle[v] = V::fma(load(x + v * V::kLanes), share, middle[v]);
    }
  }
  for (int t = 0; t < count; ++t) {
    const auto* x = column + token[t] * stride;
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) {
      const F distance = V::sub(load(x + v * V::kLanes), middle[v]);
      sums[v] = V::add(sums[v], distance);
      squares[v] = V::fma(distance, distance, squares[v]);
    }
  }
  TSV_UNROLL for (int v = 0; v < kVectors; ++v) {
    V::store(block->middle + v * V::kLanes, middle[v]);
    V::store(block->sums + v * V::kLanes, sums[v]);
    V::store(block->squares + v * V::kLanes, squares[v]);
  }
}

// `count` tokens more to the `before` that mean and squares are of.
template <class V>
inline void join_block(const BlockMoments<V>& block, int64_t before, int count, int64_t columns, double* mean,
                       double* squares) {
  const double n = double(count), share = n / double(before + count), weight = double(before) * share;
  for (int64_t c = 0; c < columns; ++c) {
    const double sum = double(block.sums[c]), offset = sum / n;
    const double distance = double(block.middle[c]) + offset - mean[c];
    mean[c] += distance * share;
    squares[c] += double(block.squares[c]) - sum * offset + distance * distance * weight;
  }
}

template <class V, int kType>
void channel_moments_of(const tsv::ChannelMoments& a) {
  constexpr int64_t kColumns = BlockMoments<V>::kColumns;
  const auto* source = static_cast<const typename Stored<V, kType>::Element*>(a.source.data) + a.column;
  const int64_t stride = a.source.stride;
  for (int64_t c = 0; c < a.columns; ++c) a.mean[c] = a.squares[c] = 0;
  int64_t seen = 0;
  for (int64_t i = a.first; i < a.first + a.count;) {
    int32_t token[kMomentTokens];
    int count = 0;
    for (; i < a.first + a.count && count < kMomentTokens; ++i) {
      if (a.mask == nullptr || a.mask[i] != 2) token[count++] = int32_t(i);
    }
    if (count == 0) break;
    BlockMoments<V> block;
    int64_t c = 0;
    for (; c + kColumns <= a.columns; c += kColumns) {
      moments_of_block<V, kType, kMomentVectors>(source + c, stride, token, count, V::kLanes, &block);
      join_block(block, seen, count, kColumns, a.mean + c, a.squares + c);
    }
    for (; c < a.columns; c += V::kLanes) {
      const int rest = a.columns - c < V::kLanes ? int(a.columns - c) : V::kLanes;
      moments_of_block<V, kType, 1>(source + c, stride, token, count, rest, &block);
      join_block(block, seen, count, rest, a.mean + c, a.squares + c);
    }
    seen += count;
  }
  *a.tokens = seen;
}

template <class V>
void channel_moments(const tsv::ChannelMoments& a) {
  TSV_DISPATCH_TYPE(a.source.dtype, channel_moments_of, a);
}

}  // namespace
#endif
