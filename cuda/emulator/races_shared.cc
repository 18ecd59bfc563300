#include <algorithm>
#include <type_traits>

#include "races.h"

namespace tsv_sim {
namespace {

// A writer: the clock of its last access, and who it was. Several: more than one warp, all atomically.
constexpr uint32_t kWarpMask = 31, kAtomicBit = 32, kSeveralBit = 64, kClockShift = 7;
constexpr uint32_t kLastClock = 0xffffffffu >> kClockShift, kLastMeeting = kLastClock / 4 * 3;

uint32_t clock_of(uint32_t writer) { return writer >> kClockShift; }
uint32_t warp_of(uint32_t writer) { return writer & kWarpMask; }

}  // namespace

SharedHistory::SharedHistory(uint32_t size, uint32_t warps)
    : warps_(warps), clocks_(warps, std::vector<uint32_t>(warps, kLastClock)), floors_(warps, 0) {
  const size_t words = (size_t(size) + 3) / 4;
  writers_.assign(words, 0);
  readers_.assign(words, 0);
  reader_clocks_.assign(words, 0);
  lanes_.assign(words, kAnyLane);
}

// Clocks run on from block to block, so that all that earlier blocks did lies behind every warp.
void SharedHistory::begin_block() {
  exited_ = 0;
  put_all_behind();
}

// Every warp comes after all that was done so far.
void SharedHistory::put_all_behind() {
  uint32_t last = 0;
  for (uint32_t warp = 0; warp < warps_; ++warp) last = std::max(last, clocks_[warp][warp]);
  if (last > kLastClock / 2) {
    last = 0;
    for (std::vector<uint32_t>* cells : {&writers_, &readers_, &reader_clocks_})
      std::fill(cells->begin(), cells->end(), 0);
  }
  for (uint32_t warp = 0; warp < warps_; ++warp) {
    std::fill(clocks_[warp].begin(), clocks_[warp].end(), last);
    clocks_[warp][warp] = last + 1;
  }
  update_floors();
}

void SharedHistory::barrier(uint32_t arrived, uint32_t waited) {
  arrived |= exited_;
  const uint32_t all = 0xffffffffu >> (32 - warps_);
  if (arrived == all && (waited | exited_) == all) return put_all_behind();
  std::vector<uint32_t> seen(warps_, 0);
  for (uint32_t warp = 0; warp < warps_; ++warp)
    if (arrived >> warp & 1)
      for (uint32_t other = 0; other < warps_; ++other)
        seen[other] = std::max(seen[other], clocks_[warp][other]);
  // Later than all that any of them did: one value that all of it lies before, and all that follows does not.
  const uint32_t now = *std::max_element(seen.begin(), seen.end()) + 1;
  for (uint32_t warp = 0; warp < warps_; ++warp) {
    if (waited >> warp & 1) {
      for (uint32_t other = 0; other < warps_; ++other)
        clocks_[warp][other] = std::max(clocks_[warp][other], arrived >> other & 1 ? now - 1 : seen[other]);
    }
    if ((arrived | waited) >> warp & 1) clocks_[warp][warp] = std::max(clocks_[warp][warp] + 1, now);
  }
  update_floors();
}

// A clock that comes near its end between two barriers of the block stands still, and lanes are not told
// apart then.
void SharedHistory::meet(uint32_t warp) {
  uint32_t& clock = clocks_[warp][warp];
  if (clock < kLastMeeting) ++clock;
}

void SharedHistory::update_floors() {
  for (uint32_t warp = 0; warp < warps_; ++warp)
    floors_[warp] = *std::min_element(clocks_[warp].begin(), clocks_[warp].end());
}

void SharedHistory::keep_bytes_apart(uint32_t offset, uint32_t size) {
  if (grain_ == 1 || (offset % 4 == 0 && size % 4 == 0)) return;
  const auto split = [](auto* cells) {
    std::remove_pointer_t<decltype(cells)> bytes(4 * cells->size());
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = (*cells)[i / 4];
    cells->swap(bytes);
  };
  split(&writers_);
  split(&readers_);
  split(&reader_clocks_);
  split(&lanes_);
  grain_ = 1;
}

// Whether what the writer of the cell did comes before what `warp` does now.
bool SharedHistory::after_writer(uint32_t warp, uint32_t cell) const {
  const uint32_t writer = writers_[cell];
  if (clock_of(writer) <= floors_[warp]) return true;
  return !(writer & kSeveralBit) &&
         (warp_of(writer) == warp || clock_of(writer) <= clocks_[warp][warp_of(writer)]);
}

bool SharedHistory::after_readers(uint32_t warp, uint32_t cell) const {
  const uint32_t clock = reader_clocks_[cell];
  if (clock <= floors_[warp]) return true;
  for (uint32_t others = readers_[cell] & ~(1u << warp); others != 0; others &= others - 1)
    if (clock > clocks_[warp][uint32_t(__builtin_ctz(others))]) return false;
  return true;
}

// Whether all of the cells were last written before what this warp's barriers cover, or by the warp itself.
bool SharedHistory::calm(uint32_t warp, uint32_t first, uint32_t end) const {
  const uint32_t bound = (floors_[warp] + 1) << kClockShift;
  uint32_t others = 0;
  for (uint32_t i = first; i < end; ++i)
    others |= uint32_t(writers_[i] >= bound) & uint32_t((writers_[i] & (kSeveralBit | kWarpMask)) != warp);
  return others == 0;
}

// The first cell that races, or `end`.
uint32_t SharedHistory::read(uint32_t warp, uint32_t first, uint32_t end) {
  const uint32_t now = clocks_[warp][warp], self = 1u << warp, floor = floors_[warp];
  if (!calm(warp, first, end)) {
    for (uint32_t i = first; i < end; ++i)
      if (!after_writer(warp, i)) return i;
  }
  uint32_t *const readers = readers_.data(), *const clocks = reader_clocks_.data();
  for (uint32_t i = first; i < end; ++i) {
    readers[i] = clocks[i] <= floor ? self : readers[i] | self;
    clocks[i] = std::max(clocks[i], now);
  }
  return end;
}

uint32_t SharedHistory::write(uint32_t warp, uint32_t first, uint32_t end) {
  const uint32_t self = clocks_[warp][warp] << kClockShift | warp, floor = floors_[warp];
  uint32_t latest = 0;
  for (uint32_t i = first; i < end; ++i) latest = std::max(latest, reader_clocks_[i]);
  if (latest > floor || !calm(warp, first, end)) {
    for (uint32_t i = first; i < end; ++i)
      if (!after_writer(warp, i) || !after_readers(warp, i)) return i;
  }
  // Whoever comes after this write comes after the readers before it.
  std::fill(writers_.begin() + first, writers_.begin() + end, self);
  std::fill(readers_.begin() + first, readers_.begin() + end, 0);
  std::fill(reader_clocks_.begin() + first, reader_clocks_.begin() + end, 0);
  return end;
}

uint32_t SharedHistory::update(uint32_t warp, uint32_t first, uint32_t end) {
  const uint32_t now = clocks_[warp][warp], self = now << kClockShift | kAtomicBit | warp;
  for (uint32_t i = first; i < end; ++i) {
    const uint32_t writer = writers_[i];
    const bool in_order = after_writer(warp, i);
    if (!(in_order || (writer & kAtomicBit)) || !after_readers(warp, i)) return i;
    if (!in_order) {
      writers_[i] = self | kSeveralBit;
    } else if ((writer & kAtomicBit) || clock_of(writer) != now || warp_of(writer) != warp) {
      writers_[i] = self;  // a plain write of this warp at this time stays: it is what other warps race with
    }
  }
  return end;
}

void SharedHistory::tell(uint32_t warp, Touch touch, uint32_t cell, Race* race) const {
  const uint32_t writer = writers_[cell];
  race->offset = cell * grain_;
  if (!after_writer(warp, cell) && !(touch == Touch::kAtomic && (writer & kAtomicBit))) {
    race->other = writer & kSeveralBit ? -1 : int64_t(warp_of(writer));
    race->touch = writer & kAtomicBit ? Touch::kAtomic : Touch::kWrite;
    return;
  }
  const uint32_t others = readers_[cell] & ~(1u << warp);
  race->other = (others & (others - 1)) == 0 ? __builtin_ctz(others) : -1;
  race->touch = Touch::kRead;
}

bool SharedHistory::record(uint32_t warp, Touch touch, uint32_t offset, uint32_t size, Race* race) {
  keep_bytes_apart(offset, size);
  const uint32_t first = offset / grain_, end = (offset + size) / grain_;
  const uint32_t at = touch == Touch::kRead    ? read(warp, first, end)
                      : touch == Touch::kWrite ? write(warp, first, end)
                                               : update(warp, first, end);
  if (at == end) return true;
  tell(warp, touch, at, race);
  return false;
}

bool SharedHistory::wrote_since_meeting(uint32_t warp, uint32_t offset, uint32_t size) {
  if (clocks_[warp][warp] >= kLastMeeting) return false;
  keep_bytes_apart(offset, size);
  const uint32_t self = clocks_[warp][warp] << kClockShift | warp, first = offset / grain_,
                 end = first + size / grain_;
  uint32_t found = 0;
  for (uint32_t i = first; i < end; ++i) found |= uint32_t(writers_[i] == self);
  return found != 0;
}

bool SharedHistory::wrote_cell_since_meeting(uint32_t warp, uint32_t offset) const {
  return writers_[offset / grain_] == (clocks_[warp][warp] << kClockShift | warp);
}

void SharedHistory::set_lane(uint32_t offset, uint32_t size, uint8_t lane) {
  std::fill_n(lanes_.begin() + offset / grain_, size / grain_, lane);
}

}  // namespace tsv_sim
