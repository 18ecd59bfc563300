// Attention, and the scores that keys get from it.
#include <math.h>

#include <algorithm>

#include "fuzz/recipes.h"

namespace fuzz {
namespace {

// The greatest magnitude of a logit: of the terms of its product, and of all that is added to it.
double logit_magnitude(const Call& call, const tsv_attention_args& a) {
  const int64_t *q = a.q->shape, *k = a.k->shape;
  const Tensor &queries = *call.find(a.q), &keys = *call.find(a.k);
  const double scale = a.scale != a.scale ? 1 / sqrt(double(q[3])) : fabs(a.scale);
  const double factor = a.distance_scale == nullptr ? 1 : call.greatest(a.distance_scale);
  Terms greatest;  // as terms of one: NaN where any is
  double most = 0;
  for (int64_t head = 0; head < q[0] * q[1]; ++head) {
    const int64_t key_head = head / q[1] * k[1] + head % q[1] / (q[1] / k[1]);
    for (int64_t i = 0; i < q[2] * k[2]; ++i) {
      Terms product;
      for (int64_t d = 0; d < q[3]; ++d) {
        product.add(scale * factor * queries.number((head * q[2] + i / k[2]) * q[3] + d) *
                    keys.number((key_head * k[2] + i % k[2]) * k[3] + d));
      }
      if (product.magnitude() != product.magnitude()) greatest.add(NAN);
      most = std::max(most, product.magnitude());
    }
  }
  for (double term : {most, call.greatest(a.bias), call.greatest(a.lse), a.softcap}) greatest.add(term);
  return most < INFINITY ? greatest.magnitude() : most;
}

// An error of a logit is a relative error of every probability: `scale` is what probabilities are multiplied
// with.
Magnitude probability(const Call& call, const tsv_attention_args& a,
                      double (*scale)(const Call&, const tsv_attention_args&)) {
  const auto known = std::make_shared<double>(-1);
  return [&call, &a, scale, known](int64_t) {
    if (*known == -1) {
      const double logit = logit_magnitude(call, a), by = scale(call, a);
      // Past this no digit of a probability is certain; nor is it where one instruction set rounds to bytes.
      const bool fast = a.precision == TSV_PRECISION_FAST;
      *known = fast || logit > 1e4 || by > 1e30 ? double(INFINITY) : (1 + logit) * by;
    }
    return *known;
  };
}

double scale_of_scores(const Call& call, const tsv_attention_args& a) {
  const double queries = a.reduce == TSV_REDUCE_SUM ? double(a.q->shape[2]) : 1;
  const double lse = a.lse == nullptr ? 1 : 1e4;
  return queries * double(a.q->shape[1]) * lse *
         (a.value_norms != 0 ? call.greatest(a.v) * double(a.v->shape[3]) : 1);
}
double scale_of_lse(const Call&, const tsv_attention_args&) { return 1; }
double scale_of_entropy(const Call& call, const tsv_attention_args& a) {
  return 1 + logit_magnitude(call, a);
}
double scale_of_output(const Call& call, const tsv_attention_args& a) { return call.greatest(a.v); }

void make(Call& call, tsv_attention_args& a, bool output) {
  const int64_t batch = (1 + call.below(3)) % 3, key_heads = 1 + call.below(2),
                heads = key_heads * (1 + call.below(3));
  const int64_t queries = call.size(), keys = call.one_in(3) ? queries : call.size(), depth = call.size();
  const int64_t value_depth = call.size();
  const int32_t dtype = call.float_type();
  a.q = call.strided({batch, heads, queries, depth}, dtype);
  a.k = call.strided({batch, key_heads, keys, depth}, dtype);
  a.value_norms = output ? 0 : call.choice(1);
  if (output || a.value_norms != 0 || call.one_in(6)) {
    a.v = call.strided({batch, key_heads, keys, value_depth}, dtype);
  }
  a.mask = call.mask(batch, keys);
  if (call.one_in(4)) a.query_mask = call.mask(batch, queries);
  a.lengths = call.lengths(batch, keys);
  if (call.one_in(3)) a.bias = call.input(call.one_in(2) ? Shape{batch, keys} : Shape{keys}, TSV_FLOAT32);
  if (call.one_in(4)) {
    a.distance_scale = call.input({call.size()}, TSV_FLOAT32);
    const auto positions = [&](int64_t n) -> const tsv_tensor* {
      const int64_t far = call.one_in(4) ? INT32_MAX : keys;
      return call.integers(call.one_in(2) ? Shape{batch, n} : Shape{n}, call.integer_type(), -far, far);
    };
    if (call.one_in(2)) a.positions = positions(keys);
    if (queries > keys || call.one_in(2)) a.query_positions = positions(queries);
  }
  a.scale = call.one_in(3) ? call.real() : NAN;
  a.softcap = call.one_in(4) ? fabs(call.real()) : 0;
  a.window = call.one_in(3) ? call.number(0, keys + 1) : 0;
  a.causal = call.choice(1);
  a.queries = call.choice(TSV_QUERIES_LIST);
  int64_t chosen = a.queries == TSV_QUERIES_ALL ? queries : 1;
  if (a.queries == TSV_QUERIES_LAST) a.query_count = chosen = call.number(1, queries);
  if (a.queries == TSV_QUERIES_LIST) {
    chosen = queries > 0 ? call.size() : 0;
    a.query_list = call.integers({chosen}, call.integer_type(), 0, queries - 1);
  }
  a.keys = call.choice(TSV_KEYS_LAST);
  int64_t scored = keys;
  if (a.keys != TSV_KEYS_ALL) a.key_count = scored = call.number(1, keys);
  chosen = Call::room(chosen), scored = Call::room(scored);
  const int64_t rows = output ? queries : chosen;
  if (call.one_in(6)) a.lse = call.input({batch, heads, rows}, TSV_FLOAT32);
  a.pool_kernel = call.one_in(4) ? call.number(0, 7) : 0;
  a.pool_mode = call.choice(TSV_POOL_MAX);
  a.reduce = call.choice(TSV_REDUCE_OBSERVED);
  a.heads = call.choice(TSV_HEADS_GROUP_MAX);
  a.precision = call.choice(TSV_PRECISION_FAST);
  const Shape shape = a.heads == TSV_HEADS_NONE  ? Shape{batch, heads, scored}
                      : a.heads > TSV_HEADS_NONE ? Shape{batch, key_heads, scored}
                                                 : Shape{batch, scored};
  if (!output || call.one_in(2)) {
    a.scores = call.near(shape, TSV_FLOAT32, probability(call, a, scale_of_scores));
  }
  if (call.one_in(2)) {
    a.lse_out = call.near({batch, heads, rows}, TSV_FLOAT32, probability(call, a, scale_of_lse));
  }
  if (call.one_in(2)) {
    a.entropy = call.near({batch, heads, rows}, TSV_FLOAT32, probability(call, a, scale_of_entropy));
  }
  if (!output) return;
  a.output = call.near({batch, heads, queries, value_depth}, dtype, probability(call, a, scale_of_output),
                       Tensor::Layout::kStrided);
}

}  // namespace

void make_attention_scores(Call& call, tsv_attention_args& a) { make(call, a, false); }
void make_pack_keys(Call& call, tsv_pack_keys_args& a) {
  const int64_t batch = call.size(), key_heads = 1 + call.below(2), keys = call.size(), depth = call.size();
  a.k = call.strided({batch, key_heads, keys, depth}, call.float_type());
  a.mask = call.mask(batch, keys);
  a.lengths = call.lengths(batch, keys);
  if (call.one_in(2)) {
    a.queries = call.strided({batch, key_heads * (1 + call.below(3)), call.size(), depth}, call.float_type());
  }
  // Enough for bytes and for rows, whichever an instruction set makes.
  const int64_t bytes = 8 * tsv_packed_keys_bytes(batch, key_heads, keys, depth) + (1 << 18);
  a.packed = call.near({bytes}, TSV_UINT8, [](int64_t) { return double(INFINITY); });
}
void make_attention(Call& call, tsv_attention_args& a) { make(call, a, true); }

}  // namespace fuzz
