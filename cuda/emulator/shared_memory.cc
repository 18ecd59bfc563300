#include "shared_memory.h"

#include <string.h>

#include <algorithm>

#include "bank_conflicts.h"
#include "coalescing.h"
#include "memory_checks.h"

namespace tsv_sim {

SharedMemory::SharedMemory(uint32_t size, uint32_t warps, MemoryCounters* counters)
    : counters_(counters), data_(size), initialised_(size), arriving_(size), history_(size, warps) {}

void SharedMemory::begin_block(bool checks) {
  checks_ = checks;
  std::fill(initialised_.begin(), initialised_.end(), 0);
  if (copying_ > 0) std::fill(arriving_.begin(), arriving_.end(), 0);
  copying_ = 0;
  history_.begin_block();
}

bool SharedMemory::access(const Access& access, uint8_t* host[kLanes], AccessCounters* line) {
  if (!check_alignment(access) || !check_bounds(access)) return false;
  Footprint footprint;
  find_footprint(access.address, access.mask, access.bytes, &footprint);
  if (checks_) {
    if (footprint.shared && access.kind == AccessKind::kStore &&
        !check_equal_stores(access, FaultKind::kSharedRace, "shared"))
      return false;
    if (!check_lanes(access, footprint) || !check(access, footprint)) return false;
    if (access.kind == AccessKind::kStore) set_lanes(access, footprint.shared);
  }
  count(access, footprint, line);
  for (uint32_t rest = access.mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    host[lane] = data_.data() + access.address[lane];
  }
  return true;
}

void SharedMemory::set_lanes(const Access& access, bool several) {
  for (uint32_t rest = access.mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    history_.set_lane(uint32_t(access.address[lane]), access.bytes,
                      several ? SharedHistory::kAnyLane : uint8_t(lane));
  }
}

bool SharedMemory::check_bounds(const Access& access) const {
  uint64_t furthest = 0;
  for (uint32_t rest = access.mask; rest != 0; rest &= rest - 1)
    furthest = std::max(furthest, access.address[__builtin_ctz(rest)]);
  if (furthest < data_.size() && access.bytes <= data_.size() - furthest) return true;
  for (uint32_t rest = access.mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    const uint64_t offset = access.address[lane];
    if (offset < data_.size() && access.bytes <= data_.size() - offset) continue;
    access.warp->raise(FaultKind::kOutOfBounds, *access.instruction, lane, offset,
                       "an access of " + std::to_string(access.bytes) +
                           " bytes to shared memory, of which the block has " + std::to_string(data_.size()));
    break;
  }
  return false;
}

bool SharedMemory::check(const Access& access, const Footprint& footprint) {
  for (int i = 0; i < footprint.count; ++i) {
    const auto offset = uint32_t(footprint.begin[i]), bytes = uint32_t(footprint.end[i] - footprint.begin[i]);
    if (copying_ > 0) {
      const size_t first = find_other(arriving_.data() + offset, 0, bytes);
      if (first < bytes) {
        access.warp->raise(FaultKind::kUnfinishedCopy, *access.instruction, lane_at(access, offset + first),
                           offset + first,
                           "an asynchronous copy to this byte of shared memory has not been waited for");
        return false;
      }
    }
    if (reads(access.kind)) {
      const size_t first = find_other(initialised_.data() + offset, 1, bytes);
      if (first < bytes) return raise_uninitialised(access, offset + first, "shared");
    }
    if (writes(access.kind)) memset(initialised_.data() + offset, 1, bytes);
    Race race;
    if (!history_.record(access.warp->index, touch_of(access.kind), offset, bytes, &race))
      return raise_race(access, FaultKind::kSharedRace, race, race.offset, "warp", "shared");
  }
  return true;
}

// Between two meetings of a warp's lanes none may touch what another one has written.
bool SharedMemory::check_lanes(const Access& access, const Footprint& footprint) {
  const uint32_t warp = access.warp->index;
  bool wrote = false;
  for (int i = 0; i < footprint.count; ++i)
    wrote |= history_.wrote_since_meeting(warp, uint32_t(footprint.begin[i]),
                                          uint32_t(footprint.end[i] - footprint.begin[i]));
  if (!wrote) return true;
  for (uint32_t rest = access.mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    const auto first = uint32_t(access.address[lane]);
    for (uint32_t at = first; at < first + access.bytes; at += history_.cell_bytes()) {
      const uint8_t other = history_.lane_that_wrote(at);
      if (other == lane || other == SharedHistory::kAnyLane || !history_.wrote_cell_since_meeting(warp, at))
        continue;
      access.warp->raise(
          FaultKind::kSharedRace, *access.instruction, lane, at,
          "lane " + std::to_string(other) +
              " of this warp wrote this byte of shared memory, and no __syncwarp lies between");
      return false;
    }
  }
  return true;
}

void SharedMemory::count(const Access& access, const Footprint& footprint, AccessCounters* line) {
  const SharedPasses passes = count_shared_passes(access.address, access.mask, access.bytes, footprint);
  const auto taken = uint64_t(passes.taken), conflicts = uint64_t(passes.taken - passes.needed);
  if (access.kind == AccessKind::kLoad) {
    ++counters_->shared_load_requests;
    counters_->shared_load_wavefronts += taken;
    counters_->shared_load_conflicts += conflicts;
  } else if (access.kind == AccessKind::kStore) {
    ++counters_->shared_store_requests;
    counters_->shared_store_wavefronts += taken;
    counters_->shared_store_conflicts += conflicts;
  } else {
    ++counters_->shared_atomic_requests;
    counters_->shared_atomic_wavefronts += taken;
    counters_->shared_atomic_lanes += uint64_t(__builtin_popcount(access.mask));
  }
  ++line->requests;
  line->wavefronts += taken;
}

bool SharedMemory::begin_copy(const Access& destination) {
  if (!check_alignment(destination) || !check_bounds(destination)) return false;
  if (!checks_) return true;
  Footprint footprint;
  find_footprint(destination.address, destination.mask, destination.bytes, &footprint);
  if (footprint.shared) {
    destination.warp->raise(FaultKind::kSharedRace, *destination.instruction, -1, footprint.begin[0],
                            "lanes copy to one address of shared memory");
    return false;
  }
  if (!check(destination, footprint)) return false;
  for (int i = 0; i < footprint.count; ++i) {
    memset(arriving_.data() + footprint.begin[i], 1, footprint.end[i] - footprint.begin[i]);
    copying_ += footprint.end[i] - footprint.begin[i];
  }
  return true;
}

void SharedMemory::finish_copy(uint32_t warp, int lane, uint32_t offset, const uint8_t* data, uint32_t size) {
  memcpy(data_.data() + offset, data, size);
  if (!checks_) return;
  memset(arriving_.data() + offset, 0, size);
  copying_ -= size;
  Race race;  // there is none: until now nobody else could touch these bytes
  history_.record(warp, Touch::kWrite, offset, size, &race);
  history_.set_lane(offset, size, uint8_t(lane));
}

}  // namespace tsv_sim
