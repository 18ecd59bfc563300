// Every detector catches a kernel that was right before one change, and lets the right one pass.
#include <algorithm>

#include "emulator_tests.h"
#include "samples.h"

using namespace test;
using tsv_sim::FaultKind;

namespace {

struct Mutation {
  const char* sample;
  const char* what;
  const char* from;  // replaced where it occurs first
  const char* to;
  FaultKind kind;
  const char* blamed;  // a part of the instruction that the fault names
};

const Mutation kMutations[] = {
    // Bounds and alignment
    {"reverse", "reads one element too far", "f32 %f1, [%rd6]", "f32 %f1, [%rd6+4]", FaultKind::kOutOfBounds,
     "ld.global"},
    {"reverse", "reads one element too early", "f32 %f1, [%rd6]", "f32 %f1, [%rd6+-4]",
     FaultKind::kOutOfBounds, "ld.global"},
    {"reverse", "writes one element too far", "[%rd7], %f2", "[%rd7+4], %f2", FaultKind::kOutOfBounds,
     "st.global"},
    {"reverse", "passes the end of shared memory", "[%r11]", "[%r11+4]", FaultKind::kOutOfBounds,
     "ld.shared"},
    {"reverse", "begins before shared memory", "[%r7], %f1", "[%r7+-4], %f1", FaultKind::kOutOfBounds,
     "st.shared"},
    {"reverse", "addresses nothing", "cvta.to.global.u64 %rd4, %rd1", "mov.u64 %rd4, 4096",
     FaultKind::kOutOfBounds, "ld.global"},
    {"reverse", "misses the alignment of a word", "f32 %f1, [%rd6]", "f32 %f1, [%rd6+2]",
     FaultKind::kMisaligned, "ld.global"},
    {"reverse", "misses it in shared memory", "[%r7], %f1", "[%r7+1], %f1", FaultKind::kMisaligned,
     "st.shared"},
    {"copy16", "loads a vector off by an element", "}, [%rd7]", "}, [%rd7+4]", FaultKind::kMisaligned,
     "ld.global.v4"},
    {"copy16", "loads a vector off by half of it", "}, [%rd7]", "}, [%rd7+8]", FaultKind::kMisaligned,
     "ld.global.v4"},
    {"copy16", "stores a vector too far", "[%rd6], {", "[%rd6+16], {", FaultKind::kOutOfBounds,
     "st.global.v4"},
    {"copy16", "stores a misaligned vector", "[%rd6], {", "[%rd6+4], {", FaultKind::kMisaligned,
     "st.global.v4"},
    {"tile_product", "gives ldmatrix a misaligned row", "[%r29]", "[%r29+8]", FaultKind::kMisaligned,
     "ldmatrix"},
    {"tile_product", "gives ldmatrix rows past the end", "[%r32]", "[%r32+256]", FaultKind::kOutOfBounds,
     "ldmatrix"},
    {"local_lookup", "passes the end of an array", "%rd10, 28", "%rd10, 60;\n  add.s64 %rd11, %rd11, 16",
     FaultKind::kOutOfBounds, "ld.local"},
    // Reads of what nothing wrote
    {"reverse", "stores nothing before it reads", "st.shared.f32 [%r7], %f1;", "", FaultKind::kUninitialised,
     "ld.shared"},
    {"reverse", "lacks the barrier", "bar.sync 0;", "", FaultKind::kUninitialised, "ld.shared"},
    {"tile_product", "leaves out the last row", "setp.gt.s32 %p1, %r1, 15", "setp.gt.s32 %p1, %r1, 14",
     FaultKind::kUninitialised, "ldmatrix"},
    {"local_lookup", "leaves half of an array", "st.local.v4.u32 [%rd6+16], {%r10, %r9, %r8, %r7};", "",
     FaultKind::kUninitialised, "ld.local"},
    {"histogram", "leaves out a bin", "setp.gt.u32 %p1, %r1, 15", "setp.gt.u32 %p1, %r1, 11",
     FaultKind::kUninitialised, "atom.shared"},
    // Races in shared memory
    {"reverse", "writes again after the barrier", "bar.sync 0;", "bar.sync 0;\n  st.shared.f32 [%r7], %f1;",
     FaultKind::kSharedRace, "st.shared"},
    {"block_sum", "lets all warps write one word", "and.b32 %r24, %r23, 536870908", "mov.u32 %r24, 0",
     FaultKind::kSharedRace, "st.shared"},
    {"histogram", "counts before the bins are cleared", "bar.sync 0;", "", FaultKind::kSharedRace,
     "atom.shared"},
    {"histogram", "counts with plain stores", "atom.shared.add.u32 %r14, [%r13], 1",
     "st.shared.u32 [%r13], %r9", FaultKind::kSharedRace, "st.shared"},
    {"reverse", "lets two lanes store to one word", "shl.b32 %r5, %r1, 2",
     "shl.b32 %r5, %r1, 2;\n  and.b32 %r5, %r5, 504", FaultKind::kSharedRace, "st.shared"},
    {"warp_shift", "lacks __syncwarp", "bar.warp.sync -1;", "", FaultKind::kSharedRace, "ld.shared"},
    {"tile_product", "lacks the barrier of its warp", "bar.sync 0;", "", FaultKind::kSharedRace, "ldmatrix"},
    // Races between blocks
    {"reverse", "lets blocks write the same", "add.s64 %rd7, %rd3, %rd5",
     "mul.wide.s32 %rd5, %r1, 4;\n  add.s64 %rd7, %rd3, %rd5", FaultKind::kGlobalRace, "st.global"},
    {"histogram", "adds up without atomics", "atom.global.add.u32 %r16, [%rd8], %r15",
     "ld.global.u32 %r16, [%rd8];\n  add.u32 %r16, %r16, %r15;\n  st.global.u32 [%rd8], %r16",
     FaultKind::kGlobalRace, "global"},
    {"block_sum", "stores all sums to one place", "mul.wide.u32 %rd7, %r1, 4", "mov.u64 %rd7, 0",
     FaultKind::kGlobalRace, "st.global"},
    {"reverse", "lets lanes store to one address", "add.s64 %rd7, %rd3, %rd5", "mov.u64 %rd7, %rd3",
     FaultKind::kGlobalRace, "st.global"},
    // Asynchronous copies
    {"stream_rows", "does not wait", "cp.async.wait_group 1;", "", FaultKind::kUnfinishedCopy, "ld.shared"},
    {"stream_rows", "leaves one group too many", "wait_group 1", "wait_group 2", FaultKind::kUnfinishedCopy,
     "ld.shared"},
    {"stream_rows", "lacks the barrier after the wait", "cp.async.wait_group 1;\n  bar.sync 0;",
     "cp.async.wait_group 1;", FaultKind::kSharedRace, "ld.shared"},
    {"stream_rows", "copies over what is being read", "add.f32 %f14, %f11, %f12;\n  bar.sync 0;",
     "add.f32 %f14, %f11, %f12;", FaultKind::kUnfinishedCopy, "ld.shared"},
    {"stream_rows", "copies twice to one place", "and.b32 %r20, %r19, 2048", "mov.u32 %r20, 0",
     FaultKind::kUnfinishedCopy, "cp.async"},
    {"stream_rows", "copies to a misaligned place", "[%r9], [%rd3]", "[%r9+4], [%rd3]",
     FaultKind::kMisaligned, "cp.async"},
    {"stream_rows", "copies from a misaligned place", "[%r9], [%rd3]", "[%r9], [%rd3+8]",
     FaultKind::kMisaligned, "cp.async"},
    {"stream_rows", "asks for more than a copy holds", "mov.u32 %r10, 16", "mov.u32 %r10, 32",
     FaultKind::kBadCopy, "cp.async"},
    {"stream_rows", "copies a row too many", "setp.ge.s32 %p2, %r33, %r8", "setp.gt.s32 %p2, %r33, %r8",
     FaultKind::kOutOfBounds, "cp.async"},
    // Lanes that should be together
    {"reverse", "lets half a warp reach the barrier", "bar.sync 0;",
     ".reg .pred %p<2>;\n  setp.lt.u32 %p1, %r1, 16;\n  @%p1 bar.sync 0;", FaultKind::kDivergentBarrier,
     "bar.sync"},
    {"block_sum", "puts the barrier in a branch", "$L_2:\n  bar.sync 0;",
     "bar.sync 0;\n$L_2:", FaultKind::kDivergentBarrier, "bar.sync"},
    {"block_sum", "names half of the lanes", "mov.u32 %r8, -1", "mov.u32 %r8, 65535", FaultKind::kWrongMask,
     "shfl"},
    {"warp_shift", "names half of the lanes", "bar.warp.sync -1", "bar.warp.sync 65535",
     FaultKind::kWrongMask, "bar.warp.sync"},
    {"tile_product", "multiplies in a branch", "mma.sync", "@%p1 mma.sync", FaultKind::kWrongMask,
     "mma.sync"},
    // Constants
    {"reverse", "writes to a constant", "st.global.f32 [%rd7], %f2",
     "mov.u64 %rd7, table;\n  add.s64 %rd7, %rd7, %rd5;\n  st.global.f32 [%rd7], %f2", FaultKind::kReadOnly,
     "st.global"},
};

constexpr const char* kConstant = ".const .align 4 .b8 table[1024];\n";

int line_of(const std::string& text, size_t at) {
  return 1 + int(std::count(text.begin(), text.begin() + long(at), '\n'));
}

void check_mutation(const Mutation& mutation) {
  where = text("%s that %s", mutation.sample, mutation.what);
  const Sample& original = sample(mutation.sample);
  std::string text = std::string(kConstant) + original.text;
  const size_t at = text.find(mutation.from);
  CHECK(at != std::string::npos);
  if (at == std::string::npos) return;
  text.replace(at, strlen(mutation.from), mutation.to);
  const Outcome outcome = run(original, text);
  CHECK_THAT(outcome.error.empty(), "does not parse: %s", outcome.error.c_str());
  CHECK_THAT(outcome.fault.kind == mutation.kind, "%s",
             outcome.fault ? outcome.fault.message().c_str() : "passed");
  CHECK_THAT(outcome.fault.instruction.find(mutation.blamed) != std::string::npos, "blames %s",
             outcome.fault.instruction.c_str());
  CHECK(outcome.fault.kernel == mutation.sample);
  CHECK(outcome.fault.line > 0 && !outcome.fault.text.empty());
  for (uint64_t seed : {1, 2, 3}) {
    tsv_sim::LaunchConfig options;
    options.seed = seed;
    CHECK_THAT(run(original, text, options).fault, "passes with seed %d", int(seed));
  }
}

}  // namespace

EMULATOR_TEST(samples_are_right) {
  for (const Sample& each : kSamples) {
    for (uint64_t seed : {0, 1, 2, 3}) {
      for (bool checks : {true, false}) {
        where = text("%s, seed %d, checks %d", each.name, int(seed), int(checks));
        tsv_sim::LaunchConfig options;
        options.seed = seed;
        options.checks = checks;
        options.host_threads = seed == 3 ? 2 : 1;
        const Outcome outcome = run(each, each.text, options);
        CHECK_THAT(outcome.error.empty(), "%s", outcome.error.c_str());
        CHECK_THAT(outcome.right, "%s", outcome.done ? "wrong results" : outcome.fault.message().c_str());
      }
    }
  }
}

EMULATOR_TEST(mutations_are_caught) {
  for (const Mutation& mutation : kMutations) check_mutation(mutation);
}

EMULATOR_TEST(uninitialised_inputs_are_caught) {
  for (const Sample& each : kSamples) {
    where = each.name;
    const Outcome outcome = run(each, each.text, {}, each.in_bytes - 4);
    CHECK_THAT(outcome.fault.kind == FaultKind::kUninitialised, "%s",
               outcome.fault ? outcome.fault.message().c_str() : "passed");
  }
}

EMULATOR_TEST(faults_say_where) {
  const Sample& original = sample("copy16");
  std::string text = original.text;
  text.replace(text.find("[%rd6], {"), 6, "[%rd6+16]");
  const Outcome outcome = run(original, text);
  CHECK(outcome.fault.kind == FaultKind::kOutOfBounds);
  CHECK(outcome.fault.block[0] == 1 && outcome.fault.thread == 127);
  CHECK(outcome.fault.address % 4096 == 0);
  CHECK(outcome.fault.text.find("past the end of the allocation of 4096 bytes") != std::string::npos);
  const size_t lines_before = 3;  // of kPtxHeader
  CHECK(outcome.fault.line == int(lines_before) + line_of(text, text.find("st.global.v4")));
}
