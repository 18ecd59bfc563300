// Steps that launch plans share: rows that close ranks, slots listed from an assignment.
#ifndef TOKENSIEVE_CUDA_PLANS_SLOTS_H
#define TOKENSIEVE_CUDA_PLANS_SLOTS_H
#include "cuda/driver/queue.h"

namespace tsv {
namespace cuda {

// offsets[0..rows] of rows of these lengths, each at most `most` and together at most `room`; what passes
// either is a fault of the argument. All pointers are the device's.
void row_offsets(Queue& queue, const int32_t* lengths, int64_t rows, int64_t most, int64_t room,
                 int32_t argument, int32_t* offsets);

// The slots of a map of `rows` rows of n tokens from the slot, numbered within its row, that each token goes
// to (-1: none): CSR over all rows, members ascending. offsets has rows * n + 1 places, of which those past
// the last slot repeat the number of members; members has rows * n, of which the rest is 0. All pointers are
// the device's.
void list_members(Queue& queue, const int32_t* assignment, const int32_t* output_lengths, int64_t rows,
                  int64_t n, int32_t* offsets, int32_t* members);

}  // namespace cuda
}  // namespace tsv
#endif
