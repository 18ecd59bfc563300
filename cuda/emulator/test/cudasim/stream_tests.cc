// Order: within a stream, between streams, and with the host, which does not wait unless it says so.
#include <atomic>
#include <thread>

#include "client.h"

using namespace test;

namespace {

constexpr uint32_t kLong = 300000;  // rounds: some milliseconds

struct Streams {
  explicit Streams(unsigned flags) {
    for (Handle& stream : all) CHECK_SUCCESS(cu.cuStreamCreate(&stream, flags));
  }
  ~Streams() {
    for (Handle stream : all) CHECK_SUCCESS(cu.cuStreamDestroy_v2(stream));
  }
  Handle all[2] = {};
};

}  // namespace

TEST(a_stream_keeps_order, "TOKENSIEVE_CUDASIM_SEED=3") {
  const Client client;
  const DevicePointer data = allocate(kCount * 4);
  CHECK_SUCCESS(cu.cuMemsetD32Async(data, 0, kCount, client.stream));
  for (int i = 0; i < 20; ++i) CHECK_SUCCESS(client.add_one(data, kCount, client.stream));
  CHECK_SUCCESS(cu.cuStreamSynchronize(client.stream));
  CHECK(download(data, kCount) == std::vector<uint32_t>(kCount, 20));
  CHECK_SUCCESS(cu.cuMemFree_v2(data));
}

// A launch returns before the kernel has run: who does not wait reads what was there before.
TEST(the_host_goes_on) {
  const Client client;
  const DevicePointer data = allocate(4), value = allocate(4);
  upload(data, {1});
  CHECK_SUCCESS(client.store_late(data, 2, kLong, client.stream));
  CHECK_RESULT(cu.cuStreamQuery(client.stream), cudasim::kNotReady);
  const cudasim_live_objects during = live();
  CHECK(during.allocations == 2);
  CHECK_SUCCESS(cu.cuStreamSynchronize(client.stream));
  CHECK_SUCCESS(cu.cuStreamQuery(client.stream));
  CHECK(download(data, 1)[0] == 2);
  CHECK_SUCCESS(cu.cuMemFree_v2(data));
  CHECK_SUCCESS(cu.cuMemFree_v2(value));
}

TEST(events) {
  const Client client;
  const Streams streams(cudasim::kStreamNonBlocking);
  const DevicePointer data = allocate(4);
  Handle start = nullptr, end = nullptr, untimed = nullptr;
  CHECK_SUCCESS(cu.cuEventCreate(&start, 0));
  CHECK_SUCCESS(cu.cuEventCreate(&end, cudasim::kEventBlockingSync));
  CHECK_SUCCESS(cu.cuEventCreate(&untimed, cudasim::kEventDisableTiming));
  CHECK_RESULT(cu.cuEventCreate(&start, 64), cudasim::kInvalidValue);
  float milliseconds = -1;
  CHECK_SUCCESS(cu.cuEventQuery(end));  // never recorded
  CHECK_SUCCESS(cu.cuEventSynchronize(end));
  CHECK_RESULT(cu.cuEventElapsedTime(&milliseconds, start, end), cudasim::kInvalidHandle);
  CHECK_SUCCESS(cu.cuEventRecord(start, streams.all[0]));
  CHECK_SUCCESS(client.store_late(data, 5, kLong, streams.all[0]));
  CHECK_SUCCESS(cu.cuEventRecord(end, streams.all[0]));
  CHECK_SUCCESS(cu.cuEventRecord(untimed, streams.all[0]));
  CHECK_RESULT(cu.cuEventQuery(end), cudasim::kNotReady);
  CHECK_RESULT(cu.cuEventElapsedTime(&milliseconds, start, end), cudasim::kNotReady);
  // Another stream waits, and copies what the first has stored
  CHECK_SUCCESS(cu.cuStreamWaitEvent(streams.all[1], end, 0));
  uint32_t value = 0;
  CHECK_SUCCESS(cu.cuMemcpyDtoHAsync_v2(&value, data, 4, streams.all[1]));
  CHECK(value == 5);
  CHECK_SUCCESS(cu.cuEventSynchronize(end));
  CHECK_SUCCESS(cu.cuEventElapsedTime(&milliseconds, start, end));
  CHECK(milliseconds > 0);
  CHECK_SUCCESS(cu.cuEventSynchronize(untimed));
  CHECK_RESULT(cu.cuEventElapsedTime(&milliseconds, start, untimed), cudasim::kInvalidHandle);
  for (Handle event : {start, end, untimed}) CHECK_SUCCESS(cu.cuEventDestroy_v2(event));
  CHECK_RESULT(cu.cuEventDestroy_v2(end), cudasim::kInvalidHandle);
  CHECK_RESULT(cu.cuEventRecord(end, streams.all[0]), cudasim::kInvalidHandle);
  CHECK_SUCCESS(cu.cuMemFree_v2(data));
}

// Waiting for an event means its record of then, whatever is recorded later or destroyed.
TEST(events_are_of_their_moment) {
  const Client client;
  const Streams streams(cudasim::kStreamNonBlocking);
  const DevicePointer data = allocate(4);
  upload(data, {0});
  Handle event = nullptr;
  CHECK_SUCCESS(cu.cuEventCreate(&event, 0));
  CHECK_SUCCESS(client.store_late(data, 1, kLong, streams.all[0]));
  CHECK_SUCCESS(cu.cuEventRecord(event, streams.all[0]));
  CHECK_SUCCESS(cu.cuStreamWaitEvent(streams.all[1], event, 0));
  CHECK_SUCCESS(cu.cuEventRecord(event, streams.all[0]));
  CHECK_SUCCESS(cu.cuEventDestroy_v2(event));
  CHECK_SUCCESS(client.add_one(data, 1, streams.all[1]));
  CHECK_SUCCESS(cu.cuCtxSynchronize());
  CHECK(download(data, 1)[0] == 2);
  CHECK_SUCCESS(cu.cuMemFree_v2(data));
}

// Streams that are not told otherwise wait for the default stream, and it for them.
TEST(the_default_stream) {
  const Client client;
  const Streams streams(0);
  const DevicePointer data = allocate(4);
  upload(data, {0});
  CHECK_SUCCESS(client.store_late(data, 1, kLong, streams.all[0]));
  CHECK_SUCCESS(client.add_one(data, 1, nullptr));
  CHECK_SUCCESS(client.add_one(data, 1, streams.all[1]));
  CHECK_SUCCESS(client.add_one(data, 1, reinterpret_cast<Handle>(cudasim::kLegacyStream)));
  CHECK_SUCCESS(cu.cuCtxSynchronize());
  CHECK(download(data, 1)[0] == 4);
  const auto per_thread = reinterpret_cast<Handle>(cudasim::kPerThreadStream);
  CHECK_SUCCESS(client.store_late(data, 1, kLong, per_thread));
  CHECK_SUCCESS(client.add_one(data, 1, nullptr));
  CHECK(download(data, 1)[0] == 2);
  CHECK_SUCCESS(cu.cuMemFree_v2(data));
}

TEST(streams_end) {
  const Client client;
  const DevicePointer data = allocate(4);
  Handle stream = nullptr, context = nullptr;
  CHECK_RESULT(cu.cuStreamCreate(&stream, 8), cudasim::kInvalidValue);
  CHECK_SUCCESS(cu.cuStreamCreateWithPriority(&stream, cudasim::kStreamNonBlocking, -1));
  CHECK_SUCCESS(cu.cuStreamGetCtx(stream, &context));
  CHECK(context == client.context);
  CHECK_SUCCESS(client.store_late(data, 6, kLong, stream));
  CHECK_SUCCESS(cu.cuStreamDestroy_v2(stream));  // returns at once; the work goes on
  CHECK_RESULT(cu.cuStreamDestroy_v2(stream), cudasim::kInvalidHandle);
  CHECK_RESULT(cu.cuStreamSynchronize(stream), cudasim::kInvalidHandle);
  CHECK_RESULT(cu.cuStreamSynchronize(client.context), cudasim::kInvalidHandle);
  CHECK_SUCCESS(cu.cuCtxSynchronize());
  CHECK(download(data, 1)[0] == 6);
  CHECK_SUCCESS(cu.cuMemFree_v2(data));
}

TEST(host_functions) {
  const Client client;
  struct Seen {
    const DevicePointer data = allocate(4);
    std::atomic<int> calls{0};
    Result inside = cudasim::kSuccess;
  } seen;
  CHECK_SUCCESS(client.store_late(seen.data, 1, kLong, client.stream));
  CHECK_SUCCESS(cu.cuLaunchHostFunc(
      client.stream,
      [](void* user) {
        auto* const told = static_cast<Seen*>(user);
        DevicePointer address = 0;
        told->inside = cu.cuMemAlloc_v2(&address, 4);
        ++told->calls;
      },
      &seen));
  CHECK(seen.calls == 0);
  CHECK_SUCCESS(cu.cuStreamSynchronize(client.stream));
  CHECK(seen.calls == 1);
  CHECK_RESULT(seen.inside, cudasim::kNotPermitted);
  CHECK_SUCCESS(cu.cuMemFree_v2(seen.data));
}

// Threads of the host with contexts, streams and memory of their own, all at once.
TEST(threads, "TOKENSIEVE_CUDASIM_DEVICES=2", "TOKENSIEVE_CUDASIM_SEED=11") {
  CHECK_SUCCESS(cu.cuInit(0));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      const auto check = [&](Result result) { wrong += result == cudasim::kSuccess ? 0 : 1; };
      Handle context = nullptr, stream = nullptr, module = nullptr, function = nullptr;
      check(cu.cuDevicePrimaryCtxRetain(&context, thread % 2));
      check(cu.cuCtxPushCurrent_v2(context));
      check(cu.cuStreamCreate(&stream, thread / 2 == 0 ? unsigned(cudasim::kStreamNonBlocking) : 0u));
      check(cu.cuModuleLoadData(&module, kernels(75)));
      check(cu.cuModuleGetFunction(&function, module, "add_one"));
      for (int round = 0; round < 10; ++round) {
        DevicePointer data = 0;
        check(cu.cuMemAllocAsync(&data, 400, stream));
        uint32_t count = 100, host[100];
        check(cu.cuMemsetD32Async(data, unsigned(thread), count, stream));
        void* parameters[] = {&data, &count};
        check(cu.cuLaunchKernel(function, 1, 1, 1, 128, 1, 1, 0, stream, parameters, nullptr));
        check(cu.cuMemcpyDtoHAsync_v2(host, data, sizeof host, stream));
        check(cu.cuMemFreeAsync(data, stream));
        for (const uint32_t value : host) wrong += value == uint32_t(thread) + 1 ? 0 : 1;
      }
      check(cu.cuModuleUnload(module));
      check(cu.cuStreamDestroy_v2(stream));
      check(cu.cuCtxPopCurrent_v2(nullptr));
      check(cu.cuDevicePrimaryCtxRelease_v2(thread % 2));
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(nothing_lives());
}
