// What launch plans that move rows as bytes share.
#ifndef TOKENSIEVE_CUDA_PLANS_MOVE_ROWS_H
#define TOKENSIEVE_CUDA_PLANS_MOVE_ROWS_H
#include <initializer_list>

#include "cuda/driver/queue.h"

namespace tsv {
namespace cuda {

constexpr int kMoveThreads = 256;
constexpr int kMoveWarps = kMoveThreads / 32;
constexpr int64_t kRowPiece = 2048;  // bytes that a warp moves

// The widest word, from 16 bytes to 1, that divides rows and addresses.
inline int32_t widest_word(int64_t row_bytes, std::initializer_list<const void*> addresses) {
  uint64_t all = uint64_t(row_bytes);
  for (const void* address : addresses) all |= uint64_t(reinterpret_cast<uintptr_t>(address));
  int32_t word = 16;
  while (all % uint64_t(word) != 0) word /= 2;
  return word;
}

}  // namespace cuda
}  // namespace tsv
#endif
