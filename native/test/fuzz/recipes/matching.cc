// Bipartite matching: instruction sets may choose differently among similarities that are equal but for
// rounding, so what is checked is that each result is a map.
#include <math.h>

#include "fuzz/recipes.h"

namespace fuzz {
namespace {

// Slots number the owners of each item's tokens, offsets ascend, and each slot lists the tokens that it owns.
void check_map(const Call& call, const tsv_bipartite_match_args& a) {
  const int64_t items = a.assignment->shape[0], n = a.assignment->shape[1];
  const auto integer = [&](const tsv_tensor* tensor, int64_t i) { return int64_t(call.value(tensor, i)); };
  int64_t slot = 0, member = 0;
  CHECK(integer(a.offsets, 0) == 0);
  for (int64_t b = 0; b < items; ++b) {
    const int64_t length = integer(a.output_lengths, b);
    CHECK(length >= 0 && length <= n);
    for (int64_t s = 0; s < length; ++s, ++slot) {
      const int64_t end = integer(a.offsets, slot + 1);
      CHECK(end > member && end <= items * n);
      for (int64_t before = -1; member < end; ++member) {
        const int64_t token = integer(a.members, member);
        CHECK(token > before && token < n);
        if (token < 0 || token >= n) return;
        CHECK(integer(a.assignment, b * n + token) == s);
        before = token;
      }
    }
  }
  int64_t owned = 0;
  for (int64_t i = 0; i < items * n; ++i) owned += integer(a.assignment, i) >= 0;
  CHECK(owned == member);
}

}  // namespace

void make_bipartite_match(Call& call, tsv_bipartite_match_args& a) {
  const int64_t batch = call.size(), height = 1 + call.below(4), width = 1 + call.below(5);
  a.partition = call.choice(TSV_PARTITION_EVERY);
  const int64_t n = a.partition == TSV_PARTITION_GRID ? height * width : call.size();
  a.metric = call.input({batch, n, call.size()}, call.float_type());
  a.mask = call.mask(batch, n);
  a.lengths = call.lengths(batch, n);
  a.threshold = call.one_in(2) ? call.real() : NAN;
  a.r = call.number(0, n);
  a.grid[0] = call.number(height, height), a.grid[1] = call.number(width, width);
  a.stride[0] = call.number(1, height), a.stride[1] = call.number(1, width);
  a.seed = a.partition == TSV_PARTITION_GRID && call.one_in(2) ? -1 : call.number(0, 100);
  a.every = call.number(1, n + 1);
  a.output_lengths = call.chosen({batch}, TSV_INT32);
  a.offsets = call.chosen({batch * n + 1}, TSV_INT32);
  a.members = call.chosen({batch * n}, TSV_INT32);
  a.assignment = call.chosen({batch, n}, TSV_INT32);
  call.check_result([&] { check_map(call, a); });
}

}  // namespace fuzz
