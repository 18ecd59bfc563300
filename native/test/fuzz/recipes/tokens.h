// What operations on tokens take: x [N,C], [B,N,C] or [B,H,N,C], with a mask and lengths.
#ifndef TOKENSIEVE_TEST_FUZZ_RECIPES_TOKENS_H
#define TOKENSIEVE_TEST_FUZZ_RECIPES_TOKENS_H
#include "fuzz/recipes.h"

namespace fuzz {

struct Tokens {
  Shape by_token;  // all dims but the last
  Shape shape;
  int64_t batch = 1, rows = 1, n;

  explicit Tokens(Call& call) {
    const int64_t leading = (1 + call.below(3)) % 3;
    if (leading > 0) by_token.push_back(batch = call.size());
    if (leading > 1) by_token.push_back(1 + call.below(3));
    for (int64_t dim : by_token) rows *= dim;
    by_token.push_back(n = call.size());
    shape = by_token;
    shape.push_back(call.size());
  }
  int64_t columns() const { return shape.back(); }
  template <class Arguments>
  void fill_mask(Call& call, Arguments& a) const {
    a.mask = call.mask(call.one_in(2) ? rows : batch, n);
    a.lengths = call.lengths(batch, n);
  }
};

}  // namespace fuzz
#endif
