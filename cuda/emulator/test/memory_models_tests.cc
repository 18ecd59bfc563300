// Sectors, bank conflicts and the cache model on patterns whose counts are known.
#include <functional>
#include <vector>

#include "bank_conflicts.h"
#include "cache.h"
#include "coalescing.h"
#include "emulator_tests.h"

using namespace test;
using namespace tsv_sim;

namespace {

using Pattern = std::function<uint64_t(int lane)>;

void fill(const Pattern& pattern, uint64_t address[32]) {
  for (int lane = 0; lane < 32; ++lane) address[lane] = pattern(lane);
}

void check_sectors(const char* name, const Pattern& pattern, uint32_t bytes, int expected,
                   uint32_t mask = 0xffffffffu) {
  uint64_t address[32];
  fill(pattern, address);
  Footprint footprint;
  Sectors sectors;
  find_footprint(address, mask, bytes, &footprint);
  find_sectors(footprint, &sectors);
  where = name;
  CHECK_THAT(sectors.total == expected, "%d sectors, not %d", sectors.total, expected);
  for (int i = 1; i < footprint.count; ++i) CHECK(footprint.begin[i] > footprint.end[i - 1]);
}

void check_passes(const char* name, const Pattern& pattern, uint32_t bytes, int needed, int taken,
                  uint32_t mask = 0xffffffffu) {
  uint64_t address[32];
  fill(pattern, address);
  Footprint footprint;
  find_footprint(address, mask, bytes, &footprint);
  const SharedPasses passes = count_shared_passes(address, mask, bytes, footprint);
  where = name;
  CHECK_THAT(passes.needed == needed && passes.taken == taken, "%d of %d wavefronts needed, not %d of %d",
             passes.needed, passes.taken, needed, taken);
}

}  // namespace

EMULATOR_TEST(sectors_of_patterns) {
  const uint64_t base = uint64_t(1) << 50;
  check_sectors(
      "contiguous, 4 bytes", [=](int l) { return base + 4 * uint64_t(l); }, 4, 4);
  check_sectors(
      "contiguous, 8 bytes", [=](int l) { return base + 8 * uint64_t(l); }, 8, 8);
  check_sectors(
      "contiguous, 16 bytes", [=](int l) { return base + 16 * uint64_t(l); }, 16, 16);
  check_sectors(
      "contiguous, 2 bytes", [=](int l) { return base + 2 * uint64_t(l); }, 2, 2);
  check_sectors(
      "contiguous, 1 byte", [=](int l) { return base + uint64_t(l); }, 1, 1);
  check_sectors(
      "one element off", [=](int l) { return base + 4 + 4 * uint64_t(l); }, 4, 5);
  check_sectors(
      "broadcast", [=](int) { return base + 64; }, 4, 1);
  check_sectors(
      "every second element", [=](int l) { return base + 8 * uint64_t(l); }, 4, 8);
  check_sectors(
      "a stride of a sector", [=](int l) { return base + 32 * uint64_t(l); }, 4, 32);
  check_sectors(
      "a stride of 2 KiB", [=](int l) { return base + 2048 * uint64_t(l); }, 16, 32);
  check_sectors(
      "backwards", [=](int l) { return base + 4 * uint64_t(31 - l); }, 4, 4);
  check_sectors(
      "shuffled", [=](int l) { return base + 4 * uint64_t(l * 13 % 32); }, 4, 4);
  check_sectors(
      "8 rows of 16 bytes", [=](int l) { return base + 128 * uint64_t(l / 4) + 4 * uint64_t(l % 4); }, 4, 8);
  check_sectors(
      "half a warp", [=](int l) { return base + 4 * uint64_t(l); }, 4, 2, 0x0000ffffu);
  check_sectors(
      "every second lane", [=](int l) { return base + 4 * uint64_t(l); }, 4, 4, 0x55555555u);
  check_sectors(
      "one lane", [=](int l) { return base + 4 * uint64_t(l); }, 4, 1, 0x00010000u);
}

EMULATOR_TEST(bank_conflicts_of_patterns) {
  check_passes(
      "contiguous, 4 bytes", [](int l) { return 4 * uint64_t(l); }, 4, 1, 1);
  check_passes(
      "broadcast", [](int) { return uint64_t(40); }, 4, 1, 1);
  check_passes(
      "2 bytes", [](int l) { return 2 * uint64_t(l); }, 2, 1, 1);
  for (int stride : {2, 4, 8, 16, 32})
    check_passes(
        "a stride of a power of two", [=](int l) { return 4 * uint64_t(stride * l); }, 4, 1, stride);
  check_passes(
      "an odd stride", [](int l) { return 4 * uint64_t(33 * l); }, 4, 1, 1);
  check_passes(
      "a column of a padded tile of 8", [](int l) { return 4 * uint64_t(9 * l); }, 4, 1, 1);
  check_passes(
      "8 bytes", [](int l) { return 8 * uint64_t(l); }, 8, 2, 2);
  check_passes(
      "8 bytes, every second", [](int l) { return 16 * uint64_t(l); }, 8, 2, 4);
  check_passes(
      "16 bytes", [](int l) { return 16 * uint64_t(l); }, 16, 4, 4);
  check_passes(
      "16 bytes, rows of 128", [](int l) { return 128 * uint64_t(l); }, 16, 4, 32);
  check_passes(
      "16 bytes, rows of 144", [](int l) { return 144 * uint64_t(l); }, 16, 4, 4);
  check_passes(
      "16 bytes, rows of 128 swizzled", [](int l) { return 128 * uint64_t(l) + 16 * uint64_t(l % 8); }, 16, 4,
      4);
  check_passes(
      "16 bytes, one matrix", [](int l) { return 16 * uint64_t(l); }, 16, 1, 1, 0xffu);
  check_passes(
      "one lane", [](int l) { return 4 * uint64_t(l); }, 4, 1, 1, 1u << 7);
}

// Two sets of two ways: lines 0, 2, 4 fall in set 0, lines 1 and 3 in set 1.
EMULATOR_TEST(cache_model_by_hand) {
  CacheModel cache(512, 2);
  MemoryCounters counters;
  struct Step {
    uint64_t line;
    uint32_t sectors;
    CacheModel::Use use;
    uint64_t hits, misses, read, written;  // after it
  };
  using Use = CacheModel::Use;
  const Step steps[] = {
      {0, 0b0011, Use::kLoad, 0, 2, 64, 0},       // cold
      {0, 0b0111, Use::kLoad, 2, 3, 96, 0},       // two sectors are here, the third is not
      {2, 0b0001, Use::kStore, 2, 4, 96, 32},     // a store reads nothing
      {2, 0b0001, Use::kLoad, 3, 4, 96, 32},      // and leaves the sector here
      {2, 0b0001, Use::kStore, 4, 4, 96, 32},     // dirty already
      {1, 0b1111, Use::kAtomic, 4, 8, 224, 160},  // an atomic reads and writes
      {0, 0b0001, Use::kLoad, 5, 8, 224, 160},    // line 2 is the older of set 0 now
      {4, 0b0001, Use::kLoad, 5, 9, 256, 160},    // replaces line 2
      {0, 0b0001, Use::kLoad, 6, 9, 256, 160},
      {2, 0b0001, Use::kStore, 6, 10, 256, 192},  // replaces line 4, dirty once more
      {3, 0b0001, Use::kLoad, 6, 11, 288, 192},   // set 1 has room
      {1, 0b1000, Use::kLoad, 7, 11, 288, 192},
  };
  for (const Step& step : steps) {
    where = text("step %d", int(&step - steps));
    cache.access(step.line, step.sectors, step.use, &counters);
    CHECK(counters.l2_hit_sectors == step.hits);
    CHECK(counters.l2_miss_sectors == step.misses);
    CHECK(counters.dram_read_bytes == step.read);
    CHECK(counters.dram_write_bytes == step.written);
  }
}

EMULATOR_TEST(memory_counters_by_name) {
  MemoryCounters counters, more;
  counters.global_load_requests = 3;
  counters.dram_write_bytes = 5;
  counters.lines["k"][7] = {1, 2, 3};
  more = counters;
  counters.add(more);
  const auto list = counters.list();
  CHECK(list.size() * sizeof(uint64_t) + sizeof counters.lines == sizeof counters);  // no sum is left out
  CHECK(strcmp(list.front().first, "global_load_requests") == 0 && list.front().second == 6);
  CHECK(strcmp(list.back().first, "dram_write_bytes") == 0 && list.back().second == 10);
  CHECK(counters.lines["k"][7].requests == 2 && counters.lines["k"][7].wavefronts == 6);
}
