// Ragged results: rows of as many indices as each of them has chosen.
#ifndef TOKENSIEVE_CUDA_PLANS_RAGGED_H
#define TOKENSIEVE_CUDA_PLANS_RAGGED_H
#include "cuda/driver/queue.h"

namespace tsv {
namespace cuda {

// What rows have chosen, `selected` of them each from staged [rows,staged_length], moved together into
// indices [rows * room], of which the rest becomes 0, and offsets [rows + 1].
void close_ranks(Queue& queue, int64_t rows, const int32_t* staged, int64_t staged_length,
                 const int32_t* selected, int64_t room, int32_t* indices, int32_t* offsets);

// Blocks for rows that need working memory: a few for each multiprocessor go through all of them.
inline int64_t blocks_for_rows(const Queue& queue, int64_t rows) {
  constexpr int64_t kBlocksEach = 4;
  const int64_t most = kBlocksEach * queue.device().multiprocessors;
  return rows < most ? rows : most;
}

}  // namespace cuda
}  // namespace tsv
#endif
