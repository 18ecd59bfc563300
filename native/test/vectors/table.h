// Fills the table of one vector type. Included once in each of vectors/*.cc, after native/simd/.
#ifndef TOKENSIEVE_TEST_VECTORS_TABLE_H
#define TOKENSIEVE_TEST_VECTORS_TABLE_H
#include "kernels/math.h"
#include "vectors/vectors.h"

namespace {

template <class V>
struct Functions {
  using F = typename V::F;

  static void load_float32(const float* a, int n, float* out) { V::store(out, V::load(a, n)); }
  static void load_float16(const uint16_t* a, int n, float* out) { V::store(out, V::load_float16(a, n)); }
  static void load_bfloat16(const uint16_t* a, int n, float* out) { V::store(out, V::load_bfloat16(a, n)); }
  static void load_all_float16(const uint16_t* a, float* out) { V::store(out, V::load_float16(a)); }
  static void load_all_bfloat16(const uint16_t* a, float* out) { V::store(out, V::load_bfloat16(a)); }
  static void store_float32(const float* a, int n, float* out) { V::store(out, V::load(a), n); }
  static void store_float16(const float* a, int n, uint16_t* out) { V::store_float16(out, V::load(a), n); }
  static void store_bfloat16(const float* a, int n, uint16_t* out) { V::store_bfloat16(out, V::load(a), n); }

  static void add(const float* a, const float* b, float* out) {
    V::store(out, V::add(V::load(a), V::load(b)));
  }
  static void sub(const float* a, const float* b, float* out) {
    V::store(out, V::sub(V::load(a), V::load(b)));
  }
  static void mul(const float* a, const float* b, float* out) {
    V::store(out, V::mul(V::load(a), V::load(b)));
  }
  static void div(const float* a, const float* b, float* out) {
    V::store(out, V::div(V::load(a), V::load(b)));
  }
  static void max(const float* a, const float* b, float* out) {
    V::store(out, V::max(V::load(a), V::load(b)));
  }
  static void min(const float* a, const float* b, float* out) {
    V::store(out, V::min(V::load(a), V::load(b)));
  }
  static void copy_sign(const float* a, const float* b, float* out) {
    V::store(out, V::copy_sign(V::load(a), V::load(b)));
  }
  static void fma(const float* a, const float* b, const float* c, float* out) {
    V::store(out, V::fma(V::load(a), V::load(b), V::load(c)));
  }
  static void sqrt(const float* a, float* out) { V::store(out, V::sqrt(V::load(a))); }
  static void abs(const float* a, float* out) { V::store(out, V::abs(V::load(a))); }
  static void fraction(const float* a, float* out) { V::store(out, V::fraction(V::exp2_range(V::load(a)))); }
  static void scale(const float* a, const float* b, float* out) {
    V::store(out, V::scale(V::load(a), V::exp2_range(V::load(b))));
  }
  static void sum(const float* a, float* out) { *out = V::sum(V::load(a)); }
  static void maximum(const float* a, float* out) { *out = V::maximum(V::load(a)); }

  static void greater(const float* a, const float* b, unsigned* out) {
    *out = V::bits(V::greater(V::load(a), V::load(b)));
  }
  static void select(const float* a, const float* b, const float* yes, const float* no, float* out) {
    V::store(out, V::select(V::greater(V::load(a), V::load(b)), V::load(yes), V::load(no)));
  }
  static void select_int(const int32_t* i, const int32_t* j, int32_t* out) {
    const typename V::I x = V::load_int(i), y = V::load_int(j);
    V::store(out, V::select(V::above(x, y), x, y));
  }
  static void iota(int32_t* out) { V::store(out, V::iota()); }
  static void add_int(const int32_t* i, int32_t j, int32_t* out) {
    V::store(out, V::add(V::load_int(i), V::set_int(j)));
  }
  static void shift_right_20(const int32_t* i, int32_t* out) {
    V::store(out, V::template shift_right<20>(V::load_int(i)));
  }
  static void shift_right_10(const int32_t* i, int32_t* out) {
    V::store(out, V::template shift_right<10>(V::load_int(i)));
  }
  static void ordered(const float* a, int32_t* out) { V::store(out, V::ordered(V::load(a))); }
  static void nan(const float* a, unsigned* out) { *out = V::bits(V::nan(V::load(a))); }
  static void exp2_of(const float* a, float* out) { V::store(out, exp2<V>(V::load(a))); }
  static void tanh_of(const float* a, float* out) { V::store(out, tanh<V>(V::load(a))); }
  static void erf_of(const float* a, float* out) { V::store(out, erf<V>(V::load(a))); }
  static void above(const int32_t* i, const int32_t* j, unsigned* out) {
    *out = V::bits(V::above(V::load_int(i), V::load_int(j)));
  }
  static void equal(const int32_t* i, const int32_t* j, unsigned* out) {
    *out = V::bits(V::equal(V::load_int(i), V::load_int(j)));
  }
  static void compress(const int32_t* i, unsigned chosen, int32_t* out) {
    V::compress(out, chosen, V::load_int(i));
  }
  static void transpose(const float* a, float* out) {
    F rows[V::kLanes];
    for (int row = 0; row < V::kLanes; ++row) rows[row] = V::load(a + row * V::kLanes);
    ::transpose(rows);
    for (int row = 0; row < V::kLanes; ++row) V::store(out + row * V::kLanes, rows[row]);
  }
};

template <class V>
constexpr Vectors make_vectors() {
  return {V::kName, V::kLanes,
#define TEST_VECTOR_ENTRY(name, parameters) Functions<V>::name,
          TEST_FOR_EACH_VECTOR_FUNCTION(TEST_VECTOR_ENTRY)
#undef TEST_VECTOR_ENTRY
  };
}

}  // namespace
#endif
