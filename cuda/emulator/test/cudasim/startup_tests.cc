// Starting: versions, devices, what they say of themselves, contexts.
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

using namespace test;
using cudasim::DeviceAttribute;

namespace {

int attribute(DeviceAttribute which, int device = 0) {
  int value = -1;
  CHECK_SUCCESS(cu.cuDeviceGetAttribute(&value, which, device));
  return value;
}

std::string device_name(int device) {
  char name[64] = "";
  CHECK_SUCCESS(cu.cuDeviceGetName(name, sizeof name, device));
  return name;
}

}  // namespace

TEST(a_plain_start) {
  int version = 0, count = 0;
  CHECK(cu.version() == CUDASIM_VERSION);
  CHECK_SUCCESS(cu.cuDriverGetVersion(&version));
  CHECK(version == 13000);
  CHECK_RESULT(cu.cuDeviceGetCount(&count), cudasim::kNotInitialized);
  CHECK_RESULT(cu.cuInit(1), cudasim::kInvalidValue);
  CHECK_SUCCESS(cu.cuInit(0));
  CHECK_SUCCESS(cu.cuInit(0));
  CHECK_SUCCESS(cu.cuDeviceGetCount(&count));
  CHECK(count == 1);
  CHECK(device_name(0) == "Emulated H100-like sm_90 (libcudasim)");
  CHECK(attribute(DeviceAttribute::kComputeCapabilityMajor) == 9);
  CHECK(attribute(DeviceAttribute::kComputeCapabilityMinor) == 0);
  CHECK(attribute(DeviceAttribute::kMultiprocessors) == 132);
  CHECK(attribute(DeviceAttribute::kMaxSharedPerBlockOptin) == 227 * 1024);
  CHECK(attribute(DeviceAttribute::kMemoryPools) == 1);
  int value = 0, device = -1;
  CHECK_RESULT(cu.cuDeviceGetAttribute(&value, DeviceAttribute(100000), 0), cudasim::kInvalidValue);
  CHECK_SUCCESS(cu.cuDeviceGet(&device, 0));
  CHECK(device == 0);
  CHECK_RESULT(cu.cuDeviceGet(&device, 1), cudasim::kInvalidDevice);
  CHECK_RESULT(cu.cuDeviceGet(&device, -1), cudasim::kInvalidDevice);
  char short_name[9];
  CHECK_SUCCESS(cu.cuDeviceGetName(short_name, sizeof short_name, 0));
  CHECK(strcmp(short_name, "Emulated") == 0);
  size_t bytes = 0;
  CHECK_SUCCESS(cu.cuDeviceTotalMem_v2(&bytes, 0));
  CHECK(bytes == size_t(1) << 34);
}

TEST(turing, "TOKENSIEVE_CUDASIM_ARCH=75", "TOKENSIEVE_CUDASIM_POOLS=0",
     "TOKENSIEVE_CUDASIM_MEMORY=1048576") {
  const Client client;
  CHECK(device_name(0) == "Emulated T4-like sm_75 (libcudasim)");
  CHECK(attribute(DeviceAttribute::kMaxSharedPerBlockOptin) == 64 * 1024);
  CHECK(attribute(DeviceAttribute::kMemoryPools) == 0);
  Handle module = nullptr;
  CHECK_RESULT(cu.cuModuleLoadData(&module, kernels(80)), cudasim::kInvalidPtx);
  CHECK(strstr(cu.last_fault(), "sm_80") != nullptr);
  DevicePointer address = 0;
  CHECK_RESULT(cu.cuMemAllocAsync(&address, 16, client.stream), cudasim::kNotSupported);
  CHECK_RESULT(cu.cuMemAlloc_v2(&address, 1048577), cudasim::kOutOfMemory);
  CHECK_SUCCESS(cu.cuMemAlloc_v2(&address, 524288));
  CHECK_SUCCESS(cu.cuMemFree_v2(address));
}

TEST(no_device, "TOKENSIEVE_CUDASIM_DEVICES=0") {
  int version = 0;
  CHECK_SUCCESS(cu.cuDriverGetVersion(&version));
  CHECK_RESULT(cu.cuInit(0), cudasim::kNoDevice);
  CHECK_RESULT(cu.cuInit(0), cudasim::kNoDevice);
  int count = 0;
  CHECK_RESULT(cu.cuDeviceGetCount(&count), cudasim::kNotInitialized);
}

TEST(failing_start, "TOKENSIEVE_CUDASIM_FAIL=init:1=999") { CHECK_RESULT(cu.cuInit(0), cudasim::kUnknown); }

TEST(senseless_architecture, "TOKENSIEVE_CUDASIM_ARCH=77") {
  CHECK_RESULT(cu.cuInit(0), cudasim::kInvalidValue);
  CHECK(strstr(cu.last_fault(),
               "TOKENSIEVE_CUDASIM_ARCH must be one of 75, 80, 86, 89, 90, 100, 120; got '77'"));
}

TEST(senseless_number, "TOKENSIEVE_CUDASIM_DEVICES=two") {
  CHECK_RESULT(cu.cuInit(0), cudasim::kInvalidValue);
  CHECK(strstr(cu.last_fault(), "TOKENSIEVE_CUDASIM_DEVICES must be a number from 0 to 16; got 'two'"));
}

TEST(senseless_plan, "TOKENSIEVE_CUDASIM_FAIL=lunch:1") {
  CHECK_RESULT(cu.cuInit(0), cudasim::kInvalidValue);
}

TEST(old_driver, "TOKENSIEVE_CUDASIM_DRIVER_VERSION=11040") {
  int version = 0;
  CHECK_SUCCESS(cu.cuDriverGetVersion(&version));
  CHECK(version == 11040);
  CHECK_SUCCESS(cu.cuInit(0));
  Handle context = nullptr, module = nullptr;
  CHECK_SUCCESS(cu.cuDevicePrimaryCtxRetain(&context, 0));
  CHECK_SUCCESS(cu.cuCtxPushCurrent_v2(context));
  CHECK_RESULT(cu.cuModuleLoadData(&module, kernels(75)), cudasim::kUnsupportedPtxVersion);
  CHECK_SUCCESS(cu.cuDevicePrimaryCtxRelease_v2(0));
}

TEST(addresses_of_functions) {
  void* function = nullptr;
  cudasim::ProcQuery status = {};
  CHECK_SUCCESS(cu.cuGetProcAddress_v2("cuMemAlloc", &function, 12000, 0, &status));
  CHECK(function == reinterpret_cast<void*>(cu.cuMemAlloc_v2) && status == cudasim::ProcQuery::kSuccess);
  CHECK_RESULT(cu.cuGetProcAddress_v2("cuMemAllocAsync", &function, 11000, 0, &status), cudasim::kNotFound);
  CHECK(function == nullptr && status == cudasim::ProcQuery::kVersionNotSufficient);
  CHECK_RESULT(cu.cuGetProcAddress_v2("cuNothing", &function, 12000, 0, &status), cudasim::kNotFound);
  CHECK(function == nullptr && status == cudasim::ProcQuery::kNotFound);
}

TEST(names_of_errors) {
  const char *name = nullptr, *text = nullptr;
  CHECK_SUCCESS(cu.cuGetErrorName(cudasim::kIllegalAddress, &name));
  CHECK_SUCCESS(cu.cuGetErrorString(cudasim::kIllegalAddress, &text));
  CHECK(strcmp(name, "CUDA_ERROR_ILLEGAL_ADDRESS") == 0);
  CHECK(strcmp(text, "an illegal memory access was encountered") == 0);
  CHECK_RESULT(cu.cuGetErrorName(Result(12345), &name), cudasim::kInvalidValue);
  CHECK(name == nullptr);
}

TEST(contexts, "TOKENSIEVE_CUDASIM_DEVICES=2") {
  CHECK_SUCCESS(cu.cuInit(0));
  DevicePointer address = 0;
  CHECK_RESULT(cu.cuMemAlloc_v2(&address, 16), cudasim::kInvalidContext);
  Handle first = nullptr, again = nullptr, second = nullptr, current = nullptr;
  CHECK_SUCCESS(cu.cuDevicePrimaryCtxRetain(&first, 0));
  CHECK_SUCCESS(cu.cuDevicePrimaryCtxRetain(&again, 0));
  CHECK_SUCCESS(cu.cuDevicePrimaryCtxRetain(&second, 1));
  CHECK(first == again && first != second);
  CHECK(live().contexts == 2);
  CHECK_SUCCESS(cu.cuCtxPushCurrent_v2(first));
  CHECK_SUCCESS(cu.cuCtxPushCurrent_v2(second));
  int device = -1;
  CHECK_SUCCESS(cu.cuCtxGetDevice(&device));
  CHECK(device == 1);
  CHECK_SUCCESS(cu.cuCtxPopCurrent_v2(&current));
  CHECK(current == second);
  CHECK_SUCCESS(cu.cuCtxGetDevice(&device));
  CHECK(device == 0);
  unsigned flags = 1;
  int active = -1;
  CHECK_SUCCESS(cu.cuDevicePrimaryCtxGetState(0, &flags, &active));
  CHECK(active == 1 && flags == 0);

  CHECK_SUCCESS(cu.cuMemAlloc_v2(&address, 16));
  CHECK_SUCCESS(cu.cuDevicePrimaryCtxRelease_v2(0));
  CHECK(live().allocations == 1);
  CHECK_SUCCESS(cu.cuDevicePrimaryCtxRelease_v2(0));
  CHECK(live().allocations == 0);
  CHECK_RESULT(cu.cuDevicePrimaryCtxRelease_v2(0), cudasim::kInvalidContext);
  CHECK_RESULT(cu.cuMemAlloc_v2(&address, 16), cudasim::kContextIsDestroyed);
  CHECK_RESULT(cu.cuCtxPushCurrent_v2(reinterpret_cast<Handle>(&address)), cudasim::kInvalidContext);
  CHECK_SUCCESS(cu.cuCtxPopCurrent_v2(nullptr));
  CHECK_RESULT(cu.cuCtxPopCurrent_v2(nullptr), cudasim::kInvalidContext);

  CHECK_SUCCESS(cu.cuDevicePrimaryCtxRetain(&again, 0));
  CHECK(again != first);
  CHECK_SUCCESS(cu.cuCtxSetCurrent(again));
  CHECK_SUCCESS(cu.cuMemAlloc_v2(&address, 16));
  CHECK_SUCCESS(cu.cuCtxSetCurrent(nullptr));
  CHECK_SUCCESS(cu.cuCtxGetCurrent(&current));
  CHECK(current == nullptr);
  CHECK_SUCCESS(cu.cuDevicePrimaryCtxRelease_v2(0));
  CHECK_SUCCESS(cu.cuDevicePrimaryCtxRelease_v2(1));
  CHECK(nothing_lives());
}

// A process that was forked has no driver: it must start another program first.
TEST(forks) {
  const Client client;
  CHECK_SUCCESS(cu.cuCtxSynchronize());
  const pid_t child = fork();
  if (child == 0) {
    DevicePointer address = 0;
    exit(cu.cuMemAlloc_v2(&address, 16) == cudasim::kNotInitialized ? 0 : 1);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
