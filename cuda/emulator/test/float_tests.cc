// Floating-point arithmetic and comparisons: rounding, NaN, subnormals, saturation, by the PTX ISA's
// definitions.
#include <math.h>
#include <string.h>

#include "emulator_tests.h"
#include "snippets.h"

using namespace test;

namespace {

constexpr uint32_t kNan = 0x7fffffffu, kInfinity = 0x7f800000u, kSign = 0x80000000u;
constexpr uint32_t kTiny = 1, kSubnormal = 0x007fffffu;  // the smallest and the largest subnormal number
constexpr uint32_t kOneUp = 0x3f800001u;                 // 1 + 2^-23

uint32_t f(double value) { return bits(float(value)); }

}  // namespace

EMULATOR_TEST(float32_sums_and_products) {
  check_rows("add.f32 %rd, %ra, %rb;", {{f(1), f(2), 0, f(3)},
                                        {kInfinity, kInfinity | kSign, 0, kNan},
                                        {0x7fc01234, f(1), 0, kNan},
                                        {kTiny, kTiny, 0, 2},
                                        {f(1), f(0x1p-24), 0, f(1)},
                                        {kOneUp, f(0x1p-24), 0, 0x3f800002},
                                        {kSign, 0, 0, 0}});
  check_rows("add.ftz.f32 %rd, %ra, %rb;", {{kTiny, kSubnormal, 0, 0}, {kTiny | kSign, kSign, 0, kSign}});
  check_rows("add.sat.f32 %rd, %ra, %rb;",
             {{f(1), f(2), 0, f(1)}, {f(-3), f(1), 0, 0}, {kNan, 0, 0, 0}, {f(0.25), f(0.5), 0, f(0.75)}});
  check_rows("add.rz.f32 %rd, %ra, %rb;",
             {{f(1), f(0x1p-24), 0, f(1)}, {kOneUp, f(0x1p-24), 0, kOneUp}, {f(-1), f(-0x1p-30), 0, f(-1)}});
  check_rows("add.rp.f32 %rd, %ra, %rb;", {{f(1), f(0x1p-30), 0, kOneUp}, {f(-1), f(-0x1p-30), 0, f(-1)}});
  check_rows("add.rm.f32 %rd, %ra, %rb;",
             {{f(1), f(0x1p-30), 0, f(1)}, {f(-1), f(-0x1p-30), 0, kOneUp | kSign}});
  check_rows("sub.f32 %rd, %ra, %rb;", {{f(1), f(2), 0, f(-1)}});
  check_rows("mul.f32 %rd, %ra, %rb;",
             {{f(3), f(-2), 0, f(-6)}, {kInfinity, 0, 0, kNan}, {f(0x1p-100), f(0x1p-40), 0, f(0x1p-140)}});
  check_rows("mul.ftz.f32 %rd, %ra, %rb;",
             {{f(0x1p-100), f(0x1p-40), 0, 0}, {kSubnormal | kSign, f(2), 0, kSign}});
  check_rows("mul.rz.f32 %rd, %ra, %rb;", {{kOneUp, kOneUp, 0, 0x3f800002}});
  check_rows("mul.rp.f32 %rd, %ra, %rb;", {{kOneUp, kOneUp, 0, 0x3f800003}});
  check_rows("fma.rn.f32 %rd, %ra, %rb, %rc;", {{kOneUp, kOneUp, bits(-1.0f), f(0x1p-22 + 0x1p-46)},
                                                {f(2), f(3), f(4), f(10)},
                                                {kInfinity, 0, f(1), kNan}});
  check_rows("fma.rz.f32 %rd, %ra, %rb, %rc;", {{f(1), f(1), f(-0x1p-30), 0x3f7fffff}});
  check_rows("fma.rp.f32 %rd, %ra, %rb, %rc;", {{f(1), f(1), f(0x1p-30), kOneUp}});
  check_rows("fma.rn.sat.f32 %rd, %ra, %rb, %rc;", {{f(2), f(3), f(4), f(1)}, {f(2), f(-3), f(4), 0}});
  check_rows("fma.rn.ftz.f32 %rd, %ra, %rb, %rc;", {{kSubnormal, f(0x1p20), f(1), f(1)}});
  check_rows("mad.rn.f32 %rd, %ra, %rb, %rc;", {{f(2), f(3), f(4), f(10)}});
}

EMULATOR_TEST(float32_division_and_roots) {
  check_rows(
      "div.rn.f32 %rd, %ra, %rb;",
      {{f(1), f(3), 0, f(1.0 / 3)}, {f(1), 0, 0, kInfinity}, {0, 0, 0, kNan}, {f(-1), kInfinity, 0, kSign}});
  check_rows("div.rz.f32 %rd, %ra, %rb;", {{f(2), f(3), 0, 0x3f2aaaaa}});
  check_rows("div.full.f32 %rd, %ra, %rb;", {{f(6), f(3), 0, f(2)}});
  check_rows("div.approx.f32 %rd, %ra, %rb;",
             {{f(6), f(3), 0, f(2)}, {f(1), f(0x1p127), 0, 0}, {kInfinity, f(0x1p127), 0, kNan}});
  check_rows("rcp.rn.f32 %rd, %ra;", {{f(3), 0, 0, f(1.0 / 3)}, {kSign, 0, 0, kInfinity | kSign}});
  check_rows("rcp.approx.ftz.f32 %rd, %ra;", {{f(4), 0, 0, f(0.25)}, {kSubnormal, 0, 0, kInfinity}});
  check_rows("sqrt.rn.f32 %rd, %ra;",
             {{f(2), 0, 0, f(sqrt(2.0))}, {f(-1), 0, 0, kNan}, {kSign, 0, 0, kSign}});
  check_rows("sqrt.approx.f32 %rd, %ra;", {{f(9), 0, 0, f(3)}});
  check_rows("rsqrt.approx.f32 %rd, %ra;",
             {{f(16), 0, 0, f(0.25)}, {0, 0, 0, kInfinity}, {f(-1), 0, 0, kNan}});
}

EMULATOR_TEST(float32_functions) {
  check_rows("ex2.approx.f32 %rd, %ra;", {{f(3), 0, 0, f(8)},
                                          {f(-1.5), 0, 0, f(exp2(-1.5))},
                                          {f(200), 0, 0, kInfinity},
                                          {kInfinity | kSign, 0, 0, 0},
                                          {kNan, 0, 0, kNan},
                                          {0, 0, 0, f(1)},
                                          {f(-140), 0, 0, f(0x1p-140)}});
  check_rows("ex2.approx.ftz.f32 %rd, %ra;", {{f(-140), 0, 0, 0}, {f(0.75), 0, 0, f(exp2(0.75))}});
  check_rows("lg2.approx.f32 %rd, %ra;",
             {{f(8), 0, 0, f(3)}, {0, 0, 0, kInfinity | kSign}, {f(-1), 0, 0, kNan}, {kTiny, 0, 0, f(-149)}});
  check_rows("lg2.approx.ftz.f32 %rd, %ra;", {{kTiny, 0, 0, kInfinity | kSign}});
  check_rows("sin.approx.f32 %rd, %ra;", {{f(1), 0, 0, f(sin(1.0))}, {kInfinity, 0, 0, kNan}});
  check_rows("cos.approx.f32 %rd, %ra;", {{f(1), 0, 0, f(cos(1.0))}});
  check_rows("tanh.approx.f32 %rd, %ra;", {{f(1), 0, 0, f(tanh(1.0))}, {kInfinity | kSign, 0, 0, f(-1)}});
}

// Every exponential of a dense range against the C library's
EMULATOR_TEST(exponentials) {
  for (int block = 0; block < 20; ++block) {
    std::vector<Row> rows;
    for (int i = 0; i < 32; ++i) {
      const float x = float(-150 + 15 * block) + float(i) * 0.46875f;
      rows.push_back({bits(x), 0, 0, f(exp2(double(x)))});
    }
    check_rows("ex2.approx.f32 %rd, %ra;", rows);
  }
}

EMULATOR_TEST(float32_extremes_and_signs) {
  check_rows("min.f32 %rd, %ra, %rb;", {{f(1), f(2), 0, f(1)},
                                        {kNan, f(2), 0, f(2)},
                                        {f(2), kNan, 0, f(2)},
                                        {kNan, kNan, 0, kNan},
                                        {0, kSign, 0, kSign},
                                        {kSign, 0, 0, kSign}});
  check_rows("max.f32 %rd, %ra, %rb;",
             {{f(1), f(2), 0, f(2)}, {kNan, f(2), 0, f(2)}, {0, kSign, 0, 0}, {kSign, 0, 0, 0}});
  check_rows("max.NaN.f32 %rd, %ra, %rb;", {{0x7fc00000, f(2), 0, kNan}, {f(1), f(2), 0, f(2)}});
  check_rows("min.ftz.f32 %rd, %ra, %rb;", {{kTiny, f(2), 0, 0}});
  check_rows("abs.f32 %rd, %ra;", {{f(-3), 0, 0, f(3)}, {kSign, 0, 0, 0}});
  check_rows("neg.f32 %rd, %ra;", {{f(-3), 0, 0, f(3)}, {0, 0, 0, kSign}});
  check_rows("neg.ftz.f32 %rd, %ra;", {{kTiny, 0, 0, kSign}});
  check_rows("copysign.f32 %rd, %ra, %rb;", {{f(-1), f(3), 0, f(-3)}, {f(1), f(-3), 0, f(3)}});
  check_rows("testp.finite.f32 %pd, %ra;", {{f(1), 0, 0, 1}, {kInfinity, 0, 0, 0}, {kNan, 0, 0, 0}});
  check_rows("testp.infinite.f32 %pd, %ra;", {{f(1), 0, 0, 0}, {kInfinity | kSign, 0, 0, 1}});
  check_rows("testp.number.f32 %pd, %ra;", {{f(1), 0, 0, 1}, {kNan, 0, 0, 0}});
  check_rows("testp.notanumber.f32 %pd, %ra;", {{f(1), 0, 0, 0}, {kNan, 0, 0, 1}});
  check_rows("testp.normal.f32 %pd, %ra;", {{f(1), 0, 0, 1}, {kTiny, 0, 0, 0}, {0, 0, 0, 0}});
  check_rows("testp.subnormal.f32 %pd, %ra;", {{f(1), 0, 0, 0}, {kTiny, 0, 0, 1}});
}

EMULATOR_TEST(float64) {
  check_rows("add.f64 %qd, %qa, %qb;", {{bits(1.0), bits(0x1p-52), 0, bits(1 + 0x1p-52)}});
  check_rows("add.rz.f64 %qd, %qa, %qb;", {{bits(1.0), bits(-0x1p-60), 0, bits(1 - 0x1p-53)}});
  check_rows("sub.f64 %qd, %qa, %qb;", {{bits(1.0), bits(3.0), 0, bits(-2.0)}});
  check_rows("mul.rp.f64 %qd, %qa, %qb;", {{bits(1 + 0x1p-52), bits(1 + 0x1p-52), 0, bits(1 + 0x3p-52)}});
  check_rows("fma.rn.f64 %qd, %qa, %qb, %qc;",
             {{bits(1 + 0x1p-52), bits(1 + 0x1p-52), bits(-1.0), bits(0x1p-51 + 0x1p-104)}});
  check_rows("div.rn.f64 %qd, %qa, %qb;", {{bits(1.0), bits(3.0), 0, bits(1.0 / 3)}});
  check_rows("rcp.rn.f64 %qd, %qa;", {{bits(3.0), 0, 0, bits(1.0 / 3)}});
  check_rows("sqrt.rn.f64 %qd, %qa;", {{bits(2.0), 0, 0, bits(sqrt(2.0))}});
  check_rows("min.f64 %qd, %qa, %qb;", {{bits(1.0), bits(-2.0), 0, bits(-2.0)}});
  check_rows("max.f64 %qd, %qa, %qb;", {{bits(1.0), 0x7ff8000000000000u, 0, bits(1.0)}});
  check_rows("abs.f64 %qd, %qa;", {{bits(-1.0), 0, 0, bits(1.0)}});
  check_rows("neg.f64 %qd, %qa;", {{bits(-1.0), 0, 0, bits(1.0)}});
  check_rows("copysign.f64 %qd, %qa, %qb;", {{bits(-1.0), bits(3.0), 0, bits(-3.0)}});
}

EMULATOR_TEST(comparisons) {
  const char* names[] = {"eq", "ne", "lt", "le", "gt", "ge"};
  const float pairs[][2] = {{1, 2}, {2, 1}, {1, 1}, {0, -0.0f}, {NAN, 1}, {1, NAN}, {INFINITY, INFINITY}};
  for (int i = 0; i < 6; ++i) {
    std::vector<Row> ordered, unordered, combined;
    for (const auto& [a, b] : pairs) {
      const bool nan = a != a || b != b;
      const bool results[] = {a == b, a != b && !nan, a<b, a <= b, a> b, a >= b};
      ordered.push_back({bits(a), bits(b), 0, results[i]});
      unordered.push_back({bits(a), bits(b), 0, results[i] || nan});
      for (const uint64_t c : {0, 1}) combined.push_back({bits(a), bits(b), c, results[i] && c});
    }
    check_rows(std::string("setp.") + names[i] + ".f32 %pd, %ra, %rb;", ordered);
    check_rows(std::string("setp.") + names[i] + "u.f32 %pd, %ra, %rb;", unordered);
    check_rows(std::string("setp.") + names[i] + ".and.f32 %pd, %ra, %rb, %pc;", combined);
  }
  check_rows("setp.num.f32 %pd, %ra, %rb;", {{f(1), f(2), 0, 1}, {kNan, f(1), 0, 0}});
  check_rows("setp.nan.f32 %pd, %ra, %rb;", {{f(1), f(2), 0, 0}, {kNan, f(1), 0, 1}});
  check_rows("setp.eq.ftz.f32 %pd, %ra, %rb;", {{kTiny, 0, 0, 1}});
  check_rows("setp.lt.s32 %pd, %ra, %rb;", {{u32(-1), 0, 0, 1}, {0, u32(-1), 0, 0}});
  check_rows("setp.lt.u32 %pd, %ra, %rb;", {{u32(-1), 0, 0, 0}, {0, u32(-1), 0, 1}});
  check_rows("setp.lo.u32 %pd, %ra, %rb;", {{u32(-1), 0, 0, 0}, {0, u32(-1), 0, 1}});
  check_rows("setp.hs.u32 %pd, %ra, %rb;", {{u32(-1), 0, 0, 1}, {0, u32(-1), 0, 0}});
  check_rows("setp.ge.s64 %pd, %qa, %qb;", {{~0ull, 0, 0, 0}, {0, ~0ull, 0, 1}});
  check_rows("setp.gt.s16 %pd, %ha, %hb;", {{0xffff, 0, 0, 0}, {1, 0xffff, 0, 1}});
  check_rows("setp.eq.b32 %pd, %ra, %rb;", {{5, 5, 0, 1}});
  check_rows("setp.lt.f64 %pd, %qa, %qb;", {{bits(1.0), bits(2.0), 0, 1}});
  check_rows("setp.eq.or.s32 %pd, %ra, %rb, %pc;", {{1, 2, 0, 0}, {1, 2, 1, 1}, {1, 1, 0, 1}});
  check_rows("setp.eq.xor.s32 %pd, %ra, %rb, !%pc;", {{1, 2, 0, 1}, {1, 2, 1, 0}, {1, 1, 0, 0}});
  check_rows("setp.eq.s32 %pe|%pd, %ra, %rb;", {{1, 2, 0, 1}, {1, 1, 0, 0}});
  check_rows("setp.eq.and.s32 %pe|%pd, %ra, %rb, %pc;", {{1, 2, 1, 1}, {1, 2, 0, 0}, {1, 1, 1, 0}});
  check_rows("set.lt.u32.f32 %rd, %ra, %rb;", {{f(1), f(2), 0, 0xffffffff}, {f(2), f(1), 0, 0}});
  check_rows("set.lt.f32.f32 %rd, %ra, %rb;", {{f(1), f(2), 0, f(1)}, {kNan, f(1), 0, 0}});
  check_rows("set.gt.and.s32.s32 %rd, %ra, %rb, %pc;", {{2, 1, 1, 0xffffffff}, {2, 1, 0, 0}});
}
