#include "bank_conflicts.h"

#include <algorithm>

namespace tsv_sim {
namespace {

constexpr int kBanks = 32;

// Wavefronts of the lanes from `first` to `end` that are in `mask`.
int passes_of_group(const uint64_t* address, uint32_t mask, uint32_t bytes, int first, int end) {
  uint32_t words[kBanks][kBanks];  // distinct words of each bank
  int count[kBanks] = {}, most = 0;
  for (int lane = first; lane < end; ++lane) {
    if (!(mask >> lane & 1)) continue;
    const auto last = uint32_t((address[lane] + bytes - 1) / 4);
    for (auto word = uint32_t(address[lane] / 4); word <= last; ++word) {
      const uint32_t bank = word % kBanks;
      uint32_t* const end_of_bank = words[bank] + count[bank];
      if (std::find(words[bank], end_of_bank, word) != end_of_bank) continue;
      *end_of_bank = word;
      most = std::max(most, ++count[bank]);
    }
  }
  return most;
}

}  // namespace

SharedPasses count_shared_passes(const uint64_t* address, uint32_t mask, uint32_t bytes) {
  const int groups = bytes <= 4 ? 1 : int(bytes) / 4;
  const int lanes = 32 / groups;
  SharedPasses passes;
  for (int group = 0; group < groups; ++group) {
    const int taken = passes_of_group(address, mask, bytes, group * lanes, (group + 1) * lanes);
    passes.needed += taken > 0;
    passes.taken += taken;
  }
  return passes;
}

}  // namespace tsv_sim
