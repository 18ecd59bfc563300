#include "runtime/workspace.h"

#include <stdlib.h>

namespace tsv {
namespace {

// Past this a block goes back to the system when its user is done.
constexpr size_t kKeptBytes = size_t(16) << 20;

char* allocate(size_t bytes) {
#if defined(_MSC_VER)
  return static_cast<char*>(_aligned_malloc(aligned(bytes), kAlignment));
#else
  void* block = nullptr;
  return posix_memalign(&block, kAlignment, aligned(bytes)) == 0 ? static_cast<char*>(block) : nullptr;
#endif
}

void release(char* block) {
#if defined(_MSC_VER)
  _aligned_free(block);
#else
  free(block);
#endif
}

struct ThreadBlock {
  char* start = nullptr;
  size_t bytes = 0;
  bool in_use = false;
  ~ThreadBlock() { release(start); }
};

// A few a thread: the caller's own over a whole call, that of a phase of it, and the one of the task that it
// runs meanwhile.
thread_local ThreadBlock thread_blocks[4];

}  // namespace

Workspace::Workspace(size_t bytes) : kept_(false) {
  if (bytes <= kKeptBytes) {
    for (ThreadBlock& block : thread_blocks) {
      if (block.in_use) continue;
      if (block.bytes < bytes) {
        char* grown = allocate(bytes);
        if (grown == nullptr) break;
        release(block.start);
        block.start = grown;
        block.bytes = bytes;
      }
      block.in_use = true;
      start_ = block.start;
      kept_ = true;
      return;
    }
  }
  start_ = allocate(bytes);
}

Workspace::~Workspace() {
  if (!kept_) {
    release(start_);
    return;
  }
  for (ThreadBlock& block : thread_blocks) {
    if (block.start == start_) block.in_use = false;
  }
}

}  // namespace tsv
