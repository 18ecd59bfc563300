// Elementary functions over a vector type.
#ifndef TOKENSIEVE_KERNELS_MATH_H
#define TOKENSIEVE_KERNELS_MATH_H

namespace {

// 2^x by 2^(x - floor x) 2^(floor x): the minimax polynomial of degree 5 on [0,1), relative error 7.5e-8
// before rounding (Remez; degree 4 would give 2.6e-6). 5 FMA and, with VREDUCEPS and VSCALEFPS, two more
// operations.
template <class V>
inline typename V::F exp2(typename V::F x) {
  x = V::exp2_range(x);
  const typename V::F f = V::fraction(x);
  typename V::F p = V::set(1.87757667e-3f);
  p = V::fma(p, f, V::set(8.98934009e-3f));
  p = V::fma(p, f, V::set(5.58263181e-2f));
  p = V::fma(p, f, V::set(2.40153617e-1f));
  p = V::fma(p, f, V::set(6.93153073e-1f));
  p = V::fma(p, f, V::set(9.99999925e-1f));
  return V::scale(p, x);
}

constexpr float kLog2E = 1.44269504f;

// tanh x = (1 - e) / (1 + e) with e = 2^(-2 |x| log2 e); under 0.25 the odd series, where that difference
// would cancel.
template <class V>
inline typename V::F tanh(typename V::F x) {
  using F = typename V::F;
  const F size = V::abs(x), one = V::set(1.0f);
  const F e = exp2<V>(V::mul(size, V::set(-2.0f * kLog2E)));
  const F far = V::div(V::sub(one, e), V::add(one, e));
  const F square = V::mul(x, x);
  F series = V::set(-1382.0f / 155925.0f);
  series = V::fma(series, square, V::set(62.0f / 2835.0f));
  series = V::fma(series, square, V::set(-17.0f / 315.0f));
  series = V::fma(series, square, V::set(2.0f / 15.0f));
  series = V::fma(series, square, V::set(-1.0f / 3.0f));
  const F near = V::fma(V::mul(series, square), size, size);
  return V::copy_sign(V::select(V::greater(V::set(0.25f), size), near, far), x);
}

// erf x for GELU: x times a series under 1, 1 - 2^(polynomial) above. Abramowitz and Stegun's 7.1.26 is good
// to 1.5e-7 absolute, which GELU multiplies by x; the form below keeps that for large x and a small relative
// error near 0.
template <class V>
inline typename V::F erf(typename V::F x) {
  using F = typename V::F;
  const F size = V::abs(x), one = V::set(1.0f), square = V::mul(x, x);
  // Taylor's series of erf(x)/x in x^2, 11 terms: under 1 its remainder is below 1e-9.
  F series = V::set(1.0f / 76204800.0f);
  series = V::fma(series, square, V::set(-1.0f / 6894720.0f));
  series = V::fma(series, square, V::set(1.0f / 685440.0f));
  series = V::fma(series, square, V::set(-1.0f / 75600.0f));
  series = V::fma(series, square, V::set(1.0f / 9360.0f));
  series = V::fma(series, square, V::set(-1.0f / 1320.0f));
  series = V::fma(series, square, V::set(1.0f / 216.0f));
  series = V::fma(series, square, V::set(-1.0f / 42.0f));
  series = V::fma(series, square, V::set(1.0f / 10.0f));
  series = V::fma(series, square, V::set(-1.0f / 3.0f));
  series = V::fma(series, square, one);
  const F near = V::mul(V::mul(size, V::set(1.12837917f)), series);
  const F t = V::div(one, V::fma(V::set(0.3275911f), size, one));
  F p = V::set(1.061405429f);
  p = V::fma(p, t, V::set(-1.453152027f));
  p = V::fma(p, t, V::set(1.421413741f));
  p = V::fma(p, t, V::set(-0.284496736f));
  p = V::fma(p, t, V::set(0.254829592f));
  const F tail = V::mul(V::mul(p, t), exp2<V>(V::mul(square, V::set(-kLog2E))));
  return V::copy_sign(V::select(V::greater(one, size), near, V::sub(one, tail)), x);
}

}  // namespace
#endif
