#include "memory.h"

#include <string.h>

#include <algorithm>

#include "emulator.h"
#include "memory_block.h"
#include "memory_checks.h"

namespace tsv_sim {

BlockMemory::Impl::Impl(const Kernel& kernel_, DeviceMemory& device, uint32_t dynamic_shared,
                        uint32_t threads, const uint8_t* parameters_, MemoryCounters* counters_)
    : kernel(kernel_),
      parameters(parameters_),
      counters(counters_),
      global(device, counters_),
      shared(dynamic_shared == 0 ? kernel_.static_shared : kernel_.dynamic_shared_base() + dynamic_shared,
             (threads + kLanes - 1) / kLanes, counters_),
      copies((threads + kLanes - 1) / kLanes),
      local_data(size_t(threads) * kernel_.local_bytes),
      local_initialised(local_data.size()),
      lines(kernel_.code.size()) {}

BlockMemory::BlockMemory(const Kernel& kernel, DeviceMemory& device, uint32_t dynamic_shared,
                         uint32_t threads, const uint8_t* parameters, MemoryCounters* counters)
    : impl_(std::make_unique<Impl>(kernel, device, dynamic_shared, threads, parameters, counters)) {}

BlockMemory::~BlockMemory() = default;

void BlockMemory::begin(const Block& block) {
  Impl& memory = *impl_;
  const uint32_t* grid = block.config->grid;
  memory.checks = block.config->checks;
  memory.global.begin_block(block.index[0] + grid[0] * (block.index[1] + grid[1] * block.index[2]),
                            memory.checks);
  memory.shared.begin_block(memory.checks);
  for (AsyncCopies& copies : memory.copies) copies.begin_block();
  std::fill(memory.local_initialised.begin(), memory.local_initialised.end(), 0);
}

bool BlockMemory::access(const Access& access, uint8_t* host[kLanes]) { return impl_->access(access, host); }

void BlockMemory::barrier(uint32_t arrived, uint32_t waited) {
  impl_->shared.history().barrier(arrived, waited);
}

void BlockMemory::warp_barrier(const Warp& warp, uint32_t) { impl_->shared.history().meet(warp.index); }

void BlockMemory::exit(const Warp& warp) { impl_->shared.history().exit(warp.index); }

bool BlockMemory::Impl::access(const Access& access, uint8_t* host[kLanes]) {
  AccessCounters*& line = lines[size_t(access.instruction - kernel.code.data())];
  if (line == nullptr) line = &counters->lines[kernel.name][access.instruction->line];
  switch (access.space) {
    case Space::kGlobal:
    case Space::kConstant:
      return global.access(access, host, line);
    case Space::kShared:
      return shared.access(access, host, line);
    case Space::kLocal:
      return local(access, host);
    case Space::kParameter:
      return parameter(access, host);
    case Space::kGeneric:
      return generic(access, host);
  }
  return false;
}

// Each lane's address says its space: one access for each space that occurs.
bool BlockMemory::Impl::generic(const Access& access, uint8_t* host[kLanes]) {
  constexpr struct {
    Space space;
    uint64_t window;
  } kWindows[] = {
      {Space::kShared, kSharedWindow}, {Space::kLocal, kLocalWindow}, {Space::kParameter, kParameterWindow}};
  uint32_t rest = access.mask;
  for (const auto& [space, window] : kWindows) {
    uint32_t inside = 0;
    uint64_t offsets[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) {
      offsets[lane] = access.address[lane] - window;
      if (offsets[lane] < kWindowBytes) inside |= 1u << lane;
    }
    inside &= rest;
    if (inside == 0) continue;
    rest &= ~inside;
    Access part = access;
    part.space = space;
    part.mask = inside;
    part.address = offsets;
    if (!this->access(part, host)) return false;
  }
  if (rest == 0) return true;
  uint8_t* global_host[kLanes];
  Access part = access;
  part.space = Space::kGlobal;
  part.mask = rest;
  if (!this->access(part, global_host)) return false;
  for (; rest != 0; rest &= rest - 1) host[__builtin_ctz(rest)] = global_host[__builtin_ctz(rest)];
  return true;
}

bool BlockMemory::Impl::local(const Access& access, uint8_t* host[kLanes]) {
  if (!check_alignment(access)) return false;
  for (uint32_t rest = access.mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    const uint64_t offset = access.address[lane];
    if (offset >= kernel.local_bytes || access.bytes > kernel.local_bytes - offset) {
      access.warp->raise(FaultKind::kOutOfBounds, *access.instruction, lane, offset,
                         "an access of " + std::to_string(access.bytes) +
                             " bytes to local memory, of which a thread has " +
                             std::to_string(kernel.local_bytes));
      return false;
    }
    const size_t at = size_t(access.warp->index * kLanes + uint32_t(lane)) * kernel.local_bytes + offset;
    if (checks && reads(access.kind)) {
      const size_t first = find_other(local_initialised.data() + at, 1, access.bytes);
      if (first < access.bytes) return raise_uninitialised(access, offset + first, "local");
    }
    if (writes(access.kind)) memset(local_initialised.data() + at, 1, access.bytes);
    host[lane] = local_data.data() + at;
  }
  const uint64_t bytes = uint64_t(__builtin_popcount(access.mask)) * access.bytes;
  ++(writes(access.kind) ? counters->local_store_requests : counters->local_load_requests);
  (writes(access.kind) ? counters->local_store_bytes : counters->local_load_bytes) += bytes;
  return true;
}

// Parameters are read in place: the machine never writes through what this returns.
bool BlockMemory::Impl::parameter(const Access& access, uint8_t* host[kLanes]) {
  if (!check_alignment(access)) return false;
  for (uint32_t rest = access.mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    const uint64_t offset = access.address[lane];
    if (writes(access.kind)) {
      access.warp->raise(FaultKind::kReadOnly, *access.instruction, lane, offset,
                         "a kernel's parameters cannot be written");
      return false;
    }
    if (offset >= kernel.parameter_bytes || access.bytes > kernel.parameter_bytes - offset) {
      access.warp->raise(FaultKind::kOutOfBounds, *access.instruction, lane, offset,
                         "an access of " + std::to_string(access.bytes) + " bytes to parameters of " +
                             std::to_string(kernel.parameter_bytes));
      return false;
    }
    host[lane] = const_cast<uint8_t*>(parameters) + offset;
  }
  return true;
}

}  // namespace tsv_sim
