#include "async_copy.h"

#include <string.h>

#include <algorithm>

#include "decode.h"
#include "memory_block.h"
#include "memory_checks.h"

namespace tsv_sim {

void AsyncCopies::begin_block() {
  copies_.clear();
  std::fill(committed_, committed_ + kLanes, 0);
}

void AsyncCopies::add(AsyncCopy copy) {
  std::copy(committed_, committed_ + kLanes, copy.group);
  copies_.push_back(copy);
}

void AsyncCopies::commit(uint32_t lanes) {
  for (; lanes != 0; lanes &= lanes - 1) ++committed_[__builtin_ctz(lanes)];
}

void AsyncCopies::wait(uint32_t lanes, uint32_t pending, uint32_t warp, SharedMemory* shared) {
  uint64_t limit[kLanes];
  for (int lane = 0; lane < kLanes; ++lane)
    limit[lane] = committed_[lane] - std::min<uint64_t>(committed_[lane], pending);
  finish(lanes, limit, warp, shared);
}

void AsyncCopies::wait_all(uint32_t lanes, uint32_t warp, SharedMemory* shared) {
  uint64_t limit[kLanes];
  std::fill(limit, limit + kLanes, ~uint64_t(0));
  finish(lanes, limit, warp, shared);
}

// Copies of the lanes whose group is below the lane's limit.
void AsyncCopies::finish(uint32_t lanes, const uint64_t limit[kLanes], uint32_t warp, SharedMemory* shared) {
  for (AsyncCopy& copy : copies_) {
    for (uint32_t rest = copy.lanes & lanes; rest != 0; rest &= rest - 1) {
      const int lane = __builtin_ctz(rest);
      if (copy.group[lane] >= limit[lane]) continue;
      shared->finish_copy(warp, lane, copy.offset[lane], copy.data[lane], copy.bytes);
      copy.lanes &= ~(1u << lane);
    }
  }
  copies_.erase(
      std::remove_if(copies_.begin(), copies_.end(), [](const AsyncCopy& copy) { return copy.lanes == 0; }),
      copies_.end());
}

namespace {

// Reads the sources: `sizes[lane]` bytes of each lane, zeros up to what the instruction copies.
bool read_sources(Access access, const uint32_t sizes[kLanes], AsyncCopy* copy) {
  memset(copy->data, 0, sizeof copy->data);
  for (int lane = 0; lane < kLanes; ++lane)
    if (sizes[lane] == 0) access.mask &= ~(1u << lane);  // reads nothing, wherever it points
  if (!check_alignment(access)) return false;
  // One access for each size: the whole, and what ends a row, in as many parts as have one size.
  for (uint32_t rest = access.mask; rest != 0;) {
    const uint32_t size = sizes[__builtin_ctz(rest)];
    uint32_t same = 0;
    for (int lane = 0; lane < kLanes; ++lane)
      if ((rest >> lane & 1) && sizes[lane] == size) same |= 1u << lane;
    rest &= ~same;
    for (uint32_t done = 0; done < size;) {
      // Parts of a power of two bytes each, as accesses are.
      uint32_t part = copy->bytes;
      while (part > size - done) part /= 2;
      uint64_t addresses[kLanes];
      for (int lane = 0; lane < kLanes; ++lane) addresses[lane] = access.address[lane] + done;
      Access piece = access;
      piece.bytes = part;
      piece.mask = same;
      piece.address = addresses;
      uint8_t* host[kLanes];
      if (!access.warp->block->memory->access(piece, host)) return false;
      for (uint32_t lanes = same; lanes != 0; lanes &= lanes - 1) {
        const int lane = __builtin_ctz(lanes);
        memcpy(copy->data[lane] + done, host[lane], part);
      }
      done += part;
    }
  }
  return true;
}

void execute_copy(Warp& warp, const Instruction& instruction, uint32_t mask) {
  BlockMemory::Impl& memory = warp.block->memory->impl();
  AsyncCopy copy;
  copy.lanes = mask;
  copy.bytes = instruction.mode;
  uint64_t destinations[kLanes], sources[kLanes];
  uint32_t sizes[kLanes];
  warp.addresses(instruction.operands[0], instruction.offset, destinations);
  warp.addresses(instruction.operands[1], instruction.source_offset, sources);
  for (int lane = 0; lane < kLanes; ++lane) {
    sizes[lane] = copy.bytes;
    copy.offset[lane] = uint32_t(destinations[lane]);
  }
  if (instruction.operands.size() > 2) {
    const uint32_t* given = warp.lanes32(instruction.operands[2]);
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
      const int lane = __builtin_ctz(rest);
      sizes[lane] = given[lane];
      if (sizes[lane] <= copy.bytes) continue;
      return warp.raise(FaultKind::kBadCopy, instruction, lane, sources[lane],
                        "a copy of " + std::to_string(copy.bytes) + " bytes is asked to read " +
                            std::to_string(sizes[lane]));
    }
  }
  Access access;
  access.warp = &warp;
  access.instruction = &instruction;
  access.kind = AccessKind::kCopy;
  access.space = Space::kGlobal;
  access.bytes = copy.bytes;
  access.mask = mask;
  access.address = sources;
  if (!read_sources(access, sizes, &copy)) return;
  access.kind = AccessKind::kStore;
  access.space = Space::kShared;
  access.address = destinations;
  if (memory.shared.begin_copy(access)) memory.copies[warp.index].add(copy);
}

void execute_commit(Warp& warp, const Instruction&, uint32_t mask) {
  warp.block->memory->impl().copies[warp.index].commit(mask);
}

void execute_wait(Warp& warp, const Instruction& instruction, uint32_t mask) {
  BlockMemory::Impl& memory = warp.block->memory->impl();
  memory.copies[warp.index].wait(mask, uint32_t(instruction.offset), warp.index, &memory.shared);
}

void execute_wait_all(Warp& warp, const Instruction&, uint32_t mask) {
  BlockMemory::Impl& memory = warp.block->memory->impl();
  memory.copies[warp.index].wait_all(mask, warp.index, &memory.shared);
}

// cp.async.ca.shared.global [to], [from], 4 | 8 | 16 {, bytes to read}; .cg copies 16.
void decode_copy(Decoder& decoder) {
  Instruction& instruction = decoder.instruction();
  const int level = decoder.take_one_of({"ca", "cg"});
  if (level < 0 || decoder.take_one_of({"shared", "shared::cta"}) < 0 || !decoder.take("global"))
    return decoder.fail("only cp.async from global to shared memory is known");
  decoder.take_one_of({"L2::64B", "L2::128B", "L2::256B"});  // hints: they change no result
  decoder.address(0);
  const int32_t destination_offset = instruction.offset;
  decoder.address(1);
  instruction.source_offset = instruction.offset;
  instruction.offset = destination_offset;
  const int64_t size = decoder.constant(2);
  if (size != 16 && (level == 1 || (size != 4 && size != 8)))
    return decoder.fail("cp.async copies 4, 8 or 16 bytes, and .cg only 16");
  instruction.mode = uint8_t(size);
  if (decoder.statement().arguments.size() > 3) decoder.source(3, Type::kB32);
  instruction.space = Space::kShared;
  instruction.execute = execute_copy;
  instruction.flow = Flow::kMayFault;
}

}  // namespace

bool decode_async_copy(Decoder& decoder) {
  if (!decoder.is("cp")) return false;
  if (!decoder.take("async")) {
    decoder.fail("only cp.async is known");
    return true;
  }
  Instruction& instruction = decoder.instruction();
  instruction.flow = Flow::kNext;
  if (decoder.take("commit_group")) {
    instruction.execute = execute_commit;
  } else if (decoder.take("wait_group")) {
    const int64_t pending = decoder.constant(0);
    if (pending < 0 || pending > INT32_MAX) decoder.fail("cp.async.wait_group should leave 0 groups or more");
    instruction.offset = int32_t(pending);
    instruction.execute = execute_wait;
  } else if (decoder.take("wait_all")) {
    instruction.execute = execute_wait_all;
  } else {
    decode_copy(decoder);
  }
  return true;
}

}  // namespace tsv_sim
