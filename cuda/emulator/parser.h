// Reads the text of a module: its variables, then each kernel into instructions.
#ifndef TOKENSIEVE_EMULATOR_PARSER_H
#define TOKENSIEVE_EMULATOR_PARSER_H
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "slots.h"
#include "statements.h"

namespace tsv_sim {

// `.align 4 .b8 name[8]`, which begins behind the state space's name.
struct Declaration {
  std::string name;
  Type type = Type::kNone;
  uint64_t alignment = 1;
  uint64_t bytes = 0;
  bool sized = true;  // false for name[], as dynamic shared memory is declared
};
Declaration read_declaration(TokenReader& reader);

// Variables of a module that every kernel of it may use.
struct ModuleSymbols {
  std::map<std::string, Symbol> symbols;      // .global and .const ones, and dynamic shared memory
  std::map<std::string, Declaration> shared;  // static shared ones: each kernel that uses one has its own
};

// A kernel from its name to its closing brace. Null, with the reader failed, for what it does not understand.
std::unique_ptr<Kernel> read_kernel(TokenReader& reader, const ModuleSymbols& symbols,
                                    const std::vector<std::string>& lines);

}  // namespace tsv_sim
#endif
