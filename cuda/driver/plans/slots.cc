#include "cuda/driver/plans/slots.h"

namespace tsv {
namespace cuda {

void row_offsets(Queue& queue, const int32_t* lengths, int64_t rows, int64_t most, int64_t room,
                 int32_t argument, int32_t* offsets) {
  const RowOffsetsArguments arguments = {lengths, offsets, queue.fault(), rows, most, room, argument};
  constexpr int kMostThreads = 1024;
  const int threads = rows < kMostThreads ? int(blocks(rows + 1, 32)) * 32 : kMostThreads;
  queue.launch(Kernel::row_offsets, {1}, threads, 0, arguments);
}

void list_members(Queue& queue, const int32_t* assignment, const int32_t* output_lengths, int64_t rows,
                  int64_t n, int32_t* offsets, int32_t* members) {
  const int64_t room = rows * n;
  int32_t bits = 8;
  while (bits < 32 && (n >> bits) != 0) bits += 8;
  auto* first_slot = queue.scratch<int32_t>(rows + 1);
  auto* first_member = queue.scratch<int32_t>(rows + 1);
  const SlotsArguments arguments = {assignment,
                                    output_lengths,
                                    rows,
                                    n,
                                    bits,
                                    queue.scratch<uint32_t>(room),
                                    queue.scratch<uint32_t>(room),
                                    queue.scratch<int32_t>(room),
                                    queue.scratch<int32_t>(room),
                                    queue.scratch<int32_t>(room),
                                    queue.scratch<int32_t>(room),
                                    queue.scratch<int32_t>(rows),
                                    first_slot,
                                    first_member,
                                    offsets,
                                    members};
  constexpr int kThreads = 256;
  queue.launch(Kernel::sort_slots, {rows}, kThreads, 0, arguments);
  row_offsets(queue, output_lengths, rows, n, room, TSV_ARG_MAP_OUTPUT_LENGTHS, first_slot);
  row_offsets(queue, arguments.row_members, rows, n, room, TSV_ARG_MAP_ASSIGNMENT, first_member);
  queue.launch(Kernel::place_slots, {blocks(room + 1, kThreads)}, kThreads, 0, arguments);
}

}  // namespace cuda
}  // namespace tsv
