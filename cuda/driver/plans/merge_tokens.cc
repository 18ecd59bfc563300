#include <algorithm>

#include "cuda/driver/plans.h"
#include "cuda/driver/plans/slots.h"

namespace tsv {
namespace cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / 32;
constexpr int64_t kPiece = 512;  // bytes of a slot that a warp holds

bool aligned16(const void* address, int64_t row_bytes) {
  return (uint64_t(reinterpret_cast<uintptr_t>(address)) | uint64_t(row_bytes)) % 16 == 0;
}

}  // namespace

tsv_status merge_tokens(tsv_context* context, const Check& check, const tsv_merge_tokens_args& a,
                        const View& x, const MapView& map, const View& weights, const View& tokens,
                        const View& sizes, const View& row_offsets_out) {
  Queue queue(context, check);
  const bool packed = a.packed != 0;
  const int64_t rows = map.rows, row_bytes = x.dim[2] * x.item_bytes();
  const int64_t places = packed ? tokens.dim[0] : rows * tokens.dim[1];
  int32_t* first_slot =
      row_offsets_out.present() ? row_offsets_out.as<int32_t>() : queue.scratch<int32_t>(rows + 1);
  row_offsets(queue, queue.on_device<int32_t>(map.output_lengths), rows, packed ? map.slots : tokens.dim[1],
              packed ? std::min(places, map.slots) : map.slots, TSV_ARG_MAP_OUTPUT_LENGTHS, first_slot);

  MergeTokensArguments arguments{};
  arguments.x = queue.on_device(x);
  arguments.first_slot = first_slot;
  arguments.offsets = queue.on_device<int32_t>(map.offsets);
  arguments.members = queue.on_device<int32_t>(map.members);
  arguments.weights = queue.on_device<float>(map.weights);
  arguments.sizes_in = queue.on_device<float>(weights);
  arguments.fault = queue.fault();
  arguments.rows = rows;
  arguments.n = map.input_length;
  arguments.columns = x.dim[2];
  arguments.member_count = map.members.dim[0];
  arguments.rows_an_item = weights.present() && weights.dim[0] > 0 ? rows / weights.dim[0] : 1;
  arguments.longest = packed ? 0 : tokens.dim[1];
  arguments.places = places;
  arguments.pieces = std::max<int64_t>(1, blocks(row_bytes, kPiece));
  arguments.reduce = a.reduce;
  arguments.packed = packed;
  arguments.aligned = aligned16(arguments.x, row_bytes) && aligned16(tokens.data, row_bytes);
  arguments.tokens = tokens.data;
  arguments.sizes = sizes.as<float>();
  if (a.reduce == TSV_MERGE_NORM) {
    const Kernel kernel =
        by_type(x.dtype, Kernel::merge_norms_f32, Kernel::merge_norms_f16, Kernel::merge_norms_bf16);
    queue.launch(kernel, {blocks(places, kWarps)}, kThreads, 0, arguments);
  } else {
    const Kernel kernel =
        by_type(x.dtype, Kernel::merge_slots_f32, Kernel::merge_slots_f16, Kernel::merge_slots_bf16);
    queue.launch(kernel, {blocks(places * arguments.pieces, kWarps)}, kThreads, 0, arguments);
  }
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
