// A mean of similarities is a product with the sum of all tokens, 4 N C flops; any other function of them
// needs every pair, 2 N^2 C (kernels/similarity_reduce.h).
#include <math.h>

#include <algorithm>

#include "abi/check.h"
#include "abi/similarity_product.h"
#include "cuda/driver/plans.h"
#include "runtime/dispatch.h"
#include "runtime/workspace.h"

using namespace tsv;

namespace {

struct Reduction {
  SimilarityProblem p;
  int32_t function;
  double parameter;
  bool without_self;
  float* out;  // [B,N]

  double of(double s) const {
    switch (function) {
      case TSV_SIMILARITY_ELU:
        return s > parameter ? s - parameter : expm1(s - parameter);
      case TSV_SIMILARITY_GAUSSIAN:
        return exp(-0.5 * ((1 - s) / parameter) * ((1 - s) / parameter));
      case TSV_SIMILARITY_COUNT_ABOVE:
        return s > parameter ? 1 : 0;
      case TSV_SIMILARITY_SQUARE:
        return s * s;
      default:
        return s;
    }
  }
};

void check_function(Check& check, int32_t function, double parameter) {
  check.range(TSV_ARG_FUNCTION, function, TSV_SIMILARITY_MEAN, TSV_SIMILARITY_SQUARE);
  if (function == TSV_SIMILARITY_ELU)
    check.that(fabs(parameter) <= 1e30, TSV_ARG_ELU_MARGIN, TSV_E_RANGE, "a number from -1e30 to 1e30",
               parameter);
  if (function == TSV_SIMILARITY_GAUSSIAN)
    check.that(parameter >= 1e-18 && parameter <= 1e18, TSV_ARG_GAUSSIAN_SIGMA, TSV_E_RANGE,
               "a number from 1e-18 to 1e18", parameter);
  if (function == TSV_SIMILARITY_COUNT_ABOVE)
    check.that(!std::isnan(parameter), TSV_ARG_COUNT_THRESHOLD, TSV_E_RANGE, "a number", parameter);
}

// As the kernel takes it. A threshold goes down to the next float32: a float32 is above both or neither.
float kernel_parameter(int32_t function, double parameter) {
  if (function == TSV_SIMILARITY_GAUSSIAN) return float(1 / parameter);
  const float nearest = float(parameter);
  const bool over = function == TSV_SIMILARITY_COUNT_ABOVE && double(nearest) > parameter;
  return over ? nextafterf(nearest, -INFINITY) : nearest;
}

// The similarities of one row, each by itself in float64: for what float32 products cannot hold.
bool sum_exactly(const Reduction& r, const SimilarityBlock& block, int64_t i, double* sum) {
  Workspace workspace(WorkspaceSize().add<float>(size_t(block.columns)).bytes());
  if (!workspace.ok()) return false;
  float* similarity = workspace.take<float>(size_t(block.columns));
  exact_similarities(r.p, block.item, block.first + i, r.p.columns[block.item].token, block.columns,
                     similarity);
  *sum = 0;
  for (int64_t j = 0; j < block.columns; ++j) {
    if (!r.without_self || j != block.first + i) *sum += r.of(double(similarity[j]));
  }
  return true;
}

// The mean needs no pairs: a row's products with the columns add up to its product with their sum.
void sum_products(const Reduction& r, const SimilarityBlock& block, double* sums) {
  for (int64_t i = 0; i < block.count; ++i) {
    const float* row = block.rows + i * block.stride;
    double square = 0;
    for (int64_t c = 0; c < block.depth; ++c) {
      sums[i] += double(row[c]) * block.column_sum[c];
      square += double(row[c]) * double(row[c]);
    }
    if (r.without_self && r.p.metric == TSV_METRIC_COSINE) sums[i] -= 1;
    if (r.without_self && r.p.metric == TSV_METRIC_DOT) sums[i] -= square;
  }
}

bool reduce_block(const Reduction& r, const SimilarityBlock& block) {
  const Kernels& table = kernels();
  const size_t rows = size_t(block.count), partials = rows * size_t(table.shape.lanes);
  Workspace workspace(WorkspaceSize().add<float>(partials).add<double>(rows).bytes());
  if (!workspace.ok()) return false;
  float* partial = workspace.take<float>(partials);
  double* sums = workspace.take<double>(rows);
  std::fill(sums, sums + rows, 0.0);
  const bool cosine = r.p.metric == TSV_METRIC_COSINE;
  if (r.p.sum_columns) {
    sum_products(r, block, sums);
  } else {
    table.similarity_reduce({block.rows, block.stride, block.count, block.panels, block.columns, block.depth,
                             r.function, kernel_parameter(r.function, r.parameter), cosine ? 1.0f : INFINITY,
                             r.without_self ? block.first : kNoColumn, partial, sums});
  }
  const int64_t others = block.columns - (r.without_self ? 1 : 0);
  for (int64_t i = 0; i < block.count; ++i) {
    const TokenKind kind = block.row_kinds[i];
    if (cosine && kind == kZeroVector) {
      sums[i] = double(others) * r.of(0);
    } else if (block.exact(i) || block.not_finite_columns || kind == kNotFinite) {
      if (!sum_exactly(r, block, i, sums + i)) return false;
    }
    const bool mean = r.function != TSV_SIMILARITY_COUNT_ABOVE;
    r.out[block.item * r.p.a.dim[1] + r.p.rows[block.item].token[block.first + i]] =
        others == 0 ? 0.0f
        : mean      ? float(sums[i] / double(others))
                    : float(sums[i]);
  }
  return true;
}

}  // namespace

tsv_status tsv_similarity_reduce(tsv_context* context, const tsv_similarity_reduce_args* arguments) {
  Check check(context, Devices::kCpuAndCuda);
  const tsv_similarity_reduce_args a = read_arguments(check, arguments);
  const View x = check.input(a.x, TSV_ARG_X, kFloats, 3, 3, true);
  const int64_t items = x.dim[0], n = x.dim[1];
  const View mask = check.mask(a.mask, TSV_ARG_MASK, items, n);
  const View lengths = check.lengths(a.lengths, items, n);
  check_function(check, a.function, a.parameter);
  check.range(TSV_ARG_SIMILARITY_METRIC, a.metric, TSV_METRIC_COSINE, TSV_METRIC_L2);
  const View similarity = check.output(a.similarity, TSV_ARG_OUT, kFloat32, {items, n});
  check.no_overlap();
  if (check.failed()) return check.status();
  if (check.on_device()) {
    return cuda::similarity_reduce(context, check, a, kernel_parameter(a.function, a.parameter), x, mask,
                                   lengths, similarity);
  }

  const size_t tokens = size_t(items * n);
  Workspace workspace(WorkspaceSize().add<TokenList>(size_t(items)).add<int32_t>(tokens).bytes());
  if (!workspace.ok()) {
    check.fail(TSV_ARG_X, TSV_E_MEMORY, "none", "followed by working memory");
    return check.status();
  }
  TokenList* lists = workspace.take<TokenList>(size_t(items));
  int32_t* token = workspace.take<int32_t>(tokens);
  for (int64_t item = 0; item < items; ++item) {
    lists[item] = list_tokens(TokenMask(mask, lengths, item, n), n, token + item * n);
  }
  float* out = similarity.as<float>();
  std::fill(out, out + tokens, 0.0f);
  const Reduction reduction{{context, x, x, a.metric, lists, lists, a.function == TSV_SIMILARITY_MEAN},
                            a.function,
                            a.parameter,
                            a.without_self != 0,
                            out};
  const tsv_status status = for_each_similarity_block(
      reduction.p, [&](const SimilarityBlock& block) { return reduce_block(reduction, block); });
  if (status == TSV_E_MEMORY) check.fail(TSV_ARG_X, TSV_E_MEMORY, "none", "followed by working memory");
  return status;
}
