#include "cuda/driver/plans.h"
#include "cuda/driver/queue.h"

namespace tsv {
namespace cuda {

tsv_status channel_moments(tsv_context* context, const Check& check, int32_t ddof, const View& x,
                           const TokenRows& tokens, const View& mean, const View& variance) {
  Queue queue(context, check);
  constexpr int kThreads = kMomentWarps * 32;
  const int64_t channels = x.dim[x.rank - 1], ranges = blocks(tokens.n, kMomentRange);
  const int64_t all = tokens.rows * ranges;
  const ChannelMomentsArguments arguments = {matrix(queue, x),
                                             mask_arguments(queue, tokens),
                                             queue.scratch<double>(all * channels),
                                             queue.scratch<double>(all * channels),
                                             queue.scratch<int32_t>(all),
                                             mean.as<float>(),
                                             variance.as<float>(),
                                             tokens.rows,
                                             tokens.n,
                                             ranges,
                                             int32_t(channels),
                                             ddof};
  const Kernel kernel = by_type(x.dtype, Kernel::channel_moments_f32, Kernel::channel_moments_f16,
                                Kernel::channel_moments_bf16);
  queue.launch(kernel, {all * blocks(channels, 32)}, kThreads, 0, arguments);
  queue.launch(Kernel::join_moments, {blocks(tokens.rows * channels, kThreads)}, kThreads, 0, arguments);
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
