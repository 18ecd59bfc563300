// Norms, moments and products.
#include <math.h>

#include "fuzz/recipes/tokens.h"

namespace fuzz {
namespace {

// Numbers, in double: their greatest magnitude, the mean one, their mean and their variance.
struct Moments {
  double greatest = 0, magnitude = 0, mean = 0, variance = 0;

  template <class Number>
  Moments(int64_t count, const Number& number) {
    for (int64_t i = 0; i < count; ++i) {
      greatest = fmax(greatest, fabs(number(i)));
      magnitude += fabs(number(i)) / double(count);
      mean += number(i) / double(count);
    }
    for (int64_t i = 0; i < count; ++i) variance += pow(number(i) - mean, 2) / double(count);
  }
  // What float32 can hold the squares of, and a spread that is more than the rounding of equal numbers.
  bool is_plain(double epsilon) const {
    return magnitude < 1e15 && (variance + epsilon > 1e-25 && variance + epsilon > 1e-12 * mean * mean);
  }
};

}  // namespace

void make_layer_norm(Call& call, tsv_layer_norm_args& a) {
  const Tokens tokens(call);
  const int32_t dtype = call.float_type();
  a.x = call.strided(tokens.shape, dtype);
  a.weight = call.optional({tokens.columns()}, TSV_FLOAT32);
  a.bias = call.optional({tokens.columns()}, TSV_FLOAT32);
  a.epsilon = call.one_in(4) ? call.real() : 1e-5;
  a.tokens = call.near(tokens.shape, dtype, [&](int64_t i) -> double {
    const int64_t columns = a.x->shape[a.x->ndim - 1], first = i / columns * columns, column = i % columns;
    const Moments row(columns, [&](int64_t c) { return call.value(a.x, first + c); });
    if (row.magnitude <= DBL_MAX && !row.is_plain(a.epsilon)) return INFINITY;
    const double unit = (call.value(a.x, i) - row.mean) / sqrt(row.variance + a.epsilon);
    const double weight = a.weight == nullptr ? 1 : call.value(a.weight, column);
    Terms terms;
    terms.add(unit * weight);
    terms.add(weight);
    terms.add(a.bias == nullptr ? 0 : call.value(a.bias, column));
    // What is rounded to float16 may pass its largest number or not.
    const bool past_half = a.x->dtype == TSV_FLOAT16 && terms.magnitude() > 6e4;
    return past_half ? double(INFINITY) : terms.magnitude();
  });
}

void make_channel_moments(Call& call, tsv_channel_moments_args& a) {
  const Tokens tokens(call);
  a.x = call.strided(tokens.shape, call.float_type());
  tokens.fill_mask(call, a);
  a.ddof = int32_t(call.number(0, 1));
  Shape by_channel = tokens.by_token;
  by_channel.back() = tokens.columns();
  // Of all tokens of a channel, of which some may be left out.
  const auto moments = [&call, &a](int64_t i) {
    const int64_t n = a.x->shape[a.x->ndim - 2], columns = a.x->shape[a.x->ndim - 1];
    const int64_t first = i / columns * n * columns + i % columns;
    return Moments(n, [&](int64_t t) { return call.value(a.x, first + t * columns); });
  };
  a.mean = call.near(by_channel, TSV_FLOAT32, [=](int64_t i) {
    const Moments channel = moments(i);
    if (!(channel.magnitude <= DBL_MAX)) return double(NAN);
    return channel.magnitude > 1e15 ? double(INFINITY) : channel.greatest;
  });
  a.variance = call.near(by_channel, TSV_FLOAT32, [=](int64_t i) {
    const Moments channel = moments(i);
    if (!(channel.magnitude <= DBL_MAX)) return double(NAN);
    // Its own rounding, and what equal numbers of this size may differ by in float32.
    return channel.magnitude > 1e15 ? double(INFINITY) : pow(1e-6 * channel.greatest, 2) + 1e-30;
  });
}

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
