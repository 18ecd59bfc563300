// Norms and products.
#include <math.h>

#include "fuzz/recipes/tokens.h"

namespace fuzz {

void make_token_norms(Call& call, tsv_token_norms_args& a) {
  const Tokens tokens(call);
  a.x = call.strided(tokens.shape, call.float_type());
  tokens.fill_mask(call, a);
  a.p = int32_t(call.number(1, 2));
  // All terms are positive. The squares of numbers under 1e-19 lose their digits.
  a.norms = call.near(tokens.by_token, TSV_FLOAT32, [](int64_t) { return 1e-16; });
}

void make_matmul(Call& call, tsv_matmul_args& a) {
  const int64_t groups = call.below(3), rows = call.size(), columns = call.size(), depth = call.size();
  const int32_t dtype = call.float_type();
  const int64_t shared = call.one_in(2) ? 1 : groups;
  a.transpose_b = call.choice(1);
  a.a = call.input({groups, rows, depth}, dtype);
  a.b = call.input(a.transpose_b != 0 ? Shape{shared, columns, depth} : Shape{shared, depth, columns}, dtype);
  a.bias = call.optional({columns}, TSV_FLOAT32);
  a.activation = call.choice(TSV_ACTIVATION_TANH);
  a.out = call.near({groups, rows, columns}, dtype, [&](int64_t i) {
    const int64_t m = a.out->shape[1], n = a.out->shape[2], k = a.a->shape[2];
    const int64_t group = a.b->shape[0] == 1 ? 0 : i / (m * n), column = i % n;
    Terms terms;
    if (a.bias != nullptr) terms.add(call.value(a.bias, column));
    for (int64_t d = 0; d < k; ++d) {
      const int64_t at = group * k * n + (a.transpose_b != 0 ? column * k + d : d * n + column);
      terms.add(call.value(a.a, i / n * k + d) * call.value(a.b, at));
    }
    return terms.magnitude();
  });
}

}  // namespace fuzz
