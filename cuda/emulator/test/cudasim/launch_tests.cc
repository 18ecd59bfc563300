// Modules and launches: what runs, and what is refused as a device would refuse it.
#include "client.h"

using namespace test;
using cudasim::FunctionAttribute;

namespace {

Result launch(Handle function, uint32_t blocks, uint32_t threads, uint32_t shared, Handle stream,
              DevicePointer data) {
  void* parameters[] = {&data};
  return cu.cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, shared, stream, parameters, nullptr);
}

int attribute(Handle function, FunctionAttribute which) {
  int value = -1;
  CHECK_SUCCESS(cu.cuFuncGetAttribute(&value, which, function));
  return value;
}

}  // namespace

TEST(kernels_run) {
  const Client client;
  const DevicePointer data = allocate(kCount * 4);
  upload(data, ascending(kCount));
  CHECK_SUCCESS(client.add_one(data, kCount, client.stream));
  CHECK_SUCCESS(cu.cuStreamSynchronize(client.stream));
  CHECK(download(data, kCount) == ascending(kCount, 1));
  CHECK(client.function("add_one") == client.function("add_one"));

  // The arguments in one buffer
  struct {
    DevicePointer data;
    uint32_t count;
  } arguments = {data, 1};
  size_t bytes = 12, wrong = 8;
  const auto key = [](uintptr_t number) { return reinterpret_cast<void*>(number); };
  void* extra[] = {key(1), &arguments, key(2), &bytes, key(0)};
  CHECK_SUCCESS(cu.cuLaunchKernel(client.function("add_one"), 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, extra));
  CHECK(download(data, 1)[0] == 2);
  extra[3] = &wrong;
  CHECK_RESULT(cu.cuLaunchKernel(client.function("add_one"), 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, extra),
               cudasim::kInvalidValue);
  CHECK_SUCCESS(cu.cuMemFree_v2(data));
}

TEST(variables_of_modules) {
  const Client client;
  DevicePointer table = 0, total = 0;
  size_t bytes = 0;
  CHECK_SUCCESS(cu.cuModuleGetGlobal_v2(&table, &bytes, client.module, "table"));
  CHECK(bytes == 12 && download(table, 3) == std::vector<uint32_t>({10, 20, 30}));
  CHECK_SUCCESS(cu.cuModuleGetGlobal_v2(&total, &bytes, client.module, "total"));
  CHECK(bytes == 4 && download(total, 1)[0] == 0);
  CHECK_RESULT(cu.cuModuleGetGlobal_v2(&total, &bytes, client.module, "nothing"), cudasim::kNotFound);
  const DevicePointer data = allocate(4);
  upload(table, {1, 2, 3});
  CHECK_SUCCESS(launch(client.function("read_table"), 1, 1, 0, client.stream, data));
  CHECK_SUCCESS(cu.cuStreamSynchronize(client.stream));
  CHECK(download(data, 1)[0] == 3);
  CHECK(live().allocations == 1);
  CHECK_SUCCESS(cu.cuMemFree_v2(data));
}

TEST(modules) {
  const Client client;
  Handle module = nullptr, function = nullptr;
  CHECK_RESULT(cu.cuModuleGetFunction(&function, client.module, "nothing"), cudasim::kNotFound);
  char log[200] = "";
  cudasim::JitOption options[] = {cudasim::JitOption::kErrorLog, cudasim::JitOption::kErrorLogBytes};
  void* values[] = {log, reinterpret_cast<void*>(sizeof log)};
  const char* const unknown =
      ".version 8.0\n.target sm_75\n.address_size 64\n.visible .entry k() {\n  frobnicate.u32;\n}\n";
  CHECK_RESULT(cu.cuModuleLoadDataEx(&module, unknown, 2, options, values), cudasim::kInvalidPtx);
  CHECK_THAT(strstr(log, "frobnicate") != nullptr, "log '%s'", log);
  CHECK_RESULT(cu.cuModuleLoadData(&module,
                                   "\x7f"
                                   "ELF\2\1\1"),
               cudasim::kNoBinaryForGpu);
  CHECK_RESULT(cu.cuModuleLoadData(&module, "\x50\xed\x55\xba\1"), cudasim::kNoBinaryForGpu);
  CHECK_RESULT(cu.cuModuleLoadData(&module, "Good day"), cudasim::kInvalidImage);
  CHECK_RESULT(cu.cuModuleLoadData(&module, ".version 77.0\n"), cudasim::kUnsupportedPtxVersion);
  CHECK_SUCCESS(cu.cuModuleLoadData(&module, kernels(80)));
  CHECK_SUCCESS(cu.cuModuleGetFunction(&function, module, "add_one"));
  CHECK(live().modules == 2);
  const DevicePointer data = allocate(4);
  CHECK_SUCCESS(client.store_late(data, 0, 100000, client.stream));
  CHECK_SUCCESS(cu.cuModuleUnload(module));
  CHECK_RESULT(cu.cuModuleUnload(module), cudasim::kInvalidHandle);
  CHECK_RESULT(launch(function, 1, 1, 0, nullptr, data), cudasim::kInvalidHandle);
  CHECK(live().modules == 1);
  CHECK_SUCCESS(cu.cuMemFree_v2(data));
}

TEST(attributes_of_functions) {
  const Client client;
  const Handle bounded = client.function("bounded"), add_one = client.function("add_one");
  CHECK(attribute(add_one, FunctionAttribute::kMaxThreadsPerBlock) == 1024);
  CHECK(attribute(bounded, FunctionAttribute::kMaxThreadsPerBlock) == 64);
  CHECK(attribute(bounded, FunctionAttribute::kSharedBytes) == 1024);
  CHECK(attribute(bounded, FunctionAttribute::kMaxDynamicShared) == 47 * 1024);
  CHECK(attribute(bounded, FunctionAttribute::kPtxVersion) == 75);
  CHECK(attribute(bounded, FunctionAttribute::kBinaryVersion) == 90);
  int value = 0;
  CHECK_RESULT(cu.cuFuncGetAttribute(&value, FunctionAttribute::kRegisters, bounded), cudasim::kNotSupported);
  CHECK_RESULT(cu.cuFuncGetAttribute(&value, FunctionAttribute::kSharedBytes, client.module),
               cudasim::kInvalidHandle);
}

TEST(launches_that_are_refused, "TOKENSIEVE_CUDASIM_DEVICES=2") {
  const Client client;
  const Handle add_one = client.function("add_one");
  // The emulator takes PTX for sm_75 to mean at most 64 KB of shared memory
  Handle module = nullptr, bounded = nullptr;
  CHECK_SUCCESS(cu.cuModuleLoadData(&module, kernels(80)));
  CHECK_SUCCESS(cu.cuModuleGetFunction(&bounded, module, "bounded"));
  DevicePointer data = allocate(4096);
  uint32_t count = 1;
  void* parameters[] = {&data, &count};
  const auto sized = [&](uint32_t gx, uint32_t gy, uint32_t gz, uint32_t bx, uint32_t by, uint32_t bz) {
    return cu.cuLaunchKernel(add_one, gx, gy, gz, bx, by, bz, 0, client.stream, parameters, nullptr);
  };
  upload(data, {1});
  CHECK_RESULT(sized(0, 1, 1, 1, 1, 1), cudasim::kInvalidValue);
  CHECK_RESULT(sized(1, 1, 1, 0, 1, 1), cudasim::kInvalidValue);
  CHECK_RESULT(sized(0x80000000, 1, 1, 1, 1, 1), cudasim::kInvalidValue);
  CHECK_RESULT(sized(1, 65536, 1, 1, 1, 1), cudasim::kInvalidValue);
  CHECK_RESULT(sized(1, 1, 65536, 1, 1, 1), cudasim::kInvalidValue);
  CHECK_RESULT(sized(1, 1, 1, 1025, 1, 1), cudasim::kInvalidValue);
  CHECK_RESULT(sized(1, 1, 1, 1, 1, 65), cudasim::kInvalidValue);
  CHECK_RESULT(sized(1, 1, 1, 64, 32, 1), cudasim::kInvalidValue);
  CHECK_RESULT(launch(bounded, 1, 65, 0, client.stream, data), cudasim::kLaunchOutOfResources);
  CHECK_SUCCESS(launch(bounded, 1, 64, 0, client.stream, data));

  // Shared memory: 48 KB with the static, more only when it was asked for
  constexpr int kOptin = 227 * 1024 - 1024;
  CHECK_SUCCESS(launch(bounded, 1, 1, 47 * 1024, client.stream, data));
  CHECK_RESULT(launch(bounded, 1, 1, 47 * 1024 + 1, client.stream, data), cudasim::kInvalidValue);
  CHECK_RESULT(cu.cuFuncSetAttribute(bounded, FunctionAttribute::kMaxDynamicShared, kOptin + 1),
               cudasim::kInvalidValue);
  CHECK_SUCCESS(cu.cuFuncSetAttribute(bounded, FunctionAttribute::kMaxDynamicShared, kOptin));
  CHECK_SUCCESS(launch(bounded, 1, 1, kOptin, client.stream, data));
  CHECK_RESULT(launch(bounded, 1, 1, kOptin + 1, client.stream, data), cudasim::kInvalidValue);

  // Arguments and handles
  void* missing[] = {&data, nullptr};
  CHECK_RESULT(cu.cuLaunchKernel(add_one, 1, 1, 1, 1, 1, 1, 0, nullptr, missing, nullptr),
               cudasim::kInvalidValue);
  CHECK_RESULT(cu.cuLaunchKernel(add_one, 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, nullptr),
               cudasim::kInvalidValue);
  CHECK_RESULT(cu.cuLaunchKernel(nullptr, 1, 1, 1, 1, 1, 1, 0, nullptr, parameters, nullptr),
               cudasim::kInvalidHandle);
  CHECK_RESULT(cu.cuLaunchKernel(add_one, 1, 1, 1, 1, 1, 1, 0, client.module, parameters, nullptr),
               cudasim::kInvalidHandle);
  const DevicePointer before = data;
  {
    const Client other(1);
    CHECK_RESULT(client.add_one(before, 1, other.stream), cudasim::kInvalidHandle);
    CHECK_RESULT(client.add_one(before, 1, client.stream), cudasim::kInvalidContext);
  }
  CHECK_SUCCESS(cu.cuStreamSynchronize(client.stream));  // none of this has harmed the context
  CHECK_SUCCESS(cu.cuModuleUnload(module));
  CHECK_SUCCESS(cu.cuMemFree_v2(data));
}

TEST(counters, "TOKENSIEVE_CUDASIM_COUNTERS=/dev/null") {
  const Client client;
  const DevicePointer data = allocate(kCount * 4);
  upload(data, ascending(kCount));
  for (int i = 0; i < 3; ++i) CHECK_SUCCESS(client.add_one(data, kCount, client.stream));
  CHECK_SUCCESS(cu.cuStreamSynchronize(client.stream));
  const std::string json = cu.counters();
  for (const char* part : {"\"add_one\": {\"launches\": 3, \"blocks\": 24, \"threads\": 3072, ",
                           "\"global_load_requests\": 96, ", "\"ld.global.u32\": [96, 3000]"}) {
    CHECK_THAT(json.find(part) != std::string::npos, "no %s in the counters", part);
  }
  CHECK_SUCCESS(cu.cuMemFree_v2(data));
}

TEST(no_counters) {
  const Client client;
  CHECK(std::string(cu.counters()) == "{}");
}
