#include "counters.h"

namespace tsv_sim {

void Counters::add(const Counters& other) {
  for (const auto& [opcode, count] : other.mix) {
    InstructionCount& sum = mix[opcode];
    sum.warps += count.warps;
    sum.threads += count.threads;
  }
  warp_instructions += other.warp_instructions;
  thread_instructions += other.thread_instructions;
  branches += other.branches;
  divergent_branches += other.divergent_branches;
  barriers += other.barriers;
  memory.add(other.memory);
}

}  // namespace tsv_sim
