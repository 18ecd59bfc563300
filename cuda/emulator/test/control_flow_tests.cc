// Branches, barriers, schedules, and what stops a launch.
#include <string.h>

#include "emulator_tests.h"
#include "snippets.h"

using namespace test;
using namespace tsv_sim;

namespace {

// Registers that the bodies below use: %t the thread, %o the address of its element of `out`.
const std::string kStart =
    ".reg .b32 %t, %r<10>;\n.reg .b64 %o, %q<6>;\n.reg .pred %p<6>;\n.shared .align 4 .b32 s[256];\n"
    "ld.param.u64 %q0, [out];\nmov.u32 %t, %tid.x;\nmov.u32 %r9, %ctaid.x;\nmov.u32 %r8, %ntid.x;\n"
    "mad.lo.s32 %r8, %r9, %r8, %t;\nmul.wide.u32 %q1, %r8, 4;\nadd.s64 %o, %q0, %q1;\nmov.u32 %r1, 0;\n";

KernelRun run_body(const std::string& body, uint32_t threads, uint64_t seed = 0, uint32_t blocks = 1,
                   uint64_t budget = 1 << 20, int host_threads = 1) {
  LaunchConfig config;
  config.block[0] = threads;
  config.grid[0] = blocks;
  config.seed = seed;
  config.instruction_budget = budget;
  config.host_threads = host_threads;
  return run_kernel(kStart + body, threads * blocks, config);
}

void check_body(const std::string& body, uint32_t threads, uint32_t (*expected)(uint32_t thread)) {
  for (uint64_t seed : {0, 1, 2, 3}) {
    where = text("seed %d: ", int(seed)) + body;
    const KernelRun run = run_body(body, threads, seed);
    CHECK_THAT(run.done, "%s%s", run.error.c_str(), run.fault ? run.fault.message().c_str() : "");
    for (uint32_t i = 0; i < run.out.size() && run.done; ++i) CHECK(run.out[i] == expected(i));
  }
}

void expect_fault(const std::string& body, FaultKind kind, uint32_t threads = 64) {
  for (uint64_t seed : {0, 1, 2}) {
    where = body;
    const KernelRun run = run_body(body, threads, seed);
    CHECK_THAT(run.fault.kind == kind, "%s%s", run.error.c_str(),
               run.fault ? run.fault.message().c_str() : "no fault");
  }
}

}  // namespace

EMULATOR_TEST(divergence) {
  check_body(
      "setp.lt.u32 %p1, %t, 10;\n@%p1 bra A;\nmov.u32 %r1, 2;\nbra B;\nA: mov.u32 %r1, 1;\nB: st.global.u32 "
      "[%o], %r1;\nret;",
      64, [](uint32_t i) { return i < 10 ? 1u : 2u; });
  // Nested, and together again: the shuffle behind needs all lanes
  check_body(
      "and.b32 %r2, %t, 1;\nsetp.eq.u32 %p1, %r2, 0;\nand.b32 %r3, %t, 2;\nsetp.eq.u32 %p2, %r3, 0;\n"
      "@%p1 bra A;\n@%p2 bra C;\nmov.u32 %r1, 3;\nbra D;\nC: mov.u32 %r1, 1;\nD: bra B;\n"
      "A: @%p2 bra E;\nmov.u32 %r1, 2;\nbra B;\nE: mov.u32 %r1, 0;\n"
      "B: shfl.sync.idx.b32 %r4, %r1, 3, 31, -1;\nadd.u32 %r1, %r1, %r4;\nst.global.u32 [%o], %r1;\nret;",
      32, [](uint32_t i) { return (i & 3) + 3; });
  // Loops of different lengths
  check_body(
      "L: setp.ge.u32 %p1, %r1, %t;\n@%p1 bra M;\nadd.u32 %r1, %r1, 1;\nbra L;\nM: shfl.sync.bfly.b32 %r2, "
      "%r1, 1, 31, -1;\n"
      "st.global.u32 [%o], %r2;\nret;",
      64, [](uint32_t i) { return i ^ 1; });
  // A loop with a second way out
  check_body(
      "L: add.u32 %r1, %r1, 1;\nsetp.eq.u32 %p1, %r1, %t;\n@%p1 bra M;\nsetp.lt.u32 %p2, %r1, 20;\n@%p2 bra "
      "L;\n"
      "mov.u32 %r1, 99;\nM: bar.warp.sync -1;\nst.global.u32 [%o], %r1;\nret;",
      32, [](uint32_t i) { return i >= 1 && i <= 20 ? i : 99u; });
}

EMULATOR_TEST(indexed_branches) {
  check_body(
      "and.b32 %r2, %t, 3;\nT: .branchtargets A, B, C, A;\nbrx.idx %r2, T;\nA: mov.u32 %r1, 10;\nbra E;\nB: "
      "mov.u32 %r1, 20;\nbra E;\n"
      "C: mov.u32 %r1, 30;\nE: bar.warp.sync -1;\nst.global.u32 [%o], %r1;\nret;",
      32, [](uint32_t i) { return (i & 3) == 1   ? 20u
                                  : (i & 3) == 2 ? 30u
                                                 : 10u; });
  expect_fault("T: .branchtargets A, A;\nbrx.idx %t, T;\nA: ret;", FaultKind::kOutOfBounds, 32);
}

EMULATOR_TEST(early_exits) {
  check_body(
      "setp.ge.u32 %p1, %t, 40;\n@%p1 ret;\nbar.sync 0;\nmov.u32 %r1, 5;\nst.global.u32 [%o], %r1;\nret;", 96,
      [](uint32_t i) { return i < 40 ? 5u : 0u; });
  check_body(
      "setp.ge.u32 %p1, %t, 40;\n@%p1 bra X;\nbar.sync 0;\nmov.u32 %r1, 5;\nst.global.u32 [%o], %r1;\nX: "
      "ret;",
      96, [](uint32_t i) { return i < 40 ? 5u : 0u; });
  // Lanes that do something of their own before they exit need not hold up the barrier
  check_body(
      "setp.ge.u32 %p1, %t, 40;\n@!%p1 bra C;\nmov.u32 %r1, 7;\nst.global.u32 [%o], %r1;\nret;\n"
      "C: bar.sync 0;\nmov.u32 %r1, 5;\nst.global.u32 [%o], %r1;\nret;",
      64, [](uint32_t i) { return i < 40 ? 5u : 7u; });
}

EMULATOR_TEST(barriers) {
  const std::string exchange =
      "shl.b32 %r2, %t, 2;\nmov.u32 %r3, s;\nadd.u32 %r4, %r3, %r2;\nst.shared.u32 [%r4], %t;\nbar.sync 0;\n"
      "xor.b32 %r2, %r2, 128;\nadd.u32 %r4, %r3, %r2;\nld.shared.u32 %r1, [%r4];\nst.global.u32 [%o], "
      "%r1;\nret;";
  check_body(exchange, 64, [](uint32_t i) { return i ^ 32; });
  check_body("setp.lt.u32 %p1, %t, 7;\nbar.red.popc.u32 %r1, 0, %p1;\nst.global.u32 [%o], %r1;\nret;", 96,
             [](uint32_t) { return 7u; });
  check_body(
      "setp.lt.u32 %p1, %t, 7;\nbar.red.or.pred %p2, 0, %p1;\nselp.u32 %r1, 1, 0, %p2;\nst.global.u32 [%o], "
      "%r1;\nret;",
      64, [](uint32_t) { return 1u; });
  check_body(
      "setp.lt.u32 %p1, %t, 7;\nbar.red.and.pred %p2, 0, !%p1;\nselp.u32 %r1, 1, 0, %p2;\nst.global.u32 "
      "[%o], %r1;\nret;",
      64, [](uint32_t) { return 0u; });
  // Two warps meet at a barrier of their own, a third goes on; arriving does not wait
  check_body(
      "setp.ge.u32 %p1, %t, 64;\n@%p1 bra E;\nbarrier.sync 1, 64;\nE: mov.u32 %r1, 1;\nst.global.u32 [%o], "
      "%r1;\nret;",
      96, [](uint32_t) { return 1u; });
  check_body(
      "setp.ge.u32 %p1, %t, 32;\n@%p1 bra E;\nshl.b32 %r2, %t, 2;\nmov.u32 %r3, s;\nadd.u32 %r4, %r3, "
      "%r2;\nst.shared.u32 [%r4], %t;\n"
      "bar.arrive 2, 64;\nret;\nE: bar.sync 2, 64;\nshl.b32 %r2, %t, 2;\nmov.u32 %r3, s;\nadd.u32 %r4, %r3, "
      "%r2;\nld.shared.u32 %r1, [%r4+-128];\n"
      "st.global.u32 [%o], %r1;\nret;",
      64, [](uint32_t i) { return i < 32 ? 0 : i - 32; });
}

EMULATOR_TEST(launches_that_are_stopped) {
  const std::string half = "and.b32 %r2, %t, 31;\nsetp.lt.u32 %p1, %r2, 16;\n";
  expect_fault(half + "@%p1 bar.sync 0;\nret;", FaultKind::kDivergentBarrier);
  expect_fault(half + "@%p1 bra A;\nbar.sync 0;\nbra B;\nA: bar.sync 0;\nB: st.global.u32 [%o], %t;\nret;",
               FaultKind::kDivergentBarrier);
  expect_fault("setp.lt.u32 %p1, %t, 32;\n@%p1 bra A;\nbar.sync 1;\nA: bar.sync 0;\nret;",
               FaultKind::kDeadlock);
  expect_fault("bar.sync 3, 96;\nret;", FaultKind::kDeadlock);
  expect_fault("bar.sync 3, 40;\nret;", FaultKind::kDivergentBarrier);
  expect_fault("bar.sync 16;\nret;", FaultKind::kDivergentBarrier);
  expect_fault("L: bra L;", FaultKind::kEndless);
  expect_fault("setp.eq.u32 %p1, %t, 37;\n@%p1 trap;\nret;", FaultKind::kTrap);
  const KernelRun run = run_body("setp.eq.u32 %p1, %t, 37;\n@%p1 trap;\nret;", 64, 0, 3);
  CHECK(run.fault.thread == 37 && run.fault.thread3[0] == 37 && run.fault.block[0] == 0 &&
        run.fault.kernel == "k");
  CHECK(run.fault.instruction == "@%p1 trap;" && run.fault.line == 19);
}

// The threads' order shows in a ticket that each block or warp draws; a sum does not depend on it.
EMULATOR_TEST(schedules) {
  const std::string ticket = "atom.global.add.u32 %r1, [%q0], 1;\nst.global.u32 [%o+4], %r1;\nret;";
  const std::string sum =
      "mov.u32 %r2, s;\nsetp.eq.u32 %p1, %t, 0;\n@%p1 st.shared.u32 [s], %r1;\nbar.sync "
      "0;\natom.shared.add.u32 %r3, [s], %t;\n"
      "bar.sync 0;\nld.shared.u32 %r1, [s];\nst.global.u32 [%o], %r1;\nret;";
  const auto tickets = [&](uint64_t seed) {
    LaunchConfig config;
    config.block[0] = 128;
    config.seed = seed;
    return run_kernel(kStart + ticket, 130, config).out;
  };
  const auto plain = tickets(0);
  CHECK(plain.size() == 130 && plain[1] == 0 && plain[128] == 127);
  int different = 0;
  for (uint64_t seed = 1; seed < 8; ++seed) {
    CHECK(tickets(seed) == tickets(seed));
    different += tickets(seed) != plain;
    CHECK(run_body(sum, 128, seed).out == run_body(sum, 128, 0).out);
  }
  CHECK(different >= 6);
}

EMULATOR_TEST(host_threads_change_nothing) {
  const std::string body =
      "setp.gt.u32 %p1, %t, 20;\n@%p1 bra A;\nmov.u32 %r1, 1;\nA: add.u32 %r1, %r1, %r9;\nst.global.u32 "
      "[%o], %r1;\nret;";
  const KernelRun one = run_body(body, 64, 5, 37), three = run_body(body, 64, 5, 37, 1 << 20, 3);
  CHECK(one.done && three.done && one.out == three.out);
  CHECK(one.counters.warp_instructions == three.counters.warp_instructions &&
        one.counters.warp_instructions > 0);
  CHECK(one.counters.branches == 74 && one.counters.divergent_branches == 37);
  CHECK(one.counters.mix.at("st.global.u32").threads == 64 * 37 && one.counters.mix.at("ret").warps == 74);
  CHECK(one.counters.simd_efficiency() < 1 && one.counters.simd_efficiency() > 0.9);
  // The fault of the earliest block in the order, whichever thread ran it
  const std::string faulty = "setp.gt.u32 %p1, %r9, 11;\n@%p1 trap;\nret;";
  for (uint64_t seed : {0, 5, 9}) {
    const KernelRun single = run_body(faulty, 64, seed, 37),
                    shared = run_body(faulty, 64, seed, 37, 1 << 20, 3);
    CHECK(single.fault.kind == FaultKind::kTrap && single.fault.block[0] == shared.fault.block[0]);
    if (seed == 0) CHECK(single.fault.block[0] == 12);
  }
}

EMULATOR_TEST(launches_that_are_refused) {
  const auto refused = [](uint32_t threads, uint32_t grid_y, uint32_t shared) {
    LaunchConfig config;
    config.block[0] = threads;
    config.grid[1] = grid_y;
    config.dynamic_shared = shared;
    return run_kernel("ret;", 1, config).fault.kind == FaultKind::kBadLaunch;
  };
  CHECK(refused(0, 1, 0) && refused(1025, 1, 0) && refused(32, 65536, 0) && refused(32, 0, 0) &&
        refused(32, 1, 300 << 10));
  CHECK(!refused(1024, 1, 100 << 10));
}

// A chain of registers, of which two live at a time, and others that live across a loop and a divergent
// branch.
EMULATOR_TEST(registers_that_share_slots) {
  std::string body = ".reg .b32 %c<200>, %k<8>;\n";
  for (int i = 0; i < 8; ++i) body += "add.u32 %k" + std::to_string(i) + ", %t, " + std::to_string(i) + ";\n";
  body += "mov.u32 %r2, 0;\nL: mov.u32 %c0, %r2;\n";
  for (int i = 1; i < 200; ++i)
    body += "add.u32 %c" + std::to_string(i) + ", %c" + std::to_string(i - 1) + ", 1;\n";
  body +=
      "setp.lt.u32 %p1, %t, 20;\n@%p1 bra A;\nadd.u32 %k7, %k7, %c199;\nA: add.u32 %r2, %r2, 1;\nsetp.lt.u32 "
      "%p2, %r2, 3;\n@%p2 bra L;\n";
  for (int i = 0; i < 8; ++i) body += "add.u32 %r1, %r1, %k" + std::to_string(i) + ";\n";
  body += "st.global.u32 [%o], %r1;\nret;";
  check_body(body, 64, [](uint32_t i) { return 8 * i + 28 + (i < 20 ? 0 : 199 + 200 + 201); });
  std::string error;
  const auto module =
      parse_module(".version 8.0\n.target sm_80\n.address_size 64\n.visible .entry k(.param .u64 out)\n{\n" +
                       kStart + body + "\n}\n",
                   &error);
  CHECK_THAT(module != nullptr, "%s", error.c_str());
  if (module) CHECK(module->find("k")->register_bytes - module->find("k")->constant_bytes < 24 * 128);
}
