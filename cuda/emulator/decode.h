// From a parsed statement to an Instruction: shared by the files that each decode a family of opcodes.
#ifndef TOKENSIEVE_EMULATOR_DECODE_H
#define TOKENSIEVE_EMULATOR_DECODE_H
#include <stddef.h>
#include <stdint.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "ptx.h"

namespace tsv_sim {

// An operand as written. `{a, b}` is kVector of its elements, `[a+4]` kAddress of one, `p|q` two operands
// joined.
struct Argument {
  enum Kind : uint8_t { kName, kInteger, kFloat32, kFloat64, kVector, kAddress, kSink } kind = kName;
  bool negated = false;            // !p
  std::string name;                // a register, variable or label
  uint64_t bits = 0;               // of a number
  int64_t offset = 0;              // of an address, or of a variable: name+offset
  std::vector<Argument> elements;  // of a vector or address
};

// `@p opcode.modifiers arguments;`
struct Statement {
  std::string opcode;                  // "fma"
  std::vector<std::string> modifiers;  // "rn", "f32"; "shared::cta" is one
  std::vector<Argument> arguments;     // p|q is two
  int line = 0;

  bool has(const char* modifier) const;
};

class SlotTable;  // the registers and variables of the kernel at hand: slots.h

// Takes a statement apart. A decoder takes every modifier and argument that it understands; what is left over
// when it is done is an error, and so is anything that fails to resolve.
class Decoder {
 public:
  Decoder(const Statement& statement, SlotTable& slots, Instruction& instruction);

  const Statement& statement() const { return statement_; }
  Instruction& instruction() { return instruction_; }
  bool is(const char* opcode) const { return statement_.opcode == opcode; }
  // True, and the modifier is counted as understood, if the statement has it.
  bool take(const char* modifier);
  // The index of the one of `names` that is present, counted as understood; -1 if none is.
  int take_one_of(std::initializer_list<const char*> names);
  // The next modifier that names a type; kNone if there is none left.
  Type take_type();
  // Resolve argument `index`, with its vector elements, and append it to instruction().operands. Destinations
  // first. Immediates take the width of `type`; a register of another width is an error.
  void destination(size_t index, Type type);
  void source(size_t index, Type type);
  // The same for accesses to memory, whose registers may be wider than the type.
  void destination_at_least(size_t index, Type type);
  void source_at_least(size_t index, Type type);
  // An argument [register+offset], [variable+offset] or [number]: appended as one 64-bit operand, with
  // instruction().offset.
  void address(size_t index);
  // An argument that must be an integer constant.
  int64_t constant(size_t index);
  // An argument that is a name of no register: a label, or %clock.
  std::string name(size_t index);
  // An argument that is the label of a branch, or of its list of targets.
  void branch_to(size_t index) { branch_label_ = name(index); }
  const std::string& branch_label() const { return branch_label_; }
  // Appended where the text leaves a second destination away.
  void scrap_predicate();
  // The first failure is kept.
  void fail(const std::string& what);
  // Fails for modifiers and arguments that nothing took.
  void finish();
  const std::string& error() const { return error_; }

 private:
  void append(const Argument& argument, Type type, bool writes, bool may_be_wider);
  void operand(size_t index, Type type, bool writes, bool may_be_wider);

  const Statement& statement_;
  SlotTable& slots_;
  Instruction& instruction_;
  std::vector<bool> modifiers_taken_, arguments_taken_;
  std::string error_, branch_label_;
};

}  // namespace tsv_sim
#endif
