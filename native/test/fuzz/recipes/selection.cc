// Choosing by scores.
#include <math.h>

#include "fuzz/recipes.h"

namespace fuzz {
namespace {

// x [B,N] or [B,H,N], with a mask for all, for each item or for each row.
struct Scores {
  Shape shape;
  int64_t rows, n;

  explicit Scores(Call& call) {
    const int64_t batch = call.size(), heads = call.one_in(3) ? 1 + call.below(4) : 0;
    n = call.size();
    rows = batch * (heads > 0 ? heads : 1);
    shape = heads > 0 ? Shape{batch, heads, n} : Shape{batch, n};
  }
  template <class Arguments>
  void fill_mask(Call& call, Arguments& a) const {
    a.mask = call.mask(call.one_in(2) ? rows : shape[0], n);
    a.lengths = call.lengths(shape[0], n);
  }
  Shape with_last(int64_t last) const {
    Shape same = shape;
    same.back() = last;
    return same;
  }
};

}  // namespace

void make_top_k(Call& call, tsv_top_k_args& a) {
  const Scores scores(call);
  const int32_t dtype = call.float_type();
  a.x = call.input(scores.shape, dtype);
  scores.fill_mask(call, a);
  int64_t segments = 1, shortest = scores.n;
  if (call.one_in(3)) {
    segments = call.below(4);
    const int64_t step = segments > 0 ? scores.n / segments : 0;
    std::vector<int32_t> offsets;
    for (int64_t s = 0; s < segments; ++s) offsets.push_back(int32_t(s * step));
    offsets.push_back(int32_t(scores.n));
    a.segment_offsets = call.list(offsets);
    shortest = step;
  }
  // A mask leaves fewer to choose from.
  a.k = call.number(0, a.mask != nullptr && call.one_in(2) ? shortest / 3 : shortest);
  a.largest = call.choice(1);
  a.order = call.choice(TSV_ORDER_VALUE);
  const Shape shape = scores.with_last(segments * Call::room(a.k));
  a.indices = call.exact(shape, TSV_INT32);
  if (call.one_in(2)) a.values = call.exact(shape, dtype);
}

void make_select_threshold(Call& call, tsv_select_threshold_args& a) {
  const Scores scores(call);
  a.rule = call.choice(TSV_RULE_MASS);
  const int32_t dtype = call.float_type();
  a.x = a.rule == TSV_RULE_MASS ? call.magnitudes(scores.shape, dtype) : call.input(scores.shape, dtype);
  scores.fill_mask(call, a);
  a.parameter = call.one_in(2) ? double(call.below(101)) / 100 : call.real();
  a.ddof = call.choice(1);
  a.min = call.number(-1, scores.n);
  a.max = call.one_in(2) ? -1 : call.number(a.min < 0 || a.min > scores.n ? 0 : a.min, scores.n);
  a.offsets = call.exact({scores.rows + 1}, TSV_INT32);
  a.indices = call.exact({scores.rows * scores.n}, TSV_INT32,
                         [&call, &a, last = scores.rows] { return int64_t(call.value(a.offsets, last)); });
}

void make_sample_cdf(Call& call, tsv_sample_cdf_args& a) {
  const Scores scores(call);
  a.scores = call.magnitudes(scores.shape, call.float_type());
  scores.fill_mask(call, a);
  a.count = call.number(0, scores.n);
  a.offsets = call.exact({scores.rows + 1}, TSV_INT32);
  a.indices = call.exact({scores.rows * Call::room(a.count)}, TSV_INT32);
}

void make_pool_scores(Call& call, tsv_pool_scores_args& a) {
  const Scores scores(call);
  a.x = call.input(scores.shape, call.float_type());
  scores.fill_mask(call, a);
  a.kernel = call.one_in(10) ? INT32_MAX : call.number(0, 40) | 1;
  a.mode = call.choice(TSV_POOL_MAX);
  a.scores = call.equal(scores.shape, TSV_FLOAT32);
}

}  // namespace fuzz
