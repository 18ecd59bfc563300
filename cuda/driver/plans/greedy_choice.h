// What the plans of greedy choices share: rows made ready, items checked, a launch for each choice.
#ifndef TOKENSIEVE_CUDA_PLANS_GREEDY_CHOICE_H
#define TOKENSIEVE_CUDA_PLANS_GREEDY_CHOICE_H
#include <algorithm>

#include "abi/greedy_choice.h"
#include "cuda/driver/plans/similarity.h"

namespace tsv {
namespace cuda {

constexpr int kChoiceThreads = 256;
constexpr int64_t kMostParts = 256;  // of an item

// The tokens of a choice, at unit length or as they are, and room for what steps hand each other; where the
// host could not count the tokens, items are checked. start is -1 for none.
inline GreedyChoiceArguments prepare_choice(Queue& queue, const GreedyChoice& choice, bool unit,
                                            int64_t start) {
  const int64_t items = choice.items, n = choice.n, columns = whole_row_blocks(choice.channels);
  const UnitRowsArguments rows = {matrix(queue, choice.x),
                                  queue.scratch<float>(items * n * columns),
                                  queue.scratch<double>(items * n),
                                  items * n,
                                  int32_t(n),
                                  int32_t(choice.channels),
                                  int32_t(columns),
                                  unit};
  const Kernel kernel =
      by_type(choice.x.dtype, Kernel::unit_rows_f32, Kernel::unit_rows_f16, Kernel::unit_rows_bf16);
  queue.launch(kernel, {blocks(items * n, kChoiceThreads / 16)}, kChoiceThreads, 0, rows);

  GreedyChoiceArguments arguments = {};
  arguments.mask = item_mask(queue, choice.mask, choice.lengths, n);
  arguments.rows = rows.rows;
  arguments.squares = rows.squares;
  if (!choice.counts()) {
    int32_t* refused = queue.scratch<int32_t>(items);
    queue.launch(Kernel::check_choice, {items}, kChoiceThreads, 0,
                 CheckChoiceArguments{arguments.mask, queue.fault(), refused, choice.count, start});
    arguments.refused = refused;
  }
  arguments.indices = choice.indices.as<int32_t>();
  arguments.n = int32_t(n);
  arguments.columns = int32_t(columns);
  arguments.count = int32_t(choice.count);
  arguments.part = int32_t(std::max<int64_t>(1, blocks(n, 16 * kMostParts)) * 16);
  arguments.parts = int32_t(blocks(n, arguments.part));
  return arguments;
}

// Launches step 0, which finds the first choice, to step `count`, which writes down the last.
template <class Arguments>
void launch_choices(Queue& queue, Kernel kernel, int64_t items, Arguments arguments) {
  GreedyChoiceArguments& choice = arguments.choice;
  GreedyCandidate* after = queue.scratch<GreedyCandidate>(items * choice.parts);
  GreedyCandidate* before = queue.scratch<GreedyCandidate>(items * choice.parts);
  for (choice.step = 0; choice.step <= choice.count; ++choice.step) {
    choice.before = before;
    choice.after = after;
    queue.launch(kernel, {items * choice.parts}, kChoiceThreads, 0, arguments);
    std::swap(before, after);
  }
}

}  // namespace cuda
}  // namespace tsv
#endif
