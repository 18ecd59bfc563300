// Fewer slots than registers.
#ifndef TOKENSIEVE_EMULATOR_REGISTER_SLOTS_H
#define TOKENSIEVE_EMULATOR_REGISTER_SLOTS_H
#include "ptx.h"

namespace tsv_sim {

// nvcc's PTX has a register for each value, thousands of them: a MiB to a warp, which no cache keeps.
// Registers that are never live at once get one slot (Poletto and Sarkar, "Linear Scan Register Allocation",
// 1999). Constants keep slots of their own, at the beginning: Kernel::constant_bytes.
//
// Liveness is that of a single thread, which is enough where lanes part: a lane's registers are written only
// when it executes, on its own path.
void share_slots(Kernel& kernel);

}  // namespace tsv_sim
#endif
