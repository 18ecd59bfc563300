#include "bank_conflicts.h"

#include <algorithm>

namespace tsv_sim {
namespace {

constexpr int kBanks = 32;

// Wavefronts of the lanes from `first` to `end` that are in `mask`.
int passes_of_group(const uint64_t* address, uint32_t mask, uint32_t bytes, int first, int end) {
  uint32_t words[kBanks][kBanks];  // distinct words of each bank
  int count[kBanks];               // set with the bank's bit in `used`
  uint32_t used = 0;
  int most = 0;
  for (int lane = first; lane < end; ++lane) {
    if (!(mask >> lane & 1)) continue;
    const auto last = uint32_t((address[lane] + bytes - 1) / 4);
    for (auto word = uint32_t(address[lane] / 4); word <= last; ++word) {
      const uint32_t bank = word % kBanks;
      if (!(used >> bank & 1)) {
        used |= 1u << bank;
        count[bank] = 0;
      } else if (std::find(words[bank], words[bank] + count[bank], word) != words[bank] + count[bank]) {
        continue;
      }
      words[bank][count[bank]] = word;
      most = std::max(most, ++count[bank]);
    }
  }
  return most;
}

}  // namespace

SharedPasses count_shared_passes(const uint64_t* address, uint32_t mask, uint32_t bytes,
                                 const Footprint& footprint) {
  const int groups = bytes <= 4 ? 1 : int(bytes) / 4;
  const int lanes = 32 / groups;
  // Words in a row, and words that lie within one row of the banks, do not meet in a bank.
  const uint64_t first = footprint.begin[0] / 4, last = (footprint.end[footprint.count - 1] - 1) / 4;
  const bool apart = footprint.whole || last - first < kBanks;
  SharedPasses passes;
  for (int group = 0; group < groups; ++group) {
    const uint32_t members = uint32_t((uint64_t(1) << lanes) - 1) << (group * lanes);
    if ((mask & members) == 0) continue;
    ++passes.needed;
    passes.taken += apart ? 1 : passes_of_group(address, mask, bytes, group * lanes, (group + 1) * lanes);
  }
  return passes;
}

}  // namespace tsv_sim
