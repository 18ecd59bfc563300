// The greatest of values that can only fall, without bringing all of them up to date.
//
// A greedy choice takes the token whose value is greatest after all that has been chosen, and each choice can
// only lower a value: the distance to the nearest chosen token, the gain in volume. A value from before some
// of the choices is therefore a bound, and a token whose bound is under the greatest value found so far need
// not be touched (Minoux's accelerated greedy algorithm, 1978). The choice is that of a full pass over all
// tokens; where they are random directions a third of its comparisons are made.
#ifndef TOKENSIEVE_KERNELS_GREEDY_ARGMAX_H
#define TOKENSIEVE_KERNELS_GREEDY_ARGMAX_H
#include <math.h>
#include <stdint.h>

namespace {

// value(i) is a bound; update(i, least) lowers it to what it is, and may stop once it is under `least`.
// Returns the index in first .. first + count - 1 of the greatest, the lowest of equal ones.
template <class Value, class Update>
int64_t greedy_argmax(int64_t first, int64_t count, const Value& value, const Update& update) {
  int64_t best = first;
  for (int64_t i = first + 1; i < first + count; ++i) {
    if (value(i) > value(best)) best = i;
  }
  update(best, -INFINITY);
  for (int64_t i = first; i < first + count; ++i) {
    const auto beats_best = [&] { return value(i) > value(best) || (value(i) == value(best) && i < best); };
    if (!beats_best()) continue;
    update(i, value(best));
    if (beats_best()) best = i;
  }
  return best;
}

}  // namespace
#endif
