#include "decode.h"

#include <string.h>

#include <algorithm>

#include "slots.h"

namespace tsv_sim {

bool Statement::has(const char* modifier) const {
  return std::find(modifiers.begin(), modifiers.end(), modifier) != modifiers.end();
}

Decoder::Decoder(const Statement& statement, SlotTable& slots, Instruction& instruction)
    : statement_(statement),
      slots_(slots),
      instruction_(instruction),
      modifiers_taken_(statement.modifiers.size()),
      arguments_taken_(statement.arguments.size()) {}

bool Decoder::take(const char* modifier) {
  for (size_t i = 0; i < statement_.modifiers.size(); ++i) {
    if (!modifiers_taken_[i] && statement_.modifiers[i] == modifier) {
      modifiers_taken_[i] = true;
      return true;
    }
  }
  return false;
}

int Decoder::take_one_of(std::initializer_list<const char*> names) {
  int index = 0;
  for (const char* name : names) {
    if (take(name)) return index;
    ++index;
  }
  return -1;
}

Type Decoder::take_type() {
  for (size_t i = 0; i < statement_.modifiers.size(); ++i) {
    const Type type = modifiers_taken_[i] ? Type::kNone : parse_type(statement_.modifiers[i]);
    if (type != Type::kNone) {
      modifiers_taken_[i] = true;
      return type;
    }
  }
  return Type::kNone;
}

void Decoder::fail(const std::string& what) {
  if (error_.empty()) error_ = what;
}

void Decoder::finish() {
  for (size_t i = 0; i < modifiers_taken_.size(); ++i) {
    if (!modifiers_taken_[i]) fail("unknown modifier ." + statement_.modifiers[i]);
  }
  for (size_t i = 0; i < arguments_taken_.size(); ++i) {
    if (!arguments_taken_[i]) fail("too many operands");
  }
}

namespace {

uint64_t float32_bits_to_float64(uint32_t bits) {
  float narrow;
  memcpy(&narrow, &bits, sizeof narrow);
  const double wide = narrow;
  uint64_t result;
  memcpy(&result, &wide, sizeof result);
  return result;
}

uint64_t float64_bits_to_float32(uint64_t bits) {
  double wide;
  memcpy(&wide, &bits, sizeof wide);
  const float narrow = float(wide);
  uint32_t result;
  memcpy(&result, &narrow, sizeof result);
  return result;
}

// A number as a value of `type`: 0f and 0d constants are converted to the float type that is asked for.
uint64_t number_bits(const Argument& argument, Type type) {
  if (argument.kind == Argument::kFloat32 && type == Type::kF64)
    return float32_bits_to_float64(uint32_t(argument.bits));
  if (argument.kind == Argument::kFloat64 && type == Type::kF32)
    return float64_bits_to_float32(argument.bits);
  const int width = bytes(type);
  return width == 1 || width == 2 ? argument.bits & ((uint64_t(1) << (8 * width)) - 1) : argument.bits;
}

}  // namespace

void Decoder::append(const Argument& argument, Type type, bool writes, bool may_be_wider) {
  Operand operand;
  const bool wide = bytes(type) == 8;
  Special special;
  if (argument.kind == Argument::kVector) {
    for (const Argument& element : argument.elements) append(element, type, writes, may_be_wider);
    return;
  }
  if (argument.kind == Argument::kSink && writes) {
    operand = slots_.scrap(type);
  } else if (argument.kind == Argument::kName && !writes && find_special(argument.name, &special)) {
    operand = slots_.special(special, wide);
  } else if (argument.kind == Argument::kName) {
    const Symbol* symbol = slots_.find(argument.name);
    if (!symbol) return fail("unknown name " + argument.name);
    if (symbol->kind == Symbol::kVariable) {
      if (writes || type == Type::kPred) return fail(argument.name + " is no register");
      operand = slots_.address_of(*symbol, argument.offset, wide);
    } else {
      operand = symbol->operand;
      const bool fits = type == Type::kPred ? symbol->type == Type::kPred
                                            : symbol->type != Type::kPred &&
                                                  ((bytes(symbol->type) == 8) == (bytes(type) == 8) ||
                                                   (may_be_wider && bytes(symbol->type) > bytes(type)));
      if (!fits) return fail("register " + argument.name + " has the wrong width");
      operand.negated = argument.negated;
    }
  } else if (!writes && type == Type::kPred && argument.kind == Argument::kInteger) {
    operand.kind = OperandKind::kPredicate;
    operand.slot = argument.bits != 0 ? kTruePredicate : kFalsePredicate;
  } else if (!writes && type != Type::kPred &&
             (argument.kind == Argument::kInteger || argument.kind == Argument::kFloat32 ||
              argument.kind == Argument::kFloat64)) {
    operand = slots_.immediate(number_bits(argument, type), wide);
  } else {
    return fail("an operand is of the wrong kind");
  }
  instruction_.operands.push_back(operand);
}

void Decoder::operand(size_t index, Type type, bool writes, bool may_be_wider) {
  if (index >= statement_.arguments.size()) return fail("too few operands");
  arguments_taken_[index] = true;
  append(statement_.arguments[index], type, writes, may_be_wider);
  if (writes) instruction_.destinations = uint8_t(instruction_.operands.size());
}

void Decoder::destination(size_t index, Type type) { operand(index, type, true, false); }
void Decoder::source(size_t index, Type type) { operand(index, type, false, false); }
void Decoder::destination_at_least(size_t index, Type type) { operand(index, type, true, true); }
void Decoder::source_at_least(size_t index, Type type) { operand(index, type, false, true); }

void Decoder::address(size_t index) {
  if (index >= statement_.arguments.size()) return fail("too few operands");
  arguments_taken_[index] = true;
  const Argument& argument = statement_.arguments[index];
  if (argument.kind != Argument::kAddress) return fail("an address in brackets is missing");
  const Argument& base = argument.elements[0];
  const Symbol* symbol = base.kind == Argument::kName ? slots_.find(base.name) : nullptr;
  instruction_.offset = 0;
  if (base.kind == Argument::kInteger) {
    instruction_.operands.push_back(slots_.immediate(base.bits, true));
  } else if (!symbol) {
    fail("unknown name " + base.name);
  } else if (symbol->kind == Symbol::kVariable) {
    instruction_.operands.push_back(slots_.address_of(*symbol, base.offset, true));
  } else {
    if (bytes(symbol->type) < 4) return fail("register " + base.name + " cannot hold an address");
    instruction_.operands.push_back(symbol->operand);
    instruction_.offset = int32_t(base.offset);
  }
}

int64_t Decoder::constant(size_t index) {
  if (index >= statement_.arguments.size()) {
    fail("too few operands");
    return 0;
  }
  arguments_taken_[index] = true;
  const Argument& argument = statement_.arguments[index];
  if (argument.kind != Argument::kInteger) fail("an operand must be an integer constant");
  return int64_t(argument.bits);
}

std::string Decoder::name(size_t index) {
  if (index >= statement_.arguments.size() || statement_.arguments[index].kind != Argument::kName) {
    fail("a label is missing");
    return "";
  }
  arguments_taken_[index] = true;
  return statement_.arguments[index].name;
}

void Decoder::scrap_predicate() {
  instruction_.operands.push_back(slots_.scrap(Type::kPred));
  instruction_.destinations = uint8_t(instruction_.operands.size());
}

}  // namespace tsv_sim
