// mma.sync and movmatrix on the registers of a warp.
//
// D = A B + C with A [16, k] row by row, B [k, 8] column by column, C and D [16, 8]. Where an element lies follows one
// rule for all types (PTX ISA, "Matrix fragments for mma.m16n8k..."): with g = lane / 4, t = lane % 4 and p elements to
// a 32-bit register (1 of tf32, 2 of 16 bits, 4 of 8 bits), element h of a register holds
//   A, register r: row g + 8 (r % 2),  column t p + h + 4 p (r / 2)
//   B, register r: row t p + h + 4 p r, column g
//   C, 32 bits, register r: row g + 8 (r / 2), column 2 t + r % 2;  16 bits: row g + 8 r, column 2 t + h
//
// Numbers: products of 16-bit floats and of tf32 (its low 13 bits are cut off) are exact in float32; they are added to
// C in float32, k ascending, each sum rounded to nearest. Tensor cores add several products at once and cut instead of
// rounding, in an order that NVIDIA does not publish, so compare with a tolerance. With C of 16 bits the sum is rounded
// to 16 bits once, at the end. Integers are exact, and wrap unless .satfinite.
#ifndef TOKENSIEVE_CUDA_EMULATOR_MATRIX_H
#define TOKENSIEVE_CUDA_EMULATOR_MATRIX_H
#include <stdint.h>

#include <string>
#include <string_view>

namespace tsv_sim {

enum class MatrixElement : uint8_t { kFloat16, kBFloat16, kTF32, kInt8, kUint8 };

struct MatrixProduct {
  MatrixElement a, b;
  int k;
  bool float16_sum;  // C and D are float16
  bool saturate;     // integers: clamp to int32 instead of wrapping
};

// 32-bit registers that the operands have.
int registers_of_a(const MatrixProduct& product);
int registers_of_b(const MatrixProduct& product);
int registers_of_c(const MatrixProduct& product);

// Reads an instruction such as "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"; returns why it cannot be executed,
// or "".
std::string parse_matrix_product(std::string_view instruction, MatrixProduct* product);

// Each operand is a list of its registers, each of 32 lanes. D may be C.
void multiply_matrices(const MatrixProduct& product, const uint32_t* const a[], const uint32_t* const b[],
                       const uint32_t* const c[], uint32_t* const d[]);

// movmatrix.sync.aligned.m8n8.trans.b16: lane l has row l / 4, columns 2 (l % 4) and the next one of an 8 x 8 matrix.
void transpose_matrix(const uint32_t* from, uint32_t* to);

// What ldmatrix leaves in one register: `rows` are the 8 rows of 16 bytes of one matrix. Lane l gets elements
// 2 (l % 4) and the next one of row l / 4; with .trans, of column l / 4.
void distribute_matrix(const uint8_t* const rows[8], bool transposed, uint32_t* to);

}  // namespace tsv_sim
#endif
