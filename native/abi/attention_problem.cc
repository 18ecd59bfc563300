#include "abi/attention_problem.h"

#include <math.h>

#include <algorithm>

namespace tsv {
namespace {

void read_queries(Check& check, const tsv_attention_args& a, AttentionProblem* p) {
  check.range(TSV_ARG_QUERIES, a.queries, TSV_QUERIES_ALL, TSV_QUERIES_LIST);
  int64_t first = 0, count = p->queries;
  if (a.queries == TSV_QUERIES_FIRST) {
    check.that(p->queries > 0, TSV_ARG_QUERIES, TSV_E_RANGE, "a choice among at least one query",
               double(p->queries));
    count = 1;
  } else if (a.queries == TSV_QUERIES_LAST) {
    check.range(TSV_ARG_QUERIES, a.query_count, 1, p->queries);
    if (check.failed()) return;
    count = a.query_count;
    first = p->queries - count;
  } else if (a.queries == TSV_QUERIES_LIST) {
    const View list = check.input(a.query_list, TSV_ARG_QUERIES, kIntegers, 1, 1);
    check.elements(list, TSV_ARG_QUERIES, 0, p->queries - 1);
    if (check.failed()) return;
    p->query_list = list;
    p->chosen_count = list.dim[0];
    for (int64_t i = 0; i < list.dim[0] && !list.on_device; ++i) {
      p->chosen.push_back(int32_t(list.integer(i)));
    }
    return;
  }
  if (check.failed()) return;
  p->first_chosen = first;
  p->chosen_count = count;
  for (int64_t i = 0; i < count; ++i) p->chosen.push_back(int32_t(first + i));
}

void read_keys(Check& check, const tsv_attention_args& a, AttentionProblem* p) {
  check.range(TSV_ARG_KEYS, a.keys, TSV_KEYS_ALL, TSV_KEYS_LAST);
  p->scored = p->keys;
  if (a.keys == TSV_KEYS_ALL) return;
  check.range(TSV_ARG_KEYS, a.key_count, 1, p->keys);
  if (check.failed()) return;
  p->scored = a.key_count;
  p->first_scored = a.keys == TSV_KEYS_LAST ? p->keys - a.key_count : 0;
}

// Positions [batch,n] or [n], or nothing.
View read_positions(Check& check, const tsv_tensor* tensor, int32_t argument, int64_t batch, int64_t n,
                    const char* what) {
  const View view = check.optional(tensor, argument, kIntegers, 1, 2);
  if (!view.present()) return view;
  check.same(view, argument, view.rank - 1, n, what);
  if (view.rank == 2) check.same(view, argument, 0, batch, "the batch");
  check.elements(view, argument, INT32_MIN, INT32_MAX);
  return view;
}

void read_distance_scale(Check& check, const tsv_attention_args& a, AttentionProblem* p) {
  const auto only_with_scale = [&](const tsv_tensor* tensor, int32_t argument) {
    if (tensor == nullptr || a.distance_scale != nullptr) return;
    check.fail(argument, TSV_E_TYPE, "a tensor", "left out where options.distanceScale is");
  };
  only_with_scale(a.positions, TSV_ARG_POSITIONS);
  only_with_scale(a.query_positions, TSV_ARG_QUERY_POSITIONS);
  if (a.distance_scale == nullptr) return;
  const View scale = check.input(a.distance_scale, TSV_ARG_DISTANCE_SCALE, kFloat32, 1, 1);
  check.that(scale.dim[0] > 0, TSV_ARG_DISTANCE_SCALE, TSV_E_SHAPE, "a tensor with at least one number",
             double(scale.dim[0]));
  for (int64_t d = 0; d < scale.dim[0] && !scale.on_device && !check.failed(); ++d) {
    const double factor = scale.as<float>()[d];
    check.that(std::isfinite(factor), TSV_ARG_DISTANCE_SCALE, TSV_E_RANGE, "finite numbers", factor);
  }
  p->distance_scale = scale;
  p->positions = read_positions(check, a.positions, TSV_ARG_POSITIONS, p->batch, p->keys, "the keys");
  p->query_positions =
      read_positions(check, a.query_positions, TSV_ARG_QUERY_POSITIONS, p->batch, p->queries, "the queries");
  if (a.query_positions == nullptr && p->queries > p->keys) {
    check.fail(TSV_ARG_QUERY_POSITIONS, TSV_E_TYPE, "nothing", "a tensor where queries are more than keys");
  }
}

// The element of a batch item's positions, or of the one row for all.
int32_t position(const View& positions, int64_t b, int64_t i) {
  return int32_t(positions.integer((positions.rank == 2 ? b * positions.dim[1] : 0) + i));
}

}  // namespace

int32_t AttentionProblem::key_position(int64_t b, int64_t key) const {
  return positions.present() ? position(positions, b, key) : int32_t(key);
}

int32_t AttentionProblem::query_position(int64_t b, int64_t query) const {
  if (query_positions.present()) return position(query_positions, b, query);
  return key_position(b, keys - queries + query);
}

void AttentionProblem::visible(int64_t query, int32_t range[2]) const {
  const int64_t own = keys - queries + query;  // bottom-right aligned: the last query stands at the last key
  const int64_t last = causal ? own + 1 : keys;
  const int64_t first = window > 0 ? own - window + 1 : 0;
  range[0] = int32_t(std::min(std::max<int64_t>(first, 0), keys));
  range[1] = int32_t(std::min(std::max<int64_t>(last, range[0]), keys));
}

bool AttentionProblem::active(int64_t b, int64_t query) const {
  if (query_mask.present() && query_mask.as<uint8_t>()[(query_mask.rank == 2 ? b * queries : 0) + query] == 2)
    return false;
  return !(lengths.present() && queries == keys && query >= lengths.as<int32_t>()[b]);
}

int64_t AttentionProblem::score_rows() const {
  if (head_reduce == TSV_HEADS_NONE) return heads;
  return head_reduce >= TSV_HEADS_GROUP_MEAN ? key_heads : 1;
}

AttentionProblem read_attention(Check& check, const tsv_attention_args& a, bool with_output) {
  AttentionProblem p;
  p.with_output = with_output;
  p.value_norms = a.value_norms != 0;
  p.q = check.input(a.q, TSV_ARG_Q, kFloats, 4, 4, true);
  if (a.packed_keys != nullptr) {
    if (check.on_device() || a.packed_keys->device_type == TSV_CUDA) {
      check.fail(TSV_ARG_K, TSV_E_DEVICE, "packed keys",
                 "a tensor where q lies: a GPU reads keys where they lie, packed ones are for the CPU");
    }
    if (check.failed()) return p;
    p.packed = read_packed_keys(check, a.packed_keys);
    p.k = p.packed.rows();
    check.that(a.k == nullptr && !with_output && a.precision == TSV_PRECISION_FAST, TSV_ARG_K, TSV_E_TYPE,
               "a tensor: packed keys are for attentionScores with precision 'fast'", double(a.precision));
  } else {
    p.k = check.input(a.k, TSV_ARG_K, kFloats, 4, 4, true);
  }
  p.batch = p.q.dim[0], p.heads = p.q.dim[1], p.queries = p.q.dim[2], p.depth = p.q.dim[3];
  p.key_heads = p.k.dim[1], p.keys = p.k.dim[2];
  check.that(p.depth > 0, TSV_ARG_Q, TSV_E_SHAPE, "a tensor with at least one channel a head",
             double(p.depth));
  check.same(p.k, TSV_ARG_K, 0, p.batch, "the batch of q");
  check.same(p.k, TSV_ARG_K, 3, p.depth, "the head dim of q");
  const bool divides = p.key_heads > 0 ? p.heads % p.key_heads == 0 : p.heads == 0;
  check.that(divides, TSV_ARG_K, TSV_E_SHAPE, "a tensor whose heads divide those of q", double(p.key_heads));
  p.group = divides && p.key_heads > 0 ? p.heads / p.key_heads : 1;
  const int32_t value_argument = with_output ? TSV_ARG_V : TSV_ARG_VALUES;
  if (with_output || p.value_norms || a.v != nullptr) {
    p.v = check.input(a.v, value_argument, kFloats, 4, 4, true);
    for (int d = 0; d < 3; ++d) check.same(p.v, value_argument, d, p.k.dim[d], "k");
    p.value_depth = p.v.dim[3];
  }
  p.mask = check.mask(a.mask, TSV_ARG_MASK, p.batch, p.keys);
  p.query_mask = check.mask(a.query_mask, TSV_ARG_QUERY_MASK, p.batch, p.queries);
  p.lengths = check.lengths(a.lengths, p.batch, p.keys);
  p.bias = check.optional(a.bias, TSV_ARG_BIAS, kFloat32, 1, 2);
  if (p.bias.present()) {
    check.same(p.bias, TSV_ARG_BIAS, p.bias.rank - 1, p.keys, "the keys");
    if (p.bias.rank == 2) check.same(p.bias, TSV_ARG_BIAS, 0, p.batch, "the batch");
  }
  read_distance_scale(check, a, &p);

  check.that(!isinf(a.scale), TSV_ARG_SCALE, TSV_E_RANGE, "a finite number", a.scale);
  p.scale = isnan(a.scale) ? 1 / sqrt(double(std::max<int64_t>(p.depth, 1))) : a.scale;
  check.that(a.softcap >= 0 && !isinf(a.softcap), TSV_ARG_SOFTCAP, TSV_E_RANGE, "a finite number above 0",
             a.softcap);
  p.soft_cap = float(a.softcap * M_LOG2E);
  p.causal = a.causal != 0;
  check.range(TSV_ARG_WINDOW, a.window, 0, INT32_MAX);
  p.window = a.window;
  check.range(TSV_ARG_REDUCE, a.reduce, TSV_REDUCE_MEAN, TSV_REDUCE_OBSERVED);
  check.range(TSV_ARG_HEADS, a.heads, TSV_HEADS_MEAN, TSV_HEADS_GROUP_MAX);
  check.range(TSV_ARG_POOL_MODE, a.pool_mode, TSV_POOL_AVG, TSV_POOL_MAX);
  check.range(TSV_ARG_PRECISION, a.precision, TSV_PRECISION_EXACT, TSV_PRECISION_FAST);
  check.that(a.pool_kernel == 0 || (a.pool_kernel > 0 && a.pool_kernel % 2 == 1 && a.pool_kernel < INT32_MAX),
             TSV_ARG_POOL_KERNEL, TSV_E_RANGE, "an odd integer from 1", double(a.pool_kernel));
  p.reduce = a.reduce, p.head_reduce = a.heads, p.pool_mode = a.pool_mode, p.pool_kernel = a.pool_kernel;
  p.precision = a.precision;
  read_queries(check, a, &p);
  read_keys(check, a, &p);
  if (check.failed()) return p;

  const int64_t rows = with_output ? p.queries : p.chosen_count;
  p.lse = check.optional(a.lse, TSV_ARG_LSE, kFloat32, 3, 3);
  if (p.lse.present()) {
    check.same(p.lse, TSV_ARG_LSE, 0, p.batch, "the batch");
    check.same(p.lse, TSV_ARG_LSE, 1, p.heads, "the heads of q");
    check.same(p.lse, TSV_ARG_LSE, 2, rows, with_output ? "the queries" : "the chosen queries");
  }
  if (!with_output || a.scores != nullptr) {
    const bool one_row = p.head_reduce <= TSV_HEADS_MAX;
    p.scores =
        one_row ? check.output(a.scores, TSV_ARG_OUT_SCORES, kFloat32, {p.batch, p.scored})
                : check.output(a.scores, TSV_ARG_OUT_SCORES, kFloat32, {p.batch, p.score_rows(), p.scored});
  }
  p.lse_out = check.optional_output(a.lse_out, TSV_ARG_OUT_LSE, kFloat32, {p.batch, p.heads, rows});
  p.entropy = check.optional_output(a.entropy, TSV_ARG_OUT_ENTROPY, kFloat32, {p.batch, p.heads, rows});
  if (with_output) {
    p.output = check.output(a.output, TSV_ARG_OUT_OUTPUT, 1u << p.q.dtype,
                            {p.batch, p.heads, p.queries, p.value_depth}, true);
  }
  check.no_overlap();
  return p;
}

}  // namespace tsv
