// ld, st and prefetch. Memory checks an access and says where on the host its bytes lie; the bytes are moved
// here.
#include <string.h>

#include "decoders.h"
#include "memory.h"

namespace tsv_sim {
namespace {

// Elements of T from each lane's bytes into registers of 32 or 64 bits, extended as T says.
template <class T, class Register>
void load_element(uint8_t* const host[kLanes], int at, Register* to, uint32_t mask) {
  for (; mask != 0; mask &= mask - 1) {
    const int lane = __builtin_ctz(mask);
    T value;
    memcpy(&value, host[lane] + at, sizeof value);
    to[lane] = Register(value);  // NOLINT(bugprone-signed-char-misuse): .s8 extends the sign
  }
}
template <class T, class Register>
void store_element(uint8_t* const host[kLanes], int at, const Register* from, uint32_t mask) {
  for (; mask != 0; mask &= mask - 1) {
    const int lane = __builtin_ctz(mask);
    const T value = T(from[lane]);
    memcpy(host[lane] + at, &value, sizeof value);
  }
}

template <class T>
void load_operand(Warp& warp, const Operand& to, uint8_t* const host[kLanes], int at, uint32_t mask) {
  if (to.kind == OperandKind::kRegister64) {
    load_element<T>(host, at, warp.lanes64(to), mask);
  } else {
    load_element<T>(host, at, warp.lanes32(to), mask);
  }
}
template <class T>
void store_operand(Warp& warp, const Operand& from, uint8_t* const host[kLanes], int at, uint32_t mask) {
  if (from.kind == OperandKind::kRegister64) {
    store_element<T>(host, at, warp.lanes64(from), mask);
  } else {
    store_element<T>(host, at, warp.lanes32(from), mask);
  }
}

void load_typed(Warp& warp, const Instruction& instruction, const Operand& to, uint8_t* const host[kLanes],
                int at, uint32_t mask) {
  const bool extends = is_signed(instruction.type);
  // Registers of 16 bits are kept zero-extended
  switch (bytes(instruction.type)) {
    case 1:
      if (!extends) return load_operand<uint8_t>(warp, to, host, at, mask);
      load_operand<int8_t>(warp, to, host, at, mask);
      break;
    case 2:
      if (!extends) return load_operand<uint16_t>(warp, to, host, at, mask);
      load_operand<int16_t>(warp, to, host, at, mask);
      break;
    case 4:
      return extends ? load_operand<int32_t>(warp, to, host, at, mask)
                     : load_operand<uint32_t>(warp, to, host, at, mask);
    default:
      return load_operand<uint64_t>(warp, to, host, at, mask);
  }
  if (to.width16) {
    uint32_t* const lanes = warp.lanes32(to);
    for (; mask != 0; mask &= mask - 1) lanes[__builtin_ctz(mask)] &= 0xffffu;
  }
}

void store_typed(Warp& warp, const Instruction& instruction, const Operand& from, uint8_t* const host[kLanes],
                 int at, uint32_t mask) {
  switch (bytes(instruction.type)) {
    case 1:
      return store_operand<uint8_t>(warp, from, host, at, mask);
    case 2:
      return store_operand<uint16_t>(warp, from, host, at, mask);
    case 4:
      return store_operand<uint32_t>(warp, from, host, at, mask);
    default:
      return store_operand<uint64_t>(warp, from, host, at, mask);
  }
}

bool access(Warp& warp, const Instruction& instruction, const Operand& address, AccessKind kind,
            uint32_t mask, uint8_t* host[kLanes]) {
  uint64_t addresses[kLanes];
  warp.addresses(address, instruction.offset, addresses);
  Access access;
  access.warp = &warp;
  access.instruction = &instruction;
  access.kind = kind;
  access.space = instruction.space;
  access.bytes = uint32_t(bytes(instruction.type)) * instruction.elements;
  access.mask = mask;
  access.address = addresses;
  return warp.block->memory->access(access, host);
}

void load(Warp& warp, const Instruction& instruction, uint32_t mask) {
  uint8_t* host[kLanes];
  if (!access(warp, instruction, instruction.operands.back(), AccessKind::kLoad, mask, host)) return;
  for (int element = 0; element < instruction.elements; ++element) {
    load_typed(warp, instruction, instruction.operands[size_t(element)], host,
               element * bytes(instruction.type), mask);
  }
}

void store(Warp& warp, const Instruction& instruction, uint32_t mask) {
  uint8_t* host[kLanes];
  if (!access(warp, instruction, instruction.operands[0], AccessKind::kStore, mask, host)) return;
  for (int element = 0; element < instruction.elements; ++element) {
    store_typed(warp, instruction, instruction.operands[size_t(element) + 1], host,
                element * bytes(instruction.type), mask);
  }
}

// ld.param: every lane reads the same bytes of the launch's parameters, which nothing checks or counts but
// the range.
void load_parameter(Warp& warp, const Instruction& instruction, uint32_t mask) {
  uint64_t addresses[kLanes];
  warp.addresses(instruction.operands.back(), instruction.offset, addresses);
  const uint64_t size = uint64_t(bytes(instruction.type)) * instruction.elements;
  const uint64_t end = warp.block->kernel->parameter_bytes;
  uint8_t* host[kLanes];
  for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    if (addresses[lane] > end || size > end - addresses[lane]) {
      return warp.raise(FaultKind::kOutOfBounds, instruction, lane, addresses[lane],
                        "behind the kernel's parameters");
    }
    host[lane] = const_cast<uint8_t*>(warp.block->parameters) + addresses[lane];
  }
  for (int element = 0; element < instruction.elements; ++element) {
    load_typed(warp, instruction, instruction.operands[size_t(element)], host,
               element * bytes(instruction.type), mask);
  }
}

void prefetch(Warp&, const Instruction&, uint32_t) {}

// Hints and orders that a machine with one copy of memory obeys by nature.
void take_hints(Decoder& decoder) {
  decoder.take_one_of({"weak", "volatile", "relaxed", "acquire", "release"});
  decoder.take_one_of({"cta", "cluster", "gpu", "sys"});
  decoder.take_one_of({"ca", "cg", "cs", "cv", "lu", "wb", "wt"});
  decoder.take("nc");
  decoder.take_one_of(
      {"L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last", "L1::no_allocate"});
  decoder.take_one_of({"L2::64B", "L2::128B", "L2::256B"});
}

void take_space(Decoder& decoder) {
  Instruction& instruction = decoder.instruction();
  if (decoder.take("shared") || decoder.take("shared::cta"))
    instruction.space = Space::kShared;
  else if (decoder.take("global"))
    instruction.space = Space::kGlobal;
  else if (decoder.take("local"))
    instruction.space = Space::kLocal;
  else if (decoder.take("const"))
    instruction.space = Space::kConstant;
  else if (decoder.take("param") || decoder.take("param::entry"))
    instruction.space = Space::kParameter;
}

}  // namespace

bool decode_load_store(Decoder& decoder) {
  const bool is_load = decoder.is("ld") || decoder.is("ldu"), is_store = decoder.is("st");
  Instruction& instruction = decoder.instruction();
  if (decoder.is("prefetch") || decoder.is("prefetchu")) {
    take_space(decoder);
    if (decoder.take_one_of({"L1", "L2"}) < 0) decoder.fail("the cache is missing");
    decoder.address(0);
    instruction.execute = prefetch;
    return true;
  }
  if (!is_load && !is_store) return false;
  take_hints(decoder);
  take_space(decoder);
  static constexpr uint8_t kElements[] = {1, 2, 4, 8};
  instruction.elements = kElements[1 + decoder.take_one_of({"v2", "v4", "v8"})];
  instruction.type = decoder.take_type();
  if (bytes(instruction.type) == 0 || bytes(instruction.type) > 8) decoder.fail("no access of this type");
  instruction.flow = Flow::kMayFault;
  // Registers may be wider than the type: ld.u8 into 32 bits.
  if (is_load) {
    decoder.destination_at_least(0, instruction.type);
    if (instruction.destinations != instruction.elements)
      decoder.fail("as many registers as elements should be given");
    decoder.address(1);
    instruction.execute = instruction.space == Space::kParameter ? load_parameter : load;
  } else {
    if (instruction.space == Space::kParameter) decoder.fail("functions that are called are unknown here");
    decoder.address(0);
    decoder.source_at_least(1, instruction.type);
    if (instruction.operands.size() != size_t(instruction.elements) + 1)
      decoder.fail("as many registers as elements should be given");
    instruction.execute = store;
  }
  return true;
}

}  // namespace tsv_sim
