#include <algorithm>

#include "abi/check.h"
#include "abi/token_rows.h"
#include "cuda/driver/plans.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"

using namespace tsv;

tsv_status tsv_token_norms(tsv_context* context, const tsv_token_norms_args* arguments) {
  Check check(context, Devices::kCpuAndCuda);
  const tsv_token_norms_args a = read_arguments(check, arguments);
  const View x = check.input(a.x, TSV_ARG_X, kFloats, 2, 4, true);
  const TokenRows tokens = rows_of_tokens(check, x, a.mask, a.lengths);
  check.range(TSV_ARG_P, a.p, 1, 2);
  const View norms = output_by_token(check, a.norms, TSV_ARG_OUT, x);
  check.no_overlap();
  if (check.failed()) return check.status();
  if (check.on_device()) return cuda::token_norms(context, check, a, x, tokens, norms);

  // Enough elements a task that handing it out costs little beside reading them.
  constexpr int64_t kElements = 1 << 16;
  const int64_t columns = x.dim[x.rank - 1];
  const int64_t step = std::max<int64_t>(1, kElements / std::max<int64_t>(1, columns));
  for_pieces_of_rows(context, tokens, step, [&](int64_t row, int64_t first, int64_t count) {
    float* out = norms.as<float>() + row * tokens.n + first;
    kernels().token_norms({x.rows(row / tokens.heads, row % tokens.heads), first, count, columns, a.p, out});
    tokens.zero_dropped(row, first, count, out);
  });
  return cancelled(context) ? TSV_E_CANCELLED : TSV_OK;
}
