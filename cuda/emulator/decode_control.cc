// Branches, exits, barriers and fences. The machine does what they mean; here is only what they say.
#include "decoders.h"
#include "machine.h"

namespace tsv_sim {
namespace {

void nothing(Warp&, const Instruction&, uint32_t) {}

void trap(Warp& warp, const Instruction& instruction, uint32_t mask) {
  warp.raise(FaultKind::kTrap, instruction, __builtin_ctz(mask), 0, "the kernel stopped itself");
}

// bar.sync a{, b}; bar.arrive a, b; bar.red.op d, a{, b}, c. With .cta and as `barrier` too.
void decode_barrier(Decoder& decoder) {
  Instruction& instruction = decoder.instruction();
  decoder.take("cta");
  decoder.take("aligned");
  instruction.flow = Flow::kBarrier;
  instruction.execute = nothing;
  const size_t given = decoder.statement().arguments.size();
  if (decoder.take("red")) {
    const int operation = decoder.take_one_of({"popc", "and", "or"});
    const bool counts = operation == 0;
    if (operation < 0 || !decoder.take(counts ? "u32" : "pred"))
      decoder.fail("no such reduction at a barrier");
    instruction.mode = uint8_t(int(BarrierKind::kPopulation) + operation);
    decoder.destination(0, counts ? Type::kU32 : Type::kPred);
    decoder.source(1, Type::kU32);
    instruction.mode2 = given == 4;
    if (given == 4) decoder.source(2, Type::kU32);
    decoder.source(given - 1, Type::kPred);
    return;
  }
  const bool arrives = decoder.take("arrive");
  if (!arrives && !decoder.take("sync")) decoder.fail("no such barrier");
  instruction.mode = uint8_t(arrives ? BarrierKind::kArrive : BarrierKind::kSync);
  instruction.mode2 = given == 2;
  decoder.source(0, Type::kU32);
  if (given == 2)
    decoder.source(1, Type::kU32);
  else if (arrives)
    decoder.fail("bar.arrive needs a count of threads");
}

}  // namespace

bool decode_control(Decoder& decoder) {
  Instruction& instruction = decoder.instruction();
  instruction.execute = nothing;
  if (decoder.is("bra")) {
    decoder.take("uni");
    instruction.flow = Flow::kBranch;
    decoder.branch_to(0);
  } else if (decoder.is("brx")) {
    if (!decoder.take("idx")) decoder.fail("only brx.idx is known");
    decoder.take("uni");
    instruction.flow = Flow::kIndexedBranch;
    decoder.source(0, Type::kU32);
    decoder.branch_to(1);
  } else if (decoder.is("ret") || decoder.is("exit")) {
    decoder.take("uni");
    instruction.flow = Flow::kExit;
  } else if (decoder.is("trap") || decoder.is("brkpt")) {
    instruction.flow = Flow::kMayFault;
    instruction.execute = trap;
  } else if (decoder.is("bar") || decoder.is("barrier")) {
    decode_barrier(decoder);
  } else if (decoder.is("membar")) {
    if (decoder.take_one_of({"cta", "gl", "sys"}) < 0) decoder.fail("the level is missing");
  } else if (decoder.is("fence")) {
    decoder.take_one_of({"sc", "acq_rel"});
    if (decoder.take_one_of({"cta", "cluster", "gpu", "sys"}) < 0) decoder.fail("the scope is missing");
  } else if (decoder.is("nanosleep")) {
    if (!decoder.take("u32")) decoder.fail("the type is missing");
    decoder.source(0, Type::kU32);
  } else {
    return false;
  }
  return true;
}

}  // namespace tsv_sim
