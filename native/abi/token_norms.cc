#include <algorithm>

#include "abi/check.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"

using namespace tsv;

tsv_status tsv_token_norms(tsv_context* context, const tsv_token_norms_args* arguments) {
  Check check(context);
  const tsv_token_norms_args a = read_arguments(check, arguments);
  const View x = check.input(a.x, TSV_ARG_X, kFloats, 2, 2);
  check.range(TSV_ARG_P, a.p, 1, 2);
  const View norms = check.output(a.norms, TSV_ARG_OUT, kFloat32, {x.dim[0]});
  check.no_overlap();
  if (check.failed()) return check.status();

  // Enough elements a task that handing it out costs little beside reading them.
  constexpr int64_t kElements = 1 << 16;
  const int64_t rows = x.dim[0], columns = x.dim[1];
  const int64_t step = std::max<int64_t>(1, kElements / std::max<int64_t>(1, columns));
  parallel_for(context, (rows + step - 1) / step, [&](int64_t task) {
    const int64_t first = task * step;
    kernels().token_norms(
        {x.rows(), first, std::min(step, rows - first), columns, a.p, norms.as<float>() + first});
  });
  return cancelled(context) ? TSV_E_CANCELLED : TSV_OK;
}
