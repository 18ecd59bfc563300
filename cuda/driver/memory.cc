#include "cuda/driver/memory.h"

#include "cuda/driver/device.h"

namespace tsv {
namespace cuda {
namespace {

// What stays with us when nothing uses it: the working memory of a few operations.
constexpr uint64_t kKeptBytes = uint64_t(256) << 20;

constexpr size_t kSmallest = 512, kStep = 1 << 20;

// Powers of two up to 1 MB, multiples of that from there: few sizes, so that blocks find another use.
size_t rounded(size_t bytes) {
  if (bytes > kStep) return (bytes + kStep - 1) / kStep * kStep;
  size_t size = kSmallest;
  while (size < bytes) size *= 2;
  return size;
}

}  // namespace

void* DeviceMemory::allocate(Call& call, size_t bytes) {
  if (call.failed()) return nullptr;
  if (bytes == 0) bytes = 1;
  if (bytes > size_t(PTRDIFF_MAX)) {
    call.check(CUDA_ERROR_OUT_OF_MEMORY, "could not allocate %zu bytes", bytes);
    return nullptr;
  }
  if (!pools_) return cache_.allocate(call, bytes);
  const CUmemoryPool from = pool(call);
  CUdeviceptr address = 0;
  if (from == nullptr || !call.check(api().cuMemAllocFromPoolAsync(&address, bytes, from, call.stream()),
                                     "could not allocate %zu bytes", bytes))
    return nullptr;
  return pointer(address);
}

void DeviceMemory::release(Call& call, void* pointer) {
  if (!pools_) return cache_.release(call, pointer);
  call.check(api().cuMemFreeAsync(address(pointer), call.stream()), "could not release memory");
}

// One of our own, so that what the default pool keeps is left to the host's taste.
CUmemoryPool DeviceMemory::pool(Call& call) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (pool_ != nullptr) return pool_;
  CUmemPoolProps properties = {};
  properties.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
  properties.location = {CU_MEM_LOCATION_TYPE_DEVICE, call.device()->id};
  CUmemoryPool made = nullptr;
  if (!call.check(api().cuMemPoolCreate(&made, &properties), "could not make a memory pool")) return nullptr;
  uint64_t kept = kKeptBytes;
  if (!call.check(api().cuMemPoolSetAttribute(made, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &kept),
                  "could not set up its memory pool")) {
    api().cuMemPoolDestroy(made);
    return nullptr;
  }
  pool_ = made;
  return pool_;
}

void* BlockCache::allocate(Call& call, size_t bytes) {
  bytes = rounded(bytes);
  const std::lock_guard<std::mutex> lock(mutex_);
  CUdeviceptr address = 0;
  if (!reuse(call, bytes, &address) && !call.failed()) {
    CUresult result = api().cuMemAlloc_v2(&address, bytes);
    if (result == CUDA_ERROR_OUT_OF_MEMORY) {
      drain(call, true);
      result = api().cuMemAlloc_v2(&address, bytes);
    }
    call.check(result, "could not allocate %zu bytes", bytes);
  }
  if (call.failed()) return nullptr;
  live_.emplace(address, bytes);
  return pointer(address);
}

void BlockCache::release(Call& call, void* pointer) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = live_.find(address(pointer));
  if (found == live_.end()) {
    call.fail(TSV_E_CUDA, TSV_ARG_NONE, "", "CUDA device %d was to release memory that it has not allocated",
              int(call.device()->id));
    return;
  }
  Block block = {found->first, found->second, call.stream(), nullptr};
  live_.erase(found);
  CUresult result = api().cuEventCreate(&block.event, CU_EVENT_DISABLE_TIMING);
  if (result == CUDA_SUCCESS) result = api().cuEventRecord(block.event, block.stream);
  if (result != CUDA_SUCCESS) {
    // Without an event nobody knows when the block is free, but for the driver, which waits.
    if (block.event != nullptr) api().cuEventDestroy_v2(block.event);
    call.check(api().cuMemFree_v2(block.address), "could not release memory");
    return;
  }
  free_.push_back(block);
  free_bytes_ += block.bytes;
  if (free_bytes_ > kKeptBytes) drain(call, false);
}

bool BlockCache::reuse(Call& call, size_t bytes, CUdeviceptr* address) {
  size_t best = free_.size();
  for (size_t i = 0; i < free_.size(); ++i) {
    const Block& block = free_[i];
    if (block.bytes < bytes || block.bytes > bytes + bytes / 4) continue;
    if (best < free_.size() && block.bytes >= free_[best].bytes) continue;
    if (block.stream == call.stream() || api().cuEventQuery(block.event) == CUDA_SUCCESS) best = i;
  }
  if (best == free_.size()) return false;
  const Block block = free_[best];
  free_.erase(free_.begin() + ptrdiff_t(best));
  free_bytes_ -= block.bytes;
  // Costs nothing on the stream of its last use, and a stream's handle may since have become another's.
  const bool waits =
      call.check(api().cuStreamWaitEvent(call.stream(), block.event, 0), "could not reuse memory");
  api().cuEventDestroy_v2(block.event);
  if (!waits) api().cuMemFree_v2(block.address);
  *address = block.address;
  return waits;
}

void BlockCache::drain(Call& call, bool all) {
  std::vector<Block> kept;
  for (const Block& block : free_) {
    const bool enough = !all && free_bytes_ <= kKeptBytes;
    if (enough || (!all && api().cuEventQuery(block.event) != CUDA_SUCCESS)) {
      kept.push_back(block);
      continue;
    }
    free_bytes_ -= block.bytes;
    call.check(api().cuEventSynchronize(block.event), "failed at work enqueued before");
    api().cuEventDestroy_v2(block.event);
    call.check(api().cuMemFree_v2(block.address), "could not release memory");
  }
  free_.swap(kept);
}

}  // namespace cuda
}  // namespace tsv
