// Failures: faults of kernels, which end the context as on hardware, and failures made on purpose.
#include <stdlib.h>

#include "client.h"

using namespace test;

namespace {

Result launch_faulty(const Session& session, const char* kernel, DevicePointer data) {
  void* parameters[] = {&data};
  return cu.cuLaunchKernel(session.function(kernel), 1, 1, 1, 1, 1, 1, 0, session.stream, parameters,
                           nullptr);
}

// After an error that ends a context every call answers with it, and what is given back counts as given back.
void check_ended(const Session& session, DevicePointer data, Result error) {
  Handle stream = nullptr, event = nullptr, module = nullptr, context = nullptr;
  DevicePointer more = 0;
  void* host = nullptr;
  uint32_t value = 0;
  CHECK_RESULT(cu.cuStreamSynchronize(session.stream), error);
  CHECK_RESULT(cu.cuStreamQuery(session.stream), error);
  CHECK_RESULT(cu.cuCtxSynchronize(), error);
  CHECK_RESULT(cu.cuMemAlloc_v2(&more, 4), error);
  CHECK_RESULT(cu.cuMemAllocHost_v2(&host, 4), error);
  CHECK_RESULT(cu.cuMemcpyHtoD_v2(data, &value, 4), error);
  CHECK_RESULT(cu.cuMemcpyDtoHAsync_v2(&value, data, 4, session.stream), error);
  CHECK_RESULT(cu.cuMemsetD8_v2(data, 0, 1), error);
  CHECK_RESULT(cu.cuStreamCreate(&stream, 0), error);
  CHECK_RESULT(cu.cuEventCreate(&event, 0), error);
  CHECK_RESULT(cu.cuModuleLoadData(&module, kernels(75)), error);
  CHECK_RESULT(cu.cuDevicePrimaryCtxRetain(&context, session.device), error);
  CHECK_RESULT(cu.cuMemFree_v2(data), error);
  CHECK(live().allocations == 0);
}

void check_fault(const char* kernel, Result error, const char* words) {
  const Session session;
  const DevicePointer data = allocate(4);
  upload(data, {9});
  CHECK_SUCCESS(launch_faulty(session, kernel, data));
  CHECK_RESULT(cu.cuStreamSynchronize(session.stream), error);
  for (const char* part : {kernel, words})
    CHECK_THAT(strstr(cu.last_fault(), part) != nullptr, "'%s' lacks '%s'", cu.last_fault(), part);
  check_ended(session, data, error);
}

// Every point, what to call, and its error at the call.
struct Point {
  const char* name;
  Result (*call)(const Session& session, DevicePointer data);
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
     [](const Session& session, DevicePointer) {
       Handle context = nullptr;
       const Result result = cu.cuDevicePrimaryCtxRetain(&context, session.device);
       if (result == cudasim::kSuccess) CHECK_SUCCESS(cu.cuDevicePrimaryCtxRelease_v2(session.device));
       return result;
     },
     cudasim::kOutOfMemory},
    {"module",
     [](const Session&, DevicePointer) {
       return created([](Handle* made) { return cu.cuModuleLoadData(made, kernels(75)); }, cu.cuModuleUnload);
     },
     cudasim::kOutOfMemory},
    {"stream",
     [](const Session&, DevicePointer) {
       return created([](Handle* made) { return cu.cuStreamCreate(made, 0); }, cu.cuStreamDestroy_v2);
     },
     cudasim::kOutOfMemory},
    {"event",
     [](const Session&, DevicePointer) {
       return created([](Handle* made) { return cu.cuEventCreate(made, 0); }, cu.cuEventDestroy_v2);
     },
     cudasim::kOutOfMemory},
    {"pool",
     [](const Session&, DevicePointer) {
       cudasim::PoolProperties properties = {};
       properties.allocation_type = properties.location_type = 1;
       return created([&](Handle* made) { return cu.cuMemPoolCreate(made, &properties); },
                      cu.cuMemPoolDestroy);
     },
     cudasim::kOutOfMemory},
    {"allocate",
     [](const Session& session, DevicePointer) {
       DevicePointer made = 0;
       const Result result = cu.cuMemAllocAsync(&made, 4, session.stream);
       if (result == cudasim::kSuccess) CHECK_SUCCESS(cu.cuMemFreeAsync(made, session.stream));
       return result;
     },
     cudasim::kOutOfMemory},
    {"pinned",
     [](const Session&, DevicePointer) {
       void* made = nullptr;
       const Result result = cu.cuMemHostAlloc(&made, 4, 0);
       if (result == cudasim::kSuccess) CHECK_SUCCESS(cu.cuMemFreeHost(made));
       return result;
     },
     cudasim::kOutOfMemory},
    {"launch",
     [](const Session& session, DevicePointer data) { return session.add_one(data, 1, session.stream); },
     cudasim::kLaunchOutOfResources},
    {"upload",
     [](const Session& session, DevicePointer data) {
       const uint32_t value = 3;
       return cu.cuMemcpyHtoDAsync_v2(data, &value, 4, session.stream);
     },
     cudasim::kUnknown},
    {"download",
     [](const Session& session, DevicePointer data) {
       uint32_t value = 0;
       return cu.cuMemcpyDtoHAsync_v2(&value, data, 4, session.stream);
     },
     cudasim::kUnknown},
    {"copy",
     [](const Session& session, DevicePointer data) {
       return cu.cuMemcpyDtoDAsync_v2(data, data + 4, 4, session.stream);
     },
     cudasim::kUnknown},
    {"fill",
     [](const Session& session, DevicePointer data) {
       return cu.cuMemsetD8Async(data, 3, 4, session.stream);
     },
     cudasim::kUnknown},
};

}  // namespace

TEST(misaligned_store) { check_fault("misaligned", cudasim::kMisalignedAddress, "misaligned"); }

TEST(trap) { check_fault("trapped", cudasim::kLaunchFailed, "trap"); }

TEST(out_of_bounds) {
  const Session session;
  const DevicePointer data = allocate(kCount * 4);
  upload(data, ascending(kCount));
  CHECK_SUCCESS(session.add_one(data, kCount + 1, session.stream));
  CHECK_RESULT(cu.cuStreamSynchronize(session.stream), cudasim::kIllegalAddress);
  for (const char* part : {"CUDA_ERROR_ILLEGAL_ADDRESS", "add_one", "ld.global.u32", "4000 bytes"})
    CHECK_THAT(strstr(cu.last_fault(), part) != nullptr, "'%s' lacks '%s'", cu.last_fault(), part);
  check_ended(session, data, cudasim::kIllegalAddress);
}

TEST(uninitialised_read) {
  const Session session;
  const DevicePointer data = allocate(4);
  CHECK_SUCCESS(session.add_one(data, 1, session.stream));
  CHECK_RESULT(cu.cuStreamSynchronize(session.stream), cudasim::kLaunchFailed);
  check_ended(session, data, cudasim::kLaunchFailed);
}

TEST(uninitialised_read_unchecked, "TOKENSIEVE_CUDASIM_CHECKS=0") {
  const Session session;
  const DevicePointer data = allocate(4);
  CHECK_SUCCESS(session.add_one(data, 1, session.stream));
  CHECK_SUCCESS(cu.cuStreamSynchronize(session.stream));
  CHECK_SUCCESS(cu.cuMemFree_v2(data));
}

// One device that has failed leaves the other be.
TEST(devices_fail_apart, "TOKENSIEVE_CUDASIM_DEVICES=2") {
  const Session first(0);
  CHECK_SUCCESS(launch_faulty(first, "trapped", 0));
  CHECK_RESULT(cu.cuCtxSynchronize(), cudasim::kLaunchFailed);
  const Session second(1);
  const DevicePointer data = allocate(4);
  upload(data, {1});
  CHECK_SUCCESS(second.add_one(data, 1, second.stream));
  CHECK_SUCCESS(cu.cuCtxSynchronize());
  CHECK(download(data, 1)[0] == 2);
  CHECK_SUCCESS(cu.cuMemFree_v2(data));
}

// In a context that has failed host functions are not called.
TEST(host_functions_after_a_fault) {
  const Session session;
  int calls = 0;
  CHECK_SUCCESS(launch_faulty(session, "trapped", 0));
  const Result result = cu.cuLaunchHostFunc(
      session.stream, [](void* user) { ++*static_cast<int*>(user); }, &calls);
  CHECK(result == cudasim::kSuccess || result == cudasim::kLaunchFailed);
  CHECK_RESULT(cu.cuStreamSynchronize(session.stream), cudasim::kLaunchFailed);
  CHECK(calls == 0);
}

TEST(points) {
  const Session session;
  const DevicePointer data = allocate(8);
  upload(data, {1, 2});
  for (const Point& point : kPoints) {
    where = std::string("points: ") + point.name;
    CHECK_SUCCESS(point.call(session, data));
    CHECK(cu.fail((std::string(point.name) + ":2").c_str()) == 1);
    const cudasim_live_objects before = live();
    CHECK_SUCCESS(point.call(session, data));
    CHECK_RESULT(point.call(session, data), point.error);
    CHECK_SUCCESS(point.call(session, data));
    CHECK(cu.passed(point.name) == 3);
    CHECK(cu.fail((std::string(point.name) + ":1+=801").c_str()) == 1);
    for (int i = 0; i < 2; ++i) CHECK_RESULT(point.call(session, data), cudasim::kNotSupported);
    CHECK(cu.fail("") == 1);
    CHECK_SUCCESS(point.call(session, data));
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
    const Session session(device++);
    const DevicePointer data = allocate(8);
    upload(data, {1, 2});
    CHECK(cu.fail((std::string(name) + ":1=719").c_str()) == 1);
    for (const Point& point : kPoints) {
      if (strcmp(point.name, name) == 0) point.call(session, data);
    }
    CHECK_RESULT(cu.cuStreamSynchronize(session.stream), cudasim::kLaunchFailed);
    CHECK(strstr(cu.last_fault(), "was to fail") != nullptr);
    check_ended(session, data, cudasim::kLaunchFailed);
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
  const Session session;
  const DevicePointer data = allocate(4);
  DevicePointer more = 0;
  CHECK_RESULT(cu.cuMemAlloc_v2(&more, 4), cudasim::kOutOfMemory);
  CHECK_SUCCESS(cu.cuMemFree_v2(data));
}

TEST(what_lives) {
  {
    const Session session;
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
