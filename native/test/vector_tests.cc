// The vector types against C's own arithmetic: what each operation says, on every instruction set that this
// machine has, for all 16-bit numbers and the floats that lie between them.
#include <math.h>

#include <algorithm>
#include <vector>

#include "kernel_tests.h"
#include "runtime/dispatch.h"
#include "vectors/vectors.h"

using namespace test;

namespace {

constexpr int kMaxLanes = 16;

uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  return bits;
}

float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, 4);
  return x;
}

bool same(float a, float b) { return bits_of(a) == bits_of(b) || (a != a && b != b); }

bool is_nan(uint16_t half, int32_t dtype) { return std::isnan(value_of(half, dtype)); }

void check_half(uint16_t got, float x, int32_t dtype) {
  const uint16_t expected = nearest(x, dtype);
  CHECK_THAT(x != x ? is_nan(got, dtype) : got == expected,
             "storing %a (%08x) as type %d gave %04x, not %04x", double(x), bits_of(x), dtype, got, expected);
}

// ---- 16-bit numbers

void test_loads(const Vectors& v) {
  Buffer<uint16_t> halves(v.lanes);
  float out[kMaxLanes];
  where = v.name;
  for (int32_t dtype : {TSV_FLOAT16, TSV_BFLOAT16}) {
    for (int first = 0; first < 65536; first += v.lanes) {
      for (int lane = 0; lane < v.lanes; ++lane) halves[lane] = uint16_t(first + lane);
      (dtype == TSV_FLOAT16 ? v.load_all_float16 : v.load_all_bfloat16)(halves.data(), out);
      for (int lane = 0; lane < v.lanes; ++lane) {
        CHECK_THAT(same(out[lane], float(value_of(halves[lane], dtype))), "loading %04x of type %d",
                   first + lane, dtype);
      }
    }
  }
}

// The floats next to each 16-bit number and halfway to the next one: where rounding can go wrong.
void test_stores(const Vectors& v) {
  std::vector<float> hard;
  for (int32_t dtype : {TSV_FLOAT16, TSV_BFLOAT16}) {
    const int infinity = dtype == TSV_FLOAT16 ? 0x7c00 : 0x7f80;
    for (int h = 0; h < infinity; ++h) {
      const float x = float(value_of(uint16_t(h), dtype));
      const float half_way = h + 1 < infinity ? float((double(x) + value_of(uint16_t(h + 1), dtype)) / 2)
                                              : float_of(bits_of(x) + 0x1000);
      for (float y : {x, half_way}) {
        for (int step : {-1, 0, 1}) hard.push_back(float_of(uint32_t(std::max(0, int(bits_of(y)) + step))));
      }
    }
  }
  for (float x :
       {INFINITY, NAN, 65504.0f, 65519.996f, 65520.0f, 1e30f, 3.4028235e38f, 0x1p-25f, 0x1.8p-25f, 0x1p-149f})
    hard.push_back(x);
  hard.push_back(float_of(0x7f800001));  // NaNs that lose their last bits
  hard.push_back(float_of(0x7fffffff));
  while (hard.size() % size_t(v.lanes) != 0) hard.push_back(0);

  Buffer<uint16_t> out(v.lanes);
  where = v.name;
  for (int32_t dtype : {TSV_FLOAT16, TSV_BFLOAT16}) {
    for (float sign : {1.0f, -1.0f}) {
      for (size_t i = 0; i < hard.size(); i += size_t(v.lanes)) {
        float a[kMaxLanes];
        for (int lane = 0; lane < v.lanes; ++lane) a[lane] = copysignf(hard[i + size_t(lane)], sign);
        (dtype == TSV_FLOAT16 ? v.store_float16 : v.store_bfloat16)(a, v.lanes, out.data());
        for (int lane = 0; lane < v.lanes; ++lane) check_half(out[lane], a[lane], dtype);
      }
    }
  }
}

// Loading and storing the first n lanes touches n elements and no more; the buffers end after them.
template <class T>
void test_partial(const Vectors& v, void (*load)(const T*, int, float*), void (*store)(const float*, int, T*),
                  T one) {
  for (int n = 0; n <= v.lanes; ++n) {
    at("%s with %d lanes of %d bytes", v.name, n, int(sizeof(T)));
    Buffer<T> stored(n);
    for (T& x : stored) x = one;
    float out[kMaxLanes];
    for (float& x : out) x = NAN;
    load(stored.data(), n, out);
    for (int lane = 0; lane < v.lanes; ++lane) CHECK(out[lane] == (lane < n ? 1.0f : 0.0f));

    float ones[kMaxLanes];
    for (float& x : ones) x = 1;
    Buffer<T> written(n);
    store(ones, n, written.data());
    for (const T& x : written) CHECK(x == one);
  }
}

// ---- Arithmetic

const float kFloats[] = {0.0f,     -0.0f,     1.0f,      -1.0f,       0.1f,           3.75f,
                         -7.5f,    0x1p-126f, 0x1p-149f, -1e-40f,     1e30f,          -1e30f,
                         INFINITY, -INFINITY, NAN,       16777216.0f, 0x1.fffffep127f};

void test_arithmetic(const Vectors& v) {
  for (float x : kFloats) {
    for (float y : kFloats) {
      float a[kMaxLanes], b[kMaxLanes], c[kMaxLanes], out[kMaxLanes];
      for (int lane = 0; lane < kMaxLanes; ++lane) {
        a[lane] = lane % 2 == 0 ? x : y;
        b[lane] = lane % 2 == 0 ? y : x;
        c[lane] = lane % 3 == 0 ? x : 0.3f;
      }
      const auto compare = [&](const char* name, void (*function)(const float*, const float*, float*),
                               auto expected) {
        function(a, b, out);
        for (int lane = 0; lane < v.lanes; ++lane) {
          at("%s %s of %g and %g gave %g", v.name, name, double(a[lane]), double(b[lane]), double(out[lane]));
          CHECK(same(out[lane], expected(a[lane], b[lane])));
        }
      };
      compare("add", v.add, [](float p, float q) { return p + q; });
      compare("sub", v.sub, [](float p, float q) { return p - q; });
      compare("mul", v.mul, [](float p, float q) { return p * q; });
      compare("div", v.div, [](float p, float q) { return p / q; });
      compare("copy_sign", v.copy_sign, [](float p, float q) { return copysignf(p, q); });
      if (x != 0 || y != 0) {  // which zero a maximum gives is the processor's affair
        compare("max", v.max, [](float p, float q) { return p > q ? p : q; });
        compare("min", v.min, [](float p, float q) { return p < q ? p : q; });
      }
      v.fma(a, b, c, out);
      for (int lane = 0; lane < v.lanes; ++lane) {
        at("%s fma of %g, %g and %g gave %g", v.name, double(a[lane]), double(b[lane]), double(c[lane]),
           double(out[lane]));
        CHECK(same(out[lane], fmaf(a[lane], b[lane], c[lane])) ||
              same(out[lane], a[lane] * b[lane] + c[lane]));
      }
      unsigned chosen = ~0u;
      v.greater(a, b, &chosen);
      v.select(a, b, a, c, out);
      for (int lane = 0; lane < v.lanes; ++lane) {
        at("%s greater of %g and %g", v.name, double(a[lane]), double(b[lane]));
        CHECK(((chosen >> lane) & 1) == (a[lane] > b[lane] ? 1u : 0u));
        CHECK(same(out[lane], a[lane] > b[lane] ? a[lane] : c[lane]));
      }
      CHECK(v.lanes >= 32 || chosen >> v.lanes == 0);
    }
    float a[kMaxLanes], out[kMaxLanes];
    for (float& lane : a) lane = x;
    at("%s square root and absolute value of %g", v.name, double(x));
    v.sqrt(a, out);
    CHECK(same(out[0], sqrtf(x)));
    v.abs(a, out);
    CHECK(same(out[0], fabsf(x)));
  }
}

// 2^x out of its parts: fraction in [0, 1), scale exact where results are normal, 0 under them, infinity past
// them.
void test_exp2(const Vectors& v) {
  for (double x = -160; x <= 160; x += 0.0625) {
    float a[kMaxLanes], power[kMaxLanes], out[kMaxLanes];
    for (float& lane : a) lane = float(x);
    at("%s parts of 2^%g", v.name, x);
    v.fraction(a, out);
    if (x >= -127 && x < 128) CHECK(out[0] == float(x - floor(x)));
    for (int lane = 0; lane < v.lanes; ++lane) power[lane] = exp2f(float(x - floor(x)));
    v.scale(power, a, out);
    if (x >= -126 && x < 128) {
      CHECK(out[0] == ldexpf(power[0], int(floor(x))));
    } else if (x >= 129) {
      CHECK(out[0] == INFINITY);
    } else if (x < -126) {
      CHECK(out[0] >= 0 && out[0] < 0x1p-126f);
    }
  }
}

// The functions of native/kernels/math.h against C's, with the errors their heads promise.
void test_functions(const Vectors& v) {
  where = v.name;
  for (double x = -20; x <= 20; x += 0x1p-9) {
    float a[kMaxLanes], out[kMaxLanes];
    for (float& lane : a) lane = float(x);
    v.exp2_of(a, out);
    CHECK_THAT(near(out[0], exp2(x), 2e-7 * exp2(x)), "2^%g gave %.9g", x, double(out[0]));
    v.tanh_of(a, out);
    CHECK_THAT(near(out[0], tanh(x), 1e-6 * fabs(tanh(x))), "tanh %g gave %.9g", x, double(out[0]));
    v.erf_of(a, out);
    CHECK_THAT(near(out[0], erf(x), 4e-7 * fabs(erf(x))), "erf %g gave %.9g", x, double(out[0]));
  }
  const struct {
    float x, exp2, tanh, erf;
  } limits[] = {{INFINITY, INFINITY, 1, 1}, {-INFINITY, 0, -1, -1}, {1e30f, INFINITY, 1, 1},
                {-1e30f, 0, -1, -1},        {0, 1, 0, 0},           {NAN, NAN, NAN, NAN},
                {-0.0f, 1, -0.0f, -0.0f}};
  for (const auto& limit : limits) {
    float a[kMaxLanes], out[kMaxLanes];
    for (float& lane : a) lane = limit.x;
    at("%s functions at %g", v.name, double(limit.x));
    v.exp2_of(a, out);
    CHECK(near(out[0], limit.exp2, 1e-7));
    v.tanh_of(a, out);
    CHECK(same(out[0], limit.tanh));
    v.erf_of(a, out);
    CHECK(same(out[0], limit.erf));
  }
}

void test_reductions(const Vectors& v) {
  for (int place = 0; place < v.lanes; ++place) {
    float a[kMaxLanes] = {}, out = 0;
    double sum = 0;
    for (int lane = 0; lane < v.lanes; ++lane) sum += a[lane] = float(lane == place ? 100 : -lane);
    at("%s reductions, largest at %d", v.name, place);
    v.sum(a, &out);
    CHECK(out == float(sum));
    v.maximum(a, &out);
    CHECK(out == 100.0f);
  }
}

// ---- Integers and order of lanes

void test_integers(const Vectors& v) {
  const int32_t numbers[] = {0, 1, -1, INT32_MAX, INT32_MIN, 0x12345678, 1 << 20, (1 << 20) - 1};
  int32_t out[kMaxLanes];
  v.iota(out);
  at("%s iota", v.name);
  for (int lane = 0; lane < v.lanes; ++lane) CHECK(out[lane] == lane);
  for (int32_t x : numbers) {
    for (int32_t y : numbers) {
      int32_t i[kMaxLanes], j[kMaxLanes];
      for (int lane = 0; lane < kMaxLanes; ++lane) {
        i[lane] = lane % 2 == 0 ? x : y;
        j[lane] = y;
      }
      at("%s integers %d and %d", v.name, x, y);
      unsigned above = 0, equal = 0;
      v.above(i, j, &above);
      v.equal(i, j, &equal);
      v.select_int(i, j, out);
      for (int lane = 0; lane < v.lanes; ++lane) {
        CHECK(((above >> lane) & 1) == (uint32_t(i[lane]) > uint32_t(j[lane]) ? 1u : 0u));
        CHECK(((equal >> lane) & 1) == (i[lane] == j[lane] ? 1u : 0u));
        CHECK(out[lane] == int32_t(std::max(uint32_t(i[lane]), uint32_t(j[lane]))));
      }
      v.shift_right_20(i, out);
      for (int lane = 0; lane < v.lanes; ++lane) CHECK(out[lane] == int32_t(uint32_t(i[lane]) >> 20));
      v.shift_right_10(i, out);
      for (int lane = 0; lane < v.lanes; ++lane) CHECK(out[lane] == int32_t(uint32_t(i[lane]) >> 10));
      v.add_int(i, 5, out);
      for (int lane = 0; lane < v.lanes; ++lane) CHECK(out[lane] == int32_t(uint32_t(i[lane]) + 5));
    }
  }
}

// Floats in order become unsigned integers in order, NaN before all.
void test_order(const Vectors& v) {
  for (float x : kFloats) {
    for (float y : kFloats) {
      const float p = x + 0.0f, q = y + 0.0f;  // -0 must have been made +0
      float a[kMaxLanes];
      int32_t out[kMaxLanes];
      unsigned nans = 0;
      for (int lane = 0; lane < kMaxLanes; ++lane) a[lane] = lane % 2 == 0 ? p : q;
      at("%s order of %g and %g", v.name, double(p), double(q));
      v.nan(a, &nans);
      CHECK((nans & 1) == (p != p ? 1u : 0u));
      v.ordered(a, out);
      const uint32_t first = uint32_t(out[0]);
      for (float& lane : a) lane = q;
      v.ordered(a, out);
      const uint32_t second = uint32_t(out[0]);
      CHECK((first > second) == (p > q || (p == p && q != q)));
      CHECK((first == second) == (p == q || (p != p && q != q)));
      CHECK(first > 0 && first < 0xffffffffu);  // those are the keys of dropped and kept tokens
    }
  }
}

void test_compress(const Vectors& v) {
  int32_t i[kMaxLanes];
  for (int lane = 0; lane < kMaxLanes; ++lane) i[lane] = 100 + lane;
  for (unsigned chosen = 0; chosen < 1u << v.lanes; ++chosen) {
    Buffer<int32_t> out(v.lanes);
    v.compress(i, chosen, out.data());
    int n = 0;
    bool right = true;
    for (int lane = 0; lane < v.lanes; ++lane) {
      if ((chosen >> lane) & 1) right = right && out[n++] == i[lane];
    }
    at("%s compress %x", v.name, chosen);
    CHECK(right);
  }
}

void test_transpose(const Vectors& v) {
  Buffer<float> a(v.lanes * v.lanes), out(v.lanes * v.lanes);
  for (int i = 0; i < v.lanes * v.lanes; ++i) a[i] = float(i);
  v.transpose(a.data(), out.data());
  for (int row = 0; row < v.lanes; ++row) {
    for (int column = 0; column < v.lanes; ++column) {
      at("%s transpose at %d, %d", v.name, row, column);
      CHECK(out[row * v.lanes + column] == a[column * v.lanes + row]);
    }
  }
}

const Vectors* vectors_of(int32_t isa) {
  if (tsv::kernels_of(isa) == nullptr) return nullptr;
  switch (isa) {
#if defined(__x86_64__) || defined(_M_X64)
    case TSV_ISA_AVX2:
      return &test_vectors_avx2;
    case TSV_ISA_AVX512:
      return &test_vectors_avx512;
#elif defined(__aarch64__) || defined(_M_ARM64)
    case TSV_ISA_NEON:
      return &test_vectors_neon;
#endif
    default:
      return &test_vectors_scalar;
  }
}

}  // namespace

int main() {
  for (int32_t isa = TSV_ISA_SCALAR; isa <= TSV_ISA_AVX512; ++isa) {
    const Vectors* found = vectors_of(isa);
    if (found == nullptr) continue;
    const Vectors& v = *found;
    const Counts before = counts;
    test_loads(v);
    test_stores(v);
    test_partial<float>(v, v.load_float32, v.store_float32, 1.0f);
    test_partial<uint16_t>(v, v.load_float16, v.store_float16, 0x3c00);
    test_partial<uint16_t>(v, v.load_bfloat16, v.store_bfloat16, 0x3f80);
    test_arithmetic(v);
    test_exp2(v);
    test_functions(v);
    test_reductions(v);
    test_integers(v);
    test_order(v);
    test_compress(v);
    test_transpose(v);
    printf("%-7s %8ld checks, %ld failed\n", v.name, counts.passed - before.passed,
           counts.failed - before.failed);
  }
  return finish("vectors");
}
