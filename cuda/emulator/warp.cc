#include "warp.h"

#include "emulator.h"

namespace tsv_sim {

void Warp::raise(FaultKind kind, const Instruction& instruction, int lane, uint64_t address,
                 std::string text) {
  if (block->faulted()) return;
  Fault& fault = block->fault;
  const Kernel& kernel = *block->kernel;
  fault.kind = kind;
  fault.kernel = kernel.name;
  fault.line = instruction.line;
  const size_t at = size_t(&instruction - kernel.code.data());
  if (at < kernel.lines.size()) fault.instruction = kernel.lines[at];
  for (int i = 0; i < 3; ++i) fault.block[i] = block->index[i];
  if (lane >= 0) {
    const uint32_t thread = index * kLanes + uint32_t(lane), *shape = block->config->block;
    fault.thread = int32_t(thread);
    fault.thread3[0] = thread % shape[0];
    fault.thread3[1] = thread / shape[0] % shape[1];
    fault.thread3[2] = thread / (shape[0] * shape[1]);
  }
  fault.address = address;
  fault.text = std::move(text);
}

void Warp::addresses(const Operand& operand, int32_t offset, uint64_t out[kLanes]) {
  if (operand.kind == OperandKind::kRegister64) {
    const uint64_t* const base = lanes64(operand);
    for (int lane = 0; lane < kLanes; ++lane) out[lane] = base[lane] + uint64_t(int64_t(offset));
  } else {
    const uint32_t* const base = lanes32(operand);
    for (int lane = 0; lane < kLanes; ++lane) out[lane] = uint32_t(base[lane] + uint32_t(offset));
  }
}

}  // namespace tsv_sim
