// Failures: faults of kernels, which end the context as on hardware, and failures made on purpose.
#include <stdlib.h>

#include "client.h"

using namespace test;

namespace {

Result launch_faulty(const Client& client, const char* kernel, DevicePointer data) {
  void* parameters[] = {&data};
  return cu.cuLaunchKernel(client.function(kernel), 1, 1, 1, 1, 1, 1, 0, client.stream, parameters, nullptr);
}

// After an error that ends a context every call answers with it, and what is given back counts as given back.
void check_ended(const Client& client, DevicePointer data, Result error) {
  Handle stream = nullptr, event = nullptr, module = nullptr, context = nullptr;
  DevicePointer more = 0;
  void* host = nullptr;
  uint32_t value = 0;
  CHECK_RESULT(cu.cuStreamSynchronize(client.stream), error);
  CHECK_RESULT(cu.cuStreamQuery(client.stream), error);
  CHECK_RESULT(cu.cuCtxSynchronize(), error);
  CHECK_RESULT(cu.cuMemAlloc_v2(&more, 4), error);
  CHECK_RESULT(cu.cuMemAllocHost_v2(&host, 4), error);
  CHECK_RESULT(cu.cuMemcpyHtoD_v2(data, &value, 4), error);
  CHECK_RESULT(cu.cuMemcpyDtoHAsync_v2(&value, data, 4, client.stream), error);
  CHECK_RESULT(cu.cuMemsetD8_v2(data, 0, 1), error);
  CHECK_RESULT(cu.cuStreamCreate(&stream, 0), error);
  CHECK_RESULT(cu.cuEventCreate(&event, 0), error);
  CHECK_RESULT(cu.cuModuleLoadData(&module, kernels(75)), error);
  CHECK_RESULT(cu.cuDevicePrimaryCtxRetain(&context, client.device), error);
  CHECK_RESULT(cu.cuMemFree_v2(data), error);
  CHECK(live().allocations == 0);
}

void check_fault(const char* kernel, Result error, const char* words) {
  const Client client;
  const DevicePointer data = allocate(4);
  upload(data, {9});
  CHECK_SUCCESS(launch_faulty(client, kernel, data));
  CHECK_RESULT(cu.cuStreamSynchronize(client.stream), error);
  for (const char* part : {kernel, words})
    CHECK_THAT(strstr(cu.last_fault(), part) != nullptr, "'%s' lacks '%s'", cu.last_fault(), part);
  check_ended(client, data, error);
}

// Every point, what to call, and its error at the call.
struct Point {
  const char* name;
  Result (*call)(const Client& client, DevicePointer data);
  Result error;
};

template <class Create>
Result created(Create create, Result (*destroy)(Handle)) {
  Handle made = nullptr;
  const Result result = create(&made);
  if (result == cudasim::kSuccess) CHECK_SUCCESS(destroy(made));
  return result;
}

const Point kPoints[] = {
    {"context",
     [](const Client& client, DevicePointer) {
       Handle context = nullptr;
       const Result result = cu.cuDevicePrimaryCtxRetain(&context, client.device);
       if (result == cudasim::kSuccess) CHECK_SUCCESS(cu.cuDevicePrimaryCtxRelease_v2(client.device));
       return result;
     },
     cudasim::kOutOfMemory},
    {"module",
     [](const Client&, DevicePointer) {
       return created([](Handle* made) { return cu.cuModuleLoadData(made, kernels(75)); }, cu.cuModuleUnload);
     },
     cudasim::kOutOfMemory},
    {"stream",
     [](const Client&, DevicePointer) {
       return created([](Handle* made) { return cu.cuStreamCreate(made, 0); }, cu.cuStreamDestroy_v2);
     },
     cudasim::kOutOfMemory},
    {"event",
     [](const Client&, DevicePointer) {
       return created([](Handle* made) { return cu.cuEventCreate(made, 0); }, cu.cuEventDestroy_v2);
     },
     cudasim::kOutOfMemory},
    {"pool",
     [](const Client&, DevicePointer) {
       cudasim::PoolProperties properties = {};
       properties.allocation_type = properties.location_type = 1;
       return created([&](Handle* made) { return cu.cuMemPoolCreate(made, &properties); },
                      cu.cuMemPoolDestroy);
     },
     cudasim::kOutOfMemory},
    {"allocate",
     [](const Client& client, DevicePointer) {
       DevicePointer made = 0;
       const Result result = cu.cuMemAllocAsync(&made, 4, client.stream);
       if (result == cudasim::kSuccess) CHECK_SUCCESS(cu.cuMemFreeAsync(made, client.stream));
       return result;
     },
     cudasim::kOutOfMemory},
    {"pinned",
     [](const Client&, DevicePointer) {
       void* made = nullptr;
       const Result result = cu.cuMemHostAlloc(&made, 4, 0);
       if (result == cudasim::kSuccess) CHECK_SUCCESS(cu.cuMemFreeHost(made));
       return result;
     },
     cudasim::kOutOfMemory},
    {"launch",
     [](const Client& client, DevicePointer data) { return client.add_one(data, 1, client.stream); },
     cudasim::kLaunchOutOfResources},
    {"upload",
     [](const Client& client, DevicePointer data) {
       const uint32_t value = 3;
       return cu.cuMemcpyHtoDAsync_v2(data, &value, 4, client.stream);
     },
     cudasim::kUnknown},
    {"download",
     [](const Client& client, DevicePointer data) {
       uint32_t value = 0;
       return cu.cuMemcpyDtoHAsync_v2(&value, data, 4, client.stream);
     },
     cudasim::kUnknown},
    {"copy",
     [](const Client& client, DevicePointer data) {
       return cu.cuMemcpyDtoDAsync_v2(data, data + 4, 4, client.stream);
     },
     cudasim::kUnknown},
    {"fill",
     [](const Client& client, DevicePointer data) { return cu.cuMemsetD8Async(data, 3, 4, client.stream); },
     cudasim::kUnknown},
};

}  // namespace

TEST(misaligned_store) { check_fault("misaligned", cudasim::kMisalignedAddress, "misaligned"); }

TEST(trap) { check_fault("trapped", cudasim::kLaunchFailed, "trap"); }

TEST(out_of_bounds) {
  const Client client;
  const DevicePointer data = allocate(kCount * 4);
  upload(data, ascending(kCount));
  CHECK_SUCCESS(client.add_one(data, kCount + 1, client.stream));
  CHECK_RESULT(cu.cuStreamSynchronize(client.stream), cudasim::kIllegalAddress);
  for (const char* part : {"CUDA_ERROR_ILLEGAL_ADDRESS", "add_one", "ld.global.u32", "4000 bytes"})
    CHECK_THAT(strstr(cu.last_fault(), part) != nullptr, "'%s' lacks '%s'", cu.last_fault(), part);
  check_ended(client, data, cudasim::kIllegalAddress);
}

TEST(uninitialised_read) {
  const Client client;
  const DevicePointer data = allocate(4);
  CHECK_SUCCESS(client.add_one(data, 1, client.stream));
  CHECK_RESULT(cu.cuStreamSynchronize(client.stream), cudasim::kLaunchFailed);
  check_ended(client, data, cudasim::kLaunchFailed);
}

TEST(uninitialised_read_unchecked, "TOKENSIEVE_CUDASIM_CHECKS=0") {
  const Client client;
  const DevicePointer data = allocate(4);
  CHECK_SUCCESS(client.add_one(data, 1, client.stream));
  CHECK_SUCCESS(cu.cuStreamSynchronize(client.stream));
  CHECK_SUCCESS(cu.cuMemFree_v2(data));
}

// One device that has failed leaves the other be.
TEST(devices_fail_apart, "TOKENSIEVE_CUDASIM_DEVICES=2") {
  const Client first(0);
  CHECK_SUCCESS(launch_faulty(first, "trapped", 0));
  CHECK_RESULT(cu.cuCtxSynchronize(), cudasim::kLaunchFailed);
  const Client second(1);
  const DevicePointer data = allocate(4);
  upload(data, {1});
  CHECK_SUCCESS(second.add_one(data, 1, second.stream));
  CHECK_SUCCESS(cu.cuCtxSynchronize());
  CHECK(download(data, 1)[0] == 2);
  CHECK_SUCCESS(cu.cuMemFree_v2(data));
}

// In a context that has failed host functions are not called.
TEST(host_functions_after_a_fault) {
  const Client client;
  int calls = 0;
  CHECK_SUCCESS(launch_faulty(client, "trapped", 0));
  const Result result = cu.cuLaunchHostFunc(
      client.stream, [](void* user) { ++*static_cast<int*>(user); }, &calls);
  CHECK(result == cudasim::kSuccess || result == cudasim::kLaunchFailed);
  CHECK_RESULT(cu.cuStreamSynchronize(client.stream), cudasim::kLaunchFailed);
  CHECK(calls == 0);
}

TEST(points) {
  const Client client;
  const DevicePointer data = allocate(8);
  upload(data, {1, 2});
  for (const Point& point : kPoints) {
    where = std::string("points: ") + point.name;
    CHECK_SUCCESS(point.call(client, data));
    CHECK(cu.fail((std::string(point.name) + ":2").c_str()) == 1);
    const cudasim_live_objects before = live();
    CHECK_SUCCESS(point.call(client, data));
    CHECK_RESULT(point.call(client, data), point.error);
    CHECK_SUCCESS(point.call(client, data));
    CHECK(cu.passed(point.name) == 3);
    CHECK(cu.fail((std::string(point.name) + ":1+=801").c_str()) == 1);
    for (int i = 0; i < 2; ++i) CHECK_RESULT(point.call(client, data), cudasim::kNotSupported);
    CHECK(cu.fail("") == 1);
    CHECK_SUCCESS(point.call(client, data));
    CHECK_SUCCESS(cu.cuCtxSynchronize());
    const cudasim_live_objects after = live();
    CHECK(memcmp(&before, &after, sizeof before) == 0);
  }
  CHECK_SUCCESS(cu.cuMemFree_v2(data));
}

// Errors that end contexts strike when the stream gets there.
TEST(points_that_end_the_context, "TOKENSIEVE_CUDASIM_DEVICES=5") {
  int device = 0;
  for (const char* name : {"launch", "upload", "download", "copy", "fill"}) {
    where = std::string("points that end the context: ") + name;
    const Client client(device++);
    const DevicePointer data = allocate(8);
    upload(data, {1, 2});
    CHECK(cu.fail((std::string(name) + ":1=719").c_str()) == 1);
    for (const Point& point : kPoints) {
      if (strcmp(point.name, name) == 0) point.call(client, data);
    }
    CHECK_RESULT(cu.cuStreamSynchronize(client.stream), cudasim::kLaunchFailed);
    CHECK(strstr(cu.last_fault(), "was to fail") != nullptr);
    check_ended(client, data, cudasim::kLaunchFailed);
  }
}

TEST(plans) {
  CHECK(cu.fail("allocate:3,launch:1+,download:2=700") == 1);
  for (const char* wrong :
       {"allocate", "allocate:", "allocate:0", "allocate:-1", "allocate:1x", "allocate:1=", "allocate:1=0",
        "allocate:1=31", "none:1", ":1", "allocate:1,,", "allocate:1 "}) {
    CHECK_THAT(cu.fail(wrong) == 0, "'%s' was taken", wrong);
  }
  CHECK(cu.fail(nullptr) == 0);
  CHECK(cu.passed("allocate") == 0);
  CHECK(cu.passed("nothing") == UINT64_MAX);
}

TEST(armed_from_the_start, "TOKENSIEVE_CUDASIM_FAIL=allocate:2") {
  const Client client;
  const DevicePointer data = allocate(4);
  DevicePointer more = 0;
  CHECK_RESULT(cu.cuMemAlloc_v2(&more, 4), cudasim::kOutOfMemory);
  CHECK_SUCCESS(cu.cuMemFree_v2(data));
}

TEST(what_lives) {
  {
    const Client client;
    Handle event = nullptr;
    void* host = nullptr;
    CHECK_SUCCESS(cu.cuEventCreate(&event, 0));
    CHECK_SUCCESS(cu.cuMemAllocHost_v2(&host, 100));
    const DevicePointer data = allocate(50);
    const cudasim_live_objects now = live();
    CHECK(now.contexts == 1 && now.streams == 1 && now.events == 1 && now.modules == 1 && now.pools == 0);
    CHECK(now.allocations == 1 && now.allocated_bytes == 50 && now.pinned_blocks == 1 &&
          now.pinned_bytes == 100);
    CHECK_SUCCESS(cu.cuMemFreeHost(host));
    CHECK(data != 0);
  }
  CHECK(nothing_lives());  // what the context had went with it
}
