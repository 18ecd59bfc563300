// Device memory and the host's: sizes, frees, copies, what is told of a pointer.
#include "client.h"

using namespace test;
using cudasim::PointerAttribute;
using cudasim::PoolAttribute;

namespace {

uint64_t pool_number(Handle pool, PoolAttribute attribute) {
  uint64_t value = 0;
  CHECK_SUCCESS(cu.cuMemPoolGetAttribute(pool, attribute, &value));
  return value;
}

// A kernel that keeps the stream busy for a while.
void keep_busy(const Client& client, DevicePointer data) {
  CHECK_SUCCESS(client.store_late(data, 1, 200000, client.stream));
}

}  // namespace

TEST(copies_and_fills) {
  const Client client;
  const DevicePointer a = allocate(kCount * 4), b = allocate(kCount * 4);
  const std::vector<uint32_t> values = ascending(kCount, 5);
  upload(a, values);
  CHECK(download(a, kCount) == values);
  CHECK_SUCCESS(cu.cuMemcpyDtoD_v2(b, a, kCount * 4));
  CHECK(download(b, kCount) == values);
  CHECK_SUCCESS(cu.cuMemsetD32_v2(b + 4, 77, kCount - 1));
  CHECK(download(b, 3) == std::vector<uint32_t>({5, 77, 77}));
  CHECK_SUCCESS(cu.cuMemsetD8_v2(b, 1, 4));
  CHECK(download(b, 2) == std::vector<uint32_t>({0x01010101, 77}));
  CHECK_SUCCESS(cu.cuMemsetD32Async(b, 9, kCount, client.stream));
  CHECK_SUCCESS(cu.cuMemcpyDtoDAsync_v2(a, b, kCount * 4, client.stream));
  CHECK_SUCCESS(cu.cuStreamSynchronize(client.stream));
  CHECK(download(a, kCount) == std::vector<uint32_t>(kCount, 9));
  CHECK_SUCCESS(cu.cuMemcpyHtoD_v2(a, nullptr, 0));
  CHECK_RESULT(cu.cuMemcpyHtoD_v2(a, nullptr, 4), cudasim::kInvalidValue);
  CHECK_RESULT(cu.cuMemcpyHtoD_v2(a + 4, values.data(), kCount * 4), cudasim::kInvalidValue);
  CHECK_RESULT(cu.cuMemcpyDtoD_v2(a, b + 8, kCount * 4), cudasim::kInvalidValue);
  CHECK_RESULT(cu.cuMemsetD32_v2(b + 2, 1, 1), cudasim::kInvalidValue);
  CHECK_RESULT(cu.cuMemsetD8_v2(b, 1, kCount * 4 + 1), cudasim::kInvalidValue);
  CHECK_SUCCESS(cu.cuMemFree_v2(a));
  CHECK_SUCCESS(cu.cuMemFree_v2(b));
}

TEST(frees) {
  const Client client;
  DevicePointer a = allocate(64);
  CHECK_RESULT(cu.cuMemFree_v2(a + 4), cudasim::kInvalidValue);
  CHECK_SUCCESS(cu.cuMemFree_v2(a));
  CHECK_RESULT(cu.cuMemFree_v2(a), cudasim::kInvalidValue);
  CHECK_SUCCESS(cu.cuMemFree_v2(0));
  uint32_t value = 0;
  CHECK_RESULT(cu.cuMemcpyDtoH_v2(&value, a, 4), cudasim::kInvalidValue);
  CHECK_RESULT(cu.cuMemAlloc_v2(&a, 0), cudasim::kInvalidValue);
  a = allocate(64);
  CHECK_RESULT(cu.cuMemFreeAsync(a, client.stream), cudasim::kInvalidValue);
  DevicePointer pooled = 0;
  CHECK_SUCCESS(cu.cuMemAllocAsync(&pooled, 64, client.stream));
  CHECK(live().allocations == 2 && live().allocated_bytes == 128);
  CHECK_SUCCESS(cu.cuMemFreeAsync(pooled, client.stream));
  CHECK_RESULT(cu.cuMemFreeAsync(pooled, client.stream), cudasim::kInvalidValue);
  CHECK_RESULT(cu.cuMemcpyDtoHAsync_v2(&value, pooled, 4, client.stream), cudasim::kInvalidValue);
  CHECK_SUCCESS(cu.cuMemAllocAsync(&pooled, 64, client.stream));
  CHECK_SUCCESS(cu.cuMemFree_v2(pooled));
  CHECK_SUCCESS(cu.cuMemFree_v2(a));
  CHECK(live().allocations == 0);
}

// What is freed in stream order is there until the stream gets there, and never again.
TEST(stream_ordered_frees) {
  const Client client;
  DevicePointer data = 0, other = allocate(4);
  CHECK_SUCCESS(cu.cuMemAllocAsync(&data, kCount * 4, client.stream));
  const std::vector<uint32_t> values = ascending(kCount);
  CHECK_SUCCESS(cu.cuMemcpyHtoDAsync_v2(data, values.data(), kCount * 4, client.stream));
  keep_busy(client, other);
  CHECK_SUCCESS(client.add_one(data, kCount, client.stream));
  CHECK_SUCCESS(cu.cuMemFreeAsync(data, client.stream));
  CHECK_SUCCESS(cu.cuStreamSynchronize(client.stream));
  CHECK_SUCCESS(client.add_one(data, kCount, client.stream));  // a launch's pointers are its own affair
  CHECK_RESULT(cu.cuStreamSynchronize(client.stream), cudasim::kIllegalAddress);
  CHECK(strstr(cu.last_fault(), "add_one") != nullptr && strstr(cu.last_fault(), "freed") != nullptr);
}

// Memory that a stream has yet to free is waited for before there is none left.
TEST(memory_under_way, "TOKENSIEVE_CUDASIM_MEMORY=4096") {
  const Client client;
  DevicePointer small = allocate(4), a = 0;
  CHECK_SUCCESS(cu.cuMemAllocAsync(&a, 3000, client.stream));
  keep_busy(client, small);
  CHECK_SUCCESS(cu.cuMemFreeAsync(a, client.stream));
  CHECK_SUCCESS(cu.cuMemAllocAsync(&a, 3000, client.stream));
  DevicePointer b = 0;
  CHECK_RESULT(cu.cuMemAllocAsync(&b, 3000, client.stream), cudasim::kOutOfMemory);
  size_t free = 0, total = 0;
  CHECK_SUCCESS(cu.cuMemGetInfo_v2(&free, &total));
  CHECK(total == 4096 && free < 1096);
  CHECK_SUCCESS(cu.cuMemFreeAsync(a, client.stream));
  CHECK_SUCCESS(cu.cuMemFree_v2(small));
}

TEST(pools) {
  const Client client;
  Handle pool = nullptr, mine = nullptr;
  CHECK_SUCCESS(cu.cuDeviceGetDefaultMemPool(&pool, 0));
  DevicePointer a = 0;
  CHECK_SUCCESS(cu.cuMemAllocAsync(&a, 100, client.stream));
  CHECK(pool_number(pool, PoolAttribute::kUsedCurrent) == 100);
  uint64_t threshold = 12345, none = 0;
  CHECK_SUCCESS(cu.cuMemPoolSetAttribute(pool, PoolAttribute::kReleaseThreshold, &threshold));
  CHECK(pool_number(pool, PoolAttribute::kReleaseThreshold) == 12345);
  CHECK_SUCCESS(cu.cuMemFreeAsync(a, client.stream));
  CHECK_SUCCESS(cu.cuStreamSynchronize(client.stream));
  CHECK(pool_number(pool, PoolAttribute::kUsedCurrent) == 0);
  CHECK(pool_number(pool, PoolAttribute::kUsedHigh) == 100);
  CHECK_SUCCESS(cu.cuMemPoolSetAttribute(pool, PoolAttribute::kUsedHigh, &none));
  CHECK(pool_number(pool, PoolAttribute::kUsedHigh) == 0);
  CHECK_RESULT(cu.cuMemPoolSetAttribute(pool, PoolAttribute::kUsedCurrent, &none), cudasim::kInvalidValue);

  cudasim::PoolProperties properties = {};
  properties.allocation_type = 1;
  properties.location_type = 1;
  properties.most_bytes = 1000;
  CHECK_SUCCESS(cu.cuMemPoolCreate(&mine, &properties));
  CHECK(live().pools == 1);
  CHECK_SUCCESS(cu.cuMemAllocFromPoolAsync(&a, 600, mine, client.stream));
  DevicePointer b = 0;
  CHECK_RESULT(cu.cuMemAllocFromPoolAsync(&b, 600, mine, client.stream), cudasim::kOutOfMemory);
  CHECK_SUCCESS(cu.cuMemFreeAsync(a, client.stream));
  CHECK_SUCCESS(cu.cuMemAllocFromPoolAsync(&b, 600, mine, client.stream));
  CHECK_SUCCESS(cu.cuMemPoolDestroy(mine));
  CHECK_RESULT(cu.cuMemPoolDestroy(mine), cudasim::kInvalidValue);
  CHECK_RESULT(cu.cuMemPoolDestroy(pool), cudasim::kInvalidValue);
  CHECK_RESULT(cu.cuMemAllocFromPoolAsync(&a, 8, mine, client.stream), cudasim::kInvalidValue);
  CHECK_SUCCESS(cu.cuMemFreeAsync(b, client.stream));
  properties.location = 1;
  CHECK_RESULT(cu.cuMemPoolCreate(&mine, &properties), cudasim::kInvalidValue);
}

// Page-locked memory is read when the copy runs; pageable memory when it is asked for.
TEST(host_memory) {
  const Client client;
  const DevicePointer data = allocate(kCount * 4), other = allocate(4);
  void* locked = nullptr;
  CHECK_SUCCESS(cu.cuMemHostAlloc(&locked, kCount * 4, 0));
  auto* const values = static_cast<uint32_t*>(locked);
  std::vector<uint32_t> pageable = ascending(kCount);
  for (size_t i = 0; i < kCount; ++i) values[i] = 1;
  Handle gate = nullptr, opened = nullptr, stream = nullptr;
  CHECK_SUCCESS(cu.cuStreamCreate(&stream, cudasim::kStreamNonBlocking));
  CHECK_SUCCESS(cu.cuEventCreate(&gate, 0));
  CHECK_SUCCESS(cu.cuEventCreate(&opened, 0));
  CHECK_SUCCESS(client.store_late(other, 1, 300000, stream));
  CHECK_SUCCESS(cu.cuEventRecord(gate, stream));
  CHECK_SUCCESS(cu.cuStreamWaitEvent(client.stream, gate, 0));
  CHECK_SUCCESS(cu.cuMemcpyHtoDAsync_v2(data, locked, kCount * 4, client.stream));
  CHECK_SUCCESS(cu.cuMemcpyHtoDAsync_v2(data + kCount * 2, pageable.data(), kCount * 2, client.stream));
  for (size_t i = 0; i < kCount; ++i) values[i] = 2, pageable[i] = 1000000;
  CHECK_SUCCESS(cu.cuStreamSynchronize(client.stream));
  const std::vector<uint32_t> got = download(data, kCount);
  CHECK(got[0] == 2 && got[kCount / 2 - 1] == 2);  // the later values: nothing had waited
  CHECK(got[kCount / 2] == 0 && got[kCount - 1] == kCount / 2 - 1);

  CHECK_SUCCESS(cu.cuMemcpyDtoHAsync_v2(pageable.data(), data, kCount * 4, client.stream));
  CHECK(pageable == got);  // without waiting
  CHECK_SUCCESS(cu.cuMemFreeHost(locked));
  CHECK_RESULT(cu.cuMemFreeHost(locked), cudasim::kInvalidValue);

  CHECK_SUCCESS(cu.cuMemHostRegister_v2(pageable.data(), kCount * 4, 0));
  CHECK_RESULT(cu.cuMemHostRegister_v2(pageable.data() + 4, 16, 0), cudasim::kAlreadyRegistered);
  CHECK_RESULT(cu.cuMemFreeHost(pageable.data()), cudasim::kInvalidValue);
  CHECK(live().pinned_blocks == 1 && live().pinned_bytes == kCount * 4);
  // A kernel reaches it where the host does
  CHECK_SUCCESS(
      client.add_one(DevicePointer(reinterpret_cast<uintptr_t>(pageable.data())), kCount, client.stream));
  CHECK_SUCCESS(cu.cuStreamSynchronize(client.stream));
  CHECK(pageable[0] == got[0] + 1 && pageable[kCount - 1] == got[kCount - 1] + 1);
  CHECK_SUCCESS(cu.cuMemHostUnregister(pageable.data()));
  CHECK_RESULT(cu.cuMemHostUnregister(pageable.data()), cudasim::kNotRegistered);
  CHECK(live().pinned_blocks == 0);
  CHECK_SUCCESS(cu.cuEventDestroy_v2(gate));
  CHECK_SUCCESS(cu.cuEventDestroy_v2(opened));
  CHECK_SUCCESS(cu.cuStreamDestroy_v2(stream));
}

// Page-locked memory that is freed while a copy of it is queued.
TEST(host_memory_freed_too_early) {
  const Client client;
  const DevicePointer data = allocate(4), other = allocate(4);
  void* locked = nullptr;
  CHECK_SUCCESS(cu.cuMemAllocHost_v2(&locked, 4));
  keep_busy(client, other);
  CHECK_SUCCESS(cu.cuMemcpyHtoDAsync_v2(data, locked, 4, client.stream));
  CHECK_SUCCESS(cu.cuMemFreeHost(locked));
  CHECK_RESULT(cu.cuStreamSynchronize(client.stream), cudasim::kIllegalAddress);
  CHECK(strstr(cu.last_fault(), "page-locked memory was freed") != nullptr);
}

TEST(pointers, "TOKENSIEVE_CUDASIM_DEVICES=2") {
  const Client first(0), second(1);
  const DevicePointer data = allocate(100);
  Handle context = nullptr;
  int device = -1;
  unsigned type = 0;
  DevicePointer base = 0;
  size_t bytes = 0;
  CHECK_SUCCESS(cu.cuPointerGetAttribute(&context, PointerAttribute::kContext, data + 99));
  CHECK_SUCCESS(cu.cuPointerGetAttribute(&device, PointerAttribute::kDeviceOrdinal, data));
  CHECK_SUCCESS(cu.cuPointerGetAttribute(&type, PointerAttribute::kMemoryType, data));
  CHECK_SUCCESS(cu.cuPointerGetAttribute(&base, PointerAttribute::kRangeStart, data + 50));
  CHECK_SUCCESS(cu.cuPointerGetAttribute(&bytes, PointerAttribute::kRangeSize, data));
  CHECK(context == second.context && device == 1 && type == cudasim::kMemoryDevice && base == data &&
        bytes == 100);
  CHECK_RESULT(cu.cuPointerGetAttribute(&type, PointerAttribute::kMemoryType, data + 100),
               cudasim::kInvalidValue);
  CHECK_RESULT(cu.cuPointerGetAttribute(&type, PointerAttribute::kHostPointer, data), cudasim::kInvalidValue);
  void* locked = nullptr;
  CHECK_SUCCESS(cu.cuMemAllocHost_v2(&locked, 16));
  CHECK_SUCCESS(cu.cuPointerGetAttribute(&type, PointerAttribute::kMemoryType,
                                         DevicePointer(reinterpret_cast<uintptr_t>(locked))));
  CHECK(type == cudasim::kMemoryHost);
  CHECK_SUCCESS(cu.cuMemFreeHost(locked));

  // Addresses of devices do not meet, and copies between them go through
  CHECK_SUCCESS(cu.cuCtxPushCurrent_v2(first.context));
  const DevicePointer there = allocate(100);
  CHECK(there != data);
  CHECK_SUCCESS(cu.cuMemsetD8_v2(there, 3, 100));
  CHECK_SUCCESS(cu.cuMemcpyDtoD_v2(data, there, 100));
  CHECK_SUCCESS(cu.cuCtxSynchronize());
  CHECK(download(data, 25) == std::vector<uint32_t>(25, 0x03030303));
  CHECK_SUCCESS(cu.cuMemFree_v2(there));
  CHECK_SUCCESS(cu.cuCtxPopCurrent_v2(nullptr));
  CHECK_SUCCESS(cu.cuMemFree_v2(data));
}
