// How alike tokens are, and choosing those that are not.
#include <algorithm>

#include "fuzz/recipes/tokens.h"

namespace fuzz {
namespace {

// Of any similarity of a row of a to a row of b.
double similarity_magnitude(const Call& call, const tsv_tensor* a, const tsv_tensor* b, int32_t metric) {
  const double most_a = call.greatest(a), most_b = call.greatest(b);
  // Squares past these overflow or vanish in float32, and with them the order of candidates.
  if (!(most_a < 1e15 && most_b < 1e15)) return INFINITY;
  if (metric == TSV_METRIC_COSINE) return most_a > 1e-12 && most_b > 1e-12 ? 1.0 : double(INFINITY);
  const double channels = double(a->shape[a->ndim - 1]);
  return metric == TSV_METRIC_DOT ? channels * most_a * most_b
                                  : channels * (most_a + most_b) * (most_a + most_b);
}

// Each row of k places: from 0 to `last` and none twice, or all -1 for a row that was dropped. Where it may
// have fewer, -1 comes after those.
void check_places(const Call& call, const tsv_tensor* indices, int64_t k, int64_t last, bool fewer = false) {
  for (int64_t first = 0; first < call.find(indices)->count(); first += k) {
    std::vector<int64_t> row;
    for (int64_t i = 0; i < k; ++i) row.push_back(int64_t(call.value(indices, first + i)));
    while (fewer && row.size() > 1 && row.back() == -1) row.pop_back();
    std::sort(row.begin(), row.end());
    const bool dropped = row.front() == -1 && row.back() == -1;
    CHECK(dropped || (row.front() >= 0 && row.back() <= last));
    CHECK(dropped || std::adjacent_find(row.begin(), row.end()) == row.end());
  }
}

}  // namespace

void make_paired_similarity(Call& call, tsv_paired_similarity_args& a) {
  const Tokens tokens(call);
  a.a = call.strided(tokens.shape, call.float_type());
  a.b = call.strided(tokens.shape, call.float_type());
  tokens.fill_mask(call, a);
  a.metric = call.choice(TSV_METRIC_L2);
  a.similarity = call.equal(tokens.by_token, TSV_FLOAT32);
}

void make_similarity_argmax(Call& call, tsv_similarity_argmax_args& a) {
  const int64_t batch = call.size(), n = call.size(), columns = call.size();
  a.candidates = call.one_in(3) ? call.choice(TSV_CANDIDATES_EARLIER) : TSV_CANDIDATES_ALL;
  const int64_t rows = a.candidates == TSV_CANDIDATES_ALL ? call.size() : n;
  a.a = call.strided({batch, rows, columns}, call.float_type());
  a.b = call.strided({batch, n, columns}, call.float_type());
  a.a_mask = call.mask(batch, rows);
  if (call.one_in(3)) a.b_mask = call.mask(batch, n);
  a.lengths = call.lengths(batch, n);
  a.k = call.one_in(2) ? 1 : call.number(1, n);
  a.metric = call.choice(TSV_METRIC_L2);
  a.precision = call.choice(TSV_PRECISION_FAST);
  const Shape by_column = call.one_in(2) ? Shape{n} : Shape{batch, n};
  if (call.one_in(3)) a.scale = call.input(by_column, TSV_FLOAT32);
  if (call.one_in(3)) a.bias = call.input(by_column, TSV_FLOAT32);
  const int64_t k = Call::room(a.k);
  a.indices = call.chosen({batch, rows, k}, TSV_INT32);
  a.values = call.near({batch, rows, k}, TSV_FLOAT32, [&](int64_t) {
    const double scale = a.scale != nullptr ? call.greatest(a.scale) : 1.0;
    const double value =
        scale * similarity_magnitude(call, a.a, a.b, a.metric) + call.greatest(a.bias) + 0x1p-120;
    return value < 1e37 ? value : double(INFINITY);
  });
  call.check_result(
      [&call, &a, n, k] { check_places(call, a.indices, k, n - 1, a.candidates != TSV_CANDIDATES_ALL); });
}

void make_farthest_point(Call& call, tsv_farthest_point_args& a) {
  const int64_t batch = call.size(), n = call.size();
  a.x = call.input({batch, n, call.size()}, call.float_type());
  if (call.one_in(3)) a.mask = call.mask(batch, n);
  a.lengths = call.lengths(batch, n);
  a.count = call.number(0, n);
  a.start = call.one_in(2) ? -1 : call.number(0, n - 1);
  a.metric = call.one_in(2) ? TSV_METRIC_COSINE : TSV_METRIC_L2;
  const int64_t count = Call::room(a.count);
  a.indices = call.chosen({batch, count}, TSV_INT32);
  call.check_result([&call, &a, n, count] { check_places(call, a.indices, count, n - 1); });
}

void make_dpp_greedy(Call& call, tsv_dpp_greedy_args& a) {
  const int64_t batch = call.size(), n = call.size();
  a.x = call.input({batch, n, call.size()}, call.float_type());
  a.relevance = call.magnitudes({batch, n}, TSV_FLOAT32);
  if (call.one_in(3)) a.mask = call.mask(batch, n);
  a.lengths = call.lengths(batch, n);
  a.count = call.number(0, n);
  const int64_t count = Call::room(a.count);
  a.indices = call.chosen({batch, count}, TSV_INT32);
  call.check_result([&call, &a, n, count] { check_places(call, a.indices, count, n - 1); });
}

void make_similarity_reduce(Call& call, tsv_similarity_reduce_args& a) {
  const int64_t batch = call.size(), n = call.size();
  a.x = call.strided({batch, n, call.size()}, call.float_type());
  a.mask = call.mask(batch, n);
  a.lengths = call.lengths(batch, n);
  a.function = call.choice(TSV_SIMILARITY_SQUARE);
  a.parameter = a.function == TSV_SIMILARITY_GAUSSIAN ? fabs(call.real()) : call.real();
  a.metric = call.choice(TSV_METRIC_L2);
  a.without_self = call.choice(1);
  const Magnitude magnitude = [&](int64_t) {
    const double similarity = similarity_magnitude(call, a.x, a.x, a.metric);
    if (a.function == TSV_SIMILARITY_GAUSSIAN) return (1 + similarity) / a.parameter;
    if (a.function != TSV_SIMILARITY_SQUARE) return similarity + fabs(a.parameter);
    const double square = similarity * similarity + 0x1p-120;
    return square < 1e37 ? square : double(INFINITY);
  };
  // A similarity may be on either side of what it is counted above.
  a.similarity = a.function == TSV_SIMILARITY_COUNT_ABOVE ? call.chosen({batch, n}, TSV_FLOAT32)
                                                          : call.near({batch, n}, TSV_FLOAT32, magnitude);
}

void make_knn_density(Call& call, tsv_knn_density_args& a) {
  const int64_t batch = call.size(), n = call.size();
  a.x = call.strided({batch, n, call.size()}, call.float_type());
  a.mask = call.mask(batch, n);
  a.lengths = call.lengths(batch, n);
  a.k = call.number(1, call.one_in(2) ? n : 1);
  a.metric = call.one_in(2) ? TSV_METRIC_COSINE : TSV_METRIC_L2;
  a.density = call.near({batch, n}, TSV_FLOAT32,
                        [&](int64_t) { return similarity_magnitude(call, a.x, a.x, a.metric); });
  // To the nearest of higher density: of two nearly alike, either may be the higher.
  a.separation = call.chosen({batch, n}, TSV_FLOAT32);
}

}  // namespace fuzz
