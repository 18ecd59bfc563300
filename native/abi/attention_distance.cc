#include "abi/attention_distance.h"

#include <algorithm>

#include "runtime/workspace.h"

namespace tsv {
namespace {

// How far apart the positions of a call are at most.
int64_t greatest_distance(const AttentionProblem& p) {
  int64_t least = INT32_MAX, greatest = INT32_MIN;
  const auto count = [&](int64_t position) {
    least = std::min(least, position);
    greatest = std::max(greatest, position);
  };
  for (int64_t b = 0; b < p.batch; ++b) {
    for (int64_t j = 0; j < p.keys; ++j) count(p.key_position(b, j));
    for (int64_t i = 0; i < p.queries; ++i) count(p.query_position(b, i));
  }
  return std::max<int64_t>(greatest - least, 0);
}

}  // namespace

DistanceFactors::DistanceFactors(const AttentionProblem& p)
    : reach_(std::min(p.distance_scale.dim[0] - 1, greatest_distance(p))),
      mirrored_(size_t(2 * (reach_ + kRunKeys) + 1)) {
  const float* given = p.distance_scale.as<float>();
  float* zero = mirrored_.data() + reach_ + kRunKeys;
  for (int64_t d = 0; d <= reach_ + kRunKeys; ++d) zero[d] = zero[-d] = given[std::min(d, reach_)];
}

RowDistances read_distances(const AttentionProblem& p, const DistanceFactors& factors, int64_t b,
                            const std::vector<int32_t>& queries) {
  RowDistances of;
  of.factors = &factors;
  for (const int32_t query : queries) of.row_position.push_back(p.query_position(b, query));
  for (int64_t j = 0; j < p.keys; ++j) of.key_position.push_back(p.key_position(b, j));
  while (of.key_position.size() % size_t(kRunKeys) != 0) {
    of.key_position.push_back(std::min(of.key_position.back(), INT32_MAX - 1) + 1);
  }
  for (size_t first = 0; first < of.key_position.size(); first += size_t(kRunKeys)) {
    const int32_t* key = of.key_position.data() + first;
    bool run = true;
    for (int i = 1; i < kRunKeys; ++i) run = run && int64_t(key[i]) == int64_t(key[0]) + i;
    of.runs.push_back(run ? 1 : 0);
  }
  return of;
}

}  // namespace tsv
