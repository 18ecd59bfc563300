// atom and red: lanes take their turns in order of their number, each update atomic among the host's threads.
#include <math.h>
#include <string.h>

#include <algorithm>

#include "decoders.h"
#include "memory.h"

namespace tsv_sim {
namespace {

template <class To, class From>
To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From), "the same bits");
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}

// inc counts from 0 to b and around; dec back from b, also where it stands above.
template <class T>
T integer_update(Atomic atomic, T old, T b, T c) {
  using Bits = std::make_unsigned_t<T>;
  switch (atomic) {
    case Atomic::kAdd:
      return T(Bits(old) + Bits(b));
    case Atomic::kMin:
      return std::min(old, b);
    case Atomic::kMax:
      return std::max(old, b);
    case Atomic::kAnd:
      return old & b;
    case Atomic::kOr:
      return old | b;
    case Atomic::kXor:
      return old ^ b;
    case Atomic::kExchange:
      return b;
    case Atomic::kCompareAndSwap:
      return old == b ? c : old;
    case Atomic::kIncrement:
      return old >= b ? 0 : T(old + 1);
    case Atomic::kDecrement:
      return old == 0 || old > b ? b : T(old - 1);
  }
  return old;
}

// What is stored in place of `old`, by the type's bits.
uint64_t updated(const Instruction& instruction, uint64_t old, uint64_t b, uint64_t c) {
  const Atomic atomic = instruction.atomic;
  switch (instruction.type) {
    case Type::kS32:
      return uint32_t(integer_update(atomic, int32_t(old), int32_t(b), int32_t(c)));
    case Type::kS64:
      return uint64_t(integer_update(atomic, int64_t(old), int64_t(b), int64_t(c)));
    case Type::kF32:
      return bits_as<uint32_t>(bits_as<float>(uint32_t(old)) + bits_as<float>(uint32_t(b)));
    case Type::kF64:
      return bits_as<uint64_t>(bits_as<double>(old) + bits_as<double>(b));
    case Type::kB16:
      return integer_update(atomic, uint16_t(old), uint16_t(b), uint16_t(c));
    case Type::kU64:
    case Type::kB64:
      return integer_update(atomic, old, b, c);
    default:
      return integer_update(atomic, uint32_t(old), uint32_t(b), uint32_t(c));
  }
}

template <class T>
uint64_t update(const Instruction& instruction, uint8_t* at, uint64_t b, uint64_t c) {
  T* const word = reinterpret_cast<T*>(at);
  T old = __atomic_load_n(word, __ATOMIC_SEQ_CST);
  while (!__atomic_compare_exchange_n(word, &old, T(updated(instruction, old, b, c)), false, __ATOMIC_SEQ_CST,
                                      __ATOMIC_SEQ_CST)) {
  }
  return old;
}

uint64_t value_of(Warp& warp, const Operand& operand, int lane) {
  return operand.kind == OperandKind::kRegister64 ? warp.lanes64(operand)[lane] : warp.lanes32(operand)[lane];
}

// Operands: the destination unless it is a red, the address, b, and for cas c.
void execute_atomic(Warp& warp, const Instruction& instruction, uint32_t mask) {
  const size_t first = instruction.destinations;
  uint64_t addresses[kLanes];
  warp.addresses(instruction.operands[first], instruction.offset, addresses);
  Access access;
  access.warp = &warp;
  access.instruction = &instruction;
  access.kind = first ? AccessKind::kAtomic : AccessKind::kReduction;
  access.space = instruction.space;
  access.bytes = uint32_t(bytes(instruction.type));
  access.mask = mask;
  access.address = addresses;
  uint8_t* host[kLanes];
  if (!warp.block->memory->access(access, host)) return;
  for (; mask != 0; mask &= mask - 1) {
    const int lane = __builtin_ctz(mask);
    const uint64_t b = value_of(warp, instruction.operands[first + 1], lane);
    const uint64_t c =
        instruction.operands.size() > first + 2 ? value_of(warp, instruction.operands[first + 2], lane) : 0;
    const uint64_t old = access.bytes == 8   ? update<uint64_t>(instruction, host[lane], b, c)
                         : access.bytes == 4 ? update<uint32_t>(instruction, host[lane], b, c)
                                             : update<uint16_t>(instruction, host[lane], b, c);
    if (!first) continue;
    const Operand& to = instruction.operands[0];
    if (to.kind == OperandKind::kRegister64)
      warp.lanes64(to)[lane] = old;
    else
      warp.lanes32(to)[lane] = uint32_t(old);
  }
}

bool type_fits(Atomic atomic, Type type) {
  const bool bits = type == Type::kB32 || type == Type::kB64;
  const bool is_signed_type = type == Type::kS32 || type == Type::kS64;
  const bool is_unsigned_type = type == Type::kU32 || type == Type::kU64;
  switch (atomic) {
    case Atomic::kAdd:
      return is_unsigned_type || type == Type::kS32 || type == Type::kF32 || type == Type::kF64;
    case Atomic::kMin:
    case Atomic::kMax:
      return is_unsigned_type || is_signed_type;
    case Atomic::kCompareAndSwap:
      return bits || type == Type::kB16;
    case Atomic::kIncrement:
    case Atomic::kDecrement:
      return type == Type::kU32;
    default:
      return bits;
  }
}

}  // namespace

bool decode_atomic(Decoder& decoder) {
  const bool returns = decoder.is("atom");
  if (!returns && !decoder.is("red")) return false;
  Instruction& instruction = decoder.instruction();
  decoder.take_one_of({"relaxed", "acquire", "release", "acq_rel"});
  decoder.take_one_of({"cta", "cluster", "gpu", "sys"});
  if (decoder.take("shared") || decoder.take("shared::cta"))
    instruction.space = Space::kShared;
  else if (decoder.take("global"))
    instruction.space = Space::kGlobal;
  const int operation =
      decoder.take_one_of({"add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec"});
  if (operation < 0) decoder.fail("the operation is missing or unknown");
  instruction.atomic = Atomic(operation);
  instruction.type = decoder.take_type();
  if (!type_fits(instruction.atomic, instruction.type)) decoder.fail("no such operation of this type");
  instruction.flow = Flow::kMayFault;
  size_t at = 0;
  if (returns) decoder.destination(at++, instruction.type);
  decoder.address(at++);
  decoder.source(at++, instruction.type);
  if (instruction.atomic == Atomic::kCompareAndSwap) decoder.source(at++, instruction.type);
  instruction.execute = execute_atomic;
  return true;
}

}  // namespace tsv_sim
