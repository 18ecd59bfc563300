// Integer arithmetic, logic and bit fields: edge cases by the PTX ISA's definitions.
#include <string.h>

#include "emulator_tests.h"
#include "snippets.h"

using namespace test;

namespace {
constexpr uint64_t kMin32 = 0x80000000u, kMax32 = 0x7fffffffu, kOnes32 = 0xffffffffu;
constexpr uint64_t kMin64 = 0x8000000000000000u, kOnes64 = ~0ull;
}  // namespace

EMULATOR_TEST(integer_sums) {
  check_rows("add.s32 %rd, %ra, %rb;", {{1, 2, 0, 3}, {kMax32, 1, 0, kMin32}, {kOnes32, 1, 0, 0}});
  check_rows("add.u16 %hd, %ha, %hb;", {{0xffff, 2, 0, 1}, {7, 8, 0, 15}});
  check_rows("add.s64 %qd, %qa, %qb;", {{kOnes64, 1, 0, 0}, {kOnes32, 1, 0, 0x100000000u}});
  check_rows("add.sat.s32 %rd, %ra, %rb;",
             {{kMax32, 1, 0, kMax32}, {kMin32, kOnes32, 0, kMin32}, {5, 6, 0, 11}});
  check_rows("sub.s32 %rd, %ra, %rb;", {{1, 2, 0, kOnes32}, {kMin32, 1, 0, kMax32}});
  check_rows("sub.sat.s32 %rd, %ra, %rb;", {{kMin32, 1, 0, kMin32}, {kMax32, kOnes32, 0, kMax32}});
  check_rows("add.cc.u32 %rd, %ra, %rb;\naddc.u32 %rd, 0, 0;", {{kOnes32, 1, 0, 1}, {kOnes32, 0, 0, 0}});
  check_rows("add.cc.u32 %rt, %ra, %rb;\naddc.cc.u32 %rt, %ra, %rb;\naddc.u32 %rd, %rc, 0;",
             {{kOnes32, 0, 5, 5}, {kOnes32, kOnes32, 5, 6}});
  check_rows("sub.cc.u32 %rt, %ra, %rb;\nsubc.u32 %rd, %rc, 0;", {{1, 2, 9, 8}, {2, 1, 9, 9}, {0, 0, 0, 0}});
  check_rows("mad.lo.cc.u32 %rt, %ra, %rb, %rc;\nmadc.hi.u32 %rd, %ra, %rb, 0;",
             {{kOnes32, kOnes32, kOnes32, kOnes32}, {2, 3, 4, 0}, {0x10000, 0x10000, 0, 1}});
  check_rows("sad.s32 %rd, %ra, %rb, %rc;",
             {{3, 5, 10, 12}, {u32(-3), 5, 10, 18}, {kMin32, kMax32, 0, kOnes32}});
  check_rows("sad.u32 %rd, %ra, %rb, %rc;", {{kOnes32, 1, 1, kOnes32}, {1, 3, 0, 2}});
}

EMULATOR_TEST(integer_products) {
  check_rows("mul.lo.s32 %rd, %ra, %rb;", {{0x10000, 0x10000, 0, 0}, {u32(-3), 7, 0, u32(-21)}});
  check_rows("mul.hi.s32 %rd, %ra, %rb;", {{kMin32, kMin32, 0, 0x40000000}, {u32(-1), 1, 0, kOnes32}});
  check_rows("mul.hi.u32 %rd, %ra, %rb;", {{kOnes32, kOnes32, 0, 0xfffffffe}, {0x10000, 0x10000, 0, 1}});
  check_rows("mul.wide.s32 %qd, %ra, %rb;", {{u32(-2), 3, 0, uint64_t(-6)}, {kMin32, kMin32, 0, 1ull << 62}});
  check_rows("mul.wide.u32 %qd, %ra, %rb;", {{kOnes32, kOnes32, 0, 0xfffffffe00000001u}});
  check_rows("mul.wide.s16 %rd, %ha, %hb;", {{0xffff, 2, 0, u32(-2)}, {0x8000, 0x8000, 0, 0x40000000}});
  check_rows("mul.wide.u16 %rd, %ha, %hb;", {{0xffff, 0xffff, 0, 0xfffe0001}});
  check_rows("mul.lo.u16 %hd, %ha, %hb;", {{0xffff, 0xffff, 0, 1}, {300, 300, 0, 90000 & 0xffff}});
  check_rows("mul.hi.s64 %qd, %qa, %qb;", {{kMin64, kMin64, 0, 1ull << 62}, {kOnes64, 1, 0, kOnes64}});
  check_rows("mul.hi.u64 %qd, %qa, %qb;", {{kOnes64, kOnes64, 0, kOnes64 - 1}});
  check_rows("mad.lo.s32 %rd, %ra, %rb, %rc;", {{u32(-3), 7, 1, u32(-20)}, {kMax32, 2, 3, 1}});
  check_rows("mad.hi.s32 %rd, %ra, %rb, %rc;", {{kMin32, 4, 10, 8}});
  check_rows("mad.hi.sat.s32 %rd, %ra, %rb, %rc;", {{kMin32, kMin32, kMax32, kMax32}, {kMin32, 4, 10, 8}});
  check_rows("mad.wide.s32 %qd, %ra, %rb, %qc;", {{u32(-2), 3, 10, 4}, {u32(-2), 3, 0, uint64_t(-6)}});
  check_rows("mad.wide.u32 %qd, %ra, %rb, %qc;", {{kOnes32, 2, 1, 0x1ffffffffu}});
  check_rows("mul24.lo.s32 %rd, %ra, %rb;", {{0xff000003, 5, 0, 15}, {0x800000, 2, 0, u32(-0x1000000)}});
  check_rows("mul24.lo.u32 %rd, %ra, %rb;", {{0xff000003, 5, 0, 15}, {0xffffff, 0xffffff, 0, 0xfe000001}});
  check_rows("mul24.hi.u32 %rd, %ra, %rb;",
             {{0xffffff, 0xffffff, 0, 0xfffffe00}, {0x800000, 0x10000, 0, 0x800000}});
  check_rows("mad24.lo.s32 %rd, %ra, %rb, %rc;", {{3, 5, 7, 22}});
  check_rows("dp4a.s32.s32 %rd, %ra, %rb, %rc;",
             {{0x01020304, 0x01010101, 5, 15}, {0xff000000, 0x02000000, 0, u32(-2)}});
  check_rows("dp4a.u32.u32 %rd, %ra, %rb, %rc;", {{0xffffffff, 0xffffffff, 1, 4 * 255 * 255 + 1}});
  check_rows("dp4a.u32.s32 %rd, %ra, %rb, %rc;", {{0xff, 0xff, 0, u32(-255)}});
  check_rows("dp2a.lo.s32.s32 %rd, %ra, %rb, %rc;", {{0xffff0002, 0x05040302, 1, u32(-3 + 4 + 1)}});
  check_rows("dp2a.hi.u32.u32 %rd, %ra, %rb, %rc;", {{0x00010002, 0x05040302, 0, 2 * 4 + 5}});
}

EMULATOR_TEST(integer_division) {
  check_rows("div.s32 %rd, %ra, %rb;",
             {{u32(-7), 2, 0, u32(-3)}, {kMin32, kOnes32, 0, kMin32}, {7, u32(-2), 0, u32(-3)}});
  check_rows("rem.s32 %rd, %ra, %rb;",
             {{u32(-7), 2, 0, u32(-1)}, {kMin32, kOnes32, 0, 0}, {7, u32(-2), 0, 1}});
  check_rows("div.u32 %rd, %ra, %rb;", {{kOnes32, 10, 0, 429496729}, {7, 0, 0, kOnes32}});
  check_rows("rem.u32 %rd, %ra, %rb;", {{kOnes32, 10, 0, 5}, {7, 0, 0, 7}});
  check_rows("div.s64 %qd, %qa, %qb;", {{kMin64, kOnes64, 0, kMin64}, {uint64_t(-7), 2, 0, uint64_t(-3)}});
  check_rows("rem.u64 %qd, %qa, %qb;", {{kOnes64, 10, 0, 5}});
  check_rows("div.s16 %hd, %ha, %hb;", {{0x8000, 0xffff, 0, 0x8000}, {0xfff9, 2, 0, 0xfffd}});
}

EMULATOR_TEST(integer_signs_and_extremes) {
  check_rows("abs.s32 %rd, %ra;", {{u32(-5), 0, 0, 5}, {kMin32, 0, 0, kMin32}});
  check_rows("neg.s32 %rd, %ra;", {{5, 0, 0, u32(-5)}, {kMin32, 0, 0, kMin32}});
  check_rows("neg.s64 %qd, %qa;", {{5, 0, 0, uint64_t(-5)}});
  check_rows("min.s32 %rd, %ra, %rb;", {{u32(-5), 3, 0, u32(-5)}});
  check_rows("min.u32 %rd, %ra, %rb;", {{u32(-5), 3, 0, 3}});
  check_rows("max.s64 %qd, %qa, %qb;", {{kOnes64, 3, 0, 3}});
  check_rows("max.u16 %hd, %ha, %hb;", {{0xffff, 3, 0, 0xffff}});
  check_rows("max.s16 %hd, %ha, %hb;", {{0xffff, 3, 0, 3}});
}

EMULATOR_TEST(logic) {
  check_rows("and.b32 %rd, %ra, %rb;", {{0xff00ff00, 0x0ff00ff0, 0, 0x0f000f00}});
  check_rows("or.b64 %qd, %qa, %qb;", {{0xff00ull << 32, 1, 0, (0xff00ull << 32) | 1}});
  check_rows("xor.b16 %hd, %ha, %hb;", {{0xff00, 0x0ff0, 0, 0xf0f0}});
  check_rows("not.b32 %rd, %ra;", {{0xff00ff00, 0, 0, 0x00ff00ff}});
  check_rows("cnot.b32 %rd, %ra;", {{0, 0, 0, 1}, {5, 0, 0, 0}});
  check_rows("lop3.b32 %rd, %ra, %rb, %rc, 0x96;", {{0xf0, 0xcc, 0xaa, 0x96}});
  check_rows("lop3.b32 %rd, %ra, %rb, %rc, 0xe8;", {{0xf0, 0xcc, 0xaa, 0xe8}});
  check_rows("lop3.b32 %rd, %ra, %rb, %rc, 0x01;", {{0xf0, 0xcc, 0xaa, 0xffffff01}});
  check_rows("and.pred %pd, %pa, %pb;", {{1, 1, 0, 1}, {1, 0, 0, 0}});
  check_rows("or.pred %pd, %pa, %pb;", {{1, 0, 0, 1}, {0, 0, 0, 0}});
  check_rows("xor.pred %pd, %pa, %pb;", {{1, 1, 0, 0}, {1, 0, 0, 1}});
  check_rows("not.pred %pd, %pa;", {{1, 0, 0, 0}, {0, 0, 0, 1}});
  check_rows("mov.pred %pd, %pa;", {{1, 0, 0, 1}, {0, 0, 0, 0}});
  check_rows("mov.pred %pd, 1;", {{0, 0, 0, 1}});
}

EMULATOR_TEST(shifts) {
  check_rows("shl.b32 %rd, %ra, %rb;", {{1, 31, 0, kMin32}, {1, 32, 0, 0}, {1, kOnes32, 0, 0}, {3, 0, 0, 3}});
  check_rows("shr.u32 %rd, %ra, %rb;", {{kMin32, 31, 0, 1}, {kMin32, 32, 0, 0}, {5, 0, 0, 5}});
  check_rows("shr.s32 %rd, %ra, %rb;",
             {{kMin32, 31, 0, kOnes32}, {kMin32, 99, 0, kOnes32}, {kMax32, 40, 0, 0}});
  check_rows("shr.b32 %rd, %ra, %rb;", {{kMin32, 4, 0, 0x08000000}});
  check_rows("shl.b64 %qd, %qa, %rb;", {{1, 63, 0, kMin64}, {1, 64, 0, 0}});
  check_rows("shr.s64 %qd, %qa, %rb;", {{kMin64, 64, 0, kOnes64}, {kMin64, 1, 0, 0xc000000000000000u}});
  check_rows("shl.b16 %hd, %ha, %rb;", {{1, 15, 0, 0x8000}, {1, 16, 0, 0}});
  check_rows("shr.s16 %hd, %ha, %rb;", {{0x8000, 20, 0, 0xffff}, {0x8000, 1, 0, 0xc000}});
  check_rows("shf.l.wrap.b32 %rd, %ra, %rb, %rc;", {{0x12345678, 0x9abcdef0, 8, 0xbcdef012}, {1, 2, 32, 2}});
  check_rows("shf.l.clamp.b32 %rd, %ra, %rb, %rc;", {{0x12345678, 0x9abcdef0, 8, 0xbcdef012}, {1, 2, 40, 1}});
  check_rows("shf.r.wrap.b32 %rd, %ra, %rb, %rc;", {{0x12345678, 0x9abcdef0, 8, 0xf0123456}, {1, 2, 33, 0}});
  check_rows("shf.r.clamp.b32 %rd, %ra, %rb, %rc;", {{0x12345678, 0x9abcdef0, 8, 0xf0123456}, {1, 2, 33, 2}});
}

EMULATOR_TEST(bit_fields) {
  check_rows("popc.b32 %rd, %ra;", {{kOnes32, 0, 0, 32}, {0, 0, 0, 0}, {0x80000001, 0, 0, 2}});
  check_rows("popc.b64 %rd, %qa;", {{kOnes64, 0, 0, 64}, {kMin64, 0, 0, 1}});
  check_rows("clz.b32 %rd, %ra;", {{0, 0, 0, 32}, {1, 0, 0, 31}, {kMin32, 0, 0, 0}});
  check_rows("clz.b64 %rd, %qa;", {{0, 0, 0, 64}, {1, 0, 0, 63}});
  check_rows("brev.b32 %rd, %ra;", {{1, 0, 0, kMin32}, {0x12345678, 0, 0, 0x1e6a2c48}});
  check_rows("brev.b64 %qd, %qa;", {{1, 0, 0, kMin64}});
  check_rows("bfind.u32 %rd, %ra;", {{0, 0, 0, kOnes32}, {0x10, 0, 0, 4}, {kOnes32, 0, 0, 31}});
  check_rows("bfind.s32 %rd, %ra;", {{kOnes32, 0, 0, kOnes32}, {u32(-5), 0, 0, 2}, {5, 0, 0, 2}});
  check_rows("bfind.shiftamt.u32 %rd, %ra;", {{0x10, 0, 0, 27}, {0, 0, 0, kOnes32}});
  check_rows("bfind.u64 %rd, %qa;", {{1ull << 40, 0, 0, 40}});
  check_rows("fns.b32 %rd, %ra, %rb, %rc;", {{0b101100, 0, 2, 3},
                                             {0b101100, 2, 1, 2},
                                             {0b101100, 5, u32(-2), 3},
                                             {0b100, 0, 2, kOnes32},
                                             {0b100, 2, 0, 2}});
  check_rows("bfe.u32 %rd, %ra, %rb, %rc;", {{0x12345678, 8, 8, 0x56},
                                             {0xff, 0, 0, 0},
                                             {0x80000000, 31, 8, 1},
                                             {0x12345678, 0, 32, 0x12345678},
                                             {0x12345678, 0, 200, 0x12345678},
                                             {0x12345678, 40, 8, 0},
                                             {0x1234, 256, 8, 0x34}});
  check_rows("bfe.s32 %rd, %ra, %rb, %rc;", {{0x80, 4, 4, u32(-8)},
                                             {0x80000000, 31, 8, kOnes32},
                                             {0x80000000, 40, 8, kOnes32},
                                             {0x70, 4, 4, 7},
                                             {kOnes32, 3, 0, 0}});
  check_rows("bfe.u64 %qd, %qa, %rb, %rc;", {{kOnes64, 60, 8, 15}, {kOnes64, 0, 64, kOnes64}});
  check_rows("bfe.s64 %qd, %qa, %rb, %rc;", {{1ull << 39, 36, 4, uint64_t(-8)}});
  check_rows("bfi.b32 %rd, %ra, %rb, %rc, %re;", {{0xff, 0, 8, 0xf00, 4},
                                                  {0, kOnes32, 8, 0xfffff0ff, 4},
                                                  {0xabcd, 0x1111, 40, 0x1111, 4},
                                                  {0xabcd, 0x1111, 0, 0x1111, 0},
                                                  {0xabcd, 0, 0, 0xabcd, 99},
                                                  {3, 0, 31, kMin32, 8}});
  check_rows("bfi.b64 %qd, %qa, %qb, %rc, %re;", {{0xff, 0, 60, 0xf000000000000000u, 8}});
  check_rows("prmt.b32 %rd, %ra, %rb, %rc;", {{0x44332211, 0x88776655, 0x3210, 0x44332211},
                                              {0x44332211, 0x88776655, 0x7654, 0x88776655},
                                              {0x44332211, 0x88776655, 0x0167, 0x11227788},
                                              {0x00800000, 0, 0xa8a0, 0xff00ff00}});
  check_rows("prmt.b32.f4e %rd, %ra, %rb, %rc;", {{0x44332211, 0x88776655, 1, 0x55443322}});
  check_rows("prmt.b32.b4e %rd, %ra, %rb, %rc;", {{0x44332211, 0x88776655, 0, 0x66778811}});
  check_rows("prmt.b32.rc8 %rd, %ra, %rb, %rc;", {{0x44332211, 0x88776655, 2, 0x33333333}});
  check_rows("prmt.b32.ecl %rd, %ra, %rb, %rc;", {{0x44332211, 0x88776655, 2, 0x44333333}});
  check_rows("prmt.b32.ecr %rd, %ra, %rb, %rc;", {{0x44332211, 0x88776655, 2, 0x33332211}});
  check_rows("prmt.b32.rc16 %rd, %ra, %rb, %rc;", {{0x44332211, 0x88776655, 1, 0x44334433}});
}

EMULATOR_TEST(moves_and_selection) {
  check_rows("selp.b32 %rd, %ra, %rb, %pc;", {{1, 2, 1, 1}, {1, 2, 0, 2}});
  check_rows("selp.b64 %qd, %qa, %qb, %pc;", {{kOnes64, 2, 1, kOnes64}, {1, 2, 0, 2}});
  check_rows("selp.b16 %hd, %ha, %hb, %pc;", {{1, 2, 0, 2}});
  check_rows("slct.b32.s32 %rd, %ra, %rb, %rc;", {{1, 2, 0, 1}, {1, 2, u32(-1), 2}});
  check_rows("slct.b32.f32 %rd, %ra, %rb, %rc;",
             {{1, 2, bits(-0.0f), 1}, {1, 2, bits(-1.0f), 2}, {1, 2, 0x7fc00000, 2}});
  check_rows("mov.b64 %qd, {%ra, %rb};", {{0x11111111, 0x22222222, 0, 0x2222222211111111u}});
  check_rows("mov.b32 %rd, {%ha, %hb};", {{0x1111, 0x2222, 0, 0x22221111}});
  check_rows("mov.b64 %qd, {%ha, %hb, %hc, %he};", {{1, 2, 3, 0x0004000300020001u, 4}});
  check_rows("mov.b64 {%rt, %rd}, %qa;", {{0x2222222211111111u, 0, 0, 0x22222222}});
  check_rows("mov.b32 {%hd, %he}, %ra;", {{0x22221111, 0, 0, 0x1111}});
  check_rows("mov.b64 {_, %rd}, %qa;", {{0x2222222211111111u, 0, 0, 0x22222222}});
  check_rows("mov.u32 %rd, %laneid;", {{0, 0, 0, 0}, {0, 0, 0, 1}});
  check_rows("mov.u32 %rd, %lanemask_lt;", {{0, 0, 0, 0}, {0, 0, 0, 1}, {0, 0, 0, 3}});
  check_rows("mov.u32 %rd, %lanemask_ge;", {{0, 0, 0, kOnes32}, {0, 0, 0, kOnes32 - 1}});
  check_rows("mov.u32 %rd, %ntid.y;", {{0, 0, 0, 1}});
  check_rows("{ .reg .b32 %ra; mov.u32 %ra, 7; mov.u32 %rd, %ra; }", {{1, 0, 0, 7}});
  check_rows("@%pa mov.u32 %rd, 7;", {{1, 0, 0, 7}, {0, 0, 0, 0}});
  check_rows("@!%pa mov.u32 %rd, 7;", {{1, 0, 0, 0}, {0, 0, 0, 7}});
}
