#include "statements.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

namespace tsv_sim {

const Token& TokenReader::next() {
  const Token& token = peek();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool TokenReader::take(const char* text) {
  if (!is(text)) return false;
  next();
  return true;
}

void TokenReader::expect(const char* text) {
  if (!take(text)) fail(std::string("expected '") + text + "', found '" + peek().text + "'");
}

std::string TokenReader::word() {
  if (peek().kind != Token::kWord) fail("expected a name, found '" + peek().text + "'");
  return next().text;
}

uint64_t TokenReader::integer() {
  const bool negative = take("-");
  Argument argument;
  if (!read_number(peek().text, negative, &argument) || argument.kind != Argument::kInteger) {
    fail("expected an integer, found '" + peek().text + "'");
  }
  next();
  return argument.bits;
}

void TokenReader::skip_line() {
  const int line = peek().line;
  while (!at_end() && peek().line == line) next();
}

void TokenReader::skip_block() {
  expect("{");
  for (int depth = 1; depth > 0 && !at_end();) {
    const Token& token = next();
    if (token.kind != Token::kPunctuation) continue;
    if (token.text == "{") ++depth;
    if (token.text == "}") --depth;
  }
}

void TokenReader::fail_at(int line, const std::string& what) {
  if (error_.empty()) error_ = "line " + std::to_string(line) + ": " + what;
}

bool read_number(const std::string& text, bool negative, Argument* argument) {
  if (text.empty() || text[0] < '0' || text[0] > '9') return false;
  const bool prefixed = text.size() > 2 && text[0] == '0';
  char* end = nullptr;
  errno = 0;
  if (prefixed && strchr("fFdD", text[1])) {
    const bool narrow = text[1] == 'f' || text[1] == 'F';
    argument->kind = narrow ? Argument::kFloat32 : Argument::kFloat64;
    argument->bits = strtoull(text.c_str() + 2, &end, 16);
    if (negative) argument->bits ^= uint64_t(1) << (narrow ? 31 : 63);
    return text.size() == (narrow ? 10u : 18u) && *end == 0;
  }
  if (text.find('.') != std::string::npos) {
    const double value = strtod(text.c_str(), &end);
    memcpy(&argument->bits, &value, sizeof value);
    argument->kind = Argument::kFloat64;
    if (negative) argument->bits ^= uint64_t(1) << 63;
    return *end == 0;
  }
  const bool binary = prefixed && (text[1] == 'b' || text[1] == 'B');
  argument->kind = Argument::kInteger;
  argument->bits = binary ? strtoull(text.c_str() + 2, &end, 2) : strtoull(text.c_str(), &end, 0);
  if (negative) argument->bits = 0 - argument->bits;
  if (*end == 'U') ++end;
  return *end == 0 && errno == 0;
}

namespace {

Argument read_argument(TokenReader& reader);

void read_elements(TokenReader& reader, const char* close, Argument* argument) {
  do {
    argument->elements.push_back(read_argument(reader));
  } while (!reader.failed() && reader.take(","));
  reader.expect(close);
}

Argument read_argument(TokenReader& reader) {
  Argument argument;
  if (reader.take("{")) {
    argument.kind = Argument::kVector;
    read_elements(reader, "}", &argument);
    return argument;
  }
  if (reader.take("[")) {
    argument.kind = Argument::kAddress;
    read_elements(reader, "]", &argument);
    return argument;
  }
  argument.negated = reader.take("!");
  const bool negative = reader.take("-");
  if (reader.peek().kind == Token::kNumber) {
    if (argument.negated || !read_number(reader.peek().text, negative, &argument)) {
      reader.fail("'" + reader.peek().text + "' is no number");
    }
    reader.next();
  } else {
    argument.name = reader.word();
    if (negative) reader.fail("a name cannot be negated by '-'");
    if (argument.name == "_") argument.kind = Argument::kSink;
    if (reader.take("+") || reader.is("-")) argument.offset = int64_t(reader.integer());
  }
  return argument;
}

std::vector<std::string> split_at_dots(const std::string& word) {
  std::vector<std::string> parts;
  size_t from = 0;
  for (size_t dot = word.find('.'); dot != std::string::npos; dot = word.find('.', from)) {
    parts.push_back(word.substr(from, dot - from));
    from = dot + 1;
  }
  parts.push_back(word.substr(from));
  return parts;
}

}  // namespace

Statement read_statement(TokenReader& reader, std::string* guard, bool* guard_negated) {
  Statement statement;
  guard->clear();
  *guard_negated = false;
  if (reader.take("@")) {
    *guard_negated = reader.take("!");
    *guard = reader.word();
  }
  statement.line = reader.peek().line;
  statement.modifiers = split_at_dots(reader.word());
  statement.opcode = statement.modifiers.front();
  statement.modifiers.erase(statement.modifiers.begin());
  while (!reader.failed() && !reader.take(";")) {
    statement.arguments.push_back(read_argument(reader));
    if (!reader.take(",") && !reader.take("|") && !reader.is(";")) {
      reader.fail("expected ',' or ';', found '" + reader.peek().text + "'");
    }
  }
  return statement;
}

}  // namespace tsv_sim
