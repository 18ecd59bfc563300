// Words, numbers and punctuation of PTX text.
#ifndef TOKENSIEVE_EMULATOR_LEXER_H
#define TOKENSIEVE_EMULATOR_LEXER_H
#include <string>
#include <vector>

namespace tsv_sim {

struct Token {
  enum Kind : unsigned char { kWord, kNumber, kPunctuation, kString, kEnd } kind = kEnd;
  std::string text;  // a word holds its dots: "fma.rn.f32", "%tid.x", ".reg"
  int line = 0;
};

// Comments are left out; the last token is kEnd. False, with the line in `error`, for a character that PTX
// lacks.
bool lex(const std::string& text, std::vector<Token>* tokens, std::string* error);

}  // namespace tsv_sim
#endif
