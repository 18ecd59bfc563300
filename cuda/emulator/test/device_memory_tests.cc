// Allocations, copies between them, and what a range that lies in none is told.
#include <string.h>

#include <string>
#include <thread>
#include <vector>

#include "device_memory.h"
#include "emulator_tests.h"

using namespace test;
using namespace tsv_sim;

namespace {

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

EMULATOR_TEST(device_memory_allocations) {
  DeviceMemory memory(1 << 20);
  const uint64_t a = memory.allocate(1000), b = memory.allocate(1);
  CHECK(a >= uint64_t(1) << 50 && a % 256 == 0 && b % 256 == 0);
  CHECK(b - (a + 1000) >= uint64_t(1) << 30);
  CHECK(memory.used() == 1001);
  CHECK(memory.allocate(0) == 0);
  CHECK(memory.allocate(1 << 20) == 0);  // over capacity
  uint64_t base = 0, size = 0;
  CHECK(memory.find(a + 999, &base, &size) && base == a && size == 1000);
  CHECK(!memory.find(a + 1000, &base, &size));
  CHECK(!memory.free(a + 1));
  CHECK(memory.free(a) && !memory.free(a));
  CHECK(memory.used() == 1);
  CHECK(memory.allocate(1000) != a);  // addresses do not come back
}

EMULATOR_TEST(device_memory_copies) {
  DeviceMemory memory;
  const uint64_t a = memory.allocate(16), b = memory.allocate(16);
  const char text[] = "0123456789abcdef";
  char back[17] = {};
  uint64_t uninitialised = 99;
  CHECK(memory.write(a, text, 8));
  CHECK(memory.read(back, a, 8, &uninitialised) && memcmp(back, text, 8) == 0 && uninitialised == 0);
  CHECK(memory.read(back, a, 16, &uninitialised) && uninitialised == 8);
  CHECK(memory.copy(b, a + 4, 12));
  CHECK(memory.read(back, b, 16, &uninitialised) && memcmp(back, "4567", 4) == 0 && uninitialised == 12);
  CHECK(memory.copy(a, a + 2, 6));  // may overlap
  CHECK(memory.read(back, a, 8, nullptr) && memcmp(back, "23456767", 8) == 0);
  const uint16_t pattern = 0x4142;
  CHECK(memory.fill(b, &pattern, 2, 8));
  CHECK(memory.read(back, b, 16, &uninitialised) && memcmp(back, "BABABABABABABABA", 16) == 0);
  CHECK(uninitialised == 0);

  CHECK(!memory.write(a + 9, text, 8) && !memory.read(back, a, 17) && !memory.fill(a, &pattern, 2, 9));
  CHECK(!memory.copy(a + 1, b, 16) && !memory.copy(a, b + 1, 16) && !memory.write(123, text, 1));
}

EMULATOR_TEST(device_memory_explanations) {
  DeviceMemory memory;
  const uint64_t a = memory.allocate(100), freed = memory.allocate(50);
  CHECK(memory.free(freed));
  CHECK(memory.explain(a, 100).empty());
  CHECK_THAT(contains(memory.explain(a + 96, 8), "ends 4 bytes past the allocation of 100 bytes"), "%s",
             memory.explain(a + 96, 8).c_str());
  CHECK(contains(memory.explain(a + 104, 4), "4 bytes past the end of the allocation of 100 bytes"));
  CHECK(contains(memory.explain(a - 4, 4), "4 bytes before the allocation of 100 bytes"));
  CHECK(contains(memory.explain(freed + 8, 4), "the allocation of 50 bytes"));
  CHECK(contains(memory.explain(freed + 8, 4), "was freed"));
  CHECK(contains(memory.explain(0, 4), "no allocation is near"));
}

EMULATOR_TEST(device_memory_registered_host_memory) {
  DeviceMemory memory;
  std::vector<char> host(64, 'h');
  const auto address = uint64_t(reinterpret_cast<uintptr_t>(host.data()));
  CHECK(memory.register_host(host.data(), 64));
  CHECK(!memory.register_host(host.data() + 32, 64) && !memory.register_host(host.data(), 8));
  const uint64_t a = memory.allocate(64);
  uint64_t uninitialised = 1;
  char back[64];
  CHECK(memory.copy(a, address, 64) && memory.read(back, a, 64, &uninitialised) && uninitialised == 0);
  CHECK(back[63] == 'h');
  CHECK(!memory.free(address));
  CHECK(memory.unregister_host(host.data()) && !memory.unregister_host(host.data()));
  CHECK(!memory.copy(a, address, 64));
}

EMULATOR_TEST(device_memory_threads) {
  DeviceMemory memory;
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&memory, &wrong, t] {
      for (int i = 0; i < 500; ++i) {
        const uint64_t at = memory.allocate(64);
        const auto value = uint32_t(1000 * t + i);
        uint32_t back = 0;
        wrong[size_t(t)] +=
            !memory.write(at, &value, 4) || !memory.read(&back, at, 4) || back != value || !memory.free(at);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int count : wrong) CHECK(count == 0);
  CHECK(memory.used() == 0);
}
