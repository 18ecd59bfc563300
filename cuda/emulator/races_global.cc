#include <algorithm>

#include "races.h"

namespace tsv_sim {
namespace {

constexpr uint64_t kPageBytes = 1024;
constexpr uint32_t kAtomicBit = 0x80000000u;  // of a writer: it was atomic
constexpr uint32_t kSeveral = 0x7fffffffu;    // blocks; otherwise the block's number from 1, or 0 for none

}  // namespace

struct GlobalHistory::Page {
  std::atomic_flag busy = ATOMIC_FLAG_INIT;
  uint32_t launch = 0;
  uint32_t grain = 4;  // bytes to a cell
  bool written = false;
  std::vector<uint32_t> writers, readers;

  void begin(uint32_t new_launch) {
    launch = new_launch;
    written = false;
    writers.assign(kPageBytes / grain, 0);
    readers.assign(kPageBytes / grain, 0);
  }

  void split_words() {
    const auto split = [](std::vector<uint32_t>* cells) {
      std::vector<uint32_t> bytes(kPageBytes);
      for (size_t i = 0; i < kPageBytes; ++i) bytes[i] = (*cells)[i / 4];
      cells->swap(bytes);
    };
    split(&writers);
    split(&readers);
    grain = 1;
  }

  // The cells from `first` to `end`; `self` is the block's number. The number of the first cell of a race, or
  // `end`.
  size_t read(size_t first, size_t end, uint32_t self) {
    if (written) {
      for (size_t i = first; i < end; ++i)
        if (writers[i] != 0 && (writers[i] & ~kAtomicBit) != self) return i;
    }
    for (size_t i = first; i < end; ++i) readers[i] = readers[i] == 0 || readers[i] == self ? self : kSeveral;
    return end;
  }

  size_t write(size_t first, size_t end, uint32_t self) {
    written = true;
    for (size_t i = first; i < end; ++i) {
      if ((writers[i] != 0 && (writers[i] & ~kAtomicBit) != self) || (readers[i] != 0 && readers[i] != self))
        return i;
      writers[i] = self;
    }
    return end;
  }

  size_t update(size_t first, size_t end, uint32_t self) {
    written = true;
    for (size_t i = first; i < end; ++i) {
      const bool plain = writers[i] != 0 && !(writers[i] & kAtomicBit);
      if ((plain && writers[i] != self) || (readers[i] != 0 && readers[i] != self)) return i;
      if (!plain)
        writers[i] = kAtomicBit | (writers[i] == 0 || (writers[i] & ~kAtomicBit) == self ? self : kSeveral);
    }
    return end;
  }
};

GlobalHistory::GlobalHistory(uint64_t size) : count_(size_t((size + kPageBytes - 1) / kPageBytes)) {
  pages_.reset(new std::atomic<Page*>[count_]());
}

GlobalHistory::~GlobalHistory() {
  for (size_t i = 0; i < count_; ++i) delete pages_[i].load();
}

GlobalHistory::Page* GlobalHistory::page(size_t index) {
  Page* found = pages_[index].load(std::memory_order_acquire);
  if (found != nullptr) return found;
  auto fresh = std::make_unique<Page>();
  if (!pages_[index].compare_exchange_strong(found, fresh.get())) return found;  // another thread's
  return fresh.release();
}

bool GlobalHistory::record(uint32_t launch, uint32_t block, Touch touch, uint64_t offset, uint64_t size,
                           Race* race) {
  const uint32_t self = block + 1;
  for (const uint64_t end = offset + size; offset < end;) {
    const uint64_t start = offset / kPageBytes * kPageBytes, stop = std::min(end, start + kPageBytes);
    Page* page = this->page(size_t(offset / kPageBytes));
    while (page->busy.test_and_set(std::memory_order_acquire)) {
    }
    if (page->launch != launch) page->begin(launch);
    if (page->grain != 1 && (offset % 4 != 0 || stop % 4 != 0)) page->split_words();
    const size_t first = size_t(offset - start) / page->grain, last = size_t(stop - start) / page->grain;
    const size_t at = touch == Touch::kRead    ? page->read(first, last, self)
                      : touch == Touch::kWrite ? page->write(first, last, self)
                                               : page->update(first, last, self);
    if (at != last) {
      const uint32_t writer = page->writers[at];
      const bool wrote = writer != 0 && (writer & ~kAtomicBit) != self &&
                         !(touch == Touch::kAtomic && (writer & kAtomicBit));
      const uint32_t other = wrote ? writer & ~kAtomicBit : page->readers[at];
      race->offset = start + at * page->grain;
      race->other = other == kSeveral ? -1 : int64_t(other) - 1;
      race->touch = !wrote ? Touch::kRead : writer & kAtomicBit ? Touch::kAtomic : Touch::kWrite;
    }
    page->busy.clear(std::memory_order_release);
    if (at != last) return false;
    offset = stop;
  }
  return true;
}

}  // namespace tsv_sim
