#include "memory_global.h"

#include <string.h>

#include <algorithm>

#include "memory_checks.h"

namespace tsv_sim {

// The allocation that holds all bytes from `low` to `high`, or null.
Allocation* GlobalMemory::around(uint64_t low, uint64_t high) {
  // Allocations lie a GiB apart or more: those of one launch seldom share a place.
  Allocation*& recent = recent_[(low >> 30) % 8];
  if (recent == nullptr || low - recent->base >= recent->size) recent = device_.allocation_around(low);
  return recent != nullptr && high - recent->base <= recent->size ? recent : nullptr;
}

bool GlobalMemory::access(const Access& access, uint8_t* host[kLanes], AccessCounters* line) {
  if (!check_alignment(access)) return false;
  Footprint footprint;
  find_footprint(access.address, access.mask, access.bytes, &footprint);
  if (footprint.shared && access.kind == AccessKind::kStore && checks_ &&
      !check_equal_stores(access, FaultKind::kGlobalRace, "global"))
    return false;

  Allocation* allocation = around(footprint.begin[0], footprint.end[footprint.count - 1]);
  if (allocation != nullptr) {
    if (!check(access, *allocation, footprint)) return false;
    for (uint32_t rest = access.mask; rest != 0; rest &= rest - 1) {
      const int lane = __builtin_ctz(rest);
      host[lane] = allocation->data + (access.address[lane] - allocation->base);
    }
  } else {
    // Lanes of several allocations, or out of bounds: each piece must lie in one.
    for (int i = 0; i < footprint.count; ++i) {
      allocation = around(footprint.begin[i], footprint.end[i]);
      if (allocation == nullptr) return raise_out_of_bounds(access);
      Footprint piece;
      piece.count = 1;
      piece.begin[0] = footprint.begin[i];
      piece.end[0] = footprint.end[i];
      if (!check(access, *allocation, piece)) return false;
      for (uint32_t rest = access.mask; rest != 0; rest &= rest - 1) {
        const int lane = __builtin_ctz(rest);
        const uint64_t offset = access.address[lane] - allocation->base;
        if (offset < allocation->size) host[lane] = allocation->data + offset;
      }
    }
  }
  count(access, footprint, line);
  return true;
}

bool GlobalMemory::raise_out_of_bounds(const Access& access) {
  for (uint32_t rest = access.mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    const uint64_t address = access.address[lane];
    const std::string reason = device_.explain(address, access.bytes);
    if (reason.empty()) continue;
    access.warp->raise(FaultKind::kOutOfBounds, *access.instruction, lane, address,
                       "an access of " + std::to_string(access.bytes) + " bytes: " + reason);
    break;
  }
  return false;
}

bool GlobalMemory::check(const Access& access, Allocation& allocation, const Footprint& footprint) {
  if (writes(access.kind) && allocation.read_only) {
    access.warp->raise(FaultKind::kReadOnly, *access.instruction, lane_at(access, footprint.begin[0]),
                       footprint.begin[0], "constant memory cannot be written by a kernel");
    return false;
  }
  for (int i = 0; i < footprint.count; ++i) {
    const uint64_t offset = footprint.begin[i] - allocation.base,
                   bytes = footprint.end[i] - footprint.begin[i];
    if (allocation.initialised) {
      uint8_t* const initialised = allocation.initialised.get() + offset;
      if (reads(access.kind) && checks_) {
        const size_t first = find_other(initialised, 1, bytes);
        if (first < bytes) return raise_uninitialised(access, footprint.begin[i] + first, "global");
      }
      if (access.kind == AccessKind::kStore) memset(initialised, 1, bytes);
    }
    Race race;
    if (checks_ && !allocation.read_only &&
        !allocation.history->record(launch_, block_, touch_of(access.kind), offset, bytes, &race))
      return raise_race(access, FaultKind::kGlobalRace, race, allocation.base + race.offset, "block",
                        "global");
  }
  return true;
}

void GlobalMemory::count(const Access& access, const Footprint& footprint, AccessCounters* line) {
  Sectors sectors;
  find_sectors(footprint, &sectors);
  const auto total = uint64_t(sectors.total);
  const uint64_t lanes = uint64_t(__builtin_popcount(access.mask)), bytes = lanes * access.bytes;
  CacheModel::Use use = CacheModel::Use::kLoad;
  switch (access.kind) {
    case AccessKind::kLoad:
      ++counters_->global_load_requests;
      counters_->global_load_sectors += total;
      counters_->global_load_bytes += bytes;
      break;
    case AccessKind::kCopy:
      ++counters_->async_copy_requests;
      counters_->async_copy_sectors += total;
      counters_->async_copy_bytes += bytes;
      break;
    case AccessKind::kStore:
      ++counters_->global_store_requests;
      counters_->global_store_sectors += total;
      counters_->global_store_bytes += bytes;
      use = CacheModel::Use::kStore;
      break;
    case AccessKind::kAtomic:
    case AccessKind::kReduction:
      ++counters_->global_atomic_requests;
      counters_->global_atomic_sectors += total;
      counters_->global_atomic_lanes += lanes;
      use = CacheModel::Use::kAtomic;
      break;
  }
  ++line->requests;
  line->sectors += total;
  for (int i = 0; i < sectors.lines; ++i) cache_.access(sectors.line[i], sectors.sectors[i], use, counters_);
}

}  // namespace tsv_sim
