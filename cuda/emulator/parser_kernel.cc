// The body of a kernel.
#include <string.h>

#include "control_flow.h"
#include "decoders.h"
#include "parser.h"
#include "register_slots.h"

namespace tsv_sim {
namespace {

uint64_t aligned(uint64_t offset, uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

class KernelReader {
 public:
  KernelReader(TokenReader& reader, const ModuleSymbols& symbols, const std::vector<std::string>& lines)
      : reader_(reader),
        symbols_(symbols),
        lines_(lines),
        kernel_(std::make_unique<Kernel>()),
        slots_(*kernel_, symbols.symbols) {}

  std::unique_ptr<Kernel> read() {
    kernel_->name = reader_.word();
    if (reader_.take("(")) read_parameters();
    read_bounds();
    reader_.expect("{");
    while (!reader_.failed()) {
      if (reader_.at_end()) reader_.fail("the kernel does not end");
      if (reader_.take("}")) {
        if (slots_.depth() == 1) break;
        slots_.close_scope();
      } else {
        read_line();
      }
    }
    resolve_branches();
    if (reader_.failed()) return nullptr;
    find_reconvergence(*kernel_);
    share_slots(*kernel_);
    for (Instruction& instruction : kernel_->code) set_first_slots(instruction);
    return std::move(kernel_);
  }

 private:
  void read_parameters() {
    while (!reader_.failed() && !reader_.take(")")) {
      reader_.expect(".param");
      const Declaration declaration = read_declaration(reader_);
      Parameter parameter;
      parameter.name = declaration.name;
      parameter.bytes = uint32_t(declaration.bytes);
      parameter.alignment = uint32_t(declaration.alignment);
      parameter.offset = uint32_t(aligned(kernel_->parameter_bytes, declaration.alignment));
      kernel_->parameter_bytes = parameter.offset + parameter.bytes;
      slots_.declare_variable(parameter.name, Space::kParameter, parameter.offset);
      kernel_->parameters.push_back(parameter);
      reader_.take(",");
    }
  }

  // .maxntid 256, 1, 1 and its kin
  void read_bounds() {
    while (!reader_.failed() && !reader_.is("{")) {
      if (reader_.take(".pragma")) {
        reader_.next();
        reader_.expect(";");
        continue;
      }
      const std::string directive = reader_.word();
      const bool limits = directive == ".maxntid" || directive == ".reqntid";
      if (!limits && directive != ".minnctapersm" && directive != ".maxnreg" &&
          directive != ".maxnctapersm") {
        reader_.fail("unknown directive " + directive);
      }
      uint64_t product = 1;
      do {
        product *= reader_.integer();
      } while (!reader_.failed() && reader_.take(","));
      if (limits) kernel_->max_threads = uint32_t(product);
    }
  }

  void read_line() {
    if (reader_.take("{")) return slots_.open_scope();
    if (reader_.take(".loc")) return reader_.skip_line();
    if (reader_.take(".pragma")) {
      reader_.next();
      return reader_.expect(";");
    }
    if (reader_.take(".reg")) return read_registers();
    if (reader_.take(".shared")) return read_memory(Space::kShared);
    if (reader_.take(".local")) return read_memory(Space::kLocal);
    if (reader_.peek(1).text == ":" && reader_.peek(1).kind == Token::kPunctuation) return read_label();
    if (reader_.is(".param")) return reader_.fail("functions that are not inlined are unknown");
    if (reader_.is(".branchtargets")) return reader_.fail(".branchtargets without a label");
    read_instruction();
  }

  void read_registers() {
    const std::string word = reader_.word();
    const Type type = word.empty() ? Type::kNone : parse_type(word.substr(1));
    if (type == Type::kNone || bytes(type) > 8) reader_.fail("no registers of type " + word);
    do {
      const std::string name = reader_.word();
      if (reader_.take("<")) {
        const uint64_t count = reader_.integer();
        reader_.expect(">");
        for (uint64_t i = 0; i < count && !reader_.failed(); ++i) declare(name + std::to_string(i), type);
      } else {
        declare(name, type);
      }
    } while (!reader_.failed() && reader_.take(","));
    reader_.expect(";");
  }

  void declare(const std::string& name, Type type) {
    if (!slots_.declare_register(name, type)) reader_.fail(name + " is declared twice");
  }

  void place(const Declaration& declaration, Space space) {
    uint32_t& end = space == Space::kShared ? kernel_->static_shared : kernel_->local_bytes;
    const uint64_t offset = aligned(end, declaration.alignment);
    end = uint32_t(offset + declaration.bytes);
    if (!slots_.declare_variable(declaration.name, space, offset))
      reader_.fail(declaration.name + " is declared twice");
  }

  void read_memory(Space space) {
    const Declaration declaration = read_declaration(reader_);
    reader_.expect(";");
    if (!declaration.sized) reader_.fail(declaration.name + " has no size");
    place(declaration, space);
  }

  void read_label() {
    const std::string name = reader_.word();
    reader_.expect(":");
    if (reader_.take(".branchtargets")) {
      auto& targets = target_lists_[name];
      do {
        targets.push_back(reader_.word());
      } while (!reader_.failed() && reader_.take(","));
      return reader_.expect(";");
    }
    if (!labels_.emplace(name, int(kernel_->code.size())).second)
      reader_.fail("label " + name + " stands twice");
  }

  // Static shared variables of the module get their place in the kernels that name them.
  void place_module_shared(const std::vector<Argument>& arguments) {
    for (const Argument& argument : arguments) {
      place_module_shared(argument.elements);
      const auto found = symbols_.shared.find(argument.name);
      if (found != symbols_.shared.end() && !slots_.find(argument.name)) place(found->second, Space::kShared);
    }
  }

  void read_instruction() {
    std::string guard;
    Instruction instruction;
    const Statement statement = read_statement(reader_, &guard, &instruction.guard_negated);
    if (reader_.failed()) return;
    place_module_shared(statement.arguments);
    instruction.line = statement.line;
    Decoder decoder(statement, slots_, instruction);
    const bool known = decode_arithmetic(decoder) || decode_move(decoder) || decode_load_store(decoder) ||
                       decode_atomic(decoder) || decode_communication(decoder) || decode_control(decoder) ||
                       decode_matrix(decoder) || decode_async_copy(decoder);
    if (!known) decoder.fail("unknown instruction " + statement.opcode);
    decoder.finish();
    set_guard(guard, decoder, instruction);
    const std::string& text = lines_[size_t(statement.line) - 1];
    if (!decoder.error().empty()) return reader_.fail_at(statement.line, decoder.error() + ": " + text);
    instruction.opcode = opcode_index(statement);
    if (!decoder.branch_label().empty()) branches_.push_back({kernel_->code.size(), decoder.branch_label()});
    kernel_->code.push_back(std::move(instruction));
    kernel_->lines.push_back(text);
  }

  void set_guard(const std::string& guard, Decoder& decoder, Instruction& instruction) {
    if (guard.empty()) return;
    const Symbol* symbol = slots_.find(guard);
    if (!symbol || symbol->type != Type::kPred) return decoder.fail("unknown predicate " + guard);
    instruction.guard = symbol->operand.slot;
  }

  static void set_first_slots(Instruction& instruction) {
    uint32_t* const slots[] = {&instruction.d, &instruction.a, &instruction.b, &instruction.c};
    size_t at = 0;
    for (size_t i = 0; i < instruction.operands.size() && at < 4; ++i) {
      if (i > 0 && i < instruction.destinations) continue;
      *slots[at++] = instruction.operands[i].slot;
    }
  }

  uint16_t opcode_index(const Statement& statement) {
    std::string opcode = statement.opcode;
    for (const std::string& modifier : statement.modifiers) opcode += "." + modifier;
    const auto added = opcodes_.emplace(opcode, uint16_t(kernel_->opcodes.size()));
    if (added.second) kernel_->opcodes.push_back(opcode);
    return added.first->second;
  }

  int32_t label(const std::string& name) {
    const auto found = labels_.find(name);
    if (found == labels_.end()) reader_.fail("unknown label " + name);
    return found == labels_.end() ? 0 : found->second;
  }

  void resolve_branches() {
    for (const auto& [at, name] : branches_) {
      Instruction& instruction = kernel_->code[at];
      if (instruction.flow == Flow::kBranch) {
        instruction.target = label(name);
        continue;
      }
      const auto list = target_lists_.find(name);
      if (list == target_lists_.end()) return reader_.fail("unknown list of targets " + name);
      instruction.target = int32_t(kernel_->branch_targets.size());
      kernel_->branch_targets.emplace_back();
      for (const std::string& target : list->second) kernel_->branch_targets.back().push_back(label(target));
    }
  }

  TokenReader& reader_;
  const ModuleSymbols& symbols_;
  const std::vector<std::string>& lines_;
  std::unique_ptr<Kernel> kernel_;
  SlotTable slots_;
  std::map<std::string, int> labels_;
  std::map<std::string, std::vector<std::string>> target_lists_;
  std::map<std::string, uint16_t> opcodes_;
  std::vector<std::pair<size_t, std::string>> branches_;
};

}  // namespace

std::unique_ptr<Kernel> read_kernel(TokenReader& reader, const ModuleSymbols& symbols,
                                    const std::vector<std::string>& lines) {
  return KernelReader(reader, symbols, lines).read();
}

}  // namespace tsv_sim
