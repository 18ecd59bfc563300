// Gathering, merging, restoring; keys moved to other positions.
#include <math.h>

#include <algorithm>

#include "fuzz/recipes.h"

namespace fuzz {
namespace {

// One slot of a merge, in double: members and their factors.
struct Slot {
  std::vector<int64_t> tokens;
  std::vector<double> factors;
  double total = 0;
};

class Merge {
 public:
  Merge(const Call& call, const tsv_merge_tokens_args& a) : call_(call), a_(a) {}

  double magnitude(int64_t element) const {
    const int64_t columns = a_.x->shape[2], column = element % columns;
    int64_t row = 0;
    const Slot slot = slot_of(element / columns, &row);
    if (a_.reduce == TSV_MERGE_SUM) return sum(slot, row, column).terms.magnitude();
    if (a_.reduce == TSV_MERGE_MAX || slot.total == 0) return 0;
    const double mean = sum(slot, row, column).terms.magnitude() / fabs(slot.total);
    return a_.reduce == TSV_MERGE_NORM ? norm(slot, row, column, mean) : mean;
  }

 private:
  struct Sum {
    double value = 0;
    Terms terms;
  };

  double x(int64_t row, int64_t token, int64_t column) const {
    return call_.value(a_.x, (row * a_.x->shape[1] + token) * a_.x->shape[2] + column);
  }
  int64_t integer(const tsv_tensor* tensor, int64_t i) const { return int64_t(call_.value(tensor, i)); }

  Slot slot_of(int64_t place, int64_t* row) const {
    int64_t first = 0, r = 0, slot = place;
    const int64_t longest = call_.longest_of(a_.map);
    if (a_.packed == 0) {
      for (; r < place / longest; ++r) first += integer(a_.map->output_lengths, r);
      if (place % longest >= integer(a_.map->output_lengths, r)) return {};
      slot = first + place % longest;
    } else {
      while (slot >= first + integer(a_.map->output_lengths, r)) {
        first += integer(a_.map->output_lengths, r++);
      }
    }
    *row = r;
    Slot found;
    const int64_t n = a_.x->shape[1];
    for (int64_t m = integer(a_.map->offsets, slot); m < integer(a_.map->offsets, slot + 1); ++m) {
      const int64_t token = integer(a_.map->members, m);
      double factor = a_.map->weights == nullptr ? 1 : call_.value(a_.map->weights, m);
      if (a_.weights != nullptr) factor *= call_.value(a_.weights, r * n + token);
      found.tokens.push_back(token);
      found.factors.push_back(factor);
      found.total += factor;
    }
    return found;
  }
  Sum sum(const Slot& slot, int64_t row, int64_t column) const {
    Sum sum;
    for (size_t m = 0; m < slot.tokens.size(); ++m) {
      const double term = slot.factors[m] == 0 ? 0 : slot.factors[m] * x(row, slot.tokens[m], column);
      sum.value += term;
      sum.terms.add(term);
    }
    return sum;
  }
  // The mean's error, stretched to the longest member, and that of the mean's own norm.
  double norm(const Slot& slot, int64_t row, int64_t column, double mean) const {
    double longest = 0, square = 0, slack = 0;
    for (int64_t token : slot.tokens) {
      double length = 0;
      for (int64_t c = 0; c < a_.x->shape[2]; ++c) length += pow(x(row, token, c), 2);
      longest = std::max(longest, sqrt(length));
    }
    for (int64_t c = 0; c < a_.x->shape[2]; ++c) {
      const Sum s = sum(slot, row, c);
      square += pow(s.value / slot.total, 2);
      slack += pow(s.terms.magnitude() / slot.total, 2);
    }
    const double length = sqrt(square);
    if (length < 1e-15 || longest < 1e-15) return INFINITY;  // squares lose their digits
    const double value = fabs(sum(slot, row, column).value / slot.total);
    return longest / length * (mean + value * sqrt(slack) / length);
  }

  const Call& call_;
  const tsv_merge_tokens_args& a_;
};

}  // namespace

void make_gather_tokens(Call& call, tsv_gather_tokens_args& a) {
  const int64_t rows = call.size(), n = call.size(), columns = call.size();
  const int32_t dtype = call.any_type();
  a.x = call.input({rows, n, columns}, dtype);
  a.packed = call.choice(1);
  if (call.one_in(2)) {
    std::vector<int32_t> offsets = {0};
    int64_t longest = 0;
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t count = n > 0 ? call.below(5) : 0;
      offsets.push_back(offsets.back() + int32_t(count));
      longest = std::max(longest, count);
    }
    const int64_t total = offsets.back();
    a.indices = call.integers({total}, call.integer_type(), 0, n - 1);
    a.offsets = call.list(offsets);
    a.tokens = call.exact(a.packed != 0 ? Shape{total, columns} : Shape{rows, longest, columns}, dtype);
    if (call.one_in(2)) a.lengths = call.exact({rows}, TSV_INT32);
  } else {
    const int64_t count = n > 0 ? call.size() : 0;
    a.indices = call.integers({rows, count}, call.integer_type(), 0, n - 1);
    a.tokens = call.exact({rows, count, columns}, dtype);
  }
}

void make_merge_tokens(Call& call, tsv_merge_tokens_args& a) {
  const int64_t rows = call.size(), n = call.size(), columns = call.size();
  const int32_t dtype = call.float_type();
  tsv_token_map* map = call.map(rows, n);
  a.x = call.input({rows, n, columns}, dtype);
  a.map = call.one_in(50) ? nullptr : map;
  a.weights = call.optional({rows, n}, TSV_FLOAT32);
  a.reduce = call.choice(TSV_MERGE_NORM);
  a.packed = call.choice(1);
  const int64_t slots = Call::room(call.slots_of(map)), longest = Call::room(call.longest_of(map));
  a.tokens = call.near(a.packed != 0 ? Shape{slots, columns} : Shape{rows, longest, columns}, dtype,
                       [&](int64_t i) { return Merge(call, a).magnitude(i); });
  a.sizes =
      call.near(a.packed != 0 ? Shape{slots} : Shape{rows, longest}, TSV_FLOAT32, [](int64_t) { return 0; });
  if (call.one_in(2)) a.row_offsets = call.exact({rows + 1}, TSV_INT32);
}

void make_restore_tokens(Call& call, tsv_restore_tokens_args& a) {
  const int64_t rows = call.size(), n = call.size(), columns = call.size();
  const int32_t dtype = call.any_type();
  tsv_token_map* map = call.map(rows, n);
  a.y = call.input({rows, Call::room(call.longest_of(map)), columns}, dtype);
  a.map = call.one_in(50) ? nullptr : map;
  a.dropped = call.choice(TSV_DROPPED_TENSOR);
  if (a.dropped == TSV_DROPPED_TENSOR || call.one_in(10)) {
    a.dropped_tokens = call.input({rows, n, columns}, dtype);
  }
  const bool computed = dtype <= TSV_BFLOAT16 && call.one_in(3);
  if (!computed) {
    a.tokens = call.exact({rows, n, columns}, dtype);
    return;
  }
  a.weights = call.optional({rows, n}, TSV_FLOAT32);
  a.residual = call.optional({rows, n, columns}, dtype);
  a.tokens = call.near({rows, n, columns}, dtype, [&](int64_t i) {
    // Of the token itself, or of any that may stand for it.
    const double y = std::max(call.greatest(a.y), call.greatest(a.dropped_tokens));
    const double weight = a.weights == nullptr ? 1 : call.value(a.weights, i / a.y->shape[2]);
    Terms terms;
    terms.add(weight * y);
    terms.add(a.residual == nullptr ? 0 : call.value(a.residual, i));
    const double largest = a.y->dtype == TSV_FLOAT16 ? 6e4 : 1e37;
    return terms.magnitude() > largest ? double(INFINITY) : terms.magnitude();
  });
}

void make_gather_channels(Call& call, tsv_gather_channels_args& a) {
  const int64_t rows = call.size(), n = call.size(), columns = call.size();
  const int64_t count = columns > 0 ? call.size() : 0;
  const int32_t dtype = call.any_type();
  a.x = call.input({rows, n, columns}, dtype);
  const Shape shape = call.one_in(2) ? Shape{count} : Shape{call.one_in(2) ? 1 : rows, count};
  a.indices = call.integers(shape, call.integer_type(), 0, columns - 1);
  a.tokens = call.exact({rows, n, count}, dtype);
}

void make_rotate_keys(Call& call, tsv_rotate_keys_args& a) {
  const int64_t batch = 1 + call.below(3) % 3, heads = 1 + call.below(3), n = call.size(),
                pairs = call.size();
  const int32_t dtype = call.float_type();
  const int64_t sections = call.one_in(4) ? 2 : 0;
  const auto positions = [&] {
    const int64_t rank = call.below(3);
    Shape shape = sections > 0 ? Shape{sections} : Shape{};
    if (rank > 0) shape.push_back(batch);
    if (rank > 1) shape.push_back(heads);
    shape.push_back(n);
    return call.input(shape, call.integer_type());
  };
  a.k = call.strided({batch, heads, n, 2 * pairs}, dtype);
  a.from = positions();
  a.to = positions();
  if (call.one_in(4)) a.frequencies = call.input({pairs}, TSV_FLOAT32);
  if (sections > 0) a.sections = call.list({int32_t(pairs / 3), int32_t(pairs - pairs / 3)});
  a.lengths = call.lengths(batch, n);
  a.base = call.one_in(20) ? call.real() : 10000;
  if (sections == 0 && a.frequencies == nullptr && call.one_in(4))
    a.rotary_dim = 2 * (call.number(0, pairs) % 999);
  a.interleaved = call.choice(1);
  // Each element is one of k times a cosine and its partner times a sine.
  a.keys = call.near(
      {batch, heads, n, 2 * pairs}, dtype, [&](int64_t) { return 2 * call.greatest(a.k); },
      Tensor::Layout::kStrided);
}

}  // namespace fuzz
