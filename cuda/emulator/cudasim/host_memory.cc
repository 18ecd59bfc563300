#include "host_memory.h"

#include <stdlib.h>

#include <map>
#include <mutex>

#include "context.h"
#include "entry_points.h"
#include "failures.h"

namespace cudasim {
namespace {

constexpr size_t kPage = 4096;

struct HostBlocks {
  std::mutex mutex;
  std::map<uintptr_t, std::shared_ptr<HostBlock>> blocks;
};

HostBlocks& all_blocks() {
  static auto* const all = new HostBlocks;  // threads may outlive static objects
  return *all;
}

// Kernels reach the block by the host's own address, on every device. False if it overlaps another.
bool add(const std::shared_ptr<HostBlock>& block) {
  size_t done = 0;
  for (const auto& device : devices()) {
    if (!device->memory.register_host(block->address, block->bytes)) break;
    ++done;
  }
  if (done < devices().size()) {
    while (done > 0) devices()[--done]->memory.unregister_host(block->address);
    return false;
  }
  const std::lock_guard<std::mutex> lock(all_blocks().mutex);
  all_blocks().blocks.emplace(reinterpret_cast<uintptr_t>(block->address), block);
  return true;
}

Result remove(void* host, bool owned, Result unknown) {
  std::shared_ptr<HostBlock> block;
  {
    const std::lock_guard<std::mutex> lock(all_blocks().mutex);
    const auto found = all_blocks().blocks.find(reinterpret_cast<uintptr_t>(host));
    if (found == all_blocks().blocks.end() || found->second->owned != owned) return unknown;
    block = std::move(found->second);
    all_blocks().blocks.erase(found);
  }
  block->freed = true;
  for (const auto& device : devices()) {
    const std::lock_guard<std::mutex> working(device->work);
    device->memory.unregister_host(host);
  }
  return kSuccess;
}

}  // namespace

HostBlock::~HostBlock() {
  if (owned) free(address);
}

std::shared_ptr<HostBlock> find_host_block(const void* address, size_t bytes) {
  const auto at = reinterpret_cast<uintptr_t>(address);
  const std::lock_guard<std::mutex> lock(all_blocks().mutex);
  const auto after = all_blocks().blocks.upper_bound(at);
  if (after == all_blocks().blocks.begin()) return nullptr;
  const auto& [base, block] = *std::prev(after);
  const size_t offset = at - base;
  return offset < block->bytes && bytes <= block->bytes - offset ? block : nullptr;
}

void count_host_blocks(uint64_t* blocks, uint64_t* bytes) {
  const std::lock_guard<std::mutex> lock(all_blocks().mutex);
  *blocks = all_blocks().blocks.size();
  for (const auto& entry : all_blocks().blocks) *bytes += entry.second->bytes;
}

Result cuMemHostAlloc(void** host, size_t bytes, unsigned flags) {
  return in_context([&](Context&) {
    constexpr unsigned kPortableDeviceMapWriteCombined = 7;
    if (host == nullptr || bytes == 0 || (flags & ~kPortableDeviceMapWriteCombined) != 0)
      return kInvalidValue;
    if (const Result failure = pass(FailurePoint::pinned)) return failure;
    auto block = std::make_shared<HostBlock>();
    if (bytes > SIZE_MAX - kPage) return kOutOfMemory;
    block->address = static_cast<uint8_t*>(aligned_alloc(kPage, (bytes + kPage - 1) / kPage * kPage));
    if (block->address == nullptr) return kOutOfMemory;
    block->bytes = bytes;
    block->owned = true;
    if (!add(block)) return kOutOfMemory;
    *host = block->address;
    return kSuccess;
  });
}

Result cuMemAllocHost_v2(void** host, size_t bytes) { return cuMemHostAlloc(host, bytes, 0); }

Result cuMemFreeHost(void* host) {
  return giving_back(
      [&](Context&) { return host == nullptr ? kSuccess : remove(host, true, kInvalidValue); });
}

Result cuMemHostRegister_v2(void* host, size_t bytes, unsigned flags) {
  return in_context([&](Context&) {
    constexpr unsigned kPortableDeviceMap = 3;
    if (host == nullptr || bytes == 0 || (flags & ~kPortableDeviceMap) != 0) return kInvalidValue;
    if (const Result failure = pass(FailurePoint::pinned)) return failure;
    auto block = std::make_shared<HostBlock>();
    block->address = static_cast<uint8_t*>(host);
    block->bytes = bytes;
    return add(block) ? kSuccess : kAlreadyRegistered;
  });
}

Result cuMemHostUnregister(void* host) {
  return giving_back([&](Context&) { return remove(host, false, kNotRegistered); });
}

}  // namespace cudasim
