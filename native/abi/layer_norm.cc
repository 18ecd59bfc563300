#include <math.h>

#include <algorithm>

#include "abi/check.h"
#include "abi/token_rows.h"
#include "cuda/driver/plans.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"

using namespace tsv;

namespace {

// A factor or a term for each channel, or nothing.
View read_by_channel(Check& check, const tsv_tensor* tensor, int32_t argument, int64_t channels) {
  const View view = check.optional(tensor, argument, kFloat32, 1, 1);
  if (view.present()) check.same(view, argument, 0, channels, "x has channels");
  return view;
}

View output_like(Check& check, tsv_tensor* tensor, int32_t argument, const View& x) {
  const uint32_t type = 1u << x.dtype;
  if (x.rank == 4) return check.output(tensor, argument, type, {x.dim[0], x.dim[1], x.dim[2], x.dim[3]});
  if (x.rank == 3) return check.output(tensor, argument, type, {x.dim[0], x.dim[1], x.dim[2]});
  return check.output(tensor, argument, type, {x.dim[0], x.dim[1]});
}

}  // namespace

tsv_status tsv_layer_norm(tsv_context* context, const tsv_layer_norm_args* arguments) {
  Check check(context, Devices::kCpuAndCuda);
  const tsv_layer_norm_args a = read_arguments(check, arguments);
  const View x = check.input(a.x, TSV_ARG_X, kFloats, 2, 4, true);
  const int64_t columns = x.rank > 0 ? x.dim[x.rank - 1] : 0;
  const View weight = read_by_channel(check, a.weight, TSV_ARG_WEIGHT, columns);
  const View bias = read_by_channel(check, a.bias, TSV_ARG_BIAS, columns);
  check.that(a.epsilon >= 0 && a.epsilon <= 1e30, TSV_ARG_EPSILON, TSV_E_RANGE, "a number from 0 to 1e30",
             a.epsilon);
  const TokenRows tokens = rows_of_tokens(check, x, nullptr, nullptr);
  if (check.failed()) return check.status();
  const View out = output_like(check, a.tokens, TSV_ARG_OUT_TOKENS, x);
  check.no_overlap();
  if (check.failed()) return check.status();
  if (check.on_device()) return cuda::layer_norm(context, check, a.epsilon, x, tokens, weight, bias, out);

  if (columns == 0) return TSV_OK;
  // Enough elements a task that handing it out costs little beside going over them.
  constexpr int64_t kElements = 1 << 15;
  const int64_t step = std::max<int64_t>(1, kElements / columns), row_bytes = columns * x.item_bytes();
  for_pieces_of_rows(context, tokens, step, [&](int64_t row, int64_t first, int64_t count) {
    kernels().layer_norm({x.rows(row / tokens.heads, row % tokens.heads), first, count, columns,
                          weight.as<float>(), bias.as<float>(), a.epsilon,
                          out.data + (row * tokens.n + first) * row_bytes});
  });
  return cancelled(context) ? TSV_E_CANCELLED : TSV_OK;
}
