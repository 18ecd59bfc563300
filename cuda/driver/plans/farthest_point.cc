#include "cuda/driver/plans.h"
#include "cuda/driver/plans/greedy_choice.h"

namespace tsv {
namespace cuda {

tsv_status farthest_point(tsv_context* context, const Check& check, const tsv_farthest_point_args& a,
                          const GreedyChoice& choice) {
  Queue queue(context, check);
  if (choice.count == 0) return queue.status();
  const bool cosine = a.metric == TSV_METRIC_COSINE;
  const FarthestPointArguments arguments = {prepare_choice(queue, choice, cosine, a.start),
                                            queue.scratch<double>(choice.items * choice.n),
                                            queue.scratch<int32_t>(choice.items), a.start, cosine};
  if (a.start < 0) {
    queue.launch(Kernel::isolate_points, {choice.items * arguments.choice.parts}, kChoiceThreads, 0,
                 arguments);
  }
  queue.launch(Kernel::start_points, {choice.items}, kChoiceThreads, 0, arguments);
  launch_choices(queue, Kernel::choose_farthest, choice.items, arguments);
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
