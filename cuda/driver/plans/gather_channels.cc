#include "cuda/driver/plans.h"
#include "cuda/driver/plans/move_rows.h"

namespace tsv {
namespace cuda {

tsv_status gather_channels(tsv_context* context, const Check& check, const View& x, const View& indices,
                           const View& tokens) {
  Queue queue(context, check);
  const int64_t rows = x.dim[0], n = x.dim[1], count = tokens.dim[2];
  const int64_t lists = indices.rank == 2 ? indices.dim[0] : 1;
  const int64_t groups = blocks(n, kGatheredTokens), pieces = blocks(count, kGatheredChannels);
  const GatherChannelsArguments arguments = {queue.on_device(x),
                                             queue.on_device(indices),
                                             queue.fault(),
                                             rows,
                                             n,
                                             x.dim[2],
                                             count,
                                             lists == 1 ? 0 : rows / lists,
                                             groups,
                                             pieces,
                                             int32_t(indices.item_bytes()),
                                             int32_t(x.item_bytes()),
                                             tokens.data};
  queue.launch(Kernel::gather_columns, {blocks(rows * groups * pieces, kMoveWarps)}, kMoveThreads, 0,
               arguments);
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
