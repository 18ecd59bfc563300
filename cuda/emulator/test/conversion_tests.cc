// cvt and 16-bit floats: every 16-bit value against the neighbours it lies between, and the edges of integer
// types.
#include <math.h>
#include <string.h>

#include "emulator_tests.h"
#include "snippets.h"

using namespace test;

namespace {

constexpr uint32_t kNan = 0x7fffffffu, kInfinity = 0x7f800000u, kSign = 0x80000000u;
uint32_t f(double value) { return bits(float(value)); }

// By the definition of the format: `fraction` bits of fraction, the exponent's bias, infinities and NaN at
// the top.
double half_value(uint32_t code, int fraction, int bias) {
  const int exponent_bits = 15 - fraction;
  const uint32_t exponent = code >> fraction & ((1u << exponent_bits) - 1),
                 field = code & ((1u << fraction) - 1);
  const double sign = code & 0x8000 ? -1 : 1;
  if (exponent == (1u << exponent_bits) - 1) return field ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * ldexp(double(field), 1 - bias - fraction);
  return sign * ldexp(double(field | 1u << fraction), int(exponent) - bias - fraction);
}

struct Format {
  const char* name;
  int fraction, bias;
  uint32_t infinity;
};
constexpr Format kFormats[] = {{"f16", 10, 15, 0x7c00}, {"bf16", 7, 127, 0x7f80}};

void check_widening(const Format& format) {
  for (uint32_t first = 0; first < 0x10000; first += 32) {
    if (first % 0x400 > 64 && first % 0x400 < 0x3c0) continue;  // the ends of each kibi: all binades' edges
    std::vector<Row> rows;
    for (uint32_t code = first; code < first + 32; ++code) {
      const double value = half_value(code, format.fraction, format.bias);
      rows.push_back({code, 0, 0, value != value ? kNan : f(value)});
    }
    where = format.name;
    const auto results = run_lanes(std::string("cvt.f32.") + format.name + " %rd, %ha;", rows);
    for (size_t i = 0; i < results.size(); ++i) CHECK(results[i] == rows[i].expected);
  }
}

// Between each two neighbours: just below, at and just above the middle
void check_narrowing(const Format& format) {
  Random random(1);
  for (int round = 0; round < 40; ++round) {
    std::vector<Row> nearest, zero;
    for (int i = 0; i < 10; ++i) {
      const uint32_t code = uint32_t(random.below(int64_t(format.infinity) - 1)),
                     sign = uint32_t(random.below(2)) << 15;
      const double low = half_value(code, format.fraction, format.bias),
                   high = half_value(code + 1, format.fraction, format.bias);
      const float middle = float((low + high) / 2);
      const uint32_t even = code & 1 ? code + 1 : code, flip = sign << 16;
      const float below = nextafterf(middle, 0), above = nextafterf(middle, INFINITY);
      nearest.push_back({bits(middle) | flip, 0, 0, even | sign});
      nearest.push_back({bits(below) | flip, 0, 0, code | sign});
      nearest.push_back({bits(above) | flip, 0, 0, (code + 1) | sign});
      zero.push_back({bits(above) | flip, 0, 0, code | sign});
    }
    where = format.name;
    const auto check = [&](const char* rounding, const std::vector<Row>& rows) {
      const auto results =
          run_lanes(std::string("cvt.") + rounding + "." + format.name + ".f32 %hd, %ra;", rows);
      for (size_t i = 0; i < rows.size() && !results.empty(); ++i) {
        CHECK_THAT(results[i] == rows[i].expected, "%s of %#llx: got %#llx, expected %#llx", rounding,
                   static_cast<unsigned long long>(rows[i].a), static_cast<unsigned long long>(results[i]),
                   static_cast<unsigned long long>(rows[i].expected));
      }
    };
    check("rn", nearest);
    check("rz", zero);
  }
}

}  // namespace

EMULATOR_TEST(half_widening) {
  for (const Format& format : kFormats) check_widening(format);
}
EMULATOR_TEST(half_narrowing) {
  for (const Format& format : kFormats) check_narrowing(format);
}

EMULATOR_TEST(half_narrowing_edges) {
  check_rows("cvt.rn.f16.f32 %hd, %ra;", {{f(65504), 0, 0, 0x7bff},
                                          {f(65519), 0, 0, 0x7bff},
                                          {f(65520), 0, 0, 0x7c00},
                                          {f(1e30), 0, 0, 0x7c00},
                                          {kInfinity | kSign, 0, 0, 0xfc00},
                                          {kNan, 0, 0, 0x7fff},
                                          {f(0x1p-24), 0, 0, 1},
                                          {f(0x1p-25), 0, 0, 0},
                                          {f(0x1.8p-25), 0, 0, 1},
                                          {f(-0x1p-26), 0, 0, 0x8000},
                                          {f(0x1.ff8p-15), 0, 0, 0x3ff},
                                          {f(0x1.ffep-15), 0, 0, 0x400}});
  check_rows("cvt.rz.f16.f32 %hd, %ra;",
             {{f(65535), 0, 0, 0x7bff}, {f(1e30), 0, 0, 0x7bff}, {f(0x1.8p-24), 0, 0, 1}});
  check_rows("cvt.rn.bf16.f32 %hd, %ra;", {{0x3f808000, 0, 0, 0x3f80},
                                           {0x3f818000, 0, 0, 0x3f82},
                                           {0x7f7fffff, 0, 0, 0x7f80},
                                           {kInfinity, 0, 0, 0x7f80},
                                           {0x7f800001, 0, 0, 0x7fff},
                                           {1, 0, 0, 0}});
  check_rows("cvt.rn.relu.bf16.f32 %hd, %ra;", {{f(-1), 0, 0, 0}, {f(1), 0, 0, 0x3f80}});
  check_rows("cvt.rn.bf16x2.f32 %rd, %ra, %rb;", {{f(1), f(2), 0, 0x3f804000}});
  check_rows("cvt.rn.f16x2.f32 %rd, %ra, %rb;", {{f(1), f(2), 0, 0x3c004000}});
  check_rows("cvt.rn.f16.f64 %hd, %qa;",
             {{bits(1 + 0x1p-11 + 0x1p-40), 0, 0, 0x3c01}, {bits(1 + 0x1p-11), 0, 0, 0x3c00}});
  check_rows("cvt.rn.f16.s32 %hd, %ra;", {{2049, 0, 0, 0x6800}, {u32(-1), 0, 0, 0xbc00}});
  check_rows("cvt.rzi.s32.f16 %rd, %ha;", {{0xc100, 0, 0, u32(-2)}, {0x7c00, 0, 0, 0x7fffffff}});
  check_rows("cvt.rna.tf32.f32 %rd, %ra;", {{0x3f801000, 0, 0, 0x3f802000}, {0x3f800fff, 0, 0, 0x3f800000}});
}

EMULATOR_TEST(half_arithmetic) {
  check_rows(
      "add.f16 %hd, %ha, %hb;",
      {{0x3c00, 0x3c00, 0, 0x4000}, {0x7bff, 0x7bff, 0, 0x7c00}, {1, 1, 0, 2}, {0x7c00, 0xfc00, 0, 0x7fff}});
  check_rows("add.ftz.f16 %hd, %ha, %hb;", {{1, 1, 0, 0}});
  check_rows("add.sat.f16 %hd, %ha, %hb;", {{0x3c00, 0x3c00, 0, 0x3c00}, {0xbc00, 0, 0, 0}});
  check_rows("sub.f16 %hd, %ha, %hb;", {{0x3c00, 0x4000, 0, 0xbc00}});
  check_rows("mul.f16 %hd, %ha, %hb;", {{0x3c01, 0x3c01, 0, 0x3c02}, {0x4000, 0x4200, 0, 0x4600}});
  check_rows("fma.rn.f16 %hd, %ha, %hb, %hc;",
             {{0x3c01, 0x3c01, 0xbc00, 0x1800}, {0x4000, 0x4200, 0x3c00, 0x4700}});
  check_rows("fma.rn.relu.f16 %hd, %ha, %hb, %hc;", {{0x4000, 0xc200, 0x3c00, 0}});
  check_rows("add.f16x2 %rd, %ra, %rb;", {{0x3c004000, 0x3c003c00, 0, 0x40004200}});
  check_rows("fma.rn.f16x2 %rd, %ra, %rb, %rc;", {{0x40004000, 0x42003c00, 0x3c003c00, 0x47004200}});
  check_rows("fma.rn.bf16 %hd, %ha, %hb, %hc;",
             {{0x4000, 0x4040, 0x3f80, 0x40e0}, {0x3f81, 0x3f81, 0xbf80, 0x3c80}});
  // An exact product halfway between two numbers, and an addend far below that settles it
  check_rows("fma.rn.bf16 %hd, %ha, %hb, %hc;", {{0x3f81, 0x3f82, 0, 0x3f83},
                                                 {0x3fc0, 0x3f81, 0x0080, 0x3fc2},
                                                 {0x3fc0, 0x3f81, 0x8080, 0x3fc1},
                                                 {0x3fc0, 0x3f81, 0, 0x3fc2}});
  check_rows("fma.rn.bf16x2 %rd, %ra, %rb, %rc;", {{0x40003f80, 0x40403f80, 0x3f803f80, 0x40e04000}});
  check_rows("neg.bf16x2 %rd, %ra;", {{0x40003f80, 0, 0, 0xc000bf80}});
  check_rows("abs.f16 %hd, %ha;", {{0xbc00, 0, 0, 0x3c00}});
  check_rows("max.f16x2 %rd, %ra, %rb;", {{0x3c007e00, 0x40003c00, 0, 0x40003c00}});
  check_rows("min.bf16x2 %rd, %ra, %rb;", {{0x3f804000, 0x40003f80, 0, 0x3f803f80}});
  check_rows("max.NaN.bf16 %hd, %ha, %hb;", {{0x7fc0, 0x3f80, 0, 0x7fff}});
  check_rows("ex2.approx.f16 %hd, %ha;", {{0x4200, 0, 0, 0x4800}});
  check_rows("ex2.approx.ftz.bf16 %hd, %ha;", {{0x4040, 0, 0, 0x4100}});
  check_rows("tanh.approx.bf16x2 %rd, %ra;", {{0x00007f80, 0, 0, 0x00003f80}});
  check_rows("setp.lt.f16 %pd, %ha, %hb;", {{0x3c00, 0x4000, 0, 1}, {0x7e00, 0x4000, 0, 0}});
  check_rows("setp.gt.bf16 %pd, %ha, %hb;", {{0x4000, 0x3f80, 0, 1}});
  check_rows("setp.lt.f16x2 %pe|%pd, %ra, %rb;",
             {{0x3c004000, 0x40003c00, 0, 1}, {0x40003c00, 0x3c004000, 0, 0}});
  check_rows("set.lt.f16x2.f16x2 %rd, %ra, %rb;", {{0x3c004000, 0x40003c00, 0, 0x3c000000}});
}

EMULATOR_TEST(integer_conversions) {
  check_rows("cvt.s32.s8 %rd, %ra;", {{0x1ff, 0, 0, u32(-1)}, {0x7f, 0, 0, 0x7f}});
  check_rows("cvt.u32.u8 %rd, %ra;", {{0x1ff, 0, 0, 0xff}});
  check_rows("cvt.s64.s32 %qd, %ra;", {{u32(-2), 0, 0, uint64_t(-2)}});
  check_rows("cvt.s64.s32 %qd, %qa;", {{0x5fffffffeull, 0, 0, uint64_t(-2)}});
  check_rows("cvt.u64.u32 %qd, %ra;", {{u32(-2), 0, 0, 0xfffffffeu}});
  check_rows("cvt.u32.u64 %rd, %qa;", {{0x123456789aull, 0, 0, 0x3456789a}});
  check_rows("cvt.u16.u32 %hd, %ra;", {{0x12345, 0, 0, 0x2345}});
  check_rows("cvt.s16.s8 %hd, %ra;", {{0x80, 0, 0, 0xff80}});
  check_rows("cvt.sat.s16.s32 %hd, %ra;", {{40000, 0, 0, 0x7fff}, {u32(-40000), 0, 0, 0x8000}});
  check_rows("cvt.sat.u8.s32 %hd, %ra;", {{300, 0, 0, 255}, {u32(-1), 0, 0, 0}});
  check_rows("cvt.sat.u32.s32 %rd, %ra;", {{u32(-1), 0, 0, 0}, {7, 0, 0, 7}});
}

EMULATOR_TEST(conversions_between_floats_and_integers) {
  check_rows("cvt.rzi.s32.f32 %rd, %ra;", {{f(-1.9), 0, 0, u32(-1)},
                                           {f(3e9), 0, 0, 0x7fffffff},
                                           {f(-3e9), 0, 0, kSign},
                                           {kNan, 0, 0, 0},
                                           {f(2147483520), 0, 0, 2147483520}});
  check_rows("cvt.rni.s32.f32 %rd, %ra;", {{f(2.5), 0, 0, 2}, {f(3.5), 0, 0, 4}, {f(-0.6), 0, 0, u32(-1)}});
  check_rows("cvt.rmi.s32.f32 %rd, %ra;", {{f(-1.1), 0, 0, u32(-2)}});
  check_rows("cvt.rpi.s32.f32 %rd, %ra;", {{f(-1.9), 0, 0, u32(-1)}, {f(1.1), 0, 0, 2}});
  check_rows("cvt.rzi.u32.f32 %rd, %ra;",
             {{f(-5), 0, 0, 0}, {f(5e9), 0, 0, 0xffffffff}, {f(4e9), 0, 0, 4000000000u}, {kNan, 0, 0, 0}});
  check_rows("cvt.rzi.s64.f32 %qd, %ra;",
             {{f(-1e30), 0, 0, 1ull << 63}, {f(1e30), 0, 0, ~0ull >> 1}, {kNan, 0, 0, 1ull << 63}});
  check_rows("cvt.rzi.u64.f64 %qd, %qa;",
             {{bits(-1.0), 0, 0, 0}, {bits(1e30), 0, 0, ~0ull}, {bits(1e15), 0, 0, 1000000000000000ull}});
  check_rows("cvt.rni.s32.f64 %rd, %qa;", {{bits(1.5), 0, 0, 2}});
  check_rows("cvt.rzi.ftz.s32.f32 %rd, %ra;", {{1, 0, 0, 0}});
  check_rows("cvt.rn.f32.s32 %rd, %ra;",
             {{0x7fffffff, 0, 0, f(2147483648.0)}, {16777217, 0, 0, f(16777216)}, {u32(-3), 0, 0, f(-3)}});
  check_rows("cvt.rz.f32.s32 %rd, %ra;",
             {{0x7fffffff, 0, 0, 0x4effffff}, {u32(-16777217), 0, 0, f(-16777216)}});
  check_rows("cvt.rp.f32.u32 %rd, %ra;", {{16777217, 0, 0, f(16777218)}});
  check_rows("cvt.rn.f32.u64 %rd, %qa;", {{~0ull, 0, 0, f(0x1p64)}, {0x8000008000000001u, 0, 0, 0x5f000001}});
  check_rows("cvt.rn.f64.s64 %qd, %qa;",
             {{(1ull << 53) + 1, 0, 0, bits(0x1p53)}, {uint64_t(-7), 0, 0, bits(-7.0)}});
  check_rows("cvt.rz.f64.u64 %qd, %qa;", {{~0ull, 0, 0, bits(0x1.fffffffffffffp63)}});
  check_rows("cvt.rn.f32.f64 %rd, %qa;",
             {{bits(1 + 0x1p-24), 0, 0, f(1)}, {bits(1 + 0x1p-24 + 0x1p-50), 0, 0, 0x3f800001}});
  check_rows("cvt.rz.f32.f64 %rd, %qa;",
             {{bits(1 + 0x1.8p-23), 0, 0, 0x3f800001}, {bits(-1 - 0x1.8p-23), 0, 0, 0xbf800001}});
  check_rows("cvt.f64.f32 %qd, %ra;", {{f(1.5), 0, 0, bits(1.5)}});
  check_rows("cvt.rni.f32.f32 %rd, %ra;", {{f(2.5), 0, 0, f(2)}, {f(-0.4), 0, 0, kSign}});
  check_rows("cvt.rmi.f32.f32 %rd, %ra;", {{f(-1.5), 0, 0, f(-2)}});
  check_rows("cvt.sat.f32.f32 %rd, %ra;", {{f(1.5), 0, 0, f(1)}, {f(-1), 0, 0, 0}, {kNan, 0, 0, 0}});
  check_rows("cvt.ftz.f32.f32 %rd, %ra;", {{1, 0, 0, 0}});
}
