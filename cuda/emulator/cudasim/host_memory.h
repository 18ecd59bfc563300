// Page-locked memory of the host, which devices read and write while the host goes on.
#ifndef TOKENSIEVE_CUDASIM_HOST_MEMORY_H
#define TOKENSIEVE_CUDASIM_HOST_MEMORY_H
#include <stddef.h>
#include <stdint.h>

#include <atomic>
#include <memory>

namespace cudasim {

struct HostBlock {
  uint8_t* address = nullptr;
  size_t bytes = 0;
  bool owned = false;              // allocated, not registered
  std::atomic<bool> freed{false};  // copies under way may still hold it
  ~HostBlock();
};

// The block that a range lies in; null where it is pageable.
std::shared_ptr<HostBlock> find_host_block(const void* address, size_t bytes);

void count_host_blocks(uint64_t* blocks, uint64_t* bytes);

}  // namespace cudasim
#endif
