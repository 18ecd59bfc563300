// The driver layer on the double of libcuda with two devices: memory, copies, streams, waiting, faults that
// kernels report, failures at every place where the driver can fail, threads, and a device that is lost.
#include <atomic>
#include <thread>
#include <vector>

#include "cuda/driver/image.h"
#include "cuda/driver/queue.h"
#include "driver_fixture.h"
#include "harness.h"
#include "tokensieve.h"

using test::Bytes;
using test::DeviceTensor;
using test::driver_double;
using test::is;
using test::kChannels;
using test::kTokens;
using test::new_context;
using test::Norms;
using test::Stream;

namespace {

constexpr int kSkipped = 77;

void test_description() {
  test::where = "the devices";
  tsv_cuda_info info = {};
  info.size = sizeof info;
  CHECK(tsv_cuda_describe(&info) == TSV_OK);
  CHECK(info.available == 1 && info.emulated == 1 && info.driver_version >= 13000 && info.device_count == 2);
  CHECK(info.reason[0] == '\0');
  char name[64] = "";
  int32_t architecture = 0;
  CHECK(tsv_cuda_device(1, name, sizeof name, &architecture) == TSV_OK);
  CHECK(strlen(name) > 0 && architecture >= 75);
  CHECK(tsv_cuda_device(2, name, sizeof name, &architecture) == TSV_E_NO_CUDA);
  tsv_context context = new_context();
  CHECK(tsv_cuda_synchronize(&context, 2) == TSV_E_NO_CUDA &&
        is(context, TSV_E_NO_CUDA, "there is no CUDA device 2"));
}

void test_copies(int32_t device) {
  Stream stream(device);
  for (const uint64_t count :
       {uint64_t(0), uint64_t(1), uint64_t(255), uint64_t(300 << 10), uint64_t(1234567)}) {
    test::where = test::text("%d bytes to device %d and back", int(count), int(device));
    Bytes memory(stream, count);
    CHECK(memory.status == TSV_OK && reinterpret_cast<uintptr_t>(memory.data) % 256 == 0);
    std::vector<uint8_t> from(count), to(count, 7);
    for (uint64_t i = 0; i < count; ++i) from[i] = uint8_t(i * 31 + i / 256);
    const std::vector<uint8_t> expected = from;
    CHECK(tsv_cuda_upload(&stream.context, device, memory.data, from.data(), count) == TSV_OK);
    std::fill(from.begin(), from.end(), uint8_t(0));  // the upload has what it needs
    CHECK(tsv_cuda_download(&stream.context, device, to.data(), memory.data, count) == TSV_OK);
    CHECK(to == expected);
    CHECK(tsv_cuda_clear(&stream.context, device, memory.data, count) == TSV_OK);
    CHECK(tsv_cuda_download(&stream.context, device, to.data(), memory.data, count) == TSV_OK);
    CHECK(to == std::vector<uint8_t>(count, 0));
  }
}

void test_streams() {
  test::where = "one stream after another";
  Stream first(0), second(0);
  Bytes memory(first, 4);
  const uint32_t number = 0x12345678;
  uint32_t back = 0;
  CHECK(tsv_cuda_upload(&first.context, 0, memory.data, &number, sizeof number) == TSV_OK);
  CHECK(tsv_cuda_follow(&second.context, 0, first.context.stream) == TSV_OK);
  CHECK(tsv_cuda_download(&second.context, 0, &back, memory.data, sizeof back) == TSV_OK);
  CHECK(back == number);
  void* event = nullptr;
  CHECK(tsv_cuda_record(&first.context, 0, &event) == TSV_OK && event != nullptr);
  tsv_context other = new_context();
  std::thread([&] { CHECK(tsv_cuda_wait(&other, 0, event) == TSV_OK); }).join();
  CHECK(tsv_cuda_synchronize(&other, 0) == TSV_OK);  // the default stream
}

// What kernels do when they find something, by a copy into the record.
void report(Stream& stream, const tsv::cuda::FaultRecord& fault, void* somewhere) {
  tsv::Check check(&stream.context, tsv::Devices::kCpuAndCuda);
  const DeviceTensor x(stream.device, somewhere, {1});
  check.input(&x.tensor, TSV_ARG_X, tsv::kFloat32, 1, 1);
  CHECK(check.on_device() && check.device() == stream.device);
  tsv::cuda::Queue queue(&stream.context, check);
  queue.copy(queue.fault(), queue.upload(&fault, 1), sizeof fault);
  CHECK(queue.status() == TSV_OK);
}

void test_faults() {
  Stream stream(1), other(1);
  Bytes memory(stream, 64);
  tsv_context& context = stream.context;
  const tsv::cuda::FaultRecord range = {TSV_E_RANGE, TSV_ARG_INDICES, tsv::cuda::kFaultRange, 0, 0, 576, 17,
                                        600};
  const tsv::cuda::FaultRecord negative = {TSV_E_RANGE, TSV_ARG_X, tsv::cuda::kFaultNegative, 0, 0, 0,
                                           3,           -0.25};
  const auto said = [](const tsv_context& c, int32_t argument, const char* expected, const char* got) {
    CHECK_THAT(c.error.argument == argument && strcmp(c.error.expected, expected) == 0 &&
                   strcmp(c.error.got, got) == 0,
               "argument %d: %s; got %s", int(c.error.argument), c.error.expected, c.error.got);
  };

  test::where = "a fault, to who waits for the stream";
  report(stream, range, memory.data);
  CHECK(tsv_cuda_synchronize(&other.context, 1) == TSV_OK);
  CHECK(tsv_cuda_synchronize(&context, 1) == TSV_E_RANGE);
  said(context, TSV_ARG_INDICES, "integers from 0 to 576", "600 at element 17");
  CHECK(tsv_cuda_synchronize(&context, 1) == TSV_OK);

  test::where = "a fault, to who downloads";
  report(stream, negative, memory.data);
  char bytes[4];
  CHECK(tsv_cuda_download(&context, 1, bytes, memory.data, sizeof bytes) == TSV_E_RANGE);
  said(context, TSV_ARG_X, "numbers from 0", "-0.25 at element 3");
  CHECK(tsv_cuda_download(&context, 1, bytes, memory.data, sizeof bytes) == TSV_OK);

  test::where = "faults, each to who recorded after it";
  void *first = nullptr, *second = nullptr, *third = nullptr;
  report(stream, range, memory.data);
  CHECK(tsv_cuda_record(&context, 1, &first) == TSV_OK);
  report(stream, negative, memory.data);
  CHECK(tsv_cuda_record(&context, 1, &second) == TSV_OK);
  CHECK(tsv_cuda_record(&context, 1, &third) == TSV_OK);
  tsv_context waiting = new_context();
  CHECK(tsv_cuda_wait(&waiting, 1, second) == TSV_E_RANGE && waiting.error.argument == TSV_ARG_X);
  CHECK(tsv_cuda_wait(&waiting, 1, third) == TSV_OK);
  CHECK(tsv_cuda_wait(&waiting, 1, first) == TSV_E_RANGE && waiting.error.argument == TSV_ARG_INDICES);
}

void test_launches() {
  test::where = "arguments of another size than the kernel takes";
  Stream stream(0);
  Bytes memory(stream, 64);
  const DeviceTensor x(0, memory.data, {4});
  tsv::Check check(&stream.context, tsv::Devices::kCpuAndCuda);
  check.input(&x.tensor, TSV_ARG_X, tsv::kFloat32, 1, 1);
  {
    tsv::cuda::Queue queue(&stream.context, check);
    queue.launch(tsv::cuda::Kernel::token_norms_f32, {0}, 32, 0, 7);  // nothing is launched: nothing is wrong
    CHECK(queue.status() == TSV_OK);
    queue.launch(tsv::cuda::Kernel::token_norms_f32, {1}, 32, 0, 7);
    CHECK(queue.status() == TSV_E_CUDA && is(stream.context, TSV_E_CUDA, "tsv_token_norms_f32"));
    CHECK(queue.scratch(16) == nullptr && queue.fault() == nullptr);  // after a failure there is nothing
  }
  test::where = "a call that was cancelled";
  const volatile int32_t raised = 1;
  stream.context.cancelled = &raised;
  tsv::cuda::Queue queue(&stream.context, check);
  queue.launch(tsv::cuda::Kernel::token_norms_f32, {1}, 32, 0, tsv::cuda::TokenNormsArguments{});
  CHECK(queue.status() == TSV_E_CANCELLED);
  stream.context.cancelled = nullptr;
}

void test_operations() {
  const Norms norms(1);
  for (const int32_t device : {0, 1}) {
    test::where = test::text("norms on device %d", int(device));
    Stream stream(device);
    CHECK(norms.run_on(stream) == TSV_OK);
  }
  test::where = "tensors of two devices";
  Stream stream(0);
  Bytes memory(stream, 256);
  const DeviceTensor from(0, memory.data, {kTokens, kChannels}), to(1, memory.data, {kTokens});
  CHECK(norms.run(&stream.context, from.tensor, to.tensor) == TSV_E_DEVICE);
  test::where = "the default stream";
  tsv_context context = new_context();
  void* pointer = nullptr;
  CHECK(tsv_cuda_allocate(&context, 0, sizeof norms.x, &pointer) == TSV_OK);
  const DeviceTensor same(0, pointer, {kTokens, kChannels});
  Bytes output(stream, sizeof norms.expected);
  CHECK(tsv_cuda_follow(&context, 0, stream.context.stream) == TSV_OK);
  CHECK(tsv_cuda_upload(&context, 0, pointer, norms.x, sizeof norms.x) == TSV_OK);
  CHECK(norms.run(&context, same.tensor, DeviceTensor(0, output.data, {kTokens}).tensor) == TSV_OK);
  CHECK(tsv_cuda_release(&context, 0, pointer) == TSV_OK);
  CHECK(tsv_cuda_synchronize(&context, 0) == TSV_OK);
}

// Beside another stack that uses the same devices: its current context, its stream, its memory.
void test_host_stack() {
  test::where = "another stack's context, stream and memory";
  using tsv::cuda::api;
  const Norms norms(6);
  tsv::cuda::CUdevice handle = 0;
  tsv::cuda::CUcontext theirs = nullptr, current = nullptr;
  tsv::cuda::CUstream stream = nullptr;
  tsv::cuda::CUdeviceptr x = 0, y = 0;
  CHECK(api().cuDeviceGet(&handle, 1) == tsv::cuda::CUDA_SUCCESS);
  CHECK(api().cuDevicePrimaryCtxRetain(&theirs, handle) == tsv::cuda::CUDA_SUCCESS);
  CHECK(api().cuCtxPushCurrent_v2(theirs) == tsv::cuda::CUDA_SUCCESS);
  CHECK(api().cuStreamCreate(&stream, 0) == tsv::cuda::CUDA_SUCCESS);
  CHECK(api().cuMemAlloc_v2(&x, sizeof norms.x) == tsv::cuda::CUDA_SUCCESS);
  CHECK(api().cuMemAlloc_v2(&y, sizeof norms.expected) == tsv::cuda::CUDA_SUCCESS);
  CHECK(api().cuMemcpyHtoDAsync_v2(x, norms.x, sizeof norms.x, stream) == tsv::cuda::CUDA_SUCCESS);

  tsv_context context = new_context(stream);
  const DeviceTensor from(1, tsv::cuda::pointer(x), {kTokens, kChannels}),
      to(1, tsv::cuda::pointer(y), {kTokens});
  CHECK(norms.run(&context, from.tensor, to.tensor) == TSV_OK);
  float got[kTokens] = {};
  CHECK(api().cuMemcpyDtoHAsync_v2(got, y, sizeof got, stream) == tsv::cuda::CUDA_SUCCESS);
  CHECK(api().cuStreamSynchronize(stream) == tsv::cuda::CUDA_SUCCESS);
  for (int64_t i = 0; i < kTokens; ++i) CHECK_NEAR(got[i], norms.expected[i], 1e-5);
  {
    Stream ours(0);
    CHECK(norms.run_on(ours) == TSV_OK);
  }

  CHECK(api().cuMemFree_v2(x) == tsv::cuda::CUDA_SUCCESS && api().cuMemFree_v2(y) == tsv::cuda::CUDA_SUCCESS);
  CHECK(api().cuStreamDestroy_v2(stream) == tsv::cuda::CUDA_SUCCESS);
  CHECK(api().cuCtxPopCurrent_v2(&current) == tsv::cuda::CUDA_SUCCESS && current == theirs);
  CHECK(api().cuDevicePrimaryCtxRelease_v2(handle) == tsv::cuda::CUDA_SUCCESS);
}

// Nothing is left but blocks of pinned memory for copies under way, each with its event: so many are used as
// are needed.
bool no_more(const cudasim_live_objects& now, const cudasim_live_objects& before) {
  const bool holds =
      now.contexts <= before.contexts && now.streams <= before.streams && now.modules <= before.modules &&
      now.pools <= before.pools && now.allocations <= before.allocations &&
      now.events + before.pinned_blocks <= before.events + now.pinned_blocks && now.pinned_blocks < 40;
  if (!holds)
    fprintf(stderr, "events %d, allocations %d, pinned blocks %d; before %d, %d, %d\n", int(now.events),
            int(now.allocations), int(now.pinned_blocks), int(before.events), int(before.allocations),
            int(before.pinned_blocks));
  return holds;
}

// What is opened once fails once, and not for ever after.
void test_failures_at_first() {
  tsv_context context = new_context();
  const Norms norms(2);
  test::where = "a context that can not be made";
  CHECK(driver_double.fail("context:1"));
  CHECK(tsv_cuda_synchronize(&context, 0) == TSV_E_MEMORY &&
        is(context, TSV_E_MEMORY, "could not be opened"));
  CHECK(driver_double.count().contexts == 0);
  CHECK(tsv_cuda_synchronize(&context, 0) == TSV_OK);
  test::where = "a stream that can not be made";
  CHECK(driver_double.fail("stream:1"));
  void* made = nullptr;
  CHECK(tsv_cuda_open_stream(&context, 0, &made) == TSV_E_MEMORY && made == nullptr);
  Stream stream(0);
  for (const char* plan : {"module:1", "pool:1"}) {
    test::where = plan;
    CHECK(driver_double.fail(plan));
    const tsv_status status = norms.run_on(stream);
    CHECK(status ==
          (driver_double.passed(std::string(plan, strchr(plan, ':')).c_str()) > 0 ? TSV_E_MEMORY : TSV_OK));
    CHECK(norms.run_on(stream) == TSV_OK);
  }
  driver_double.fail("");
}

void test_failures() {
  const Norms norms(3);
  Stream stream(0);
  const struct {
    const char* point;
    tsv_status status;
  } points[] = {{"allocate", TSV_E_MEMORY}, {"event", TSV_E_MEMORY}, {"pinned", TSV_E_MEMORY},
                {"launch", TSV_E_CUDA},     {"upload", TSV_E_CUDA},  {"download", TSV_E_CUDA},
                {"fill", TSV_E_CUDA}};
  for (int i = 0; i < 2; ++i) CHECK(norms.run_on(stream) == TSV_OK);
  const cudasim_live_objects before = driver_double.count();
  for (const auto& [point, status] : points) {
    for (int n = 1;; ++n) {
      test::where = test::text("failure %d at %s", n, point);
      driver_double.fail(test::text("%s:%d", point, n).c_str());
      const tsv_status got = norms.run_on(stream);
      const bool struck = driver_double.passed(point) >= uint64_t(n);
      driver_double.fail("");
      CHECK_THAT(struck ? got == status || got == TSV_OK : got == TSV_OK, "status %d: %s; %s", int(got),
                 stream.context.error.expected, stream.context.error.got);
      CHECK(tsv_cuda_synchronize(&stream.context, 0) == TSV_OK);
      CHECK(no_more(driver_double.count(), before));
      if (!struck) break;
    }
    CHECK(norms.run_on(stream) == TSV_OK);
  }
}

void test_threads() {
  test::where = "threads, with streams of their own and one for all";
  Stream shared(1);
  std::vector<std::thread> threads;
  std::atomic<int> done{0};
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      const Norms norms(10 + t);
      Stream own(t % 2);
      Stream* const stream = t < 4 ? &own : nullptr;
      for (int i = 0; i < 10; ++i) {
        if (stream != nullptr) {
          done += norms.run_on(*stream) == TSV_OK;
          continue;
        }
        // The context is the caller's own, the stream is not.
        tsv_context context = new_context(shared.context.stream);
        float numbers[16] = {}, back[16];
        void *memory = nullptr, *event = nullptr;
        for (float& number : numbers) number = float(t * 100 + i);
        const bool good = tsv_cuda_allocate(&context, 1, sizeof numbers, &memory) == TSV_OK &&
                          tsv_cuda_upload(&context, 1, memory, numbers, sizeof numbers) == TSV_OK &&
                          tsv_cuda_record(&context, 1, &event) == TSV_OK &&
                          tsv_cuda_wait(&context, 1, event) == TSV_OK &&
                          tsv_cuda_download(&context, 1, back, memory, sizeof back) == TSV_OK &&
                          tsv_cuda_release(&context, 1, memory) == TSV_OK;
        done += good && memcmp(numbers, back, sizeof back) == 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_THAT(done == 60, "%d of 60 went well", done.load());
}

// Last: device 0 is of no use afterwards.
void test_lost_device() {
  test::where = "a device that is lost";
  const Norms norms(4);
  Stream stream(0), other(1);
  Bytes memory(stream, 1024);
  void* event = nullptr;
  CHECK(tsv_cuda_record(&stream.context, 0, &event) == TSV_OK);
  driver_double.fail("launch:1=719");
  CHECK(norms.run_on(stream) == TSV_E_CUDA);
  CHECK(strcmp(stream.context.error.got, "CUDA_ERROR_LAUNCH_FAILED") == 0);
  driver_double.fail("");
  tsv_context context = new_context();
  CHECK(tsv_cuda_synchronize(&context, 0) == TSV_E_CUDA && is(context, TSV_E_CUDA, "until the process ends"));
  CHECK(tsv_cuda_wait(&context, 0, event) == TSV_E_CUDA);
  CHECK(norms.run_on(stream) == TSV_E_CUDA);
  CHECK(norms.run_on(other) == TSV_OK);
  const Norms on_the_cpu(5);
}

}  // namespace

int main() {
  if (!driver_double.open()) {
    printf("cuda_driver_tests: skipped, there is no double of libcuda\n");
    return kSkipped;
  }
  if (tsv::cuda::embedded_image().problem() != nullptr) {
    printf("cuda_driver_tests: skipped, %s\n", tsv::cuda::embedded_image().problem());
    return kSkipped;
  }
  test_description();
  test_failures_at_first();
  for (const int32_t device : {0, 1}) test_copies(device);
  test_streams();
  test_faults();
  test_launches();
  test_operations();
  test_host_stack();
  test_failures();
  test_threads();
  test_lost_device();
  return test::finish("cuda_driver_tests");
}