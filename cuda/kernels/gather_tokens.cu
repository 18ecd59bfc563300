// Rows of x by index, moved as bytes: tokens[r,i] = x[r, index of row r's i-th], zeros past a row's last.
//
// gather_rows: a warp for each 2 KB of a row, 8 warps a block (copy_row.cuh); which row of x it reads, one
// index says, which every lane loads. Indices are [R,K], or ragged with offsets, which may lie on the device
// and give a capacity's zeros. An index that is no token is reported and its row is zeros. 2 C bytes a token,
// coalesced within a row: the limit is memory bandwidth, and the latency of index and row for few tokens.
//
// row_lengths: what each row of ragged offsets holds; a thread a row, which also says what is wrong with
// them.
#include "copy_row.cuh"
#include "rows.cuh"

namespace tsv {
namespace cuda {

__device__ inline int64_t index_at(const GatherTokensArguments& a, int64_t i) {
  return a.index_bytes == 8 ? static_cast<const int64_t*>(a.indices)[i]
                            : int64_t(static_cast<const int32_t*>(a.indices)[i]);
}

// The row that a place of the output is in, and the place of its index, or -1 where there is none.
struct Place {
  int64_t row, index;
};

__device__ inline Place place_of(const GatherTokensArguments& a, int64_t at) {
  if (a.offsets == nullptr) return {at / a.longest, at};
  if (a.packed != 0) {
    const int64_t end = a.offsets[a.rows];
    if (at >= end) return {0, -1};
    return {row_at(a.offsets, a.rows, at), at};
  }
  const int64_t row = at / a.longest, i = at % a.longest;
  const int64_t begin = a.offsets[row], end = a.offsets[row + 1];
  return {row, begin >= 0 && end <= a.total && i < end - begin ? begin + i : -1};
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(256) tsv_gather_rows(const GatherTokensArguments a) {
  const int64_t unit = int64_t(blockIdx.x) * (blockDim.x / kWarp) + warp();
  if (unit >= a.places * a.pieces) return;
  const int64_t at = unit / a.pieces, piece = unit % a.pieces;
  const Place place = place_of(a, at);
  const char* from = nullptr;
  if (place.index >= 0) {
    const int64_t index = index_at(a, place.index);
    if (index >= 0 && index < a.n) {
      from = a.x + (place.row * a.n + index) * a.row_bytes;
    } else if (lane() == 0) {
      report_range(a.fault, TSV_ARG_INDICES, double(index), 0, a.n - 1, place.index);
    }
  }
  copy_piece(from, a.row_bytes, piece, a.word, a.tokens + at * a.row_bytes);
}

extern "C" __global__ void __launch_bounds__(256) tsv_row_lengths(const GatherTokensArguments a) {
  const int64_t row = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (row >= a.rows) return;
  const int64_t begin = a.offsets[row], end = a.offsets[row + 1];
  const int64_t most = a.packed != 0 || a.total - begin < a.longest ? a.total : begin + a.longest;
  const int64_t first = row == 0 ? 0 : a.total;
  if (begin < 0 || begin > first) {
    report_range(a.fault, TSV_ARG_RAGGED_OFFSETS, double(begin), 0, first, row);
  } else if (end < begin || end > most) {
    report_range(a.fault, TSV_ARG_RAGGED_OFFSETS, double(end), begin, most, row + 1);
  }
  if (a.lengths != nullptr) a.lengths[row] = int32_t(end - begin);
}
