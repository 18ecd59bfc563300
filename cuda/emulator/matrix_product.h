// Products of small matrices on the registers of a warp, as mma.sync computes them, and the moves of 8 x 8
// matrices.
//
// D = A B + C with A [16, k] row by row, B [k, 8] column by column, C and D [16, 8]. Where an element lies
// follows one rule for all types (PTX ISA, "Matrix fragments for mma.m16n8k..."): with g = lane / 4, t = lane
// % 4 and p elements to a 32-bit register (1 of tf32, 2 of 16 bits, 4 of 8 bits), element h of a register
// holds
//   A, register r: row g + 8 (r % 2),  column t p + h + 4 p (r / 2)
//   B, register r: row t p + h + 4 p r, column g
//   C, 32 bits, register r: row g + 8 (r / 2), column 2 t + r % 2;  16 bits: row g + 8 r, column 2 t + h
//
// Numbers: products of 16-bit floats and of tf32 (its low 13 bits are cut off) are exact in float32; they are
// added to C in float32, k ascending, each sum rounded to nearest. Tensor cores add several products at once
// and cut instead of rounding, in an order that NVIDIA does not publish, so compare with a tolerance. With C
// of 16 bits the sum is rounded to 16 bits once, at the end. Integers are exact, and wrap unless .satfinite.
#ifndef TOKENSIEVE_EMULATOR_MATRIX_PRODUCT_H
#define TOKENSIEVE_EMULATOR_MATRIX_PRODUCT_H
#include <stdint.h>

#include "ptx.h"

namespace tsv_sim {

struct MatrixProduct {
  Type a = Type::kNone, b = Type::kNone;  // kF16, kBf16, kTf32; kS8 and kU8 in any mixture
  int k = 0;
  bool float16_sum = false;  // C and D are float16
  bool saturate = false;     // integers: clamp to int32 instead of wrapping
};

// Whether PTX has it: of each type, the shape that takes two registers of A from a lane, and one of twice the
// depth.
bool exists(const MatrixProduct& product);

// 32-bit registers that the operands have.
int registers_of_a(const MatrixProduct& product);
int registers_of_b(const MatrixProduct& product);
int registers_of_c(const MatrixProduct& product);

// Each operand is a list of its registers, each of 32 lanes. D may be C.
void multiply_matrices(const MatrixProduct& product, const uint32_t* const a[], const uint32_t* const b[],
                       const uint32_t* const c[], uint32_t* const d[]);

// movmatrix.sync.aligned.m8n8.trans.b16: lane l has row l / 4, columns 2 (l % 4) and the next one of an 8 x 8
// matrix.
void transpose_matrix(const uint32_t* from, uint32_t* to);

// What ldmatrix leaves in one register: `rows` are the 8 rows of 16 bytes of one matrix. Lane l gets elements
// 2 (l % 4) and the next one of row l / 4; with .trans, of column l / 4.
void distribute_matrix(const uint8_t* const rows[8], bool transposed, uint32_t* to);

}  // namespace tsv_sim
#endif
