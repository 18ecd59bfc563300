// Launches: refused where a device would refuse them, copied with their arguments, run in stream order.
#include <string.h>

#include "context.h"
#include "entry_points.h"
#include "failures.h"
#include "faults.h"
#include "report.h"
#include "settings.h"
#include "work.h"

namespace cudasim {
namespace {

// Keys of a launch's `extra`
constexpr uintptr_t kParameterEnd = 0, kParameterBuffer = 1, kParameterBufferSize = 2;

struct Launch {
  std::shared_ptr<LoadedModule> module;
  const tsv_sim::Kernel* kernel = nullptr;
  tsv_sim::LaunchConfig config;
  std::vector<uint8_t> arguments;  // as the kernel lays them out
};

bool fits(const uint32_t (&size)[3], const uint32_t (&most)[3]) {
  for (int i = 0; i < 3; ++i) {
    if (size[i] == 0 || size[i] > most[i]) return false;
  }
  return true;
}

Result check_size(const Launch& launch, const Function& function) {
  const tsv_sim::LaunchConfig& config = launch.config;
  if (!fits(config.grid, kMaxGrid) || !fits(config.block, kMaxBlock)) return kInvalidValue;
  const uint64_t threads = uint64_t(config.block[0]) * config.block[1] * config.block[2];
  if (threads > uint64_t(kMaxThreadsPerBlock)) return kInvalidValue;
  if (int64_t(config.dynamic_shared) > function.most_dynamic_shared) return kInvalidValue;
  const uint32_t bound = launch.kernel->max_threads;  // __launch_bounds__
  return bound != 0 && threads > bound ? kLaunchOutOfResources : kSuccess;
}

// Copies the arguments, from pointers to each or from a buffer that holds all.
Result read_arguments(Launch* launch, void* const* parameters, void* const* extra) {
  const tsv_sim::Kernel& kernel = *launch->kernel;
  launch->arguments.resize(kernel.parameter_bytes);
  if (parameters != nullptr && extra != nullptr) return kInvalidValue;
  if (kernel.parameters.empty()) return kSuccess;
  if (parameters != nullptr) {
    for (size_t i = 0; i < kernel.parameters.size(); ++i) {
      if (parameters[i] == nullptr) return kInvalidValue;
      memcpy(&launch->arguments[kernel.parameters[i].offset], parameters[i], kernel.parameters[i].bytes);
    }
    return kSuccess;
  }
  const void* buffer = nullptr;
  size_t bytes = 0;
  for (; extra != nullptr && reinterpret_cast<uintptr_t>(*extra) != kParameterEnd; extra += 2) {
    const auto key = reinterpret_cast<uintptr_t>(extra[0]);
    if (extra[1] == nullptr || (key != kParameterBuffer && key != kParameterBufferSize)) return kInvalidValue;
    if (key == kParameterBuffer) buffer = extra[1];
    if (key == kParameterBufferSize) memcpy(&bytes, extra[1], sizeof bytes);
  }
  if (buffer == nullptr || bytes != kernel.parameter_bytes) return kInvalidValue;
  memcpy(launch->arguments.data(), buffer, bytes);
  return kSuccess;
}

// Each launch has an order of its own, drawn from the one seed that a test sets.
uint64_t next_seed() {
  static std::atomic<uint64_t> launches{0};
  const uint64_t launch = launches++;
  return settings().seed != 0 ? settings().seed + launch * 0x9e3779b97f4a7c15u : 0;
}

Result run(const Launch& launch, Device& device) {
  std::vector<const void*> parameters;
  for (const tsv_sim::Parameter& parameter : launch.kernel->parameters)
    parameters.push_back(&launch.arguments[parameter.offset]);
  tsv_sim::Counters counters;
  tsv_sim::Fault fault;
  const bool counting = counts_launches();
  const std::lock_guard<std::mutex> working(device.work);
  const bool fine = tsv_sim::launch(*launch.kernel, launch.config, parameters.data(), device.memory,
                                    counting ? &counters : nullptr, &fault);
  if (counting) count_launch(launch.kernel->name, launch.config, counters);
  return fine ? kSuccess : report_fault(error_of(fault.kind), fault.message());
}

}  // namespace

Result cuLaunchKernel(Handle handle, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                      unsigned block_y, unsigned block_z, unsigned shared, Handle stream, void** parameters,
                      void** extra) {
  return in_context([&](Context& context) {
    const std::shared_ptr<Function> function = functions().find(handle);
    const std::shared_ptr<Stream> found = context.find_stream(stream);
    if (!function || !found) return kInvalidHandle;
    auto launch = std::make_shared<Launch>();
    launch->module = function->module.lock();
    if (!launch->module) return kInvalidHandle;
    if (launch->module->context != found->context()) return kInvalidHandle;
    if (found->context().get() != &context) return kInvalidContext;
    launch->kernel = function->kernel;
    tsv_sim::LaunchConfig& config = launch->config;
    const uint32_t grid[3] = {grid_x, grid_y, grid_z}, block[3] = {block_x, block_y, block_z};
    memcpy(config.grid, grid, sizeof grid);
    memcpy(config.block, block, sizeof block);
    config.dynamic_shared = shared;
    config.checks = settings().checks;
    config.host_threads = settings().host_threads;
    if (const Result wrong = check_size(*launch, *function)) return wrong;
    if (const Result wrong = read_arguments(launch.get(), parameters, extra)) return wrong;
    config.seed = next_seed();
    return enqueue_work(found, FailurePoint::launch, "the launch of " + launch->kernel->name,
                        [launch, &device = context.device()] { return run(*launch, device); });
  });
}

}  // namespace cudasim
