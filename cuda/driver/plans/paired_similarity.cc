#include "cuda/driver/plans.h"
#include "cuda/driver/queue.h"

namespace tsv {
namespace cuda {

tsv_status paired_similarity(tsv_context* context, const Check& check, int32_t metric, const View& a,
                             const View& b, const TokenRows& tokens, const View& similarity) {
  Queue queue(context, check);
  constexpr int kThreads = 256, kPairsABlock = kThreads / 16;
  const PairedSimilarityArguments arguments = {
      matrix(queue, a),           matrix(queue, b), mask_arguments(queue, tokens), tokens.rows,
      int32_t(a.dim[a.rank - 1]), metric,           similarity.as<float>()};
  queue.launch(Kernel::compare_pairs, {blocks(tokens.rows * tokens.n, kPairsABlock)}, kThreads, 0, arguments);
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
