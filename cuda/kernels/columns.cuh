// Pieces of a row that a warp holds in registers.
#pragma once
#include "common.cuh"

namespace tsv {
namespace cuda {

// The 512 bytes of columns that a warp holds at a time, 16 bytes a lane: neighbours where rows are aligned,
// else one from each 32.
template <class T>
struct Columns {
  static constexpr int kCount = Chunk<T>::kCount, kAll = kCount * kWarp;
  int64_t first;  // of the warp
  int64_t end;    // of the row
  bool aligned;

  __device__ int64_t at(int e) const { return first + (aligned ? lane() * kCount + e : lane() + e * kWarp); }

  __device__ void load(const T* row, T* element) const {
    if (aligned) {
      if (at(0) < end) {
        *reinterpret_cast<Chunk<T>*>(element) = *reinterpret_cast<const Chunk<T>*>(row + at(0));
      }
      return;
    }
#pragma unroll
    for (int e = 0; e < kCount; ++e) {
      if (at(e) < end) element[e] = row[at(e)];
    }
  }
  __device__ void store(const T* element, T* row) const {
    if (aligned) {
      if (at(0) < end) store_chunk(row + at(0), element);
      return;
    }
#pragma unroll
    for (int e = 0; e < kCount; ++e) {
      if (at(e) < end) row[at(e)] = element[e];
    }
  }
};

}  // namespace cuda
}  // namespace tsv
