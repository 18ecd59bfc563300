#include "cuda/driver/plans/ragged.h"

#include "cuda/driver/plans/slots.h"

namespace tsv {
namespace cuda {

void close_ranks(Queue& queue, int64_t rows, const int32_t* staged, int64_t staged_length,
                 const int32_t* selected, int64_t room, int32_t* indices, int32_t* offsets) {
  row_offsets(queue, selected, rows, room, rows * room, TSV_ARG_OUT_OFFSETS, offsets);
  constexpr int kThreads = 256;
  const CloseRanksArguments arguments = {staged, offsets, indices, rows, staged_length, room};
  queue.launch(Kernel::close_ranks, {blocks(rows * room, kThreads)}, kThreads, 0, arguments);
}

}  // namespace cuda
}  // namespace tsv
