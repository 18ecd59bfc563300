// Tokens are cut into ranges of 1024 and channels into blocks, by shape alone: each task leaves the moments
// of its range, and those of a channel are joined in the order of the ranges.
#include <algorithm>

#include "abi/check.h"
#include "abi/token_rows.h"
#include "cuda/driver/plans.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

using namespace tsv;

namespace {

constexpr int64_t kRange = 1024;

// An output with one float32 for each channel of each row of x.
View output_by_channel(Check& check, tsv_tensor* tensor, int32_t argument, const View& x) {
  if (x.rank == 4) return check.output(tensor, argument, kFloat32, {x.dim[0], x.dim[1], x.dim[3]});
  if (x.rank == 3) return check.output(tensor, argument, kFloat32, {x.dim[0], x.dim[2]});
  return check.output(tensor, argument, kFloat32, {x.dim[1]});
}

// Moments of every range of every row.
struct Ranges {
  int64_t count;    // in a row
  int64_t columns;  // of all
  double* mean;     // [rows][count][columns]
  double* squares;  // likewise
  int64_t* tokens;  // [rows][count]
};

// The moments of a channel out of those of its ranges (Chan, Golub and LeVeque, 1983).
void join_ranges(const Ranges& ranges, int64_t row, int64_t column, int32_t ddof, float* mean,
                 float* variance) {
  double middle = 0, square = 0;
  int64_t seen = 0;
  for (int64_t range = row * ranges.count; range < (row + 1) * ranges.count; ++range) {
    const int64_t tokens = ranges.tokens[range], at = range * ranges.columns + column;
    if (tokens == 0) continue;
    const double share = double(tokens) / double(seen + tokens), distance = ranges.mean[at] - middle;
    middle += distance * share;
    square += ranges.squares[at] + distance * distance * (double(seen) * share);
    seen += tokens;
  }
  *mean = float(middle);
  const double divided = seen > ddof ? square / double(seen - ddof) : 0;
  *variance = divided < 0 ? 0.0f : float(divided);
}

}  // namespace

tsv_status tsv_channel_moments(tsv_context* context, const tsv_channel_moments_args* arguments) {
  Check check(context, Devices::kCpuAndCuda);
  const tsv_channel_moments_args a = read_arguments(check, arguments);
  const View x = check.input(a.x, TSV_ARG_X, kFloats, 2, 4, true);
  const TokenRows tokens = rows_of_tokens(check, x, a.mask, a.lengths);
  check.range(TSV_ARG_DDOF, a.ddof, 0, 1);
  if (check.failed()) return check.status();
  const View mean = output_by_channel(check, a.mean, TSV_ARG_OUT_MEAN, x);
  const View variance = output_by_channel(check, a.variance, TSV_ARG_OUT_VARIANCE, x);
  check.no_overlap();
  if (check.failed()) return check.status();
  if (check.on_device()) return cuda::channel_moments(context, check, a.ddof, x, tokens, mean, variance);

  const int64_t columns = x.dim[x.rank - 1], ranges_a_row = (tokens.n + kRange - 1) / kRange;
  const size_t ranges = size_t(tokens.rows * ranges_a_row), partials = ranges * size_t(columns);
  // Enough elements a task that handing it out costs little, and whole cache lines of each token.
  constexpr int64_t kElements = 1 << 16, kBlock = 64;
  const int64_t range_tokens = std::max<int64_t>(1, std::min(kRange, tokens.n));
  const int64_t step = (kElements / range_tokens + kBlock - 1) / kBlock * kBlock;
  const int64_t blocks = (columns + step - 1) / step;
  // Each block of channels counts the tokens for itself, so that no two tasks write in one place.
  Workspace workspace(WorkspaceSize()
                          .add<double>(partials)
                          .add<double>(partials)
                          .add<int64_t>(ranges * size_t(blocks))
                          .bytes());
  if (!workspace.ok()) {
    check.fail(TSV_ARG_X, TSV_E_MEMORY, "none", "followed by working memory");
    return check.status();
  }
  double* means = workspace.take<double>(partials);
  double* squares = workspace.take<double>(partials);
  int64_t* counts = workspace.take<int64_t>(ranges * size_t(blocks));
  parallel_for(context, int64_t(ranges) * blocks, [&](int64_t task) {
    const int64_t range = task % int64_t(ranges), block = task / int64_t(ranges);
    const int64_t row = range / ranges_a_row, first = range % ranges_a_row * kRange;
    const int64_t column = block * step, at = range * columns + column;
    const int64_t count = std::min(kRange, tokens.length_of(row) - first);
    kernels().channel_moments({x.rows(row / tokens.heads, row % tokens.heads), tokens.mask_of(row), first,
                               std::max<int64_t>(0, count), column, std::min(step, columns - column),
                               means + at, squares + at, counts + task});
  });
  if (cancelled(context)) return TSV_E_CANCELLED;
  const Ranges all{ranges_a_row, columns, means, squares, counts};
  for (int64_t i = 0; i < tokens.rows * columns; ++i) {
    join_ranges(all, i / columns, i % columns, a.ddof, mean.as<float>() + i, variance.as<float>() + i);
  }
  return TSV_OK;
}
