// The other half of attention: output_i = (1/sum_i) sum_j e_ij v_j, from the strip of exponentials that
// attention_scores.h makes, a chunk of keys at a time so that a panel of values stays in L1.
// 2 Dv flops per (query, key), the strip read once more; the limit is the FMA peak.
#ifndef TOKENSIEVE_KERNELS_ATTENTION_H
#define TOKENSIEVE_KERNELS_ATTENTION_H
#include "kernels/kernels.h"
#include "kernels/load_rows.h"
#include "kernels/tile.h"

namespace {

// sums or, after the first step of a long product, what is there and sums.
template <class V>
struct AccumulateEpilogue {
  float* out;
  int64_t stride;
  bool first;
  template <int kVectors>
  inline void operator()(int r, typename V::F (&sums)[kVectors]) const {
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) {
      float* at = out + r * stride + v * V::kLanes;
      V::store(at, first ? sums[v] : V::add(V::load(at), sums[v]));
    }
  }
};

template <class V>
void attention_values(const tsv::AttentionValues& a) {
  product<V>(a.strip, size_t(a.strip_stride), a.rows, a.value_panels, a.columns, a.keys,
             [&](int64_t row, int64_t column) {
               return AccumulateEpilogue<V>{a.out + row * a.out_stride + column, a.out_stride, a.first != 0};
             });
}

// out[index[i]][c] = row_scale[i] * source[i][c], rounded once to the output's type.
template <class V, int kType>
void store_rows_of(const tsv::StoreRows& a) {
  using S = Stored<V, kType>;
  auto* out = static_cast<typename S::Element*>(a.out);
  for (int64_t i = 0; i < a.count; ++i) {
    const float* row = a.source + i * a.source_stride;
    auto* to = out + (a.index != nullptr ? a.index[i] : i) * a.out_stride;
    const typename V::F scale = V::set(a.row_scale != nullptr ? a.row_scale[i] : 1.0f);
    for (int64_t c = 0; c < a.columns; c += V::kLanes) {
      const int rest = a.columns - c < V::kLanes ? int(a.columns - c) : V::kLanes;
      S::store(to + c, V::mul(V::load(row + c, rest), scale), rest);
    }
  }
}

template <class V>
void store_rows(const tsv::StoreRows& a) {
  TSV_DISPATCH_TYPE(a.out_dtype, store_rows_of, a);
}

}  // namespace
#endif
