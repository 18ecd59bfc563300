// Logits times a factor of how far apart query and key stand, for rotary embeddings whose logits fade with
// the distance: x_ij = x_ij factor[min(|p_i - p_j|, reach)] + bias_j.
//
// A pass of its own over the strip [rows][keys] that attention_logits left in the L2 cache, so that calls
// without factors do nothing more. Factors lie mirrored around distance 0: where the positions of a vector of
// keys follow each other, as all do until tokens go, its factors lie side by side, on whichever side of the
// query, and the pass is a load of the strip, the factors and the bias, an FMA, a maximum and a store a
// vector. Else each key's factor is looked up by four or five scalar operations. Measured on a Zen 4 at 640 x
// 640 x 128: 5 % of the whole of attentionScores where positions follow each other, a quarter of it where
// every third token has gone.
#ifndef TOKENSIEVE_KERNELS_ATTENTION_DISTANCE_H
#define TOKENSIEVE_KERNELS_ATTENTION_DISTANCE_H
#include "kernels/kernels.h"

namespace {

// What two positions are apart: of any two, without overflow.
inline uint32_t distance_of(int32_t a, int32_t b) {
  return a > b ? uint32_t(a) - uint32_t(b) : uint32_t(b) - uint32_t(a);
}

// Factors of keys at `first` and the places after it.
template <class V>
inline typename V::F factors_of_run(const float* factor, int64_t reach, int32_t row, int32_t first) {
  const int64_t least = -reach - V::kLanes, most = reach + 1, place = int64_t(first) - row;
  return V::load(factor + (place < least ? least : place > most ? most : place));
}

template <class V>
inline typename V::F factors_of_each(const float* factor, uint32_t reach, int32_t row, const int32_t* keys) {
  float factors[V::kLanes];
  for (int lane = 0; lane < V::kLanes; ++lane) {
    const uint32_t distance = distance_of(row, keys[lane]);
    factors[lane] = factor[distance < reach ? distance : reach];
  }
  return V::load(factors);
}

template <class V>
void attention_distance(const tsv::AttentionDistance& a) {
  using F = typename V::F;
  const F hidden = V::set(tsv::kHidden), half_hidden = V::set(0.5f * tsv::kHidden);
  const int32_t* keys = a.key_position;
  const float *factors = a.factor, *biases = a.bias;
  const uint8_t* runs = a.runs;
  const int64_t columns = a.columns, reach = a.reach;
  for (int64_t r = 0; r < a.rows; ++r) {
    float* row = a.strip + r * a.strip_stride;
    const int32_t position = a.row_position[r];
    F most = hidden;
    for (int64_t j = 0; j < columns; j += V::kLanes) {
      const F factor = runs[j / tsv::kRunKeys] != 0
                           ? factors_of_run<V>(factors, reach, position, keys[j])
                           : factors_of_each<V>(factors, uint32_t(reach), position, keys + j);
      const F bias = V::load(biases + j);
      // Whatever a masked key holds, its logit is hidden.
      const F x = V::select(V::greater(half_hidden, bias), hidden, V::fma(V::load(row + j), factor, bias));
      V::store(row + j, x);
      most = V::max(most, x);
    }
    V::store(a.row_max + r * V::kLanes, most);
  }
}

}  // namespace
#endif
