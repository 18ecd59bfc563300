#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include <algorithm>

#include "abi/best_columns.h"
#include "abi/candidate_columns.h"
#include "abi/check.h"
#include "abi/fast_argmax.h"
#include "cuda/driver/plans.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

using namespace tsv;

namespace {

// Rows stand next to each other where the tokens of a list come first: moves each to its own token, from the
// last on, and places among the candidates become tokens.
void spread_rows(const TokenList& rows, const TokenList& candidates, int64_t n, int64_t k, int32_t* indices,
                 float* values) {
  int64_t row = rows.count;
  for (int64_t i = n - 1; i >= 0; --i) {
    int32_t* index = indices + i * k;
    if (row == 0 || rows.token[row - 1] != i) {
      std::fill(index, index + k, -1);
      std::fill(values + i * k, values + (i + 1) * k, -INFINITY);
      continue;
    }
    --row;
    std::copy_backward(values + row * k, values + (row + 1) * k, values + (i + 1) * k);
    for (int64_t place = k - 1; place >= 0; --place) {
      const int32_t column = indices[row * k + place];
      index[place] = column < 0 ? -1 : candidates.token[column];
    }
  }
}

// Numbers of the tokens of b, [B,Nb] or [Nb].
View read_weights(Check& check, const tsv_tensor* tensor, int32_t argument, int64_t items, int64_t columns) {
  const View weights = check.optional(tensor, argument, kFloat32, 1, 2);
  if (!weights.present()) return View();
  check.same(weights, argument, weights.rank - 1, columns, "the tokens of b");
  if (weights.rank == 2) check.same(weights, argument, 0, items, "the batch of a");
  return weights;
}

void check_finite(Check& check, const View& weights, int32_t argument, int64_t item,
                  const TokenList& candidates) {
  if (!weights.present() || weights.on_device) return;
  const float* number = weights.as<float>() + (weights.rank == 2 ? item * weights.dim[1] : 0);
  for (int64_t i = 0; i < candidates.count && !check.failed(); ++i) {
    const float x = number[candidates.token[i]];
    check.that(std::isfinite(x), argument, TSV_E_RANGE, "finite numbers", double(x));
  }
}

Candidates read_candidates(Check& check, const tsv_similarity_argmax_args& a, int64_t items, int64_t rows,
                           int64_t columns) {
  check.range(TSV_ARG_CANDIDATES, a.candidates, TSV_CANDIDATES_ALL, TSV_CANDIDATES_EARLIER);
  if (a.candidates != TSV_CANDIDATES_ALL && rows != columns) {
    char got[64];
    snprintf(got, sizeof got, "%" PRId64 " and %" PRId64 " tokens", rows, columns);
    check.fail(TSV_ARG_CANDIDATES, TSV_E_SHAPE, got, "as many tokens in a as in b");
  }
  return {a.candidates, read_weights(check, a.scale, TSV_ARG_SCALE, items, columns),
          read_weights(check, a.bias, TSV_ARG_BIAS, items, columns)};
}

}  // namespace

tsv_status tsv_similarity_argmax(tsv_context* context, const tsv_similarity_argmax_args* arguments) {
  Check check(context, Devices::kCpuAndCuda);
  const tsv_similarity_argmax_args args = read_arguments(check, arguments);
  const View a = check.input(args.a, TSV_ARG_A, kFloats, 3, 3, true);
  const View b = check.input(args.b, TSV_ARG_B, kFloats, 3, 3, true);
  const int64_t items = a.dim[0], rows = a.dim[1], columns = b.dim[1];
  check.same(b, TSV_ARG_B, 0, items, "the batch of a");
  check.same(b, TSV_ARG_B, 2, a.dim[2], "the channels of a");
  const View a_mask = check.mask(args.a_mask, TSV_ARG_A_MASK, items, rows);
  const View b_mask = check.mask(args.b_mask, TSV_ARG_B_MASK, items, columns);
  const View lengths = check.lengths(args.lengths, items, columns);
  check.range(TSV_ARG_SIMILARITY_METRIC, args.metric, TSV_METRIC_COSINE, TSV_METRIC_L2);
  check.range(TSV_ARG_PRECISION, args.precision, TSV_PRECISION_EXACT, TSV_PRECISION_FAST);
  check.range(TSV_ARG_OPTIONS_K, args.k, 1, std::max<int64_t>(1, columns));
  const Candidates chosen_by = read_candidates(check, args, items, rows, columns);
  if (check.failed()) return check.status();

  const bool counts = !a_mask.on_device && !b_mask.on_device && !lengths.on_device;
  Workspace workspace(WorkspaceSize()
                          .add<TokenList>(size_t(2 * items))
                          .add<int32_t>(size_t(items * rows))
                          .add<int32_t>(size_t(items * columns))
                          .bytes());
  if (!workspace.ok()) {
    check.fail(TSV_ARG_A, TSV_E_MEMORY, "none", "followed by working memory");
    return check.status();
  }
  TokenList* lists = workspace.take<TokenList>(size_t(2 * items));
  int32_t* row_tokens = workspace.take<int32_t>(size_t(items * rows));
  int32_t* column_tokens = workspace.take<int32_t>(size_t(items * columns));
  for (int64_t item = 0; item < items && counts; ++item) {
    lists[item] = list_tokens(TokenMask(a_mask, View(), item, rows), rows, row_tokens + item * rows);
    TokenList& candidates = lists[items + item];
    candidates =
        list_tokens(TokenMask(b_mask, lengths, item, columns), columns, column_tokens + item * columns);
    if (lists[item].count > 0 && args.candidates == TSV_CANDIDATES_ALL)
      check.range(TSV_ARG_OPTIONS_K, args.k, 1, candidates.count);
    check_finite(check, chosen_by.scale, TSV_ARG_SCALE, item, candidates);
    check_finite(check, chosen_by.bias, TSV_ARG_BIAS, item, candidates);
  }
  const View indices = check.output(args.indices, TSV_ARG_OUT_INDICES, kInt32, {items, rows, args.k});
  const View values = check.output(args.values, TSV_ARG_OUT_VALUES, kFloat32, {items, rows, args.k});
  check.no_overlap();
  if (check.failed()) return check.status();
  if (check.on_device()) {
    return cuda::similarity_argmax(context, check, args,
                                   {a, b, a_mask, b_mask, lengths, indices, values, chosen_by});
  }

  const SimilarityProblem problem = {context, a, b, args.metric, lists, lists + items};
  const bool fast = args.precision == TSV_PRECISION_FAST && fast_argmax_applies(b.dim[2], args.k);
  float* const value = values.as<float>();
  int32_t* const index = indices.as<int32_t>();
  const tsv_status status = !chosen_by.all_alike()
                                ? find_best_candidates(problem, chosen_by, args.k, rows, value, index)
                            : fast ? find_nearest_columns_fast(problem, rows, value, index)
                                   : find_best_columns(problem, args.k, rows, value, index);
  if (status == TSV_E_MEMORY) check.fail(TSV_ARG_A, TSV_E_MEMORY, "none", "followed by working memory");
  if (status != TSV_OK) return status;
  parallel_for(context, items, [&](int64_t item) {
    const int64_t first = item * rows * args.k;
    TokenList searched = lists[item];
    if (lists[items + item].count == 0) searched.count = 0;
    spread_rows(searched, lists[items + item], rows, args.k, index + first, value + first);
  });
  return cancelled(context) ? TSV_E_CANCELLED : TSV_OK;
}
