#include "report.h"

#include <stdio.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "context.h"
#include "host_memory.h"
#include "settings.h"

namespace cudasim {
namespace {

struct KernelCounters {
  uint64_t launches = 0, blocks = 0, threads = 0;
  uint64_t dynamic_shared = 0;  // bytes, of the launch that asks for most
  tsv_sim::Counters counters;
};

struct Sums {
  std::mutex mutex;
  std::map<std::string, KernelCounters> kernels;
};

Sums& sums() {
  static auto* const sums = new Sums;  // threads may outlive static objects
  return *sums;
}

uint64_t product(const uint32_t (&size)[3]) { return uint64_t(size[0]) * size[1] * size[2]; }

std::string member(const char* name, uint64_t value) {
  return "\"" + std::string(name) + "\": " + std::to_string(value) + ", ";
}

// Names of kernels and opcodes have nothing that JSON would escape.
std::string json(const KernelCounters& sum) {
  const tsv_sim::Counters& counters = sum.counters;
  std::string text =
      "{" + member("launches", sum.launches) + member("blocks", sum.blocks) + member("threads", sum.threads) +
      member("dynamic_shared", sum.dynamic_shared) + member("warp_instructions", counters.warp_instructions) +
      member("thread_instructions", counters.thread_instructions) + member("branches", counters.branches) +
      member("divergent_branches", counters.divergent_branches) + member("barriers", counters.barriers);
  for (const auto& [name, value] : counters.memory.list()) text += member(name, value);
  text += "\"mix\": {";
  const char* separator = "";
  for (const auto& [opcode, count] : counters.mix) {
    text += separator + ("\"" + opcode + "\": [" + std::to_string(count.warps) + ", ") +
            std::to_string(count.threads) + "]";
    separator = ", ";
  }
  return text + "}}";
}

void write_file(const std::string& path, const char* mode, const std::string& text) {
  FILE* const file = fopen(path.c_str(), mode);
  if (file == nullptr || fputs(text.c_str(), file) < 0)
    fprintf(stderr, "libcudasim: %s could not be written\n", path.c_str());
  if (file != nullptr) fclose(file);
}

}  // namespace

bool counts_launches() { return !settings().counters.empty(); }

void count_launch(const std::string& kernel, const tsv_sim::LaunchConfig& config,
                  const tsv_sim::Counters& counters) {
  const uint64_t blocks = product(config.grid);
  const KernelCounters launch = {1, blocks, blocks * product(config.block), config.dynamic_shared, counters};
  const std::lock_guard<std::mutex> lock(sums().mutex);
  KernelCounters& sum = sums().kernels[kernel];
  sum.launches += 1;
  sum.blocks += launch.blocks;
  sum.threads += launch.threads;
  sum.dynamic_shared = std::max(sum.dynamic_shared, launch.dynamic_shared);
  sum.counters.add(counters);
  if (settings().counters_by_launch)
    write_file(settings().counters, "a",
               "{\"kernel\": \"" + kernel + "\", \"counters\": " + json(launch) + "}\n");
}

std::string counters_json() {
  const std::lock_guard<std::mutex> lock(sums().mutex);
  std::string text = "{";
  for (const auto& [kernel, sum] : sums().kernels)
    text += (text.size() > 1 ? ",\n\"" : "\n\"") + kernel + "\": " + json(sum);
  return text + (text.size() > 1 ? "\n}" : "}");
}

cudasim_live_objects live_objects() {
  cudasim_live_objects live = {};
  for (const auto& context : contexts().all()) live.contexts += context->destroyed() ? 0 : 1;
  live.streams = streams().size();
  live.events = events().size();
  live.modules = modules().size();
  live.pools = pools().size() - devices().size();
  for (const auto& device : devices()) device->count(&live.allocations, &live.allocated_bytes);
  count_host_blocks(&live.pinned_blocks, &live.pinned_bytes);
  return live;
}

void write_counters() {
  if (counts_launches() && !settings().counters_by_launch)
    write_file(settings().counters, "w", counters_json() + "\n");
}

void write_leaks() {
  if (settings().leaks.empty()) return;
  const cudasim_live_objects live = live_objects();
  std::string text = "{" + member("contexts", live.contexts) + member("streams", live.streams) +
                     member("events", live.events) + member("modules", live.modules) +
                     member("pools", live.pools) + member("allocations", live.allocations) +
                     member("allocated_bytes", live.allocated_bytes) +
                     member("pinned_blocks", live.pinned_blocks) + member("pinned_bytes", live.pinned_bytes);
  text.replace(text.size() - 2, 2, "}\n");
  write_file(settings().leaks, "w", text);
}

}  // namespace cudasim
