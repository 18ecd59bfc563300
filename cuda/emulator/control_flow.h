// Where the lanes that a branch parts meet again.
#ifndef TOKENSIEVE_EMULATOR_CONTROL_FLOW_H
#define TOKENSIEVE_EMULATOR_CONTROL_FLOW_H
#include "ptx.h"

namespace tsv_sim {

// Sets Instruction::reconvergence of every branch to its immediate post-dominator: the first instruction that
// all paths from the branch to the kernel's end pass.
void find_reconvergence(Kernel& kernel);

// For each instruction, whether what follows from it is nothing but an exit: `ret`, or a jump to one.
std::vector<bool> leads_to_exit(const Kernel& kernel);

}  // namespace tsv_sim
#endif
