#include "device_memory.h"

#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <mutex>

#include "memory_checks.h"

namespace tsv_sim {
namespace {

constexpr uint64_t kAlignment = 256, kGap = uint64_t(1) << 30;
constexpr size_t kFreedRemembered = 4096;

uint64_t round_up(uint64_t value, uint64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

}  // namespace

void FreeBytes::operator()(uint8_t* bytes) const { ::free(bytes); }

DeviceMemory::DeviceMemory(uint64_t capacity, uint64_t base) : capacity_(capacity), next_(base) {}
DeviceMemory::~DeviceMemory() = default;

uint64_t DeviceMemory::allocate(uint64_t size, bool read_only) {
  const std::unique_lock<std::shared_mutex> lock(mutex_);
  if (size == 0 || size > capacity_ - used_ || kSharedWindow - next_ < size + 2 * kGap) return 0;
  Allocation allocation;
  // Pages that nothing touches cost nothing: neither is filled here.
  allocation.owned.reset(static_cast<uint8_t*>(malloc(size)));
  allocation.initialised.reset(static_cast<uint8_t*>(calloc(size, 1)));
  if (!allocation.owned || !allocation.initialised) return 0;
  allocation.base = next_;
  allocation.size = size;
  allocation.read_only = read_only;
  allocation.data = allocation.owned.get();
  allocation.history = std::make_unique<GlobalHistory>(size);
  const uint64_t address = next_;
  allocations_.emplace(address, std::move(allocation));
  next_ = round_up(next_ + size + kGap, kAlignment);
  used_ += size;
  return address;
}

bool DeviceMemory::free(uint64_t address) {
  const std::unique_lock<std::shared_mutex> lock(mutex_);
  const auto found = allocations_.find(address);
  if (found == allocations_.end() || !found->second.owned) return false;
  used_ -= found->second.size;
  freed_.emplace(address, found->second.size);
  if (freed_.size() > kFreedRemembered) freed_.erase(freed_.begin());
  allocations_.erase(found);
  return true;
}

bool DeviceMemory::register_host(void* memory, uint64_t size) {
  const std::unique_lock<std::shared_mutex> lock(mutex_);
  const auto base = uint64_t(reinterpret_cast<uintptr_t>(memory));
  const auto after = allocations_.lower_bound(base);
  if (size == 0 || (after != allocations_.end() && after->first < base + size)) return false;
  if (after != allocations_.begin()) {
    const Allocation& before = std::prev(after)->second;
    if (before.base + before.size > base) return false;
  }
  Allocation allocation;
  allocation.base = base;
  allocation.size = size;
  allocation.data = static_cast<uint8_t*>(memory);
  allocation.history = std::make_unique<GlobalHistory>(size);
  allocations_.emplace(base, std::move(allocation));
  return true;
}

bool DeviceMemory::unregister_host(void* memory) {
  const std::unique_lock<std::shared_mutex> lock(mutex_);
  const auto found = allocations_.find(uint64_t(reinterpret_cast<uintptr_t>(memory)));
  if (found == allocations_.end() || found->second.owned) return false;
  allocations_.erase(found);
  return true;
}

bool DeviceMemory::write(uint64_t address, const void* host, uint64_t size) {
  const std::shared_lock<std::shared_mutex> lock(mutex_);
  const Allocation* to = containing(address, size);
  if (to == nullptr) return false;
  const uint64_t offset = address - to->base;
  memcpy(to->data + offset, host, size);
  if (to->initialised) memset(to->initialised.get() + offset, 1, size);
  return true;
}

bool DeviceMemory::read(void* host, uint64_t address, uint64_t size, uint64_t* uninitialised) const {
  const std::shared_lock<std::shared_mutex> lock(mutex_);
  const Allocation* from = containing(address, size);
  if (from == nullptr) return false;
  const uint64_t offset = address - from->base;
  memcpy(host, from->data + offset, size);
  if (uninitialised != nullptr) {
    const uint8_t* const initialised = from->initialised ? from->initialised.get() + offset : nullptr;
    *uninitialised = initialised ? uint64_t(std::count(initialised, initialised + size, 0)) : 0;
  }
  return true;
}

bool DeviceMemory::fill(uint64_t address, const void* pattern, uint32_t pattern_size, uint64_t count) {
  const std::shared_lock<std::shared_mutex> lock(mutex_);
  const Allocation* to = containing(address, pattern_size * count);
  if (to == nullptr) return false;
  const uint64_t offset = address - to->base;
  if (pattern_size == 1) {
    memset(to->data + offset, *static_cast<const uint8_t*>(pattern), count);
  } else {
    for (uint64_t i = 0; i < count; ++i) memcpy(to->data + offset + i * pattern_size, pattern, pattern_size);
  }
  if (to->initialised) memset(to->initialised.get() + offset, 1, pattern_size * count);
  return true;
}

bool DeviceMemory::copy(uint64_t destination, uint64_t source, uint64_t size) {
  const std::shared_lock<std::shared_mutex> lock(mutex_);
  const Allocation *to = containing(destination, size), *from = containing(source, size);
  if (to == nullptr || from == nullptr) return false;
  const uint64_t at = destination - to->base, offset = source - from->base;
  memmove(to->data + at, from->data + offset, size);
  if (to->initialised && from->initialised) {
    memmove(to->initialised.get() + at, from->initialised.get() + offset, size);
  } else if (to->initialised) {
    memset(to->initialised.get() + at, 1, size);
  }
  return true;
}

// The caller holds the lock.
const Allocation* DeviceMemory::containing(uint64_t address, uint64_t size) const {
  const auto after = allocations_.upper_bound(address);
  if (after == allocations_.begin()) return nullptr;
  const Allocation& found = std::prev(after)->second;
  const uint64_t offset = address - found.base;
  return offset <= found.size && size <= found.size - offset ? &found : nullptr;
}

Allocation* DeviceMemory::allocation_around(uint64_t address) {
  const std::shared_lock<std::shared_mutex> lock(mutex_);
  return const_cast<Allocation*>(containing(address, 1));
}

bool DeviceMemory::find(uint64_t address, uint64_t* base, uint64_t* size) const {
  const std::shared_lock<std::shared_mutex> lock(mutex_);
  const Allocation* found = containing(address, 1);
  if (found == nullptr) return false;
  *base = found->base;
  *size = found->size;
  return true;
}

std::string DeviceMemory::explain(uint64_t address, uint64_t size) const {
  const std::shared_lock<std::shared_mutex> lock(mutex_);
  if (containing(address, size) != nullptr) return "";
  const auto of = [](uint64_t bytes, uint64_t base) {
    return "the allocation of " + std::to_string(bytes) + " bytes at " + hexadecimal(base);
  };
  const auto freed = freed_.upper_bound(address);
  if (freed != freed_.begin()) {
    const auto& [base, bytes] = *std::prev(freed);
    if (address - base < bytes) return of(bytes, base) + " was freed";
  }
  const auto after = allocations_.upper_bound(address);
  if (after != allocations_.begin()) {
    const Allocation& before = std::prev(after)->second;
    const uint64_t end = before.base + before.size;
    if (address < end)
      return "it ends " + std::to_string(address + size - end) + " bytes past " +
             of(before.size, before.base);
    if (address - end < kGap)
      return "it lies " + std::to_string(address - end) + " bytes past the end of " +
             of(before.size, before.base);
  }
  if (after != allocations_.end() && after->first - address < kGap)
    return "it lies " + std::to_string(after->first - address) + " bytes before " +
           of(after->second.size, after->first);
  return "no allocation is near";
}

uint64_t DeviceMemory::used() const {
  const std::shared_lock<std::shared_mutex> lock(mutex_);
  return used_;
}

}  // namespace tsv_sim
