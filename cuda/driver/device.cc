#include "cuda/driver/device.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <mutex>
#include <new>

#include "abi/check.h"

namespace tsv {
namespace cuda {
namespace {

// After these the driver refuses all further work in the context.
bool ends_context(CUresult result) {
  switch (result) {
    case CUDA_ERROR_DEINITIALIZED:
    case CUDA_ERROR_ECC_UNCORRECTABLE:
    case CUDA_ERROR_NVLINK_UNCORRECTABLE:
    case CUDA_ERROR_CONTAINED:
    case CUDA_ERROR_ILLEGAL_ADDRESS:
    case CUDA_ERROR_LAUNCH_TIMEOUT:
    case CUDA_ERROR_CONTEXT_IS_DESTROYED:
    case CUDA_ERROR_ASSERT:
    case CUDA_ERROR_HARDWARE_STACK_ERROR:
    case CUDA_ERROR_ILLEGAL_INSTRUCTION:
    case CUDA_ERROR_MISALIGNED_ADDRESS:
    case CUDA_ERROR_INVALID_ADDRESS_SPACE:
    case CUDA_ERROR_INVALID_PC:
    case CUDA_ERROR_LAUNCH_FAILED:
    case CUDA_ERROR_EXTERNAL_DEVICE:
      return true;
    default:
      return false;
  }
}

struct Slot {
  std::mutex mutex;
  std::atomic<Device*> device{nullptr};
};

Slot* slots() {
  static Slot* const all = new Slot[size_t(driver().device_count)];
  return all;
}

int attribute(CUdevice device, CUnumber which, CUresult* result) {
  int value = 0;
  if (*result == CUDA_SUCCESS) *result = api().cuDeviceGetAttribute(&value, which, device);
  return value;
}

// Fills what there is to know of a device and retains its primary context.
CUresult describe(Device* device) {
  CUdevice handle = 0;
  CUresult result = api().cuDeviceGet(&handle, device->id);
  const int major = attribute(handle, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, &result);
  const int minor = attribute(handle, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, &result);
  const int multiprocessors = attribute(handle, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, &result);
  const int shared = attribute(handle, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, &result);
  const int pools = attribute(handle, CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, &result);
  if (result != CUDA_SUCCESS) return result;
  device->limits = {major * 10 + minor, multiprocessors, shared};
  device->memory.use_pool(pools != 0);
  return api().cuDevicePrimaryCtxRetain(&device->context, handle);
}

}  // namespace

Call::Call(tsv_context* context, int32_t device) {
  const Check checked(context);  // a context that this library knows, with its error cleared
  if (checked.failed()) {
    status_ = checked.status();
    return;
  }
  error_ = &context->error;
  stream_ = static_cast<CUstream>(context->stream);
  if (!open(device)) return;
  const CUresult before = device_->lost.load(std::memory_order_relaxed);
  if (before != CUDA_SUCCESS) {
    lost_ = true;
    fail(TSV_E_CUDA, TSV_ARG_NONE, name_of(before),
         "CUDA device %d cannot be used until the process ends, after an earlier error", int(device_->id));
  }
  current_ = check(api().cuCtxPushCurrent_v2(device_->context), "could not enter its context");
}

Call::~Call() {
  CUcontext ours;
  if (current_) api().cuCtxPopCurrent_v2(&ours);
}

bool Call::open(int32_t id) {
  const LoadedDriver& loaded = driver();
  if (!loaded.usable) {
    fail(TSV_E_NO_CUDA, TSV_ARG_NONE, "", "%s", loaded.reason);
    return false;
  }
  if (id < 0 || id >= loaded.device_count) {
    fail(TSV_E_NO_CUDA, TSV_ARG_NONE, "", "there is no CUDA device %d: the driver finds %d", int(id),
         int(loaded.device_count));
    return false;
  }
  Slot& slot = slots()[id];
  device_ = slot.device.load(std::memory_order_acquire);
  if (device_ != nullptr) return true;
  const std::lock_guard<std::mutex> lock(slot.mutex);
  device_ = slot.device.load(std::memory_order_relaxed);
  if (device_ != nullptr) return true;
  auto* const made = new (std::nothrow) Device(id);
  if (made == nullptr) {
    fail(TSV_E_MEMORY, TSV_ARG_NONE, "", "there is no memory to open CUDA device %d", int(id));
    return false;
  }
  device_ = made;
  if (!check(describe(made), "could not be opened")) {
    device_ = nullptr;
    delete made;
    return false;
  }
  slot.device.store(made, std::memory_order_release);
  return true;
}

bool Call::check(CUresult result, const char* format, ...) {
  if (result == CUDA_SUCCESS) return true;
  if (device_ != nullptr && ends_context(result)) {
    CUresult none = CUDA_SUCCESS;
    device_->lost.compare_exchange_strong(none, result);
    lost_ = true;
  }
  char what[96];
  va_list values;
  va_start(values, format);
  vsnprintf(what, sizeof what, format, values);
  va_end(values);
  fail(result == CUDA_ERROR_OUT_OF_MEMORY ? TSV_E_MEMORY : TSV_E_CUDA, TSV_ARG_NONE, name_of(result),
       "CUDA device %d %s", int(device_ != nullptr ? device_->id : -1), what);
  return false;
}

void Call::forgive() {
  status_ = TSV_OK;
  memset(error_, 0, sizeof *error_);
}

void Call::fail(tsv_status status, int32_t argument, const char* got, const char* format, ...) {
  if (failed()) return;
  status_ = status;
  error_->status = status;
  error_->argument = argument;
  snprintf(error_->got, sizeof error_->got, "%s", got);
  va_list values;
  va_start(values, format);
  vsnprintf(error_->expected, sizeof error_->expected, format, values);
  va_end(values);
}

}  // namespace cuda
}  // namespace tsv
