// What is written for whoever runs the double: counters of kernels, and what was not given back.
#ifndef TOKENSIEVE_CUDASIM_REPORT_H
#define TOKENSIEVE_CUDASIM_REPORT_H
#include <string>

#include "../emulator.h"
#include "cudasim.h"

namespace cudasim {

bool counts_launches();
void count_launch(const std::string& kernel, const tsv_sim::LaunchConfig& config,
                  const tsv_sim::Counters& counters);
std::string counters_json();

cudasim_live_objects live_objects();

// To the files that the environment names, when the process ends.
void write_counters();
void write_leaks();

}  // namespace cudasim
#endif
