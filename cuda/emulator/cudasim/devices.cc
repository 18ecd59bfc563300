// What devices say of themselves, and contexts: retained, released, current.
#include <stdio.h>
#include <string.h>

#include "context.h"
#include "entry_points.h"
#include "failures.h"
#include "settings.h"

namespace cudasim {
namespace {

std::mutex& primary_mutex() {
  static auto* const mutex = new std::mutex;
  return *mutex;
}

template <class Body>
Result on_device(int ordinal, Body body) {
  if (const Result result = ready()) return result;
  if (ordinal < 0 || ordinal >= int(devices().size())) return kInvalidDevice;
  return body(*devices()[size_t(ordinal)]);
}

// -1 for an attribute that the double does not know.
int attribute_of(const Device& device, DeviceAttribute attribute) {
  const Architecture& architecture = device.architecture;
  switch (attribute) {
    case DeviceAttribute::kMaxThreadsPerBlock:
      return kMaxThreadsPerBlock;
    case DeviceAttribute::kMaxBlockX:
      return int(kMaxBlock[0]);
    case DeviceAttribute::kMaxBlockY:
      return int(kMaxBlock[1]);
    case DeviceAttribute::kMaxBlockZ:
      return int(kMaxBlock[2]);
    case DeviceAttribute::kMaxGridX:
      return int(kMaxGrid[0]);
    case DeviceAttribute::kMaxGridY:
      return int(kMaxGrid[1]);
    case DeviceAttribute::kMaxGridZ:
      return int(kMaxGrid[2]);
    case DeviceAttribute::kMaxSharedPerBlock:
      return kMaxShared;
    case DeviceAttribute::kTotalConstantMemory:
      return kConstantMemory;
    case DeviceAttribute::kWarpSize:
      return 32;
    case DeviceAttribute::kMaxRegistersPerBlock:
    case DeviceAttribute::kMaxRegistersPerMultiprocessor:
      return kRegisters;
    case DeviceAttribute::kClockRate:
      return architecture.clock_khz;
    case DeviceAttribute::kMultiprocessors:
      return architecture.multiprocessors;
    case DeviceAttribute::kMemoryClockRate:
      return architecture.memory_clock_khz;
    case DeviceAttribute::kMemoryBusWidth:
      return architecture.memory_bus_bits;
    case DeviceAttribute::kL2CacheSize:
      return architecture.l2_bytes;
    case DeviceAttribute::kMaxThreadsPerMultiprocessor:
      return architecture.threads_per_multiprocessor;
    case DeviceAttribute::kMaxBlocksPerMultiprocessor:
      return architecture.blocks_per_multiprocessor;
    case DeviceAttribute::kMaxSharedPerMultiprocessor:
      return architecture.shared_per_multiprocessor;
    case DeviceAttribute::kMaxSharedPerBlockOptin:
      return architecture.shared_per_block_optin;
    case DeviceAttribute::kReservedSharedPerBlock:
      return architecture.reserved_shared_per_block;
    case DeviceAttribute::kComputeCapabilityMajor:
      return architecture.number / 10;
    case DeviceAttribute::kComputeCapabilityMinor:
      return architecture.number % 10;
    case DeviceAttribute::kPciBusId:
      return device.ordinal + 1;
    case DeviceAttribute::kCanMapHostMemory:
    case DeviceAttribute::kConcurrentKernels:
    case DeviceAttribute::kAsyncEngines:
    case DeviceAttribute::kUnifiedAddressing:
    case DeviceAttribute::kStreamPriorities:
    case DeviceAttribute::kHostRegister:
      return 1;
    case DeviceAttribute::kMemoryPools:
      return settings().memory_pools ? 1 : 0;
    case DeviceAttribute::kIntegrated:
    case DeviceAttribute::kComputeMode:
    case DeviceAttribute::kEccEnabled:
    case DeviceAttribute::kPciDeviceId:
    case DeviceAttribute::kPciDomainId:
    case DeviceAttribute::kManagedMemory:
    case DeviceAttribute::kPageableMemoryAccess:
    case DeviceAttribute::kCooperativeLaunch:
      return 0;
  }
  return -1;
}

}  // namespace

Result cuDeviceGetCount(int* count) {
  if (const Result result = ready()) return result;
  if (count == nullptr) return kInvalidValue;
  *count = int(devices().size());
  return kSuccess;
}

Result cuDeviceGet(int* device, int ordinal) {
  return on_device(ordinal, [&](Device&) {
    if (device == nullptr) return kInvalidValue;
    *device = ordinal;
    return kSuccess;
  });
}

Result cuDeviceGetName(char* name, int length, int device) {
  return on_device(device, [&](Device& found) {
    if (name == nullptr || length <= 0) return kInvalidValue;
    snprintf(name, size_t(length), "Emulated %s-like sm_%d (libcudasim)", found.architecture.product,
             found.architecture.number);
    return kSuccess;
  });
}

Result cuDeviceGetAttribute(int* value, DeviceAttribute attribute, int device) {
  return on_device(device, [&](Device& found) {
    if (value == nullptr) return kInvalidValue;
    const int known = attribute_of(found, attribute);
    if (known < 0) return kInvalidValue;
    *value = known;
    return kSuccess;
  });
}

Result cuDeviceTotalMem_v2(size_t* bytes, int device) {
  return on_device(device, [&](Device& found) {
    if (bytes == nullptr) return kInvalidValue;
    *bytes = size_t(found.memory.capacity());
    return kSuccess;
  });
}

Result cuDevicePrimaryCtxRetain(Handle* context, int device) {
  return on_device(device, [&](Device& found) {
    if (context == nullptr) return kInvalidValue;
    const std::lock_guard<std::mutex> lock(primary_mutex());
    if (const auto failure = Result(found.failure.load())) return failure;
    if (const Result failure = pass(FailurePoint::context)) return failure;
    if (!found.primary) {
      found.primary = std::make_shared<Context>(found);
      found.primary->handle = contexts().add(found.primary);
    }
    ++found.retained;
    *context = found.primary->handle;
    return kSuccess;
  });
}

Result cuDevicePrimaryCtxRelease_v2(int device) {
  return on_device(device, [&](Device& found) {
    std::shared_ptr<Context> ending;
    {
      const std::lock_guard<std::mutex> lock(primary_mutex());
      if (found.retained == 0) return kInvalidContext;
      if (--found.retained == 0) ending = std::move(found.primary);
    }
    if (ending) ending->destroy();
    return kSuccess;
  });
}

Result cuDevicePrimaryCtxGetState(int device, unsigned* flags, int* active) {
  return on_device(device, [&](Device& found) {
    if (flags == nullptr || active == nullptr) return kInvalidValue;
    const std::lock_guard<std::mutex> lock(primary_mutex());
    *flags = 0;
    *active = found.retained > 0;
    return kSuccess;
  });
}

Result cuCtxPushCurrent_v2(Handle context) {
  if (const Result result = ready()) return result;
  std::shared_ptr<Context> found = contexts().find(context);
  if (!found) return kInvalidContext;
  if (found->destroyed()) return kContextIsDestroyed;
  context_stack().push_back(std::move(found));
  return kSuccess;
}

Result cuCtxPopCurrent_v2(Handle* context) {
  if (const Result result = ready()) return result;
  if (context_stack().empty()) return kInvalidContext;
  if (context != nullptr) *context = context_stack().back()->handle;
  context_stack().pop_back();
  return kSuccess;
}

Result cuCtxSetCurrent(Handle context) {
  if (const Result result = ready()) return result;
  std::shared_ptr<Context> found;
  if (context != nullptr) {
    found = contexts().find(context);
    if (!found) return kInvalidContext;
    if (found->destroyed()) return kContextIsDestroyed;
  }
  if (!context_stack().empty()) context_stack().pop_back();
  if (found) context_stack().push_back(std::move(found));
  return kSuccess;
}

Result cuCtxGetCurrent(Handle* context) {
  if (const Result result = ready()) return result;
  if (context == nullptr) return kInvalidValue;
  *context = context_stack().empty() ? nullptr : context_stack().back()->handle;
  return kSuccess;
}

Result cuCtxGetDevice(int* device) {
  return in_context([&](Context& context) {
    if (device == nullptr) return kInvalidValue;
    *device = context.device().ordinal;
    return kSuccess;
  });
}

Result cuCtxSynchronize() {
  return in_context([](Context& context) {
    context.synchronize();
    return context.failure();
  });
}

}  // namespace cudasim
