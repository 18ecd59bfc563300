// What the kernel of attention_distance.h reads: the factors of a call, and where the keys and rows of each
// batch item stand.
#ifndef TOKENSIEVE_ABI_ATTENTION_DISTANCE_H
#define TOKENSIEVE_ABI_ATTENTION_DISTANCE_H
#include <vector>

#include "abi/attention_problem.h"

namespace tsv {

// The factors of a call, mirrored around distance 0, up to the greatest distance that it has.
class DistanceFactors {
 public:
  explicit DistanceFactors(const AttentionProblem& p);
  int64_t reach() const { return reach_; }
  const float* at_zero() const { return mirrored_.data() + reach_ + kRunKeys; }

 private:
  int64_t reach_;
  std::vector<float> mirrored_;
};

// The places of a batch item.
struct RowDistances {
  const DistanceFactors* factors = nullptr;
  std::vector<int32_t> row_position;  // of each row
  std::vector<int32_t> key_position;  // and on as they go, up to a multiple of kRunKeys
  std::vector<uint8_t> runs;          // by kRunKeys keys: 1 where their positions follow each other
};

RowDistances read_distances(const AttentionProblem& p, const DistanceFactors& factors, int64_t b,
                            const std::vector<int32_t>& queries);

}  // namespace tsv
#endif
