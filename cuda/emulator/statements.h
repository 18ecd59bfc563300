// Reads tokens as PTX statements: labels, guards, opcodes, arguments.
#ifndef TOKENSIEVE_EMULATOR_STATEMENTS_H
#define TOKENSIEVE_EMULATOR_STATEMENTS_H
#include <stdint.h>

#include <algorithm>
#include <string>
#include <vector>

#include "decode.h"
#include "lexer.h"

namespace tsv_sim {

// A place in the text, and the first error met there.
class TokenReader {
 public:
  explicit TokenReader(const std::vector<Token>& tokens) : tokens_(tokens) {}

  const Token& peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  const Token& next();
  bool at_end() const { return peek().kind == Token::kEnd; }
  bool is(const char* text) const { return peek().kind != Token::kString && peek().text == text; }
  bool take(const char* text);    // steps over it if it is there
  void expect(const char* text);  // fails if it is not
  std::string word();
  uint64_t integer();  // with sign
  void skip_line();    // the rest of a line: .loc has no semicolon
  void skip_block();   // { ... }, opened by the next token

  // The first failure is kept, with its line.
  void fail(const std::string& what) { fail_at(peek().line, what); }
  void fail_at(int line, const std::string& what);
  bool failed() const { return !error_.empty(); }
  const std::string& error() const { return error_; }

 private:
  const std::vector<Token>& tokens_;
  size_t at_ = 0;
  std::string error_;
};

// `@!p opcode arguments;` with the guard's register in `guard`, empty without one.
Statement read_statement(TokenReader& reader, std::string* guard, bool* guard_negated);

// A number as PTX writes it: 12, -1, 0x1f, 017, 0b101, 12U, 0f3F800000, 0d..., 1.5. False for anything else.
bool read_number(const std::string& text, bool negative, Argument* argument);

}  // namespace tsv_sim
#endif
