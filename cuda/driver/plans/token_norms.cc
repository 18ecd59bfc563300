#include "cuda/driver/plans.h"
#include "cuda/driver/queue.h"

namespace tsv {
namespace cuda {

tsv_status token_norms(tsv_context* context, const Check& check, const tsv_token_norms_args& a, const View& x,
                       const TokenRows& tokens, const View& norms) {
  Queue queue(context, check);
  constexpr int kThreads = 256;
  const TokenNormsArguments arguments = {matrix(queue, x),
                                         mask_arguments(queue, tokens),
                                         norms.as<float>(),
                                         tokens.rows,
                                         tokens.n,
                                         int32_t(x.dim[x.rank - 1]),
                                         a.p};
  const Kernel kernel =
      by_type(x.dtype, Kernel::token_norms_f32, Kernel::token_norms_f16, Kernel::token_norms_bf16);
  queue.launch(kernel, {blocks(tokens.rows * tokens.n, kThreads / 32)}, kThreads, 0, arguments);
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
