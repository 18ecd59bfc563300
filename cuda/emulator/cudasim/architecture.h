// What the emulated devices say of themselves: the limits of an architecture, with the size of one known
// product.
#ifndef TOKENSIEVE_CUDASIM_ARCHITECTURE_H
#define TOKENSIEVE_CUDASIM_ARCHITECTURE_H
#include <stdint.h>

#include <string>

namespace cudasim {

struct Architecture {
  int number;           // 90 for sm_90
  const char* product;  // whose size it has
  int multiprocessors;
  int clock_khz, memory_clock_khz, memory_bus_bits;
  int l2_bytes;
  int shared_per_multiprocessor, shared_per_block_optin;  // bytes
  int reserved_shared_per_block;
  int threads_per_multiprocessor, blocks_per_multiprocessor;
};

// Limits that all have
constexpr int kMaxThreadsPerBlock = 1024;
constexpr uint32_t kMaxBlock[3] = {1024, 1024, 64};
constexpr uint32_t kMaxGrid[3] = {0x7fffffff, 65535, 65535};
constexpr int kMaxShared = 48 << 10;  // of a block, unless its function asks for more
constexpr int kRegisters = 64 << 10;  // of a block, and of a multiprocessor
constexpr int kConstantMemory = 64 << 10;

const Architecture* find_architecture(int number);  // null for an unknown one
std::string architecture_numbers();                 // "75, 80, ..."

}  // namespace cudasim
#endif
