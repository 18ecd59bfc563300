// Greedy choices of a determinantal point process: the tokens of mask 1, then by gain, then by relevance.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "abi/greedy_choice.h"
#include "cuda/driver/plans.h"

using namespace tsv;

namespace {

// A gain is a square: it would take a negative relevance for its opposite.
void check_relevance(Check& check, const GreedyChoice& choice, const View& relevance) {
  for (int64_t item = 0; item < choice.items && !check.failed(); ++item) {
    const TokenMask states = choice.mask_of(item);
    for (int64_t i = 0; i < choice.n; ++i) {
      const float r = relevance.as<float>()[item * choice.n + i];
      if (states[i] == 2 || std::isnan(r) || (r >= 0.0f && !std::isinf(r))) continue;
      char got[64];
      snprintf(got, sizeof got, "%.9g at element %" PRId64, double(r), item * choice.n + i);
      check.fail(TSV_ARG_RELEVANCE, TSV_E_RANGE, got, "of finite numbers from 0");
      break;
    }
  }
}

bool choose_tokens(const Spread& spread, const GreedyChoice& choice, int64_t item, const float* relevance) {
  const int64_t n = choice.n, columns = whole_row_blocks(choice.channels), count = choice.count;
  const size_t tokens = size_t(n), elements = size_t(n * columns), factor_elements = size_t(n * count);
  Workspace workspace(WorkspaceSize()
                          .add<float>(elements)
                          .add<double>(tokens)
                          .add<double>(tokens)
                          .add<double>(tokens)
                          .add<double>(factor_elements)
                          .add<int32_t>(tokens)
                          .add<int32_t>(tokens)
                          .add<int32_t>(size_t(count))
                          .add<uint8_t>(tokens)
                          .bytes());
  if (!workspace.ok()) return false;
  float* rows = workspace.take<float>(elements);
  double* squares = workspace.take<double>(tokens);
  double* weights = workspace.take<double>(tokens);
  double* residual = workspace.take<double>(tokens);
  double* factors = workspace.take<double>(factor_elements);
  int32_t* seen = workspace.take<int32_t>(tokens);
  int32_t* bests = workspace.take<int32_t>(tokens);  // by piece, then the tokens that are left
  int32_t* pivots = workspace.take<int32_t>(size_t(count));
  uint8_t* left = workspace.take<uint8_t>(tokens);
  make_rows(spread, choice, item, true, rows, squares);

  const TokenMask states = choice.mask_of(item);
  for (int64_t i = 0; i < n; ++i) {
    left[i] = states[i] != 2;
    residual[i] = left[i] && squares[i] > 0.0 ? squares[i] : 0.0;
    weights[i] = left[i] && !std::isnan(relevance[i]) ? double(relevance[i]) * double(relevance[i]) : 0.0;
    seen[i] = 0;
  }

  int32_t *out = choice.out(item), chosen = 0, pivot_count = 0;
  const auto find = [&](int64_t first, int64_t length, int32_t* best) {
    kernels().dpp_greedy(
        {rows, columns, pivots, pivot_count, first, length, weights, seen, residual, factors, count, best});
  };
  const auto take = [&](int32_t i) {
    out[chosen++] = i;
    left[i] = 0;
    if (residual[i] == 0.0) return;
    factors[i * count + pivot_count] = sqrt(residual[i]);
    pivots[pivot_count++] = i;
    residual[i] = 0.0;
  };
  for (int32_t i = 0; i < n; ++i) {
    if (states[i] != 1) continue;
    int32_t same;
    find(i, 1, &same);
    take(i);
  }
  const auto gain = [&](int32_t i) { return weights[i] * residual[i]; };
  const int64_t step = tokens_of_task(columns + count);
  while (chosen < count) {
    const int32_t best = best_of_pieces(spread, n, step, bests, find, gain);
    if (best < 0) return true;
    if (gain(best) == 0.0) break;
    take(best);
  }

  const auto rank = [&](int32_t i) {
    return std::isnan(relevance[i]) || std::isnan(squares[i]) ? -1.0f : relevance[i];
  };
  int32_t* rest = bests;
  int64_t rest_count = 0;
  for (int32_t i = 0; i < n; ++i) {
    if (left[i]) rest[rest_count++] = i;
  }
  std::partial_sort(rest, rest + (count - chosen), rest + rest_count,
                    [&](int32_t i, int32_t j) { return rank(i) > rank(j) || (rank(i) == rank(j) && i < j); });
  std::copy(rest, rest + (count - chosen), out + chosen);
  return true;
}

}  // namespace

tsv_status tsv_dpp_greedy(tsv_context* context, const tsv_dpp_greedy_args* arguments) {
  Check check(context, Devices::kCpuAndCuda);
  const tsv_dpp_greedy_args a = read_arguments(check, arguments);
  GreedyChoice choice = read_greedy_choice(check, a.x, a.mask, a.lengths, a.count);
  const View relevance = check.input(a.relevance, TSV_ARG_RELEVANCE, kFloat32, 2, 2);
  check.same(relevance, TSV_ARG_RELEVANCE, 0, choice.items, "the batch of x");
  check.same(relevance, TSV_ARG_RELEVANCE, 1, choice.n, "the tokens of x");
  if (choice.counts() && !relevance.on_device) check_relevance(check, choice, relevance);
  choice.indices = check.output(a.indices, TSV_ARG_OUT_INDICES, kInt32, {choice.items, choice.count});
  check.no_overlap();
  if (check.failed()) return check.status();
  if (check.on_device()) return cuda::dpp_greedy(context, check, choice, relevance);
  return choose_greedily(check, context, choice, [&](const Spread& spread, int64_t item) {
    return choose_tokens(spread, choice, item, relevance.as<float>() + item * choice.n);
  });
}
