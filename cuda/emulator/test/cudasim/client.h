// A client of the driver API: opens the library by its path, and holds what tests of it need.
#ifndef TOKENSIEVE_CUDASIM_CLIENT_H
#define TOKENSIEVE_CUDASIM_CLIENT_H
#include <stdint.h>

#include <string>
#include <vector>

#include "../../cudasim/cudasim.h"
#include "../../cudasim/entry_points.h"
#include "harness.h"

namespace test {

using cudasim::DevicePointer;
using cudasim::Handle;
using cudasim::Result;

// One test, run in a process of its own with these variables set: the library reads them once.
struct ClientTest {
  const char* name;
  void (*run)();
  std::vector<const char*> environment;
};
std::vector<ClientTest>& client_tests();

struct Register {
  Register(const char* name, void (*run)(), std::vector<const char*> environment) {
    client_tests().push_back({name, run, std::move(environment)});
  }
};

// TEST(ordering, "TOKENSIEVE_CUDASIM_SEED=1") { ... }
#define TEST(name, ...) \
  static void test_##name(); \
  static const test::Register registered_##name(#name, test_##name, {__VA_ARGS__}); \
  static void test_##name()

// The functions of the library, by their exported names.
struct Driver {
#define CUDASIM_POINTER(name, symbol, version, parameters) decltype(&cudasim::symbol) symbol;
  CUDASIM_FOR_EACH_ENTRY_POINT(CUDASIM_POINTER)
#undef CUDASIM_POINTER
  decltype(&::cudasim_version) version;
  decltype(&::cudasim_last_fault) last_fault;
  decltype(&::cudasim_live) live;
  decltype(&::cudasim_fail) fail;
  decltype(&::cudasim_passed) passed;
  decltype(&::cudasim_counters) counters;
};
extern Driver cu;
bool open_driver(const char* path);

const char* kernels(int architecture);  // PTX for 75 or 80: kernels.cc
constexpr size_t kCount = 1000;         // elements of most vectors

// A device's primary context, made current, with a stream and the kernels. `device` begins with cuInit.
struct Client {
  explicit Client(int device = 0);
  ~Client();
  Handle function(const char* name) const;
  // Each element of `data` plus 1.
  Result add_one(DevicePointer data, uint32_t count, Handle stream) const;
  // `data[0] = value` after `rounds` rounds of a loop.
  Result store_late(DevicePointer data, uint32_t value, uint32_t rounds, Handle stream) const;

  int device;
  Handle context = nullptr, stream = nullptr, module = nullptr;
};

DevicePointer allocate(size_t bytes);
std::vector<uint32_t> download(DevicePointer from, size_t count);
void upload(DevicePointer to, const std::vector<uint32_t>& values);
std::vector<uint32_t> ascending(size_t count, uint32_t first = 0);

cudasim_live_objects live();
bool nothing_lives();

#define CHECK_RESULT(call, expected) \
  do { \
    const int got = int(call), wanted = int(expected); \
    CHECK_THAT(got == wanted, "%s gave %d, not %d", #call, got, wanted); \
  } while (false)
#define CHECK_SUCCESS(call) CHECK_RESULT(call, cudasim::kSuccess)

}  // namespace test
#endif
