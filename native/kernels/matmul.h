// out = activation(a b + bias), a step of the depth at a time: earlier steps leave their sums in `out`.
//
// The panel of b is as deep as a step (256), so that it and the rows it meets share L1; between the panel's
// two vectors of columns and the next lies the whole block of rows. Bias and activation are applied to the
// last step's sums on their way to memory. 2 flops per (row, column, k); the limit is the FMA peak.
#ifndef TOKENSIEVE_KERNELS_MATMUL_H
#define TOKENSIEVE_KERNELS_MATMUL_H
#include "kernels/kernels.h"
#include "kernels/math.h"
#include "kernels/tile.h"

namespace {

template <class V>
inline typename V::F activate(typename V::F x, int32_t activation) {
  using F = typename V::F;
  const F half = V::set(0.5f), one = V::set(1.0f);
  switch (activation) {
    case TSV_ACTIVATION_GELU:  // x Phi(x)
      return V::mul(V::mul(half, x), V::add(one, erf<V>(V::mul(x, V::set(0.707106781f)))));
    case TSV_ACTIVATION_GELU_TANH: {
      const F cube = V::mul(V::mul(x, x), x);
      const F inner = V::mul(V::set(0.797884561f), V::fma(V::set(0.044715f), cube, x));
      return V::mul(V::mul(half, x), V::add(one, tanh<V>(inner)));
    }
    case TSV_ACTIVATION_RELU:
      return V::max(V::zero(), x);  // a NaN stays
    case TSV_ACTIVATION_TANH:
      return tanh<V>(x);
    default:
      return x;
  }
}

template <class V>
struct MatmulEpilogue {
  float* out;
  int64_t stride;
  int64_t columns;  // that exist from here on
  const float* bias;
  int32_t activation;
  bool first, last;
  template <int kVectors>
  inline void operator()(int r, typename V::F (&sums)[kVectors]) const {
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) {
      const int64_t left = columns - v * V::kLanes;
      if (left <= 0) continue;
      const int lanes = left < V::kLanes ? int(left) : V::kLanes;
      float* at = out + r * stride + v * V::kLanes;
      typename V::F x = first ? sums[v] : V::add(V::load(at, lanes), sums[v]);
      if (last && bias != nullptr) x = V::add(x, V::load(bias + v * V::kLanes, lanes));
      if (last && activation != TSV_ACTIVATION_NONE) x = activate<V>(x, activation);
      V::store(at, x, lanes);
    }
  }
};

template <class V>
void matmul(const tsv::Matmul& a) {
  const auto make_epilogue = [&](int64_t row, int64_t column) {
    return MatmulEpilogue<V>{a.out + row * a.out_stride + column,
                             a.out_stride,
                             a.columns - column,
                             a.bias == nullptr ? nullptr : a.bias + column,
                             a.activation,
                             a.first != 0,
                             a.last != 0};
  };
  if (a.b_stride > 0) {
    product_in_place<V>(a.a, size_t(a.a_stride), a.rows, a.b, size_t(a.b_stride), a.columns, a.depth,
                        make_epilogue);
  } else {
    product<V>(a.a, size_t(a.a_stride), a.rows, a.b, a.columns, a.depth, make_epilogue);
  }
}

}  // namespace
#endif
