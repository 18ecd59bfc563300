// The slots of a TokenMap from its assignment: offsets and members in CSR over all rows, members ascending in
// a slot.
//
// sort_slots: a block a row sorts the tokens by their slot, stable, so that they come out as the row's
// members in order (radix_sort.cuh; as many passes of 8 bits as the numbers of slots have), and marks where
// each slot begins. row_offsets then adds up the rows, place_slots moves every row to its place, coalesced,
// and fills what is left: offsets with the number of members, so that slots past the last are empty, members
// with 0.
//
// 16 bytes a token and pass; the latency of a row's passes is the limit, since rows are few and short.
#include "radix_sort.cuh"

namespace tsv {
namespace cuda {

__device__ inline int32_t slots_of_row(const SlotsArguments& a, int64_t row) {
  const int32_t length = a.output_lengths[row];
  return length < 0 ? 0 : length > a.n ? int32_t(a.n) : length;
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(kSortThreads) tsv_sort_slots(const SlotsArguments a) {
  __shared__ SortMemory memory;
  const int64_t row = blockIdx.x, at = row * a.n;
  const int32_t length = slots_of_row(a, row);
  const Pairs given = {a.keys + at, a.places + at};
  for (int64_t i = threadIdx.x; i < a.n; i += kSortThreads) {
    const int32_t slot = a.assignment[at + i];
    given.keys[i] = uint32_t(slot >= 0 && slot < length ? slot : length);
    given.places[i] = int32_t(i);
  }
  const Pairs sorted = sort_pairs(given, {a.spare_keys + at, a.spare_places + at}, a.n, a.bits, memory);
  for (int64_t p = threadIdx.x; p <= a.n; p += kSortThreads) {
    const int32_t before = p == 0 ? -1 : int32_t(sorted.keys[p - 1]);
    const int32_t slot = p == a.n ? length : int32_t(sorted.keys[p]);
    for (int32_t s = before + 1; s <= slot && s < length; ++s) a.starts[at + s] = int32_t(p);
    if (before < length && slot == length) a.row_members[row] = int32_t(p);
    if (p < a.n) a.listed[at + p] = sorted.places[p];
  }
}

extern "C" __global__ void __launch_bounds__(256) tsv_place_slots(const SlotsArguments a) {
  const int64_t at = int64_t(blockIdx.x) * blockDim.x + threadIdx.x, room = a.rows * a.n;
  if (at > room) return;
  const int32_t slots = a.first_slot[a.rows], members = a.first_member[a.rows];
  if (at >= slots) a.offsets[at] = members;
  if (at == room) return;
  if (at >= members) a.members[at] = 0;
  const int64_t row = at / a.n, i = at % a.n;
  if (i < slots_of_row(a, row)) a.offsets[a.first_slot[row] + i] = a.first_member[row] + a.starts[at];
  if (i < a.row_members[row]) a.members[a.first_member[row] + i] = a.listed[at];
}
