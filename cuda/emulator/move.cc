// mov, with its packing and unpacking of vectors; cvta and isspacep, which go between state spaces and
// generic addresses.
#include "decoders.h"
#include "executors.h"
#include "memory.h"
#include "warp.h"

namespace tsv_sim {
namespace {

uint64_t read(Warp& warp, const Operand& operand, int lane) {
  return operand.kind == OperandKind::kRegister64 ? warp.lanes64(operand)[lane] : warp.lanes32(operand)[lane];
}
void write(Warp& warp, const Operand& operand, int lane, uint64_t value) {
  if (operand.kind == OperandKind::kRegister64) {
    warp.lanes64(operand)[lane] = value;
  } else {
    warp.lanes32(operand)[lane] = uint32_t(value);
  }
}

// mov.b64 %rd, {%r1, %r2}: the first element is the lowest. instruction.mode is an element's width in bits.
void pack(Warp& warp, const Instruction& instruction, uint32_t mask) {
  for (; mask != 0; mask &= mask - 1) {
    const int lane = __builtin_ctz(mask);
    uint64_t value = 0;
    for (size_t i = instruction.operands.size() - 1; i > 0; --i) {
      value = value << instruction.mode | read(warp, instruction.operands[i], lane);
    }
    write(warp, instruction.operands[0], lane, value);
  }
}
void unpack(Warp& warp, const Instruction& instruction, uint32_t mask) {
  const uint64_t ones = (uint64_t(1) << instruction.mode) - 1;
  for (; mask != 0; mask &= mask - 1) {
    const int lane = __builtin_ctz(mask);
    uint64_t value = read(warp, instruction.operands.back(), lane);
    for (size_t i = 0; i + 1 < instruction.operands.size(); ++i, value >>= instruction.mode) {
      write(warp, instruction.operands[i], lane, value & ones);
    }
  }
}

// Elements of a vector argument as a type; fails where they do not fill `whole`.
Type element_type(Decoder& decoder, const Argument& vector, Type whole) {
  switch (8 * bytes(whole) / int(vector.elements.size())) {
    case 16:
      return Type::kB16;
    case 32:
      return Type::kB32;
    default:
      decoder.fail("no vector of this many elements fits ." + decoder.statement().modifiers.back());
      return Type::kB32;
  }
}

// %clock, %clock64 and %globaltimer: the instructions that the warp has issued.
void read_clock(Warp& warp, const Instruction& instruction, uint32_t mask) {
  for (; mask != 0; mask &= mask - 1) write(warp, instruction.operands[0], __builtin_ctz(mask), warp.clock);
}

bool decode_clock(Decoder& decoder, Type type) {
  const auto& arguments = decoder.statement().arguments;
  if (arguments.size() < 2) return false;
  const std::string& source = arguments[1].name;
  if (source != "%clock" && source != "%clock64" && source != "%globaltimer" && source != "%clock_hi" &&
      source != "%globaltimer_lo" && source != "%globaltimer_hi") {
    return false;
  }
  decoder.destination(0, type);
  decoder.name(1);
  if (source == "%clock_hi" || source == "%globaltimer_hi")
    decoder.fail("unknown special register " + source);
  decoder.instruction().execute = read_clock;
  return true;
}

void decode_mov(Decoder& decoder) {
  Instruction& instruction = decoder.instruction();
  const Type type = instruction.type = decoder.take_type();
  const auto& arguments = decoder.statement().arguments;
  if (type == Type::kNone || arguments.size() < 2) return decoder.fail("a type or an operand is missing");
  if (decode_clock(decoder, type)) return;
  if (arguments[0].kind == Argument::kVector) {
    const Type element = element_type(decoder, arguments[0], type);
    instruction.mode = uint8_t(8 * bytes(element));
    decoder.destination(0, element);
    decoder.source(1, type);
    instruction.execute = unpack;
  } else if (arguments[1].kind == Argument::kVector) {
    const Type element = element_type(decoder, arguments[1], type);
    instruction.mode = uint8_t(8 * bytes(element));
    decoder.destination(0, type);
    decoder.source(1, element);
    instruction.execute = pack;
  } else {
    decoder.destination(0, type);
    decoder.source(1, type);
    Form form;
    form.type = form.source = type;
    instruction.execute = select_executor(form);
    if (!instruction.execute) decoder.fail("no mov of this type");
  }
}

// The window of a state space among generic addresses. Global and constant addresses are generic as they are.
uint64_t window_of(Space space) {
  switch (space) {
    case Space::kShared:
      return kSharedWindow;
    case Space::kLocal:
      return kLocalWindow;
    case Space::kParameter:
      return kParameterWindow;
    default:
      return 0;
  }
}

template <bool kToSpace>
void convert_address(Warp& warp, const Instruction& instruction, uint32_t mask) {
  const uint64_t window = window_of(instruction.space);
  for (; mask != 0; mask &= mask - 1) {
    const int lane = __builtin_ctz(mask);
    const uint64_t address = read(warp, instruction.operands[1], lane);
    write(warp, instruction.operands[0], lane, kToSpace ? address - window : address + window);
  }
}

void test_space(Warp& warp, const Instruction& instruction, uint32_t mask) {
  const uint64_t window = window_of(instruction.space);
  uint32_t holds = 0;
  for (int lane = 0; lane < kLanes; ++lane) {
    const uint64_t address = read(warp, instruction.operands[1], lane);
    const bool inside = window ? address - window < kWindowBytes : address < kSharedWindow;
    holds |= uint32_t(inside) << lane;
  }
  uint32_t& predicate = warp.predicates[instruction.operands[0].slot];
  predicate = (predicate & ~mask) | (holds & mask);
}

Space take_space(Decoder& decoder) {
  if (decoder.take("shared") || decoder.take("shared::cta")) return Space::kShared;
  if (decoder.take("global")) return Space::kGlobal;
  if (decoder.take("local")) return Space::kLocal;
  if (decoder.take("const")) return Space::kConstant;
  if (decoder.take("param")) return Space::kParameter;
  decoder.fail("the state space is missing");
  return Space::kGeneric;
}

}  // namespace

bool decode_move(Decoder& decoder) {
  Instruction& instruction = decoder.instruction();
  if (decoder.is("mov") && !decoder.statement().has("pred")) {
    decode_mov(decoder);
  } else if (decoder.is("cvta")) {
    const bool to_space = decoder.take("to");
    instruction.space = take_space(decoder);
    if (!decoder.take("u64")) decoder.fail("addresses have 64 bits");
    decoder.destination(0, Type::kU64);
    decoder.source(1, Type::kU64);
    instruction.execute = to_space ? convert_address<true> : convert_address<false>;
  } else if (decoder.is("isspacep")) {
    instruction.space = take_space(decoder);
    decoder.destination(0, Type::kPred);
    decoder.source(1, Type::kU64);
    instruction.execute = test_space;
  } else {
    return false;
  }
  return true;
}

}  // namespace tsv_sim
