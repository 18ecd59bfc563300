// What the kernels of merge_tokens.cu are made of: a slot's members, pieces of their columns, and the ways to
// put them together.
#pragma once
#include "columns.cuh"
#include "common.cuh"
#include "rows.cuh"

namespace tsv {
namespace cuda {

// A slot of the output, by its place there. No members: zeros.
struct Slot {
  int64_t row;
  int32_t begin, end;  // of its members
};

__device__ inline Slot slot_at(const MergeTokensArguments& a, int64_t place) {
  int64_t row, slot;
  if (a.packed != 0) {
    if (place >= a.first_slot[a.rows]) return {0, 0, 0};
    slot = place;
    row = row_at(a.first_slot, a.rows, place);
  } else {
    row = place / a.longest;
    slot = a.first_slot[row] + place % a.longest;
    if (slot >= a.first_slot[row + 1]) return {0, 0, 0};
  }
  const int32_t begin = a.offsets[slot], end = a.offsets[slot + 1];
  if (begin >= 0 && end > begin && end <= a.member_count) return {row, begin, end};
  const bool begins = begin >= 0 && begin < a.member_count;
  if (lane() == 0) {
    report_range(a.fault, TSV_ARG_MAP_OFFSETS, double(begins ? end : begin), begins ? begin + 1 : 0,
                 begins ? a.member_count : a.member_count - 1, begins ? slot + 1 : slot);
  }
  return {0, 0, 0};
}

// One member: a token of the slot's row, or -1 where it is none; its size and the factor of its sum.
struct Member {
  int32_t token;
  float size, factor;
};

__device__ inline Member member_at(const MergeTokensArguments& a, const Slot& slot, int32_t m) {
  const int32_t token = a.members[m];
  if (token < 0 || token >= a.n) {
    if (lane() == 0) report_range(a.fault, TSV_ARG_MAP_MEMBERS, double(token), 0, a.n - 1, m);
    return {-1, 0.0f, 0.0f};
  }
  const float size = a.sizes_in != nullptr ? a.sizes_in[slot.row / a.rows_an_item * a.n + token] : 1.0f;
  return {token, size, a.weights != nullptr ? a.weights[m] * size : size};
}

template <class T>
__device__ inline const T* token_of(const MergeTokensArguments& a, const Slot& slot, int32_t token) {
  return static_cast<const T*>(a.x) + (slot.row * a.n + token) * a.columns;
}

// What a slot's factors and sizes add up to, member after member.
struct Totals {
  double size = 0.0, factor = 0.0;
  __device__ void add(const Member& member) {
    size += double(member.size);
    factor += double(member.factor);
  }
};

// The sums, or the maxima, of the members' elements in a piece of the columns.
template <class T>
__device__ inline Totals join_members(const MergeTokensArguments& a, const Slot& slot,
                                      const Columns<T>& columns, float* joined) {
  const bool maximum = a.reduce == TSV_MERGE_MAX;
  Totals totals;
  Chunk<T> chunk = {};
#pragma unroll
  for (int e = 0; e < Columns<T>::kCount; ++e) joined[e] = maximum ? -CUDART_INF_F : 0.0f;
#pragma unroll 2
  for (int32_t m = slot.begin; m < slot.end; ++m) {
    const Member member = member_at(a, slot, m);
    totals.add(member);
    if (member.token < 0 || (!maximum && member.factor == 0.0f)) continue;
    columns.load(token_of<T>(a, slot, member.token), chunk.element);
#pragma unroll
    for (int e = 0; e < Columns<T>::kCount; ++e) {
      const float value = to_float(chunk.element[e]);
      if (!maximum) {
        joined[e] = fmaf(member.factor, value, joined[e]);
      } else if (joined[e] == joined[e]) {  // a NaN stays
        joined[e] = joined[e] > value ? joined[e] : value;
      }
    }
  }
  return totals;
}

// Whether a slot is its one member as it is.
__device__ inline bool is_copy(const MergeTokensArguments& a, const Slot& slot, float total) {
  if (slot.end - slot.begin != 1) return false;
  if (a.reduce == TSV_MERGE_MAX) return true;
  return isfinite(total) && (a.reduce != TSV_MERGE_SUM || total == 1.0f);
}

// Writes a piece of a slot that is no sum: a member's own elements, or zeros.
template <class T>
__device__ inline void write_plain(const MergeTokensArguments& a, const Slot& slot, bool copy,
                                   const Columns<T>& columns, T* out) {
  Chunk<T> chunk = {};
  const int32_t token = copy ? a.members[slot.begin] : -1;
  if (token >= 0 && token < a.n) columns.load(token_of<T>(a, slot, token), chunk.element);
  columns.store(chunk.element, out);
}

template <class T>
__device__ void merge_slots(const MergeTokensArguments& a) {
  const int64_t unit = int64_t(blockIdx.x) * (blockDim.x / kWarp) + warp();
  if (unit >= a.places * a.pieces) return;
  const int64_t place = unit / a.pieces, piece = unit % a.pieces;
  const Slot slot = slot_at(a, place);
  const Columns<T> columns = {piece * Columns<T>::kAll, a.columns, a.aligned != 0};
  float joined[Columns<T>::kCount];
  const Totals totals = join_members<T>(a, slot, columns, joined);
  const float total = float(totals.factor);
  if (piece == 0 && lane() == 0) a.sizes[place] = float(totals.size);
  T* out = static_cast<T*>(a.tokens) + place * a.columns;
  const bool copy = is_copy(a, slot, total), mean = a.reduce == TSV_MERGE_MEAN;
  if (copy || slot.begin == slot.end || (mean && total == 0.0f)) {
    return write_plain<T>(a, slot, copy && !(mean && total == 0.0f), columns, out);
  }
  Chunk<T> chunk;
#pragma unroll
  for (int e = 0; e < Columns<T>::kCount; ++e) {
    chunk.element[e] = from_float<T>(mean ? joined[e] / total : joined[e]);
  }
  columns.store(chunk.element, out);
}

template <class T>
__device__ float longest_member(const MergeTokensArguments& a, const Slot& slot) {
  float longest = 0.0f;
  Chunk<T> chunk = {};
  for (int32_t m = slot.begin; m < slot.end; ++m) {
    const int32_t token = a.members[m];
    if (token < 0 || token >= a.n) continue;
    float sum = 0.0f;
    for (int64_t piece = 0; piece < a.pieces; ++piece) {
      const Columns<T> columns = {piece * Columns<T>::kAll, a.columns, a.aligned != 0};
      columns.load(token_of<T>(a, slot, token), chunk.element);
#pragma unroll
      for (int e = 0; e < Columns<T>::kCount; ++e) {
        const float value = to_float(chunk.element[e]);
        if (columns.at(e) < a.columns) sum = fmaf(value, value, sum);
      }
    }
    const float norm = sqrtf(warp_sum(sum));
    longest = norm <= longest ? longest : norm;  // a NaN stays
  }
  return longest;
}

template <class T>
__device__ void merge_norms(const MergeTokensArguments& a) {
  const int64_t place = int64_t(blockIdx.x) * (blockDim.x / kWarp) + warp();
  if (place >= a.places) return;
  const Slot slot = slot_at(a, place);
  T* out = static_cast<T*>(a.tokens) + place * a.columns;
  Totals totals;
  for (int32_t m = slot.begin; m < slot.end; ++m) totals.add(member_at(a, slot, m));
  const float total = float(totals.factor);
  if (lane() == 0) a.sizes[place] = float(totals.size);
  const bool copy = total != 0.0f && is_copy(a, slot, total), plain = copy || total == 0.0f;
  const float longest = plain ? 0.0f : longest_member<T>(a, slot);
  float joined[Columns<T>::kCount], scale = 0.0f;
  for (int pass = 0; pass < 2; ++pass) {  // the norm of the mean, then the result
    float sum = 0.0f;
    for (int64_t piece = 0; piece < a.pieces; ++piece) {
      const Columns<T> columns = {piece * Columns<T>::kAll, a.columns, a.aligned != 0};
      if (plain) {
        if (pass == 1) write_plain<T>(a, slot, copy, columns, out);
        continue;
      }
      join_members<T>(a, slot, columns, joined);
      Chunk<T> chunk;
#pragma unroll
      for (int e = 0; e < Columns<T>::kCount; ++e) {
        const float mean = joined[e] / total;
        if (columns.at(e) < a.columns) sum = fmaf(mean, mean, sum);
        chunk.element[e] = from_float<T>(mean * scale);
      }
      if (pass == 1) columns.store(chunk.element, out);
    }
    const float length = sqrtf(warp_sum(sum));
    scale = length == 0.0f ? 0.0f : longest / length;
  }
}

}  // namespace cuda
}  // namespace tsv
