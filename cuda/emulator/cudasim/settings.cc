#include "settings.h"

#include <errno.h>
#include <stdlib.h>

#include "architecture.h"

namespace cudasim {
namespace {

std::string variable(const char* name) {
  const char* const value = getenv(name);
  return value != nullptr ? value : "";
}

// Sets `value` if the variable is set, and `problem` if it is no number from `least` to `most`.
template <class T>
void read_number(const char* name, uint64_t least, uint64_t most, T* value, std::string* problem) {
  const std::string text = variable(name);
  if (text.empty()) return;
  char* end = nullptr;
  errno = 0;
  const unsigned long long number = strtoull(text.c_str(), &end, 10);
  if (errno != 0 || *end != '\0' || text[0] < '0' || text[0] > '9' || number < least || number > most) {
    *problem = std::string(name) + " must be a number from " + std::to_string(least) + " to " +
               std::to_string(most) + "; got '" + text + "'";
    return;
  }
  *value = T(number);
}

Settings read() {
  Settings read;
  std::string* const problem = &read.problem;
  read_number("TOKENSIEVE_CUDASIM_ARCH", 0, 999, &read.architecture, problem);
  read_number("TOKENSIEVE_CUDASIM_DEVICES", 0, 16, &read.devices, problem);
  read_number("TOKENSIEVE_CUDASIM_DRIVER_VERSION", 1, 999999, &read.driver_version, problem);
  read_number("TOKENSIEVE_CUDASIM_MEMORY", 1, uint64_t(1) << 40, &read.memory, problem);
  read_number("TOKENSIEVE_CUDASIM_POOLS", 0, 1, &read.memory_pools, problem);
  read_number("TOKENSIEVE_CUDASIM_SEED", 0, UINT64_MAX, &read.seed, problem);
  read_number("TOKENSIEVE_CUDASIM_THREADS", 1, 256, &read.host_threads, problem);
  read_number("TOKENSIEVE_CUDASIM_CHECKS", 0, 1, &read.checks, problem);
  read_number("TOKENSIEVE_CUDASIM_COUNTERS_BY_LAUNCH", 0, 1, &read.counters_by_launch, problem);
  read.failures = variable("TOKENSIEVE_CUDASIM_FAIL");
  read.counters = variable("TOKENSIEVE_CUDASIM_COUNTERS");
  read.leaks = variable("TOKENSIEVE_CUDASIM_LEAKS");
  if (find_architecture(read.architecture) == nullptr)
    *problem = "TOKENSIEVE_CUDASIM_ARCH must be one of " + architecture_numbers() + "; got '" +
               variable("TOKENSIEVE_CUDASIM_ARCH") + "'";
  return read;
}

}  // namespace

const Settings& settings() {
  static const Settings* const settings = new Settings(read());  // threads may outlive static objects
  return *settings;
}

}  // namespace cudasim
