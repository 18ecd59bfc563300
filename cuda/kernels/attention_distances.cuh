// By what a thread multiplies its logits, as far as query and key stand apart. Factors are read as they are
// needed: those of neighbouring keys lie side by side where no tokens between have gone, and a table of some
// thousand stays in the first cache.
#pragma once
#include "common.cuh"

namespace tsv {
namespace cuda {

struct NoDistances {
  static constexpr bool kScale = false;
};

// Of the rows, or the keys, that a thread keeps.
template <int kKept>
struct Distances {
  static constexpr bool kScale = true;
  const AttentionDistances& of;
  const int32_t* other;  // positions of what comes along, of the batch item
  int32_t position[kKept];

  __device__ int32_t at(int64_t i) const { return __ldg(other + i); }
  // Of any two positions, without overflow.
  __device__ float factor(int kept, int32_t along) const {
    const int32_t mine = position[kept];
    const uint32_t apart = mine > along ? uint32_t(mine) - uint32_t(along) : uint32_t(along) - uint32_t(mine);
    return __ldg(of.factors + min(apart, uint32_t(of.reach)));
  }
};

}  // namespace cuda
}  // namespace tsv
