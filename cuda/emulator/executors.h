// The arithmetic over 32 lanes, compiled for several instruction sets: executors/table.h says how.
#ifndef TOKENSIEVE_EMULATOR_EXECUTORS_H
#define TOKENSIEVE_EMULATOR_EXECUTORS_H
#include "decode.h"

namespace tsv_sim {

// Decodes a statement of the arithmetic families, takes its modifiers and operands, and sets
// instruction().execute. False where the opcode is of none of them.
using DecodeArithmetic = bool (*)(Decoder& decoder);
bool decode_arithmetic_baseline(Decoder& decoder);
bool decode_arithmetic_avx2(Decoder& decoder);

// The one for this processor; TOKENSIEVE_ISA=scalar asks for the baseline.
DecodeArithmetic decode_arithmetic();

}  // namespace tsv_sim
#endif
