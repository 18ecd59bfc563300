#include "cuda/driver/plans.h"
#include "cuda/driver/plans/move_rows.h"

namespace tsv {
namespace cuda {
namespace {

constexpr int64_t kWeightedPiece = 512;  // bytes of a row that a warp adds to

}  // namespace

tsv_status restore_tokens(tsv_context* context, const Check& check, bool nearest, const View& y,
                          const MapView& map, const View& dropped, const TokenWeights& weights,
                          const View& residual, const View& tokens) {
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
  if (weights.values.present() || residual.present()) {
    const auto* added = queue.on_device<char>(residual);
    const auto* factors = queue.on_device<float>(weights.values);
    const int64_t pieces = blocks(row_bytes, kWeightedPiece);
    const bool aligned = widest_word(row_bytes, {arguments.y, arguments.dropped, added, tokens.data}) == 16;
    const Kernel kernel = by_type(y.dtype, Kernel::restore_weighted_f32, Kernel::restore_weighted_f16,
                                  Kernel::restore_weighted_bf16);
    const RestoreWeightedArguments weighted = {arguments, factors, added, weights.rows_an_item,
                                               pieces,    aligned};
    queue.launch(kernel, {blocks(map.rows * map.input_length * pieces, kMoveWarps)}, kMoveThreads, 0,
                 weighted);
    return queue.status();
  }
  const int64_t units = map.rows * map.input_length * arguments.pieces;
  queue.launch(Kernel::restore_rows, {blocks(units, kMoveWarps)}, kMoveThreads, 0, arguments);
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
