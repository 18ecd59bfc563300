#include "cuda/driver/plans.h"
#include "cuda/driver/plans/move_rows.h"

namespace tsv {
namespace cuda {

tsv_status layer_norm(tsv_context* context, const Check& check, double epsilon, const View& x,
                      const TokenRows& tokens, const View& weight, const View& bias, const View& out) {
  Queue queue(context, check);
  constexpr int kThreads = 256;
  const MatrixArguments rows = matrix(queue, x);
  const auto* factors = queue.on_device<float>(weight);
  const auto* terms = queue.on_device<float>(bias);
  const int64_t strides = rows.item_stride | rows.head_stride | rows.row_stride | x.dim[x.rank - 1];
  const bool aligned = widest_word(strides * x.item_bytes(), {rows.data, factors, terms, out.data}) == 16;
  const LayerNormArguments arguments = {
      rows,    factors,       terms, out.data, tokens.rows, tokens.n, int32_t(x.dim[x.rank - 1]),
      aligned, float(epsilon)};
  const Kernel kernel =
      by_type(x.dtype, Kernel::layer_norm_f32, Kernel::layer_norm_f16, Kernel::layer_norm_bf16);
  queue.launch(kernel, {blocks(tokens.rows * tokens.n, kThreads / 32)}, kThreads, 0, arguments);
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
