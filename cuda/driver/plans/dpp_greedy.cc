#include "cuda/driver/plans.h"
#include "cuda/driver/plans/greedy_choice.h"

namespace tsv {
namespace cuda {

tsv_status dpp_greedy(tsv_context* context, const Check& check, const GreedyChoice& choice,
                      const View& relevance) {
  Queue queue(context, check);
  if (choice.count == 0) return queue.status();
  const bool checked = choice.counts() && !relevance.on_device;
  const DppGreedyArguments arguments = {prepare_choice(queue, choice, true, -1),
                                        queue.on_device<float>(relevance), checked ? nullptr : queue.fault(),
                                        queue.scratch<double>(choice.items * choice.n),
                                        queue.scratch<double>(choice.items * choice.n * choice.count)};
  queue.launch(Kernel::start_dpp, {choice.items * arguments.choice.parts}, kChoiceThreads, 0, arguments);
  launch_choices(queue, Kernel::choose_diverse, choice.items, arguments);
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
