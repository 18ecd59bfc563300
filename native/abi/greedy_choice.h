// What greedy choices among tokens share: the arguments of each, and how their work is spread.
#ifndef TOKENSIEVE_ABI_GREEDY_CHOICE_H
#define TOKENSIEVE_ABI_GREEDY_CHOICE_H
#include <algorithm>
#include <atomic>

#include "abi/check.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

namespace tsv {

// Tokens [B,N,C] and how many to choose of each item.
struct GreedyChoice {
  View x, mask, lengths, indices;
  int64_t items = 0;
  int64_t n = 0;
  int64_t channels = 0;
  int64_t count = 0;

  TokenMask mask_of(int64_t item) const { return TokenMask(mask, lengths, item, n); }
  // Whether the host can count them.
  bool counts() const { return !mask.on_device && !lengths.on_device; }
  int32_t* out(int64_t item) const { return indices.as<int32_t>() + item * count; }
};

// Every item's count must fit: at least its kept tokens, at most those not dropped.
inline GreedyChoice read_greedy_choice(Check& check, const tsv_tensor* x, const tsv_tensor* mask,
                                       const tsv_tensor* lengths, int64_t count) {
  GreedyChoice found;
  found.x = check.input(x, TSV_ARG_X, kFloats, 3, 3, true);
  if (check.failed()) return found;
  found.items = found.x.dim[0];
  found.n = found.x.dim[1];
  found.channels = found.x.dim[2];
  found.count = count;
  found.mask = check.mask(mask, TSV_ARG_MASK, found.items, found.n);
  found.lengths = check.lengths(lengths, found.items, found.n);
  check.range(TSV_ARG_COUNT, count, 0, found.n);
  for (int64_t item = 0; item < found.items && found.counts() && !check.failed(); ++item) {
    const TokenMask states = found.mask_of(item);
    int64_t kept = 0, present = 0;
    for (int64_t i = 0; i < found.n; ++i) {
      kept += states[i] == 1;
      present += states[i] != 2;
    }
    check.range(TSV_ARG_COUNT, count, kept, present);
  }
  return found;
}

// Pieces of one item's work: shared out to the threads, or done in turn where the items are.
class Spread {
 public:
  Spread(const tsv_context* context, bool shared) : context_(context), shared_(shared) {}
  template <class Body>
  void run(int64_t count, const Body& body) const {
    if (shared_) {
      parallel_for(context_, count, body);
    } else {
      for (int64_t i = 0; i < count; ++i) body(i);
    }
  }
  bool cancelled() const { return tsv::cancelled(context_); }

 private:
  const tsv_context* context_;
  bool shared_;
};

// Tokens whose comparison with one other is worth a task of its own: about 64 K elements.
inline int64_t tokens_of_task(int64_t columns) {
  return std::max<int64_t>(16, (1 << 16) / std::max<int64_t>(1, columns));
}

// The rows of one item and their squares, as the kernels compare them.
inline void make_rows(const Spread& spread, const GreedyChoice& choice, int64_t item, bool unit, float* rows,
                      double* squares) {
  const int64_t step = tokens_of_task(choice.channels);
  spread.run((choice.n + step - 1) / step, [&](int64_t task) {
    const int64_t first = task * step;
    kernels().unit_rows(
        {choice.x.rows(item), first, std::min(step, choice.n - first), choice.channels, unit, rows, squares});
  });
}

// The token of all pieces for which value(token) is greatest, the lowest of equal ones; find(first, count,
// best) gives that of one piece. `bests` has room for an index a piece. -1 once the call is cancelled.
template <class Find, class Value>
int32_t best_of_pieces(const Spread& spread, int64_t n, int64_t step, int32_t* bests, const Find& find,
                       const Value& value) {
  const int64_t pieces = (n + step - 1) / step;
  spread.run(pieces, [&](int64_t p) { find(p * step, std::min(step, n - p * step), bests + p); });
  if (spread.cancelled()) return -1;
  int32_t best = bests[0];
  for (int64_t p = 1; p < pieces; ++p) {
    if (value(bests[p]) > value(best)) best = bests[p];
  }
  return best;
}

// Calls choose(spread, item), which says whether there was memory, for every item: a task each, or one after
// another with the threads sharing the work of each where that is much and items are few.
template <class Choose>
tsv_status choose_greedily(Check& check, const tsv_context* context, const GreedyChoice& choice,
                           const Choose& choose) {
  if (choice.count == 0) return TSV_OK;
  constexpr int64_t kManyItems = 8, kMuchWork = 1 << 18;
  const bool shared = choice.items < kManyItems && choice.n * whole_row_blocks(choice.channels) >= kMuchWork;
  std::atomic<bool> starved{false};
  if (shared) {
    for (int64_t item = 0; item < choice.items && !starved && !cancelled(context); ++item) {
      starved = !choose(Spread(context, true), item);
    }
  } else {
    parallel_for(context, choice.items, [&](int64_t item) {
      if (!choose(Spread(context, false), item)) starved = true;
    });
  }
  if (starved) check.fail(TSV_ARG_X, TSV_E_MEMORY, "none", "followed by working memory");
  return starved ? check.status() : cancelled(context) ? TSV_E_CANCELLED : TSV_OK;
}

}  // namespace tsv
#endif
