#include "lexer.h"

#include <ctype.h>
#include <string.h>

#include <algorithm>

namespace tsv_sim {
namespace {

bool word_character(char c) {
  return isalnum(static_cast<unsigned char>(c)) || (c != 0 && strchr("_$%.", c));
}

// The end of the word or number that begins at `at`. `::` belongs to a modifier, as in shared::cta.
// Directives end at the next dot: inline assembly may say .reg.b32.
size_t end_of_word(const std::string& text, size_t at) {
  const bool directive = text[at] == '.';
  for (const size_t first = at; at < text.size();) {
    if (directive && at > first && text[at] == '.') break;
    if (word_character(text[at])) {
      ++at;
    } else if (text.compare(at, 2, "::") == 0 && at + 2 < text.size() && word_character(text[at + 2])) {
      at += 2;
    } else {
      break;
    }
  }
  return at;
}

}  // namespace

bool lex(const std::string& text, std::vector<Token>* tokens, std::string* error) {
  int line = 1;
  for (size_t at = 0; at < text.size() && text[at] != 0;) {
    const char c = text[at];
    if (c == '\n') ++line;
    if (isspace(static_cast<unsigned char>(c))) {
      ++at;
    } else if (text.compare(at, 2, "//") == 0) {
      at = std::min(text.find('\n', at), text.size());
    } else if (text.compare(at, 2, "/*") == 0) {
      const size_t end = std::min(text.find("*/", at), text.size());
      for (; at < end; ++at) line += text[at] == '\n';
      at = std::min(at + 2, text.size());
    } else if (c == '"') {
      const size_t end = std::min(text.find('"', at + 1), text.size());
      tokens->push_back({Token::kString, text.substr(at + 1, end - at - 1), line});
      at = end + 1;
    } else if (word_character(c)) {
      const size_t end = end_of_word(text, at);
      const bool number = isdigit(static_cast<unsigned char>(c));
      tokens->push_back({number ? Token::kNumber : Token::kWord, text.substr(at, end - at), line});
      at = end;
    } else if (strchr("{}[](),;:@!|+-<>=", c)) {
      tokens->push_back({Token::kPunctuation, std::string(1, c), line});
      ++at;
    } else {
      *error = "line " + std::to_string(line) + ": unexpected character '" + c + "'";
      return false;
    }
  }
  tokens->push_back({Token::kEnd, "", line});
  return true;
}

}  // namespace tsv_sim
