// Blocks over host threads: who runs which is settled beforehand, so that counters and faults do not depend
// on timing.
#include <string.h>

#include <atomic>
#include <numeric>
#include <thread>

#include "machine.h"

namespace tsv_sim {
namespace {

// What the device would refuse; empty if nothing.
std::string launch_error(const Kernel& kernel, const LaunchConfig& config) {
  const uint64_t threads = uint64_t(config.block[0]) * config.block[1] * config.block[2];
  const uint32_t most = kernel.max_threads ? std::min(kernel.max_threads, 1024u) : 1024u;
  const uint32_t shared_limit = kernel.module->target < 80 ? 64u << 10 : 227u << 10;
  if (threads == 0 || config.block[0] > 1024 || config.block[1] > 1024 || config.block[2] > 64 ||
      threads > most) {
    return "a block of " + std::to_string(threads) + " threads, of at most " + std::to_string(most);
  }
  if (config.grid[0] == 0 || config.grid[1] == 0 || config.grid[2] == 0 || config.grid[0] > 0x7fffffffu ||
      config.grid[1] > 0xffffu || config.grid[2] > 0xffffu) {
    return "a grid of (" + std::to_string(config.grid[0]) + ", " + std::to_string(config.grid[1]) + ", " +
           std::to_string(config.grid[2]) + ") blocks";
  }
  const uint64_t shared = uint64_t(kernel.dynamic_shared_base()) + config.dynamic_shared;
  if (shared > shared_limit)
    return std::to_string(shared) + " bytes of shared memory, of at most " + std::to_string(shared_limit);
  if (!kernel.module->variables.empty() && !kernel.module->loaded)
    return "the module's variables are not loaded";
  return "";
}

std::vector<uint64_t> schedule(const LaunchConfig& config) {
  std::vector<uint64_t> order(uint64_t(config.grid[0]) * config.grid[1] * config.grid[2]);
  std::iota(order.begin(), order.end(), uint64_t(0));
  if (config.seed == 0) return order;
  Random random(config.seed);
  for (size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[random.below(i + 1)]);
  return order;
}

void collect(const Kernel& kernel, const MachineCounts& counts, Counters* total) {
  for (size_t i = 0; i < kernel.code.size(); ++i) {
    const InstructionCount& count = counts.instructions[i];
    if (count.warps == 0) continue;
    InstructionCount& mix = total->mix[kernel.opcodes[kernel.code[i].opcode]];
    mix.warps += count.warps;
    mix.threads += count.threads;
    total->warp_instructions += count.warps;
    total->thread_instructions += count.threads;
  }
  total->branches += counts.branches;
  total->divergent_branches += counts.divergent_branches;
  total->barriers += counts.barriers;
  total->memory.add(counts.memory);
}

std::vector<uint8_t> pack_parameters(const Kernel& kernel, const void* const* params) {
  std::vector<uint8_t> bytes(kernel.parameter_bytes);
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    memcpy(bytes.data() + kernel.parameters[i].offset, params[i], kernel.parameters[i].bytes);
  }
  return bytes;
}

}  // namespace

bool launch(const Kernel& kernel, const LaunchConfig& config, const void* const* params, DeviceMemory& memory,
            Counters* counters, Fault* fault) {
  const std::string error = launch_error(kernel, config);
  if (!error.empty()) {
    if (fault) {
      *fault = Fault();
      fault->kind = FaultKind::kBadLaunch;
      fault->kernel = kernel.name;
      fault->text = error;
    }
    return false;
  }
  const std::vector<uint8_t> parameters = pack_parameters(kernel, params);
  memory.begin_launch();
  const std::vector<uint64_t> order = schedule(config);
  const size_t threads = std::min(order.size(), size_t(std::max(config.host_threads, 1)));
  std::vector<std::unique_ptr<BlockMachine>> machines(threads);
  // Blocks behind the first fault of the order are not begun; those before it all are.
  std::atomic<size_t> first_fault{order.size()};
  const auto work = [&](size_t thread) {
    machines[thread] = std::make_unique<BlockMachine>(kernel, config, parameters.data(), memory);
    for (size_t at = thread; at < first_fault.load(); at += threads) {
      if (machines[thread]->run(order[at])) continue;
      for (size_t before = first_fault.load();
           at < before && !first_fault.compare_exchange_weak(before, at);) {
      }
      break;
    }
  };
  std::vector<std::thread> helpers;
  for (size_t i = 1; i < threads; ++i) helpers.emplace_back(work, i);
  work(0);
  for (std::thread& helper : helpers) helper.join();
  for (const auto& machine : machines) {
    if (counters) collect(kernel, machine->counts(), counters);
  }
  const size_t at = first_fault.load();
  if (at < order.size() && fault) *fault = machines[at % threads]->fault();
  return at == order.size();
}

}  // namespace tsv_sim
