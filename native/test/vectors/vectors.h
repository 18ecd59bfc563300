// The operations of a vector type behind pointers, so that one test compares all vector types. The objects
// that fill these tables are built with instruction-set flags and therefore include C headers only, as
// kernels do.
#ifndef TOKENSIEVE_TEST_VECTORS_H
#define TOKENSIEVE_TEST_VECTORS_H
#include <stdint.h>

// name, parameters: float vectors in a, b, c, integer vectors in i, j, and a result in out
#define TEST_FOR_EACH_VECTOR_FUNCTION(X) \
  X(load_float32, (const float* a, int n, float* out)) \
  X(load_float16, (const uint16_t* a, int n, float* out)) \
  X(load_bfloat16, (const uint16_t* a, int n, float* out)) \
  X(load_all_float16, (const uint16_t* a, float* out)) \
  X(load_all_bfloat16, (const uint16_t* a, float* out)) \
  X(store_float32, (const float* a, int n, float* out)) \
  X(store_float16, (const float* a, int n, uint16_t* out)) \
  X(store_bfloat16, (const float* a, int n, uint16_t* out)) \
  X(add, (const float* a, const float* b, float* out)) \
  X(sub, (const float* a, const float* b, float* out)) \
  X(mul, (const float* a, const float* b, float* out)) \
  X(div, (const float* a, const float* b, float* out)) \
  X(max, (const float* a, const float* b, float* out)) \
  X(min, (const float* a, const float* b, float* out)) \
  X(copy_sign, (const float* a, const float* b, float* out)) \
  X(fma, (const float* a, const float* b, const float* c, float* out)) \
  X(sqrt, (const float* a, float* out)) \
  X(abs, (const float* a, float* out)) \
  X(fraction, (const float* a, float* out)) \
  X(scale, (const float* a, const float* b, float* out)) \
  X(sum, (const float* a, float* out)) \
  X(maximum, (const float* a, float* out)) \
  X(greater, (const float* a, const float* b, unsigned* out)) \
  X(select, (const float* a, const float* b, const float* yes, const float* no, float* out)) \
  X(select_int, (const int32_t* i, const int32_t* j, int32_t* out)) \
  X(iota, (int32_t * out)) \
  X(add_int, (const int32_t* i, int32_t j, int32_t* out)) \
  X(shift_right_20, (const int32_t* i, int32_t* out)) \
  X(shift_right_10, (const int32_t* i, int32_t* out)) \
  X(ordered, (const float* a, int32_t* out)) \
  X(nan, (const float* a, unsigned* out)) \
  X(exp2_of, (const float* a, float* out)) \
  X(tanh_of, (const float* a, float* out)) \
  X(erf_of, (const float* a, float* out)) \
  X(above, (const int32_t* i, const int32_t* j, unsigned* out)) \
  X(equal, (const int32_t* i, const int32_t* j, unsigned* out)) \
  X(compress, (const int32_t* i, unsigned chosen, int32_t* out)) \
  X(transpose, (const float* a, float* out))

struct Vectors {
  const char* name;
  int lanes;
#define TEST_VECTOR_MEMBER(name, parameters) void(*name) parameters;
  TEST_FOR_EACH_VECTOR_FUNCTION(TEST_VECTOR_MEMBER)
#undef TEST_VECTOR_MEMBER
};

extern "C" {
extern const Vectors test_vectors_scalar;
extern const Vectors test_vectors_neon;
extern const Vectors test_vectors_avx2;
extern const Vectors test_vectors_avx512;
}
#endif
