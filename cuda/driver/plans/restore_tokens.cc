#include "cuda/driver/plans.h"
#include "cuda/driver/plans/move_rows.h"

namespace tsv {
namespace cuda {

tsv_status restore_tokens(tsv_context* context, const Check& check, bool nearest, const View& y,
                          const MapView& map, const View& dropped, const View& tokens) {
  Queue queue(context, check);
  const int64_t row_bytes = y.dim[2] * y.item_bytes();
  RestoreTokensArguments arguments{};
  arguments.y = queue.on_device<char>(y);
  arguments.assignment = queue.on_device<int32_t>(map.assignment);
  arguments.output_lengths = queue.on_device<int32_t>(map.output_lengths);
  arguments.dropped = queue.on_device<char>(dropped);
  arguments.fault = queue.fault();
  arguments.rows = map.rows;
  arguments.n = map.input_length;
  arguments.longest = y.dim[1];
  arguments.row_bytes = row_bytes;
  arguments.pieces = blocks(row_bytes, kRowPiece);
  arguments.word = widest_word(row_bytes, {arguments.y, arguments.dropped, tokens.data});
  arguments.tokens = tokens.data;
  if (nearest) {
    arguments.nearest = queue.scratch<int32_t>(map.rows * map.input_length);
    queue.launch(Kernel::nearest_owners, {map.rows}, kMoveThreads, 0, arguments);
    arguments.assignment = arguments.nearest;
  }
  const int64_t units = map.rows * map.input_length * arguments.pieces;
  queue.launch(Kernel::restore_rows, {blocks(units, kMoveWarps)}, kMoveThreads, 0, arguments);
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
