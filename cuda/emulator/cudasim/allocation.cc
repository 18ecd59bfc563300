// Device memory, at once and in stream order, and its pools.
#include "context.h"
#include "entry_points.h"
#include "failures.h"
#include "settings.h"

namespace cudasim {
namespace {

// Memory that streams have yet to free is waited for before there is none.
uint64_t allocate_or_wait(Context& context, uint64_t bytes, const std::shared_ptr<Pool>& pool) {
  Device& device = context.device();
  if (const uint64_t address = device.allocate(bytes, context, pool)) return address;
  context.synchronize();
  return device.allocate(bytes, context, pool);
}

Result allocate_in_order(DevicePointer* address, size_t bytes, const std::shared_ptr<Pool>& pool,
                         const std::shared_ptr<Stream>& stream) {
  if (!stream) return kInvalidHandle;
  if (address == nullptr || bytes == 0) return kInvalidValue;
  if (!settings().memory_pools) return kNotSupported;
  if (!pool || pool->device != stream->context()->device().ordinal) return kInvalidValue;
  if (const Result failure = pass(FailurePoint::allocate)) return failure;
  *address = allocate_or_wait(*stream->context(), bytes, pool);
  return *address != 0 ? kSuccess : kOutOfMemory;
}

// The device whose allocation begins at an address is told that it is given back; null if there is none.
Device* give_back(DevicePointer address, bool pooled_only, Allocation* allocation) {
  for (const auto& device : devices()) {
    if (device->give_back(address, pooled_only, allocation)) return device.get();
  }
  return nullptr;
}

// What the two kinds of number that a pool's attributes are have in common.
template <class T>
void exchange(bool set, void* value, T* kept) {
  if (set) {
    *kept = *static_cast<T*>(value);
  } else {
    *static_cast<T*>(value) = *kept;
  }
}

Result pool_attribute(Handle handle, PoolAttribute attribute, void* value, bool set) {
  if (const Result result = ready()) return result;
  const std::shared_ptr<Pool> pool = pools().find(handle);
  if (!pool || value == nullptr) return kInvalidValue;
  Device& device = *devices()[size_t(pool->device)];
  uint64_t used = 0, high = 0;
  device.read_use(*pool, &used, &high);
  switch (attribute) {
    case PoolAttribute::kReuseFollowEventDependencies:
    case PoolAttribute::kReuseAllowOpportunistic:
    case PoolAttribute::kReuseAllowInternalDependencies:
      exchange(set, value, &pool->reuse[int(attribute) - 1]);
      return kSuccess;
    case PoolAttribute::kReleaseThreshold:
      exchange(set, value, &pool->release_threshold);
      return kSuccess;
    case PoolAttribute::kReservedCurrent:
    case PoolAttribute::kUsedCurrent:
      if (set) return kInvalidValue;
      exchange(false, value, &used);
      return kSuccess;
    case PoolAttribute::kReservedHigh:
    case PoolAttribute::kUsedHigh:
      if (set) {
        device.reset_high(*pool);  // the only value there is to set is 0
        return *static_cast<uint64_t*>(value) == 0 ? kSuccess : kInvalidValue;
      }
      exchange(false, value, &high);
      return kSuccess;
  }
  return kInvalidValue;
}

}  // namespace

Result cuMemGetInfo_v2(size_t* free, size_t* total) {
  return in_context([&](Context& context) {
    if (free == nullptr || total == nullptr) return kInvalidValue;
    const tsv_sim::DeviceMemory& memory = context.device().memory;
    *total = size_t(memory.capacity());
    *free = size_t(memory.capacity() - memory.used());
    return kSuccess;
  });
}

Result cuMemAlloc_v2(DevicePointer* address, size_t bytes) {
  return in_context([&](Context& context) {
    if (address == nullptr || bytes == 0) return kInvalidValue;
    if (const Result failure = pass(FailurePoint::allocate)) return failure;
    *address = allocate_or_wait(context, bytes, nullptr);
    return *address != 0 ? kSuccess : kOutOfMemory;
  });
}

// Waits for the device, as the driver does.
Result cuMemFree_v2(DevicePointer address) {
  return giving_back([&](Context&) {
    if (address == 0) return kSuccess;
    Allocation allocation;
    Device* const device = give_back(address, false, &allocation);
    if (device == nullptr) return kInvalidValue;
    allocation.context->synchronize();
    const std::lock_guard<std::mutex> working(device->work);
    device->release(address);
    return kSuccess;
  });
}

Result cuMemAllocAsync(DevicePointer* address, size_t bytes, Handle stream) {
  return in_context([&](Context& context) {
    const std::shared_ptr<Stream> found = context.find_stream(stream);
    return allocate_in_order(address, bytes, found ? found->context()->device().default_pool() : nullptr,
                             found);
  });
}

Result cuMemAllocFromPoolAsync(DevicePointer* address, size_t bytes, Handle pool, Handle stream) {
  return in_context([&](Context& context) {
    return allocate_in_order(address, bytes, pools().find(pool), context.find_stream(stream));
  });
}

Result cuMemFreeAsync(DevicePointer address, Handle stream) {
  return giving_back([&](Context& context) {
    const std::shared_ptr<Stream> found = context.find_stream(stream);
    if (!found) return kInvalidHandle;
    if (address == 0) return kSuccess;
    Allocation allocation;
    Device* const device = give_back(address, true, &allocation);
    if (device == nullptr) return kInvalidValue;
    found->context()->enqueue(found, [device, address] {
      const std::lock_guard<std::mutex> working(device->work);
      device->release(address);
      return kSuccess;
    });
    return kSuccess;
  });
}

Result cuDeviceGetDefaultMemPool(Handle* pool, int device) {
  if (const Result result = ready()) return result;
  if (pool == nullptr) return kInvalidValue;
  if (device < 0 || device >= int(devices().size())) return kInvalidDevice;
  if (!settings().memory_pools) return kNotSupported;
  *pool = devices()[size_t(device)]->default_pool_handle();
  return kSuccess;
}

Result cuMemPoolCreate(Handle* pool, const PoolProperties* properties) {
  if (const Result result = ready()) return result;
  if (pool == nullptr || properties == nullptr) return kInvalidValue;
  if (properties->allocation_type != 1 || properties->location_type != 1) return kInvalidValue;
  if (properties->location < 0 || properties->location >= int(devices().size())) return kInvalidValue;
  if (!settings().memory_pools || properties->handle_types != 0) return kNotSupported;
  if (const Result failure = pass(FailurePoint::pool)) return failure;
  auto made = std::make_shared<Pool>();
  made->device = properties->location;
  made->most_bytes = properties->most_bytes;
  *pool = pools().add(std::move(made));
  return kSuccess;
}

// What was allocated from it stays until it is freed.
Result cuMemPoolDestroy(Handle pool) {
  if (const Result result = ready()) return result;
  for (const auto& device : devices()) {
    if (device->default_pool_handle() == pool) return kInvalidValue;
  }
  return pools().take(pool) ? kSuccess : kInvalidValue;
}

Result cuMemPoolSetAttribute(Handle pool, PoolAttribute attribute, void* value) {
  return pool_attribute(pool, attribute, value, true);
}

Result cuMemPoolGetAttribute(Handle pool, PoolAttribute attribute, void* value) {
  return pool_attribute(pool, attribute, value, false);
}

// Nothing is kept that is not in use.
Result cuMemPoolTrimTo(Handle pool, size_t) {
  if (const Result result = ready()) return result;
  return pools().find(pool) ? kSuccess : kInvalidValue;
}

}  // namespace cudasim
