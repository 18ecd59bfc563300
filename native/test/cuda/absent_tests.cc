// A CUDA driver that is not there or is none: reasons and codes, and everything else works. Each run of this
// program loads one driver: TOKENSIEVE_CUDA_DRIVER, and the words that the reason must hold.
#include <stdlib.h>

#include "harness.h"
#include "tokensieve.h"

namespace {

void test_description(const char* words) {
  test::where = "what tsv_cuda_describe says";
  tsv_cuda_info info = {};
  CHECK(tsv_cuda_describe(&info) == TSV_E_ABI);
  CHECK(tsv_cuda_describe(nullptr) == TSV_E_ABI);
  info.size = sizeof info;
  CHECK(tsv_cuda_describe(&info) == TSV_OK);
  CHECK(info.available == 0 && info.device_count == 0);
  CHECK_THAT(strstr(info.reason, words) != nullptr, "'%s' lacks '%s'", info.reason, words);
  int32_t architecture = -1;
  char name[8];
  CHECK(tsv_cuda_device(0, name, sizeof name, &architecture) == TSV_E_NO_CUDA);
}

void test_calls(const char* words) {
  tsv_context context = {};
  context.size = sizeof context;
  const auto refused = [&](const char* what, tsv_status status) {
    test::where = what;
    CHECK(status == TSV_E_NO_CUDA);
    CHECK(context.error.status == TSV_E_NO_CUDA);
    CHECK_THAT(strstr(context.error.expected, words) != nullptr, "'%s' lacks '%s'", context.error.expected,
               words);
  };
  void* pointer = &context;
  refused("open_stream", tsv_cuda_open_stream(&context, 0, &pointer));
  CHECK(pointer == nullptr);
  refused("close_stream", tsv_cuda_close_stream(&context, 0));
  pointer = &context;
  refused("allocate", tsv_cuda_allocate(&context, 0, 16, &pointer));
  CHECK(pointer == nullptr);
  refused("release", tsv_cuda_release(&context, 0, nullptr));
  refused("upload", tsv_cuda_upload(&context, 0, nullptr, words, 4));
  refused("download", tsv_cuda_download(&context, 0, &context, nullptr, 4));
  refused("clear", tsv_cuda_clear(&context, 0, nullptr, 4));
  refused("synchronize", tsv_cuda_synchronize(&context, 0));
  refused("record", tsv_cuda_record(&context, 0, &pointer));
  refused("wait", tsv_cuda_wait(&context, 0, nullptr));
  refused("follow", tsv_cuda_follow(&context, 0, nullptr));
  refused("a device of no number", tsv_cuda_synchronize(&context, -1));

  test::where = "without a context";
  CHECK(tsv_cuda_synchronize(nullptr, 0) == TSV_E_ABI);
  CHECK(tsv_cuda_allocate(nullptr, 0, 1, &pointer) == TSV_E_ABI);
}

void test_operations() {
  test::where = "tensors on a device that is not there, and on the CPU";
  float x[6] = {3, 4, 0, 5, 12, 0}, norms[2] = {};
  const int64_t shape[] = {2, 3}, rows[] = {2};
  tsv_tensor input = {x, TSV_CUDA, 0, 2, TSV_FLOAT32, shape, nullptr, 0};
  tsv_tensor output = {norms, TSV_CUDA, 0, 1, TSV_FLOAT32, rows, nullptr, 0};
  tsv_token_norms_args arguments = {};
  arguments.size = sizeof arguments;
  arguments.x = &input;
  arguments.p = 2;
  arguments.norms = &output;
  tsv_context context = {};
  context.size = sizeof context;
  CHECK(tsv_token_norms(&context, &arguments) == TSV_E_NO_CUDA);
  input.device_type = output.device_type = TSV_CPU;
  CHECK(tsv_token_norms(&context, &arguments) == TSV_OK);
  CHECK(norms[0] == 5 && norms[1] == 13);
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) return 2;
  test_description(words[1]);
  test_calls(words[1]);
  test_operations();
  return test::finish("cuda_absent_tests");
}
