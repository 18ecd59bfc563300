// What makes keys and queries fit 8 bits: centre c and gains g, so that q.k = (q g).((k - c) / g) + q.c.
//
// The centre is the mean of a sample of keys. It adds the same to all logits of a query, which a softmax does
// not see, and takes with it the channels that are large in every key. The gain of a channel is sqrt(the
// sample's greatest |k - c| / its greatest |q|), as SmoothQuant's (arXiv 2211.10438) with equal shares: what
// is left of outlier channels is spread over both sides. Ranges are taken as at least kLeast of the widest
// channel's, since a sample may miss what a channel can do. Elements that are not finite count as 0. Two
// passes over the sample, which is small.
#ifndef TOKENSIEVE_KERNELS_BALANCE_CHANNELS_H
#define TOKENSIEVE_KERNELS_BALANCE_CHANNELS_H
#include "kernels/int8_kernels.h"
#include "kernels/load_rows.h"

namespace {

constexpr float kLeastRange = 1e-3f;

template <class V, int kType>
inline typename V::F load_finite(const typename Stored<V, kType>::Element* p, int64_t n) {
  using S = Stored<V, kType>;
  if (n <= 0) return V::zero();
  const typename V::F x = n >= V::kLanes ? S::load(p) : S::load(p, int(n));
  return V::keep(V::finite(V::magnitude(x)), x);
}

constexpr int kChannelVectors = 4;

// Sums, least and greatest of kChannelVectors vectors of channels over the sample's rows.
template <class V>
struct ChannelRange {
  typename V::F sum[kChannelVectors], low[kChannelVectors], high[kChannelVectors];
};

template <class V, int kType>
void measure_channels(const tsv::Rows& source, const int32_t* index, int64_t count, int64_t channel,
                      int64_t depth, ChannelRange<V>* range) {
  using F = typename V::F;
  const auto* rows = static_cast<const typename Stored<V, kType>::Element*>(source.data) + channel;
  ChannelRange<V> r = *range;
  for (int64_t i = 0; i < count; ++i) {
    const auto* row = rows + index[i] * source.stride;
    TSV_UNROLL for (int v = 0; v < kChannelVectors; ++v) {
      const F x = load_finite<V, kType>(row + v * V::kLanes, depth - channel - v * V::kLanes);
      r.sum[v] = V::add(r.sum[v], x);
      r.low[v] = V::min(r.low[v], x);
      r.high[v] = V::max(r.high[v], x);
    }
  }
  *range = r;
}

template <class V>
void measure_channels(const tsv::Rows& source, const int32_t* index, int64_t count, int64_t channel,
                      int64_t depth, ChannelRange<V>* range) {
  TSV_DISPATCH_TYPE(source.dtype, measure_channels, source, index, count, channel, depth, range);
}

template <class V>
inline ChannelRange<V> empty_range(float least, float greatest) {
  ChannelRange<V> range;
  TSV_UNROLL for (int v = 0; v < kChannelVectors; ++v) {
    range.sum[v] = V::zero();
    range.low[v] = V::set(greatest);
    range.high[v] = V::set(least);
  }
  return range;
}

// The greatest norm of the sample's keys, centred and balanced.
template <class V, int kType>
float greatest_norm(const tsv::BalanceChannels& a) {
  const auto* rows = static_cast<const typename Stored<V, kType>::Element*>(a.keys.data);
  float greatest = 0;
  for (int64_t i = 0; i < a.key_count; ++i) {
    const auto* row = rows + a.key_index[i] * a.keys.stride;
    typename V::F squares = V::zero();
    for (int64_t c = 0; c < a.depth; c += V::kLanes) {
      const typename V::F x = V::mul(
          V::sub(load_finite<V, kType>(row + c, a.depth - c), V::load(a.centre + c)), V::load(a.inverse + c));
      squares = V::fma(x, x, squares);
    }
    const float square = V::sum(squares);
    greatest = square > greatest ? square : greatest;
  }
  return greatest;
}

template <class V>
float greatest_square(const tsv::BalanceChannels& a) {
  TSV_DISPATCH_TYPE(a.keys.dtype, greatest_norm, a);
}

// The gains of the key's ranges in `inverse` and the queries' in `gain`.
template <class V>
void balance(int64_t channels, float* gain, float* inverse) {
  using F = typename V::F;
  F most_keys = V::zero(), most_queries = V::zero();
  for (int64_t c = 0; c < channels; c += V::kLanes) {
    most_keys = V::max(most_keys, V::load(inverse + c));
    most_queries = V::max(most_queries, V::load(gain + c));
  }
  constexpr float kTiny = 1e-20f;  // all elements may be 0
  const F least_key = V::set(kLeastRange * V::maximum(most_keys) + kTiny);
  const F least_query = V::set(kLeastRange * V::maximum(most_queries) + kTiny);
  for (int64_t c = 0; c < channels; c += V::kLanes) {
    const F keys = V::max(V::load(inverse + c), least_key), queries = V::max(V::load(gain + c), least_query);
    const F g = V::div(V::sqrt(keys), V::sqrt(queries));
    V::store(gain + c, g);
    V::store(inverse + c, V::div(V::set(1.0f), g));
  }
}

template <class V>
void balance_channels(const tsv::BalanceChannels& a) {
  using F = typename V::F;
  const int64_t channels = tsv::int8_channels(a.depth);
  const F share = V::set(1.0f / float(a.key_count > 0 ? a.key_count : 1));
  for (int64_t c = 0; c < channels; c += kChannelVectors * V::kLanes) {
    ChannelRange<V> keys = empty_range<V>(-INFINITY, INFINITY), queries = empty_range<V>(0, 0);
    measure_channels<V>(a.keys, a.key_index, a.key_count, c, a.depth, &keys);
    for (int64_t h = 0; a.queries != nullptr && h < a.query_heads; ++h) {
      measure_channels<V>(a.queries[h], a.query_index, a.query_count, c, a.depth, &queries);
    }
    TSV_UNROLL for (int v = 0; v < kChannelVectors; ++v) {
      const int64_t at = c + v * V::kLanes;
      const F centre = V::mul(keys.sum[v], share);
      const F wide = V::max(V::sub(keys.high[v], centre), V::sub(centre, keys.low[v]));
      V::store(a.centre + at, centre);
      V::store(a.inverse + at, V::max(wide, V::zero()));
      V::store(a.gain + at, a.queries != nullptr ? V::max(queries.high[v], V::sub(V::zero(), queries.low[v]))
                                                 : V::set(1.0f));
    }
  }
  balance<V>(channels, a.gain, a.inverse);
  *a.key_norm = sqrtf(greatest_square<V>(a));
}

}  // namespace
#endif
