// Rows one after another.
#pragma once
#include <stdint.h>

namespace tsv {
namespace cuda {

// The row that holds a place before offsets[rows]; offsets ascend.
__device__ inline int64_t row_at(const int32_t* offsets, int64_t rows, int64_t place) {
  int64_t low = 0, high = rows - 1;
  while (low < high) {
    const int64_t middle = (low + high + 1) / 2;
    if (offsets[middle] <= place) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

}  // namespace cuda
}  // namespace tsv
