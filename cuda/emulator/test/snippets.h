// Runs one instruction, or a few, on values chosen for each lane.
#ifndef TOKENSIEVE_EMULATOR_SNIPPETS_H
#define TOKENSIEVE_EMULATOR_SNIPPETS_H
#include <stdint.h>
#include <string.h>

#include <string>
#include <vector>

#include "emulator.h"

namespace test {

struct Row {
  uint64_t a, b, c, expected;
  uint64_t e = 0;
};

// Each row's values stand in %ha, %ra and %qa (16, 32 and 64 bits), and so on for b, c and e; %pa says
// whether a is not 0. The code writes %hd, %rd, %qd or %pd: the one that it names is compared, for all lanes
// and for a part of them.
void check_rows(const std::string& code, const std::vector<Row>& rows);

// The result of the code in each of 32 lanes, whose a, b, c and e are given by the lane's number. Empty at a
// fault.
std::vector<uint64_t> run_lanes(const std::string& code, const std::vector<Row>& rows,
                                tsv_sim::Fault* fault = nullptr, uint32_t threads = 32);

// Everything that ran, as one module: what ptxas should accept too.
std::string snippets_as_module();
// Asks ptxas, where it is installed; says so where it is not.
void assemble_snippets();

// A whole kernel `k` of (out), whose text between the braces is given, over uint32_t out[count].
struct KernelRun {
  std::string error;
  bool done = false;
  tsv_sim::Fault fault;
  tsv_sim::Counters counters;
  std::vector<uint32_t> out;
};
KernelRun run_kernel(const std::string& body, size_t count, const tsv_sim::LaunchConfig& config);

inline uint32_t bits(float value) {
  uint32_t result;
  memcpy(&result, &value, sizeof result);
  return result;
}
inline uint64_t bits(double value) {
  uint64_t result;
  memcpy(&result, &value, sizeof result);
  return result;
}
inline uint32_t u32(int64_t value) { return uint32_t(value); }

}  // namespace test
#endif
