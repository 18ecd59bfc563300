// What tests of the driver layer share: the double, streams and memory that end by themselves, an operation
// to run on them.
#ifndef TOKENSIEVE_TEST_CUDA_DRIVER_FIXTURE_H
#define TOKENSIEVE_TEST_CUDA_DRIVER_FIXTURE_H
#include <dlfcn.h>
#include <stdlib.h>

#include <vector>

#include "cuda/emulator/cudasim/cudasim.h"
#include "harness.h"
#include "tokensieve.h"

namespace test {

// What the double offers to tests.
struct Double {
  decltype(&cudasim_live) live = nullptr;
  decltype(&cudasim_fail) fail = nullptr;
  decltype(&cudasim_passed) passed = nullptr;

  bool open() {
    void* const library = dlopen(getenv("TOKENSIEVE_CUDA_DRIVER"), RTLD_NOW);
    if (library == nullptr) return false;
    live = reinterpret_cast<decltype(live)>(dlsym(library, "cudasim_live"));
    fail = reinterpret_cast<decltype(fail)>(dlsym(library, "cudasim_fail"));
    passed = reinterpret_cast<decltype(passed)>(dlsym(library, "cudasim_passed"));
    return live != nullptr && fail != nullptr && passed != nullptr;
  }
  cudasim_live_objects count() const {
    cudasim_live_objects objects;
    live(&objects);
    return objects;
  }
};
inline Double driver_double;

inline tsv_context new_context(void* stream = nullptr) {
  tsv_context context = {};
  context.size = sizeof context;
  context.stream = stream;
  return context;
}

inline bool is(const tsv_context& context, tsv_status status, const char* words) {
  const bool holds = context.error.status == status && strstr(context.error.expected, words) != nullptr;
  if (!holds)
    fprintf(stderr, "status %d: %s; %s\n", int(context.error.status), context.error.expected,
            context.error.got);
  return holds;
}

// A stream of a device for as long as this lives.
struct Stream {
  explicit Stream(int32_t number) : device(number), context(new_context()) {
    void* made = nullptr;
    CHECK(tsv_cuda_open_stream(&context, device, &made) == TSV_OK);
    context.stream = made;
  }
  ~Stream() { CHECK(tsv_cuda_close_stream(&context, device) == TSV_OK); }

  int32_t device;
  tsv_context context;
};

struct Bytes {
  Bytes(Stream& stream, uint64_t count) : stream_(stream) {
    status = tsv_cuda_allocate(&stream.context, stream.device, count, &data);
  }
  ~Bytes() {
    tsv_context context = new_context(stream_.context.stream);  // the stream's has errors to be looked at
    if (data != nullptr) CHECK(tsv_cuda_release(&context, stream_.device, data) == TSV_OK);
  }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;

  void* data = nullptr;
  tsv_status status;

 private:
  Stream& stream_;
};

// A tensor of float32 on a device.
struct DeviceTensor {
  DeviceTensor(int32_t device, void* data, std::initializer_list<int64_t> dims) : shape(dims) {
    tensor = {data, TSV_CUDA, device, int32_t(shape.size()), TSV_FLOAT32, shape.data(), nullptr, 0};
  }
  std::vector<int64_t> shape;
  tsv_tensor tensor;
};

constexpr int64_t kTokens = 5, kChannels = 7;

struct Norms {
  float x[kTokens * kChannels];
  float expected[kTokens];
  uint8_t mask[kTokens] = {0, 1, 2, 0, 0};

  explicit Norms(int64_t seed) {
    test::Random random(seed);
    for (float& value : x) value = random.number();
    const int64_t dims[] = {kTokens, kChannels};
    tsv_tensor input = {x, TSV_CPU, 0, 2, TSV_FLOAT32, dims, nullptr, 0};
    tsv_tensor output = {expected, TSV_CPU, 0, 1, TSV_FLOAT32, dims, nullptr, 0};
    tsv_context context = new_context();
    CHECK(run(&context, input, output) == TSV_OK);
  }
  // The mask stays on the host, wherever the others are.
  tsv_status run(tsv_context* context, const tsv_tensor& input, tsv_tensor output) const {
    const int64_t dims[] = {kTokens};
    const tsv_tensor masks = {const_cast<uint8_t*>(mask), TSV_CPU, 0, 1, TSV_UINT8, dims, nullptr, 0};
    tsv_token_norms_args arguments = {};
    arguments.size = sizeof arguments;
    arguments.x = &input;
    arguments.mask = &masks;
    arguments.p = 2;
    arguments.norms = &output;
    return tsv_token_norms(context, &arguments);
  }
  // Through a device, with everything given back: the first status that is not TSV_OK.
  tsv_status run_on(Stream& stream) const {
    const int32_t device = stream.device;
    Bytes input(stream, sizeof x);
    if (input.status != TSV_OK) return input.status;
    Bytes output(stream, sizeof expected);
    if (output.status != TSV_OK) return output.status;
    tsv_status status = tsv_cuda_upload(&stream.context, device, input.data, x, sizeof x);
    if (status != TSV_OK) return status;
    const DeviceTensor from(device, input.data, {kTokens, kChannels}), to(device, output.data, {kTokens});
    status = run(&stream.context, from.tensor, to.tensor);
    if (status != TSV_OK) return status;
    float got[kTokens];
    status = tsv_cuda_download(&stream.context, device, got, output.data, sizeof got);
    for (int64_t i = 0; i < kTokens && status == TSV_OK; ++i) CHECK_NEAR(got[i], expected[i], 1e-5);
    return status;
  }
};

}  // namespace test
#endif
