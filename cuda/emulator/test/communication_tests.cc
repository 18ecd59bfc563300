// What lanes of a warp tell each other: shuffles, votes, matches, reductions, and the masks they are given.
#include <string.h>

#include "emulator_tests.h"
#include "snippets.h"

using namespace test;
using tsv_sim::Fault;
using tsv_sim::FaultKind;

namespace {

std::vector<Row> lanes(uint64_t (*expected)(int lane)) {
  std::vector<Row> rows;
  for (int lane = 0; lane < 32; ++lane)
    rows.push_back({uint64_t(100 + lane), uint64_t(lane & 3), 0, expected(lane)});
  return rows;
}

void expect_fault(const std::string& code, FaultKind kind, int thread) {
  where = code;
  Fault fault;
  run_lanes(code, {{0, 0, 0, 0}}, &fault);
  CHECK_THAT(fault.kind == kind && fault.thread == thread, "%s",
             fault ? fault.message().c_str() : "no fault");
}

}  // namespace

EMULATOR_TEST(shuffles) {
  check_rows("shfl.sync.idx.b32 %rd, %ra, 7, 31, -1;", lanes([](int) { return uint64_t(107); }));
  // Segments of 8 lanes: the mask of bits 8 to 12 is 24
  check_rows("shfl.sync.idx.b32 %rd, %ra, 2, 0x1807, -1;",
             lanes([](int lane) { return uint64_t(102 + (lane & 24)); }));
  check_rows("shfl.sync.bfly.b32 %rd, %ra, 8, 0x1807, -1;",
             lanes([](int lane) { return uint64_t(100 + (lane & 8 ? lane ^ 8 : lane)); }));
  check_rows("shfl.sync.idx.b32 %rd|%pe, %ra, %rb, 31, -1;",
             lanes([](int lane) { return uint64_t(100 + (lane & 3)); }));
}

EMULATOR_TEST(shuffles_of_whole_warps) {
  const auto check = [](const char* code, uint64_t (*expected)(int lane)) {
    where = code;
    const auto results = run_lanes(code, lanes(expected));
    for (int lane = 0; lane < 32 && !results.empty(); ++lane) CHECK(results[size_t(lane)] == expected(lane));
  };
  check("shfl.sync.bfly.b32 %rd, %ra, 5, 31, -1;", [](int lane) { return uint64_t(100 + (lane ^ 5)); });
  check("shfl.sync.up.b32 %rd, %ra, 3, 0, -1;",
        [](int lane) { return uint64_t(lane >= 3 ? 97 + lane : 100 + lane); });
  check("shfl.sync.up.b32 %rt|%pd, %ra, 3, 0, -1;", [](int lane) { return uint64_t(lane >= 3); });
  check("shfl.sync.down.b32 %rd, %ra, 3, 31, -1;",
        [](int lane) { return uint64_t(lane <= 28 ? 103 + lane : 100 + lane); });
  check("shfl.sync.down.b32 %rt|%pd, %ra, 3, 0x181f, -1;",
        [](int lane) { return uint64_t((lane & 7) <= 4); });
  check("vote.sync.ballot.b32 %rd, %pb, -1;", [](int) { return uint64_t(0xeeeeeeee); });
  check("vote.sync.any.pred %pd, %pb, -1;", [](int) { return uint64_t(1); });
  check("vote.sync.all.pred %pd, !%pb, -1;", [](int) { return uint64_t(0); });
  check("vote.sync.uni.pred %pd, %pa, -1;", [](int) { return uint64_t(1); });
  check("match.any.sync.b32 %rd, %rb, -1;", [](int lane) { return uint64_t(0x11111111u << (lane & 3)); });
  check("match.all.sync.b32 %rd|%pe, %rb, -1;", [](int) { return uint64_t(0); });
  check("match.all.sync.b64 %rd|%pe, %qc, -1;", [](int) { return uint64_t(0xffffffff); });
  check("redux.sync.add.s32 %rd, %ra, -1;", [](int) { return uint64_t(3200 + 496); });
  check("redux.sync.max.u32 %rd, %ra, -1;", [](int) { return uint64_t(131); });
  check("redux.sync.min.s32 %rd, %ra, -1;", [](int) { return uint64_t(100); });
  check("redux.sync.or.b32 %rd, %rb, -1;", [](int) { return uint64_t(3); });
  check("redux.sync.and.b32 %rd, %rb, -1;", [](int) { return uint64_t(0); });
  check("redux.sync.xor.b32 %rd, %rb, -1;", [](int) { return uint64_t(0); });
  check("activemask.b32 %rd;", [](int) { return uint64_t(0xffffffff); });
  check("@%pb activemask.b32 %rd;", [](int lane) { return uint64_t(lane & 3 ? 0xeeeeeeee : 0); });
  // Groups of lanes with masks of their own
  check(
      "mov.u32 %rt, %laneid;\nshr.u32 %rt, %rt, 3;\nshl.b32 %rt, %rt, 3;\nshl.b32 %rt, 0xff, "
      "%rt;\nredux.sync.add.u32 %rd, %rb, %rt;",
      [](int) { return uint64_t(12); });
  check("bar.warp.sync -1;\nelect.sync %rd|%pe, -1;", [](int) { return uint64_t(0); });
}

EMULATOR_TEST(wrong_masks) {
  const std::string half = "mov.u32 %rt, %laneid;\nsetp.lt.u32 %pe, %rt, 16;\n";
  expect_fault(half + "@%pe shfl.sync.bfly.b32 %rd, %ra, 1, 31, -1;", FaultKind::kWrongMask, 16);
  expect_fault("shfl.sync.bfly.b32 %rd, %ra, 1, 31, 0xffff;", FaultKind::kWrongMask, 16);
  expect_fault(half + "@%pe vote.sync.ballot.b32 %rd, %pa, -1;", FaultKind::kWrongMask, 16);
  expect_fault(half + "@%pe bar.warp.sync -1;", FaultKind::kWrongMask, 16);
  expect_fault(half + "@!%pe redux.sync.add.u32 %rd, %ra, 0xfffffffe;", FaultKind::kWrongMask, 1);
  expect_fault(half + "@%pe shfl.sync.bfly.b32 %rd, %ra, 16, 31, 0xffff;", FaultKind::kWrongMask, 0);
  // Right: the lanes that take part are those that the mask names
  where = "half a warp";
  const auto results = run_lanes(half + "@%pe redux.sync.add.u32 %rd, %ra, 0xffff;", {{1, 0, 0, 0}});
  CHECK(results.size() == 32 && results[0] == 16 && results[16] == 0);
}
