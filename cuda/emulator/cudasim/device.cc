#include "device.h"

#include "context.h"
#include "settings.h"

namespace cudasim {

Device::Device(int number)
    : ordinal(number),
      architecture(*find_architecture(settings().architecture)),
      memory(settings().memory,
             tsv_sim::kDeviceBase + uint64_t(number) * ((tsv_sim::kSharedWindow - tsv_sim::kDeviceBase) /
                                                        uint64_t(settings().devices))),
      default_pool_(std::make_shared<Pool>()) {
  default_pool_->device = number;
  default_pool_handle_ = pools().add(default_pool_);
}

uint64_t Device::allocate(uint64_t bytes, Context& context, const std::shared_ptr<Pool>& pool) {
  const std::lock_guard<std::mutex> lock(account_);
  if (pool && pool->most_bytes != 0 && bytes > pool->most_bytes - pool->used) return 0;
  const uint64_t address = memory.allocate(bytes);
  if (address == 0) return 0;
  allocations_[address] = {address, bytes, &context, pool, false};
  if (pool) {
    pool->used += bytes;
    if (pool->used > pool->used_high) pool->used_high = pool->used;
  }
  return address;
}

bool Device::find(uint64_t address, Allocation* allocation) {
  const std::lock_guard<std::mutex> lock(account_);
  const auto after = allocations_.upper_bound(address);
  if (after == allocations_.begin()) return false;
  const Allocation& found = std::prev(after)->second;
  if (found.freed || address - found.address >= found.bytes) return false;
  *allocation = found;
  return true;
}

bool Device::holds(uint64_t address, uint64_t bytes) {
  uint64_t base = 0, size = 0;
  if (!memory.find(address, &base, &size) || bytes > size - (address - base)) return false;
  const std::lock_guard<std::mutex> lock(account_);
  const auto found = allocations_.find(base);
  return found == allocations_.end() || !found->second.freed;
}

bool Device::give_back(uint64_t address, bool pooled_only, Allocation* allocation) {
  const std::lock_guard<std::mutex> lock(account_);
  const auto found = allocations_.find(address);
  if (found == allocations_.end() || found->second.freed || (pooled_only && !found->second.pool))
    return false;
  found->second.freed = true;
  *allocation = found->second;
  return true;
}

void Device::release(uint64_t address) {
  const std::lock_guard<std::mutex> lock(account_);
  const auto found = allocations_.find(address);
  if (found == allocations_.end()) return;
  if (found->second.pool) found->second.pool->used -= found->second.bytes;
  memory.free(address);
  allocations_.erase(found);
}

void Device::release_all(const Context& context) {
  const std::lock_guard<std::mutex> working(work);
  std::vector<uint64_t> addresses;
  {
    const std::lock_guard<std::mutex> lock(account_);
    for (const auto& entry : allocations_) {
      if (entry.second.context == &context) addresses.push_back(entry.first);
    }
  }
  for (const uint64_t address : addresses) release(address);
}

void Device::count(uint64_t* allocations, uint64_t* bytes) {
  const std::lock_guard<std::mutex> lock(account_);
  for (const auto& entry : allocations_) {
    if (entry.second.freed) continue;
    ++*allocations;
    *bytes += entry.second.bytes;
  }
}

void Device::read_use(const Pool& pool, uint64_t* used, uint64_t* high) {
  const std::lock_guard<std::mutex> lock(account_);
  *used = pool.used;
  *high = pool.used_high;
}

void Device::reset_high(Pool& pool) {
  const std::lock_guard<std::mutex> lock(account_);
  pool.used_high = pool.used;
}

std::vector<std::unique_ptr<Device>>& devices() {
  static auto* const devices = new std::vector<std::unique_ptr<Device>>;
  return *devices;
}

}  // namespace cudasim
