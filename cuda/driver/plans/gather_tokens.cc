#include "cuda/driver/plans.h"
#include "cuda/driver/plans/move_rows.h"

namespace tsv {
namespace cuda {

tsv_status gather_tokens(tsv_context* context, const Check& check, bool packed, const View& x,
                         const View& indices, const View& offsets, const View& tokens, const View& lengths) {
  Queue queue(context, check);
  const int64_t rows = x.dim[0], row_bytes = x.dim[2] * x.item_bytes();
  const int64_t longest = packed ? 0 : tokens.dim[1], places = packed ? tokens.dim[0] : rows * longest;
  const int64_t pieces = blocks(row_bytes, kRowPiece);
  const auto* source = queue.on_device<char>(x);
  const GatherTokensArguments arguments = {source,
                                           queue.on_device(indices),
                                           queue.on_device<int32_t>(offsets),
                                           queue.fault(),
                                           rows,
                                           x.dim[1],
                                           indices.count(),
                                           longest,
                                           places,
                                           row_bytes,
                                           pieces,
                                           int32_t(indices.item_bytes()),
                                           packed,
                                           widest_word(row_bytes, {source, tokens.data}),
                                           lengths.as<int32_t>(),
                                           tokens.data};
  if (offsets.present()) {
    queue.launch(Kernel::row_lengths, {blocks(rows, kMoveThreads)}, kMoveThreads, 0, arguments);
  }
  queue.launch(Kernel::gather_rows, {blocks(places * pieces, kMoveWarps)}, kMoveThreads, 0, arguments);
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
