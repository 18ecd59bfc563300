// Every token again: tokens[r,i] = y[r, the slot that owns i], or where none does zeros, a row of `dropped`,
// or what the nearest token that has an owner gets.
//
// restore_rows: a warp for each 2 KB of a row, 8 warps a block, moved as bytes (copy_row.cuh). Neighbours
// often share a slot, which is then in cache; the limit is memory bandwidth. A slot that its row has not is
// reported and gives zeros.
//
// restore_weighted: residual[r,i] + weights[r,i] * the same, by fused multiply-adds in float32, rounded once;
// a token that nothing stands for is its residual. A warp for each 512 bytes of a row, 16 a lane where rows
// are aligned: three rows of memory for a token, and what one FMA an element costs is hidden behind them.
//
// nearest_owners, before either: owners with each -1 replaced by the owner of the nearest token that has one,
// the lower of two as near. A block a row goes through it twice, 256 tokens at a time: forwards for the last
// owned token up to each, by a scan of maxima, and backwards for the next one. 16 bytes a token.
#include "columns.cuh"
#include "copy_row.cuh"
#include "scan.cuh"

namespace tsv {
namespace cuda {

// The slot that owns a token, or -1; what is no slot of the row is none, and reported.
__device__ inline int32_t owner_of(const RestoreTokensArguments& a, int64_t row, int64_t i) {
  const int32_t owner = a.assignment[row * a.n + i];
  const int64_t length = a.output_lengths[row], slots = length < a.longest ? length : a.longest;
  if (owner >= -1 && owner < slots) return owner;
  report_range(a.fault, TSV_ARG_MAP_ASSIGNMENT, double(owner), -1, slots - 1, row * a.n + i);
  return -1;
}

// Of a token of the row's order, the place of the last owned one up to it; both count from where the pass
// begins. `last` is that of the 256 tokens before, and becomes that of these.
__device__ inline int32_t last_owned(int32_t place, bool owned, ScanMemory<int32_t>& memory, int32_t* last) {
  const int32_t here = owned ? place : -1;
  const int32_t found = block_inclusive_max(here, memory);
  const int32_t before = *last;
  if (threadIdx.x == blockDim.x - 1) memory.totals[kMostWarps] = found > before ? found : before;
  __syncthreads();
  *last = memory.totals[kMostWarps];
  __syncthreads();
  return found > before ? found : before;
}

// The row that stands for the token at `at`, or NULL.
__device__ inline const char* restored_row(const RestoreTokensArguments& a, int64_t at) {
  const int64_t row = at / a.n;
  const int32_t owner = owner_of(a, row, at % a.n);
  if (owner >= 0) return a.y + (row * a.longest + owner) * a.row_bytes;
  return a.dropped != nullptr ? a.dropped + at * a.row_bytes : nullptr;
}

template <class T>
__device__ inline void restore_weighted(const RestoreWeightedArguments& a) {
  const RestoreTokensArguments& r = a.restore;
  const int64_t unit = int64_t(blockIdx.x) * (blockDim.x / kWarp) + warp();
  if (unit >= r.rows * r.n * a.pieces) return;
  const int64_t at = unit / a.pieces, begin = at * r.row_bytes;
  const Columns<T> columns{unit % a.pieces * Columns<T>::kAll, r.row_bytes / int64_t(sizeof(T)),
                           a.aligned != 0};
  const auto* restored = reinterpret_cast<const T*>(restored_row(r, at));
  Chunk<T> sum = {}, value = {};
  if (a.residual != nullptr) columns.load(reinterpret_cast<const T*>(a.residual + begin), sum.element);
  if (restored != nullptr) {
    const float weight = a.weights != nullptr ? a.weights[at / r.n / a.rows_an_item * r.n + at % r.n] : 1.0f;
    columns.load(restored, value.element);
#pragma unroll
    for (int e = 0; e < Chunk<T>::kCount; ++e) {
      const float x = to_float(value.element[e]);
      sum.element[e] =
          from_float<T>(a.residual != nullptr ? fmaf(weight, x, to_float(sum.element[e])) : weight * x);
    }
  }
  columns.store(sum.element, reinterpret_cast<T*>(r.tokens + begin));
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(256) tsv_restore_rows(const RestoreTokensArguments a) {
  const int64_t unit = int64_t(blockIdx.x) * (blockDim.x / kWarp) + warp();
  if (unit >= a.rows * a.n * a.pieces) return;
  const int64_t at = unit / a.pieces, piece = unit % a.pieces;
  copy_piece(restored_row(a, at), a.row_bytes, piece, a.word, a.tokens + at * a.row_bytes);
}

#define TSV_RESTORE_WEIGHTED(suffix, T) \
  extern "C" __global__ void __launch_bounds__(256) \
      tsv_restore_weighted_##suffix(const RestoreWeightedArguments a) { \
    restore_weighted<T>(a); \
  }
TSV_RESTORE_WEIGHTED(f32, float)
TSV_RESTORE_WEIGHTED(f16, __half)
TSV_RESTORE_WEIGHTED(bf16, __nv_bfloat16)

extern "C" __global__ void __launch_bounds__(256) tsv_nearest_owners(const RestoreTokensArguments a) {
  __shared__ ScanMemory<int32_t> memory;
  const int64_t row = blockIdx.x;
  const int32_t n = int32_t(a.n);
  int32_t* nearest = a.nearest + row * a.n;
  int32_t last = -1;
  for (int64_t first = 0; first < n; first += blockDim.x) {
    const int32_t i = int32_t(first + threadIdx.x);
    const bool owned = first + threadIdx.x < n && owner_of(a, row, i) >= 0;
    const int32_t before = last_owned(i, owned, memory, &last);
    if (first + threadIdx.x < n) nearest[i] = before;
  }
  last = -1;
  for (int64_t first = 0; first < n; first += blockDim.x) {
    const int64_t place = first + threadIdx.x;
    const int32_t i = int32_t(n - 1 - place);
    const bool owned = place < n && owner_of(a, row, i) >= 0;
    const int32_t found = last_owned(int32_t(place), owned, memory, &last);
    if (place >= n) continue;
    const int32_t before = nearest[i], after = found < 0 ? -1 : n - 1 - found;
    const bool lower = after < 0 || (before >= 0 && i - before <= after - i);
    const int32_t token = lower ? before : after;
    nearest[i] = token < 0 ? -1 : a.assignment[row * a.n + token];
  }
}
