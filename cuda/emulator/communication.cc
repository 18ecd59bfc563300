// Instructions through which the lanes of a warp meet: shfl, vote, match, redux, activemask, bar.warp.sync,
// elect.
//
// CUDA asks that every thread named in a membermask that has not exited executes the same instruction with
// the same mask. Lanes in lockstep make that a check: a mask that names a live lane which is elsewhere, or
// does not name the lane that executes it, is a fault. So is what a shuffle reads from a lane that does not
// take part.
#include <algorithm>

#include "decoders.h"
#include "memory.h"

namespace tsv_sim {
namespace {

// Checks the masks in operand `index`. Each group of lanes with one mask counts as meeting.
bool check_masks(Warp& warp, const Instruction& instruction, size_t index, uint32_t mask) {
  const uint32_t* const masks = warp.lanes32(instruction.operands[index]);
  if (mask == kAllLanes) {
    uint32_t all = kAllLanes;
    for (int lane = 0; lane < kLanes; ++lane) all &= masks[lane];
    if (all == kAllLanes) {
      warp.block->memory->warp_barrier(warp, mask);
      return true;
    }
  }
  for (uint32_t rest = mask; rest != 0;) {
    const int lane = __builtin_ctz(rest);
    const uint32_t named = masks[lane];
    uint32_t same = 0;
    for (uint32_t others = rest; others != 0; others &= others - 1) {
      const int other = __builtin_ctz(others);
      if (masks[other] == named) same |= 1u << other;
    }
    const uint32_t unnamed = same & ~named, absent = named & warp.live & ~same;
    if (unnamed) {
      warp.raise(FaultKind::kWrongMask, instruction, __builtin_ctz(unnamed), 0,
                 "the mask does not name the lane that executes it");
      return false;
    }
    if (absent) {
      warp.raise(FaultKind::kWrongMask, instruction, __builtin_ctz(absent), 0,
                 "the mask names a lane that does not execute it with the others");
      return false;
    }
    warp.block->memory->warp_barrier(warp, same);
    rest &= ~same;
  }
  return true;
}

enum class Shuffle : uint8_t { kUp, kDown, kButterfly, kIndex };

// The lane that `lane` reads from, and whether that is in its segment: c holds the clamp in bits 0 to 4 and
// the segments' mask in bits 8 to 12.
template <Shuffle kMode>
int source_lane(int lane, uint32_t b, uint32_t c, bool* valid) {
  const int value = int(b & 31), clamp = int(c & 31), segment = int(c >> 8 & 31);
  const int lowest = lane & segment, limit = lowest | (clamp & ~segment);
  const int from = kMode == Shuffle::kUp          ? lane - value
                   : kMode == Shuffle::kDown      ? lane + value
                   : kMode == Shuffle::kButterfly ? lane ^ value
                                                  : lowest | (value & ~segment);
  *valid = kMode == Shuffle::kUp ? from >= limit : from <= limit;
  return *valid ? from : lane;
}

// shfl.sync.mode.b32 d|p, a, b, c, membermask
template <Shuffle kMode>
void shuffle(Warp& warp, const Instruction& instruction, uint32_t mask) {
  if (!check_masks(warp, instruction, 5, mask)) return;
  const uint32_t *a = warp.lanes32(instruction.operands[2]), *b = warp.lanes32(instruction.operands[3]),
                 *c = warp.lanes32(instruction.operands[4]);
  uint32_t result[kLanes], inside = 0;
  for (int lane = 0; lane < kLanes; ++lane) {
    bool valid;
    const int from = source_lane<kMode>(lane, b[lane], c[lane], &valid);
    if ((mask >> lane & 1) && !(mask >> from & 1)) {
      return warp.raise(FaultKind::kWrongMask, instruction, lane, 0,
                        "lane " + std::to_string(lane) + " reads from lane " + std::to_string(from) +
                            ", which does not execute it");
    }
    result[lane] = a[from & 31];
    inside |= uint32_t(valid) << lane;
  }
  uint32_t* const d = warp.lanes32(instruction.operands[0]);
  for (int lane = 0; lane < kLanes; ++lane) d[lane] = mask >> lane & 1 ? result[lane] : d[lane];
  uint32_t& predicate = warp.predicates[instruction.operands[1].slot];
  predicate = (predicate & ~mask) | (inside & mask);
}

void write_predicate(Warp& warp, const Operand& operand, uint32_t value, uint32_t mask) {
  uint32_t& predicate = warp.predicates[operand.slot];
  predicate = (predicate & ~mask) | (value & mask);
}

// The lanes that each lane meets: those whose mask is the same.
uint32_t group_of(Warp& warp, const Instruction& instruction, size_t mask_operand, int lane, uint32_t mask) {
  return warp.lanes32(instruction.operands[mask_operand])[lane] & mask;
}

enum class Vote : uint8_t { kAll, kAny, kUniform, kBallot };

void vote(Warp& warp, const Instruction& instruction, uint32_t mask) {
  if (!check_masks(warp, instruction, 2, mask)) return;
  const uint32_t holds = warp.predicate(instruction.operands[1]);
  uint32_t result = 0;
  for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    const uint32_t group = group_of(warp, instruction, 2, lane, mask), yes = holds & group;
    if (Vote(instruction.mode) == Vote::kBallot) warp.lanes32(instruction.operands[0])[lane] = yes;
    const bool truth = Vote(instruction.mode) == Vote::kAll   ? yes == group
                       : Vote(instruction.mode) == Vote::kAny ? yes != 0
                                                              : yes == group || yes == 0;
    result |= uint32_t(truth) << lane;
  }
  if (Vote(instruction.mode) != Vote::kBallot) write_predicate(warp, instruction.operands[0], result, mask);
}

// match.any.sync d, a, mask; match.all.sync d|p, a, mask. Operands: d, p, a, mask.
void match(Warp& warp, const Instruction& instruction, uint32_t mask) {
  if (!check_masks(warp, instruction, 3, mask)) return;
  const Operand& a = instruction.operands[2];
  const auto value = [&](int lane) {
    return a.kind == OperandKind::kRegister64 ? warp.lanes64(a)[lane] : warp.lanes32(a)[lane];
  };
  uint32_t result[kLanes] = {}, all = 0;
  for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    const uint32_t group = group_of(warp, instruction, 3, lane, mask);
    for (uint32_t others = group; others != 0; others &= others - 1) {
      const int other = __builtin_ctz(others);
      if (value(other) == value(lane)) result[lane] |= 1u << other;
    }
    const bool same = result[lane] == group;
    if (instruction.mode && !same) result[lane] = 0;
    all |= uint32_t(same) << lane;
  }
  uint32_t* const d = warp.lanes32(instruction.operands[0]);
  for (uint32_t rest = mask; rest != 0; rest &= rest - 1)
    d[__builtin_ctz(rest)] = result[__builtin_ctz(rest)];
  write_predicate(warp, instruction.operands[1], all, mask);
}

uint32_t reduce(const Instruction& instruction, uint32_t a, uint32_t b) {
  const bool is_signed_type = instruction.type == Type::kS32;
  switch (instruction.atomic) {
    case Atomic::kAdd:
      return a + b;
    case Atomic::kMin:
      return is_signed_type ? uint32_t(std::min(int32_t(a), int32_t(b))) : std::min(a, b);
    case Atomic::kMax:
      return is_signed_type ? uint32_t(std::max(int32_t(a), int32_t(b))) : std::max(a, b);
    case Atomic::kAnd:
      return a & b;
    case Atomic::kOr:
      return a | b;
    default:
      return a ^ b;
  }
}

void redux(Warp& warp, const Instruction& instruction, uint32_t mask) {
  if (!check_masks(warp, instruction, 2, mask)) return;
  uint32_t result[kLanes];
  const uint32_t* const a = warp.lanes32(instruction.operands[1]);
  for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    uint32_t group = group_of(warp, instruction, 2, lane, mask);
    result[lane] = a[__builtin_ctz(group)];
    for (group &= group - 1; group != 0; group &= group - 1) {
      result[lane] = reduce(instruction, result[lane], a[__builtin_ctz(group)]);
    }
  }
  uint32_t* const d = warp.lanes32(instruction.operands[0]);
  for (uint32_t rest = mask; rest != 0; rest &= rest - 1)
    d[__builtin_ctz(rest)] = result[__builtin_ctz(rest)];
}

void active_mask(Warp& warp, const Instruction& instruction, uint32_t mask) {
  uint32_t* const d = warp.lanes32(instruction.operands[0]);
  for (uint32_t rest = mask; rest != 0; rest &= rest - 1) d[__builtin_ctz(rest)] = mask;
}

void warp_barrier(Warp& warp, const Instruction& instruction, uint32_t mask) {
  check_masks(warp, instruction, 0, mask);
}

// elect.sync d|p, mask: the lowest lane of the mask is chosen.
void elect(Warp& warp, const Instruction& instruction, uint32_t mask) {
  if (!check_masks(warp, instruction, 2, mask)) return;
  uint32_t chosen = 0;
  for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    const int leader = __builtin_ctz(group_of(warp, instruction, 2, lane, mask));
    warp.lanes32(instruction.operands[0])[lane] = uint32_t(leader);
    chosen |= 1u << leader;
  }
  write_predicate(warp, instruction.operands[1], chosen, mask);
}

// d|p: the predicate may be missing where the instruction has `sources` others.
size_t joined_predicate(Decoder& decoder, size_t sources) {
  if (decoder.statement().arguments.size() == sources + 2) {
    decoder.destination(1, Type::kPred);
    return 2;
  }
  decoder.scrap_predicate();
  return 1;
}

void decode_shuffle(Decoder& decoder) {
  const int mode = decoder.take_one_of({"up", "down", "bfly", "idx"});
  if (mode < 0 || !decoder.take("sync") || !decoder.take("b32"))
    return decoder.fail("only shfl.sync of .b32 is known");
  decoder.destination(0, Type::kB32);
  size_t at = joined_predicate(decoder, 4);
  for (int source = 0; source < 4; ++source) decoder.source(at++, Type::kB32);
  static constexpr Execute kModes[] = {shuffle<Shuffle::kUp>, shuffle<Shuffle::kDown>,
                                       shuffle<Shuffle::kButterfly>, shuffle<Shuffle::kIndex>};
  decoder.instruction().execute = kModes[mode];
}

void decode_vote(Decoder& decoder) {
  const int mode = decoder.take_one_of({"all", "any", "uni", "ballot"});
  const bool ballot = mode == int(Vote::kBallot);
  if (mode < 0 || !decoder.take("sync") || !decoder.take(ballot ? "b32" : "pred"))
    decoder.fail("only vote.sync is known");
  decoder.instruction().mode = uint8_t(mode);
  decoder.destination(0, ballot ? Type::kB32 : Type::kPred);
  decoder.source(1, Type::kPred);
  decoder.source(2, Type::kB32);
  decoder.instruction().execute = vote;
}

void decode_match(Decoder& decoder) {
  const int mode = decoder.take_one_of({"any", "all"});
  if (mode < 0 || !decoder.take("sync")) decoder.fail("only match.any.sync and match.all.sync are known");
  const Type type = decoder.take_type();
  if (type != Type::kB32 && type != Type::kB64) decoder.fail("only .b32 and .b64 are known");
  decoder.instruction().mode = uint8_t(mode);
  decoder.destination(0, Type::kB32);
  size_t at = joined_predicate(decoder, 2);
  decoder.source(at++, type);
  decoder.source(at, Type::kB32);
  decoder.instruction().execute = match;
}

void decode_redux(Decoder& decoder) {
  const int operation = decoder.take_one_of({"add", "min", "max", "and", "or", "xor"});
  const bool logical = operation >= int(Atomic::kAnd);
  if (operation < 0 || !decoder.take("sync")) decoder.fail("only redux.sync is known");
  Instruction& instruction = decoder.instruction();
  instruction.atomic = Atomic(operation);
  instruction.type = decoder.take_type();
  if (logical ? instruction.type != Type::kB32
              : instruction.type != Type::kU32 && instruction.type != Type::kS32) {
    decoder.fail("no such reduction of this type");
  }
  decoder.destination(0, Type::kB32);
  decoder.source(1, Type::kB32);
  decoder.source(2, Type::kB32);
  instruction.execute = redux;
}

}  // namespace

bool decode_communication(Decoder& decoder) {
  Instruction& instruction = decoder.instruction();
  if (decoder.is("shfl")) {
    decode_shuffle(decoder);
  } else if (decoder.is("vote")) {
    decode_vote(decoder);
  } else if (decoder.is("match")) {
    decode_match(decoder);
  } else if (decoder.is("redux")) {
    decode_redux(decoder);
  } else if (decoder.is("activemask")) {
    if (!decoder.take("b32")) decoder.fail("only .b32 is known");
    decoder.destination(0, Type::kB32);
    instruction.execute = active_mask;
  } else if (decoder.is("elect")) {
    if (!decoder.take("sync")) decoder.fail("only elect.sync is known");
    decoder.destination(0, Type::kB32);
    decoder.source(joined_predicate(decoder, 1), Type::kB32);
    instruction.execute = elect;
  } else if (decoder.is("bar") && decoder.take("warp")) {
    if (!decoder.take("sync")) decoder.fail("only bar.warp.sync is known");
    decoder.source(0, Type::kB32);
    instruction.execute = warp_barrier;
  } else {
    return false;
  }
  instruction.flow = Flow::kMayFault;
  return true;
}

}  // namespace tsv_sim
