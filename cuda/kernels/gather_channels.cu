// tokens[r,i,k] = x[r,i,index of row r's k-th]: channels by index, moved as they are.
//
// A warp for 128 channels of four tokens, 8 warps a block: a lane's four indices are read once for all four,
// and its 16 loads are under way at a time. What a warp reads of a row lies where the indices say: sorted
// ones touch each sector once, and others find them in L1. Stores are coalesced. The limit is the bandwidth
// of memory over the sectors that are touched, of which half of the channels touches nearly all. An index
// that is no channel is reported and gives zeros.
#include "common.cuh"

namespace tsv {
namespace cuda {

__device__ inline int64_t channel_at(const GatherChannelsArguments& a, int64_t i) {
  return a.index_bytes == 8 ? static_cast<const int64_t*>(a.indices)[i]
                            : int64_t(static_cast<const int32_t*>(a.indices)[i]);
}

template <class Item>
__device__ inline void gather_items(const GatherChannelsArguments& a) {
  constexpr int kAtOnce = kGatheredChannels / kWarp;
  const int64_t unit = int64_t(blockIdx.x) * (blockDim.x / kWarp) + warp();
  if (unit >= a.rows * a.groups * a.pieces) return;
  const int64_t row = unit / a.pieces / a.groups, first = unit % a.pieces * kGatheredChannels + lane();
  const int64_t token = unit / a.pieces % a.groups * kGatheredTokens;
  const int64_t list = a.rows_a_list == 0 ? 0 : row / a.rows_a_list;
  int64_t channel[kAtOnce];
#pragma unroll
  for (int w = 0; w < kAtOnce; ++w) {
    const int64_t k = first + w * kWarp;
    channel[w] = -1;
    if (k >= a.count) continue;
    const int64_t index = channel_at(a, list * a.count + k);
    if (index >= 0 && index < a.channels) {
      channel[w] = index;
    } else {
      report_range(a.fault, TSV_ARG_INDICES, double(index), 0, a.channels - 1, list * a.count + k);
    }
  }
  const Item* x = static_cast<const Item*>(a.x) + (row * a.n + token) * a.channels;
  Item* out = static_cast<Item*>(a.tokens) + (row * a.n + token) * a.count;
  Item item[kGatheredTokens][kAtOnce];
#pragma unroll
  for (int t = 0; t < kGatheredTokens; ++t) {
#pragma unroll
    for (int w = 0; w < kAtOnce; ++w) {
      item[t][w] = token + t < a.n && channel[w] >= 0 ? x[t * a.channels + channel[w]] : Item(0);
    }
  }
#pragma unroll
  for (int t = 0; t < kGatheredTokens; ++t) {
#pragma unroll
    for (int w = 0; w < kAtOnce; ++w) {
      const int64_t k = first + w * kWarp;
      if (token + t < a.n && k < a.count) out[t * a.count + k] = item[t][w];
    }
  }
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

extern "C" __global__ void __launch_bounds__(256) tsv_gather_columns(const GatherChannelsArguments a) {
  switch (a.item_bytes) {
    case 1:
      return gather_items<uint8_t>(a);
    case 2:
      return gather_items<uint16_t>(a);
    case 4:
      return gather_items<uint32_t>(a);
    default:
      return gather_items<uint64_t>(a);
  }
}
