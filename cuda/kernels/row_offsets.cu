// offsets[r] = the sum of lengths[0..r-1], for r from 0 to rows: where each row begins once all rows have
// closed ranks. A length under 0 or over what a row may have, or a sum over what there is room for, is
// reported and cut to it.
//
// One block of 1024 threads goes through the rows, 1024 at a time, and carries the sum over: rows are batch
// items or heads of them, seldom more than one round. 8 bytes a row.
#include "scan.cuh"

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(1024) tsv_row_offsets(const RowOffsetsArguments a) {
  __shared__ ScanMemory<int64_t> memory;
  int64_t sum = 0;
  for (int64_t first = 0; first < a.rows; first += blockDim.x) {
    const int64_t row = first + threadIdx.x;
    int64_t length = row < a.rows ? a.lengths[row] : 0;
    if (length < 0 || length > a.most) {
      report_range(a.fault, a.argument, double(length), 0, a.most, row);
      length = length < 0 ? 0 : a.most;
    }
    int64_t total;
    const int64_t before = sum + block_exclusive_sum(length, memory, &total);
    if (row < a.rows) a.offsets[row] = int32_t(before < a.room ? before : a.room);
    sum += total;
  }
  if (threadIdx.x != 0) return;
  if (sum > a.room) report_range(a.fault, a.argument, double(sum), 0, a.room, a.rows - 1);
  a.offsets[a.rows] = int32_t(sum < a.room ? sum : a.room);
}
