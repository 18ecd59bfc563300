// A model of the second-level cache: set-associative, lines of 128 bytes in four sectors, least recently used
// out.
#ifndef TOKENSIEVE_EMULATOR_CACHE_H
#define TOKENSIEVE_EMULATOR_CACHE_H
#include <stdint.h>

#include <memory>

#include "counters.h"

namespace tsv_sim {

// A model, to tell reuse from streaming: real caches hash addresses, have two partitions and a first level in
// front, and do not say how they replace. A sector that is not here is read from memory unless it is stored
// to; a sector that is written is written back once for every time that it becomes dirty, counted at that
// moment.
class CacheModel {
 public:
  explicit CacheModel(uint64_t bytes = uint64_t(4) << 20, uint32_t ways = 16);  // the 4 MiB of a T4

  enum class Use : uint8_t { kLoad, kStore, kAtomic };
  // The sectors (bits 0 to 3) of line `line` = address / 128.
  void access(uint64_t line, uint32_t sectors, Use use, MemoryCounters* counters);

 private:
  struct Way {
    uint64_t used;  // the time of the last use
    uint8_t valid, dirty;
  };
  struct Free {
    void operator()(void* memory) const;
  };

  uint64_t sets_;
  uint32_t ways_;
  uint64_t time_ = 0;
  // By set and way; the lines apart, since all of a set's are compared
  std::unique_ptr<uint64_t[], Free> lines_;  // from 1; 0 is empty
  std::unique_ptr<Way[], Free> table_;
};

}  // namespace tsv_sim
#endif
