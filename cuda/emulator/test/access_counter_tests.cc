// What launches of the sample kernels are counted to have done, in all and by line of the PTX text.
#include "emulator_tests.h"
#include "samples.h"

using namespace test;

namespace {

tsv_sim::MemoryCounters counters_of(const char* name) {
  where = name;
  const Outcome outcome = run(sample(name), sample(name).text);
  CHECK(outcome.right);
  return outcome.counters.memory;
}

// The counters of the line that holds `instruction`, behind the three lines of the header.
tsv_sim::AccessCounters line_of(const tsv_sim::MemoryCounters& counters, const char* name,
                                const char* instruction) {
  const std::string text = sample(name).text;
  const size_t at = text.find(instruction);
  CHECK(at != std::string::npos);
  int line = 4;
  for (size_t i = 0; i < at; ++i) line += text[i] == '\n';
  const auto kernel = counters.lines.find(name);
  CHECK(kernel != counters.lines.end());
  if (kernel == counters.lines.end() || kernel->second.count(line) == 0) return {};
  return kernel->second.at(line);
}

}  // namespace

EMULATOR_TEST(accesses_of_vectors) {
  const tsv_sim::MemoryCounters counters = counters_of("copy16");  // 8 warps, 512 bytes each way
  CHECK(counters.global_load_requests == 8 && counters.global_load_sectors == 128 &&
        counters.global_load_bytes == 4096);
  CHECK(counters.global_store_requests == 8 && counters.global_store_sectors == 128);
  CHECK(counters.global_store_bytes == 4096 && counters.shared_load_requests == 0);
  CHECK(counters.l2_miss_sectors == 256 && counters.l2_hit_sectors == 0);
  CHECK(counters.dram_read_bytes == 4096 && counters.dram_write_bytes == 4096);
  const tsv_sim::AccessCounters load = line_of(counters, "copy16", "ld.global.v4");
  CHECK(load.requests == 8 && load.sectors == 128 && load.wavefronts == 0);
}

EMULATOR_TEST(accesses_of_shared_memory) {
  const tsv_sim::MemoryCounters counters = counters_of("reverse");
  CHECK(counters.global_load_requests == 8 && counters.global_load_sectors == 32);
  CHECK(counters.shared_store_requests == 8 && counters.shared_store_wavefronts == 8);
  CHECK(counters.shared_load_requests == 8 && counters.shared_load_wavefronts == 8);
  CHECK(counters.shared_load_conflicts == 0 && counters.shared_store_conflicts == 0);
  CHECK(line_of(counters, "reverse", "ld.shared").wavefronts == 8);
}

EMULATOR_TEST(accesses_with_bank_conflicts) {
  std::string text = sample("reverse").text;
  text.replace(text.find("tile[512]"), 9, "tile[4096]");
  // A stride of 8 words: 8 lanes meet in each of four banks
  text.replace(text.find("shl.b32 %r5, %r1, 2"), 19, "shl.b32 %r5, %r1, 5");
  text.replace(text.find("shl.b32 %r10, %r9, 2"), 20, "shl.b32 %r10, %r9, 5");
  where = "reverse with a stride";
  const Outcome outcome = run(sample("reverse"), text);
  CHECK_THAT(outcome.right, "%s", outcome.fault.message().c_str());
  CHECK(outcome.counters.memory.shared_store_wavefronts == 64 &&
        outcome.counters.memory.shared_store_conflicts == 56);
  CHECK(outcome.counters.memory.shared_load_wavefronts == 64 &&
        outcome.counters.memory.shared_load_conflicts == 56);
}

EMULATOR_TEST(accesses_of_atomics) {
  const tsv_sim::MemoryCounters counters = counters_of("histogram");
  CHECK(counters.shared_atomic_requests == 8 && counters.shared_atomic_lanes == 256);
  CHECK(counters.global_atomic_requests == 2 && counters.global_atomic_lanes == 32);
  CHECK(counters.global_atomic_sectors == 4);  // 64 bytes, twice
  CHECK(counters.dram_write_bytes == 64);      // dirty once
}

EMULATOR_TEST(accesses_of_asynchronous_copies) {
  const tsv_sim::MemoryCounters counters = counters_of("stream_rows");  // 2 blocks, 5 rows of 2 KiB
  CHECK(counters.async_copy_requests == 40 && counters.async_copy_sectors == 640);
  CHECK(counters.async_copy_bytes == 20480 && counters.global_load_requests == 0);
  CHECK(counters.shared_load_requests == 160 && counters.shared_load_conflicts == 0);
}

EMULATOR_TEST(accesses_of_copies_that_read_less) {
  const Sample& original = sample("stream_rows");
  std::string text = original.text;
  text.replace(text.find("mov.u32 %r10, 16"), 16, "mov.u32 %r10, 6");
  where = "copies of 6 bytes";
  const Outcome part = run(original, text);
  CHECK(part.done && !part.right);
  CHECK(part.counters.memory.async_copy_bytes == 20480 - 256 * 10);

  // A copy of nothing fills its destination with zeros, wherever its source points.
  text = original.text;
  text.replace(text.find("mov.u32 %r10, 16"), 16, "mov.u32 %r10, 0");
  text.replace(text.find("[%r9], [%rd3]"), 13, "[%r9], [%rd3+2]");
  where = "copies of nothing";
  const Outcome none = run(original, text);
  CHECK_THAT(none.done && !none.right, "%s", none.fault.message().c_str());
  CHECK(none.counters.memory.async_copy_requests == 32);
}

EMULATOR_TEST(accesses_of_matrices) {
  const tsv_sim::MemoryCounters counters = counters_of("tile_product");
  CHECK(counters.matrix_products == 1);
  CHECK(line_of(counters, "tile_product", "ldmatrix.sync.aligned.m8n8.x4").requests == 1);
  // Rows of 32 bytes: rows 0 and 4 of a matrix begin in one bank
  CHECK(line_of(counters, "tile_product", "ldmatrix.sync.aligned.m8n8.x4").wavefronts == 8);
  CHECK(line_of(counters, "tile_product", "ldmatrix.sync.aligned.m8n8.x2").wavefronts == 4);
}

EMULATOR_TEST(accesses_of_local_memory) {
  const tsv_sim::MemoryCounters counters = counters_of("local_lookup");
  CHECK(counters.local_store_requests == 2 && counters.local_store_bytes == 1024);
  CHECK(counters.local_load_requests == 2 && counters.local_load_bytes == 256);
  CHECK(line_of(counters, "local_lookup", "ld.global.u32 %r3").sectors == 32);  // a stride of 32 bytes
}

// One instruction whose even lanes read shared memory and whose odd ones read device memory.
EMULATOR_TEST(accesses_by_generic_addresses) {
  std::string text = sample("reverse").text;
  const std::string load = "ld.shared.f32 %f2, [%r11];";
  text.replace(text.find(load), load.size(),
               ".reg .pred %p<2>;\n"
               "  cvt.u64.u32 %rd6, %r11;\n"
               "  cvta.shared.u64 %rd6, %rd6;\n"
               "  add.s32 %r10, %r3, %r9;\n"
               "  mul.wide.s32 %rd1, %r10, 4;\n"
               "  add.s64 %rd1, %rd4, %rd1;\n"
               "  and.b32 %r10, %r1, 1;\n"
               "  setp.eq.u32 %p1, %r10, 0;\n"
               "  selp.b64 %rd6, %rd6, %rd1, %p1;\n"
               "  ld.f32 %f2, [%rd6];");
  where = "generic addresses";
  const Outcome outcome = run(sample("reverse"), text);
  CHECK_THAT(outcome.right, "%s %s", outcome.error.c_str(), outcome.fault.message().c_str());
  CHECK(outcome.counters.memory.shared_load_requests == 8 &&
        outcome.counters.memory.global_load_requests == 16);

  text.replace(text.find("cvta.shared.u64 %rd6"), 20, "cvta.local.u64 %rd6");
  const Outcome local = run(sample("reverse"), text);
  CHECK(local.fault.kind == tsv_sim::FaultKind::kOutOfBounds);  // the kernel has no local memory
}

// Counters do not depend on the order of blocks and warps, but for what the cache holds.
EMULATOR_TEST(accesses_in_any_order) {
  for (const Sample& each : kSamples) {
    where = each.name;
    const auto plain = run(each, each.text).counters.memory.list();
    for (uint64_t seed : {1, 2}) {
      tsv_sim::LaunchConfig options;
      options.seed = seed;
      const auto shuffled = run(each, each.text, options).counters.memory.list();
      for (size_t i = 0; i < plain.size(); ++i)
        CHECK_THAT(plain[i].second == shuffled[i].second, "%s", plain[i].first);
    }
  }
}
