#include "parser.h"

#include <string.h>

#include "emulator.h"

namespace tsv_sim {

Declaration read_declaration(TokenReader& reader) {
  Declaration declaration;
  uint64_t count = 1;
  while (!reader.failed() && reader.is(".align")) {
    reader.next();
    declaration.alignment = reader.integer();
  }
  const std::string type = reader.word();
  declaration.type = type.empty() ? Type::kNone : parse_type(type.substr(1));
  if (bytes(declaration.type) == 0) reader.fail("no variable of type " + type);
  // Parameters may say what they point to: .ptr .global .align 16
  if (reader.take(".ptr")) {
    for (const char* space : {".global", ".const", ".local", ".shared"}) reader.take(space);
    if (reader.take(".align")) reader.integer();
  }
  declaration.name = reader.word();
  while (!reader.failed() && reader.take("[")) {
    declaration.sized = !reader.is("]");
    count *= declaration.sized ? reader.integer() : 0;
    reader.expect("]");
  }
  declaration.bytes = count * uint64_t(bytes(declaration.type));
  declaration.alignment = std::max<uint64_t>(declaration.alignment, uint64_t(bytes(declaration.type)));
  return declaration;
}

namespace {

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t from = 0; from < text.size();) {
    const size_t end = std::min(text.find('\n', from), text.size());
    const size_t first = std::min(text.find_first_not_of(" \t", from), end);
    size_t last = end;
    while (last > first && strchr(" \t\r", text[last - 1])) --last;
    lines.push_back(text.substr(first, last - first));
    from = end + 1;
  }
  return lines;
}

class ModuleReader {
 public:
  ModuleReader(TokenReader& reader, std::vector<std::string> lines)
      : reader_(reader), lines_(std::move(lines)), module_(std::make_unique<Module>()) {}

  std::unique_ptr<Module> read() {
    while (!reader_.at_end() && !reader_.failed()) read_directive();
    if (module_->target == 0) reader_.fail("no .target");
    return reader_.failed() ? nullptr : std::move(module_);
  }

 private:
  void read_directive() {
    if (reader_.take(".version") || reader_.take(".file")) return reader_.skip_line();
    if (reader_.take(".address_size")) {
      if (reader_.integer() != 64) reader_.fail("addresses have 64 bits");
    } else if (reader_.take(".target")) {
      read_target();
    } else if (reader_.take(".section")) {
      reader_.next();
      reader_.skip_block();
    } else {
      read_declared();
    }
  }

  void read_target() {
    const std::string target = reader_.word();
    if (target.compare(0, 3, "sm_") != 0) reader_.fail("unknown target " + target);
    for (size_t i = 3; i < target.size() && target[i] >= '0' && target[i] <= '9'; ++i) {
      module_->target = 10 * module_->target + (target[i] - '0');
    }
    while (reader_.take(",")) reader_.next();
  }

  void read_declared() {
    bool external = false;
    while (!reader_.failed()) {
      if (reader_.take(".extern"))
        external = true;
      else if (!reader_.take(".visible") && !reader_.take(".weak") && !reader_.take(".common"))
        break;
    }
    if (reader_.take(".entry")) {
      auto kernel = read_kernel(reader_, symbols_, lines_);
      if (!kernel) return;
      kernel->module = module_.get();
      module_->kernels.push_back(std::move(kernel));
    } else if (reader_.take(".func")) {
      skip_function();
    } else if (reader_.take(".shared")) {
      read_shared(external);
    } else if (reader_.is(".global") || reader_.is(".const")) {
      read_variable(external);
    } else {
      reader_.fail("unknown directive " + reader_.peek().text);
    }
  }

  // `call` is unknown, so that no body of a function that is not inlined is ever run.
  void skip_function() {
    while (!reader_.at_end() && !reader_.is("{") && !reader_.is(";")) reader_.next();
    if (!reader_.take(";")) reader_.skip_block();
  }

  void read_shared(bool external) {
    const Declaration declaration = read_declaration(reader_);
    reader_.expect(";");
    if (!external) {
      symbols_.shared[declaration.name] = declaration;
      return;
    }
    if (declaration.sized) reader_.fail("external shared memory of a size");
    Symbol& symbol = symbols_.symbols[declaration.name];
    symbol.kind = Symbol::kVariable;
    symbol.space = Space::kShared;
    symbol.dynamic = true;
  }

  void read_variable(bool external) {
    Variable variable;
    variable.space = reader_.take(".const") ? Space::kConstant : Space::kGlobal;
    reader_.take(".global");
    const Declaration declaration = read_declaration(reader_);
    variable.name = declaration.name;
    variable.bytes = declaration.bytes;
    variable.alignment = uint32_t(declaration.alignment);
    if (reader_.take("=")) read_initial(declaration.type, &variable.initial);
    reader_.expect(";");
    if (external) reader_.fail("variable " + variable.name + " of another module");
    if (variable.initial.size() > variable.bytes) reader_.fail("too many values for " + variable.name);
    Symbol& symbol = symbols_.symbols[variable.name];
    symbol.kind = Symbol::kVariable;
    symbol.space = variable.space;
    symbol.variable = int32_t(module_->variables.size());
    module_->variables.push_back(std::move(variable));
  }

  void read_initial(Type type, std::vector<uint8_t>* initial) {
    if (reader_.take("{")) {
      do {
        read_initial(type, initial);
      } while (!reader_.failed() && reader_.take(","));
      reader_.expect("}");
      return;
    }
    const bool negative = reader_.take("-");
    Argument number;
    if (!read_number(reader_.peek().text, negative, &number)) {
      return reader_.fail("'" + reader_.peek().text + "' is no value that a variable can begin with");
    }
    reader_.next();
    uint8_t value[8];
    memcpy(value, &number.bits, sizeof value);
    initial->insert(initial->end(), value, value + bytes(type));
  }

  TokenReader& reader_;
  std::vector<std::string> lines_;
  std::unique_ptr<Module> module_;
  ModuleSymbols symbols_;
};

}  // namespace

std::unique_ptr<Module> parse_module(const std::string& text, std::string* error) {
  std::vector<Token> tokens;
  if (!lex(text, &tokens, error)) return nullptr;
  TokenReader reader(tokens);
  auto module = ModuleReader(reader, split_lines(text)).read();
  if (!module) *error = reader.error();
  return module;
}

}  // namespace tsv_sim
