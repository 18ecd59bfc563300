#include <algorithm>

#include "abi/check.h"
#include "abi/token_rows.h"
#include "cuda/driver/plans.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"

using namespace tsv;

tsv_status tsv_paired_similarity(tsv_context* context, const tsv_paired_similarity_args* arguments) {
  Check check(context, Devices::kCpuAndCuda);
  const tsv_paired_similarity_args args = read_arguments(check, arguments);
  const View a = check.input(args.a, TSV_ARG_A, kFloats, 2, 4, true);
  const View b = check.input(args.b, TSV_ARG_B, kFloats, a.rank, a.rank, true);
  for (int i = 0; i < a.rank; ++i) check.same(b, TSV_ARG_B, i, a.dim[i], "a");
  check.range(TSV_ARG_SIMILARITY_METRIC, args.metric, TSV_METRIC_COSINE, TSV_METRIC_L2);
  const TokenRows tokens = rows_of_tokens(check, a, args.mask, args.lengths);
  const View similarity = output_by_token(check, args.similarity, TSV_ARG_OUT, a);
  check.no_overlap();
  if (check.failed()) return check.status();
  if (check.on_device()) {
    return cuda::paired_similarity(context, check, args.metric, a, b, tokens, similarity);
  }

  constexpr int64_t kElements = 1 << 15;  // of each tensor, some ten microseconds of work
  const int64_t columns = a.dim[a.rank - 1];
  const int64_t step = std::max<int64_t>(1, kElements / std::max<int64_t>(1, columns));
  const auto rows_from = [&](const View& x, int64_t row, int64_t first) {
    Rows rows = x.rows(row / tokens.heads, row % tokens.heads);
    rows.data = static_cast<const char*>(rows.data) + first * rows.stride * x.item_bytes();
    return rows;
  };
  for_pieces_of_rows(context, tokens, step, [&](int64_t row, int64_t first, int64_t count) {
    float* out = similarity.as<float>() + row * tokens.n + first;
    kernels().paired_similarity({rows_from(a, row, first), rows_from(b, row, first), nullptr, nullptr, count,
                                 columns, args.metric, out});
    tokens.zero_dropped(row, first, count, out);
  });
  return cancelled(context) ? TSV_E_CANCELLED : TSV_OK;
}
