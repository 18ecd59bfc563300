// What the environment says, read once when the library is first used. README.md lists the variables.
#ifndef TOKENSIEVE_CUDASIM_SETTINGS_H
#define TOKENSIEVE_CUDASIM_SETTINGS_H
#include <stdint.h>

#include <string>

namespace cudasim {

struct Settings {
  int architecture = 90;
  int devices = 1;
  int driver_version = 13000;
  uint64_t memory = uint64_t(1) << 34;  // bytes of a device
  bool memory_pools = true;
  uint64_t seed = 0;
  bool checks = true;
  int host_threads = 1;
  std::string failures;
  std::string counters;  // path; empty: nothing is counted
  bool counters_by_launch = false;
  std::string leaks;    // path; empty: no report
  std::string problem;  // what makes no sense, empty if all does
};

const Settings& settings();

}  // namespace cudasim
#endif
