// Rows of chosen indices close ranks: indices[p] = the p-th of all rows' choices one after another, and 0
// from offsets[rows] on.
//
// A thread a place of the output, 256 a block: writes are coalesced, and reads too but where a row ends;
// which row a place is in, a binary search over the offsets says, log2(rows) reads that L1 serves. 8 bytes a
// place.
#include "common.cuh"
#include "rows.cuh"

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(256) tsv_close_ranks(const CloseRanksArguments a) {
  const int64_t at = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= a.rows * a.room) return;
  int32_t index = 0;
  if (at < a.offsets[a.rows]) {
    const int64_t row = row_at(a.offsets, a.rows, at);
    index = a.staged[row * a.staged_length + at - a.offsets[row]];
  }
  a.indices[at] = index;
}
