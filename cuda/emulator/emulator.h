// Executes the PTX that nvcc emits, on the CPU: warps of 32 lanes in lockstep that part at branches and meet
// again at their immediate post-dominators. A checker and an instrument, not a model of time.
//
//   std::string error;
//   auto module = tsv_sim::parse_module(text, &error);
//   DeviceMemory memory;
//   module->load(memory);                                   // places .global and .const variables
//   const Kernel* kernel = module->find("tsv_thing");
//   launch(*kernel, config, params, memory, &counters, &fault);
#ifndef TOKENSIEVE_EMULATOR_EMULATOR_H
#define TOKENSIEVE_EMULATOR_EMULATOR_H
#include <stdint.h>

#include <memory>
#include <string>

#include "counters.h"
#include "fault.h"
#include "memory.h"
#include "ptx.h"

namespace tsv_sim {

// Null and `error` (with the line) for text that is not PTX or has an instruction, modifier or directive
// unknown here.
std::unique_ptr<Module> parse_module(const std::string& text, std::string* error);

struct LaunchConfig {
  uint32_t grid[3] = {1, 1, 1};
  uint32_t block[3] = {1, 1, 1};
  uint32_t dynamic_shared = 0;  // bytes
  uint64_t seed = 0;            // draws the order of blocks, and of warps within each; 0 is the plain order
  bool checks = true;           // off: only what would harm the host is checked, such as bounds
  int host_threads = 1;  // share the blocks; results of kernels that depend on block order may then vary
  uint64_t instruction_budget = uint64_t(1)
                                << 34;  // warp instructions of one block before it counts as endless
};

// Runs a kernel to its end. `params[i]` points at the value of parameter i, of `kernel.parameters[i].bytes`
// bytes. Returns false, with `fault` set, at the first fault: of the earliest block in the seed's order,
// whatever the threads. `counters` is added to, faults or not. `counters` and `fault` may be null.
bool launch(const Kernel& kernel, const LaunchConfig& config, const void* const* params, DeviceMemory& memory,
            Counters* counters, Fault* fault);

}  // namespace tsv_sim
#endif
