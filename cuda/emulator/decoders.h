// The families of opcodes. Each returns false where the opcode is not of its family; they call Decoder::fail
// for what they do not know.
#ifndef TOKENSIEVE_EMULATOR_DECODERS_H
#define TOKENSIEVE_EMULATOR_DECODERS_H
#include "decode.h"

namespace tsv_sim {

bool decode_arithmetic(Decoder& decoder);  // decode_arithmetic.cc
bool decode_move(Decoder& decoder);        // move.cc: mov, cvta, isspacep
bool decode_load_store(Decoder& decoder);  // load_store.cc: ld, st, prefetch
bool decode_atomic(Decoder& decoder);      // atomic.cc: atom, red
bool decode_communication(
    Decoder& decoder);  // communication.cc: shfl, vote, match, redux, activemask, bar.warp.sync
bool decode_control(
    Decoder& decoder);                 // decode_control.cc: bra, brx, ret, exit, trap, bar, membar, nanosleep
bool decode_matrix(Decoder& decoder);  // matrix.cc: mma, ldmatrix, stmatrix, movmatrix
bool decode_async_copy(Decoder& decoder);  // async_copy.cc: cp.async and its groups

}  // namespace tsv_sim
#endif
