// Device memory in stream order: a pool of the driver's where the device has them, else a cache of blocks.
#ifndef TOKENSIEVE_CUDA_MEMORY_H
#define TOKENSIEVE_CUDA_MEMORY_H
#include <stddef.h>
#include <stdint.h>

#include <mutex>
#include <unordered_map>
#include <vector>

#include "cuda/driver/driver_api.h"

namespace tsv {
namespace cuda {

class Call;

// Blocks of cuMemAlloc, which are handed out again: to the stream that gave one back at once, to others when
// that stream's work on it is done.
class BlockCache {
 public:
  void* allocate(Call& call, size_t bytes);
  void release(Call& call, void* pointer);

 private:
  struct Block {
    CUdeviceptr address;
    size_t bytes;
    CUstream stream;
    CUevent event;  // behind the last work on it
  };
  bool reuse(Call& call, size_t bytes, CUdeviceptr* address);
  // Gives back to the driver every block, or those whose work is done until few enough are left.
  void drain(Call& call, bool all);

  std::mutex mutex_;
  std::unordered_map<CUdeviceptr, size_t> live_;
  std::vector<Block> free_;
  size_t free_bytes_ = 0;
};

class DeviceMemory {
 public:
  // Before the first allocation: whether the device has pools.
  void use_pool(bool pools) { pools_ = pools; }
  // At least one byte, at a multiple of 256, on the call's device for what its stream gets from now on. NULL
  // when the call has failed.
  void* allocate(Call& call, size_t bytes);
  // When the work that the call's stream has now is done.
  void release(Call& call, void* pointer);

 private:
  CUmemoryPool pool(Call& call);

  std::mutex mutex_;
  bool pools_ = false;
  CUmemoryPool pool_ = nullptr;
  BlockCache cache_;
};

}  // namespace cuda
}  // namespace tsv
#endif
