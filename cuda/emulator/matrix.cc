// mma.sync, ldmatrix and movmatrix: instructions that a warp executes as one.
#include <string>

#include "decode.h"
#include "matrix_product.h"
#include "memory.h"
#include "warp.h"

namespace tsv_sim {
namespace {

constexpr uint8_t kSaturate = 1, kUnsignedB = 2;  // Instruction::mode2 of mma
constexpr uint8_t kTransposed = 1;                // and of ldmatrix

// .sync.aligned: all lanes of the warp execute it, or its result is undefined.
bool all_lanes(Warp& warp, const Instruction& instruction, uint32_t mask) {
  if (mask == kAllLanes) return true;
  warp.raise(FaultKind::kWrongMask, instruction, __builtin_ctz(~mask), 0,
             "this lane does not execute a matrix instruction, which takes all 32 lanes of a warp");
  return false;
}

MatrixProduct product_of(const Instruction& instruction) {
  MatrixProduct product;
  product.a = product.b = instruction.source;
  if (bytes(product.a) == 1) product.b = instruction.mode2 & kUnsignedB ? Type::kU8 : Type::kS8;
  product.k = instruction.mode;
  product.float16_sum = instruction.type == Type::kF16;
  product.saturate = instruction.mode2 & kSaturate;
  return product;
}

void execute_mma(Warp& warp, const Instruction& instruction, uint32_t mask) {
  if (!all_lanes(warp, instruction, mask)) return;
  const MatrixProduct product = product_of(instruction);
  uint32_t* registers[16];
  for (size_t i = 0; i < instruction.operands.size(); ++i)
    registers[i] = warp.lanes32(instruction.operands[i]);
  uint32_t* const* a = registers + registers_of_c(product);
  uint32_t* const* b = a + registers_of_a(product);
  multiply_matrices(product, a, b, b + registers_of_b(product), registers);
  ++warp.block->counters->matrix_products;
}

void decode_mma(Decoder& decoder) {
  Instruction& instruction = decoder.instruction();
  if (!decoder.take("sync") || !decoder.take("aligned") || !decoder.take("row") || !decoder.take("col"))
    return decoder.fail("only mma.sync.aligned with A row by row and B column by column is known");
  constexpr const char* kShapes[] = {"m16n8k4", "m16n8k8", "m16n8k16", "m16n8k32"};
  int k = 0;
  for (int i = 0; i < 4; ++i)
    if (decoder.take(kShapes[i])) k = 4 << i;
  instruction.mode = uint8_t(k);
  const bool saturate = decoder.take("satfinite");
  instruction.type = decoder.take_type();
  instruction.source = decoder.take_type();
  const Type b = decoder.take_type(), c = decoder.take_type();
  instruction.mode2 = uint8_t((saturate ? kSaturate : 0) | (b == Type::kU8 ? kUnsignedB : 0));

  MatrixProduct product = product_of(instruction);
  product.b = b;
  const Type sum = bytes(product.a) == 1 ? Type::kS32 : product.float16_sum ? Type::kF16 : Type::kF32;
  if (!exists(product) || instruction.type != sum || c != sum)
    return decoder.fail("no matrix product of this shape and these types is known");
  decoder.destination(0, Type::kB32);
  for (size_t argument : {1, 2, 3}) decoder.source(argument, Type::kB32);
  const int expected = 2 * registers_of_c(product) + registers_of_a(product) + registers_of_b(product);
  if (int(instruction.operands.size()) != expected)
    decoder.fail("the fragments should have " + std::to_string(expected) + " registers");
  instruction.execute = execute_mma;
  instruction.flow = Flow::kMayFault;
}

// Lanes 8 i to 8 i + 7 give the addresses of the rows of matrix i.
void execute_ldmatrix(Warp& warp, const Instruction& instruction, uint32_t mask) {
  if (!all_lanes(warp, instruction, mask)) return;
  const int matrices = instruction.destinations;
  uint64_t addresses[kLanes];
  warp.addresses(instruction.operands[size_t(matrices)], instruction.offset, addresses);
  Access access;
  access.warp = &warp;
  access.instruction = &instruction;
  access.space = instruction.space;
  access.bytes = 16;
  access.mask = matrices == 4 ? kAllLanes : (1u << (8 * matrices)) - 1;
  access.address = addresses;
  uint8_t* rows[kLanes];
  if (!warp.block->memory->access(access, rows)) return;
  for (int i = 0; i < matrices; ++i) {
    const uint8_t* const* first = rows + 8 * i;
    distribute_matrix(first, instruction.mode2 & kTransposed, warp.lanes32(instruction.operands[size_t(i)]));
  }
}

void decode_ldmatrix(Decoder& decoder) {
  Instruction& instruction = decoder.instruction();
  if (!decoder.take("sync") || !decoder.take("aligned") || !decoder.take("m8n8"))
    return decoder.fail("only ldmatrix.sync.aligned.m8n8 is known");
  const int number = decoder.take_one_of({"x1", "x2", "x4"});
  if (number < 0) return decoder.fail("ldmatrix should say .x1, .x2 or .x4");
  const int matrices = 1 << number;
  instruction.mode2 = decoder.take("trans") ? kTransposed : 0;
  instruction.space = decoder.take_one_of({"shared", "shared::cta"}) >= 0 ? Space::kShared : Space::kGeneric;
  instruction.type = decoder.take_type();
  if (instruction.type != Type::kB16) return decoder.fail("only ldmatrix of .b16 is known");
  decoder.destination(0, Type::kB32);
  if (instruction.destinations != matrices) decoder.fail("as many registers as matrices should be given");
  decoder.address(1);
  instruction.execute = execute_ldmatrix;
  instruction.flow = Flow::kMayFault;
}

void execute_movmatrix(Warp& warp, const Instruction& instruction, uint32_t mask) {
  if (!all_lanes(warp, instruction, mask)) return;
  transpose_matrix(warp.lanes32(instruction.operands[1]), warp.lanes32(instruction.operands[0]));
}

void decode_movmatrix(Decoder& decoder) {
  Instruction& instruction = decoder.instruction();
  instruction.type = decoder.take_type();
  if (!decoder.take("sync") || !decoder.take("aligned") || !decoder.take("m8n8") || !decoder.take("trans") ||
      instruction.type != Type::kB16)
    return decoder.fail("only movmatrix.sync.aligned.m8n8.trans.b16 is known");
  decoder.destination(0, Type::kB32);
  decoder.source(1, Type::kB32);
  instruction.execute = execute_movmatrix;
  instruction.flow = Flow::kMayFault;
}

}  // namespace

bool decode_matrix(Decoder& decoder) {
  if (decoder.is("mma")) {
    decode_mma(decoder);
  } else if (decoder.is("ldmatrix")) {
    decode_ldmatrix(decoder);
  } else if (decoder.is("movmatrix")) {
    decode_movmatrix(decoder);
  } else {
    return false;
  }
  return true;
}

}  // namespace tsv_sim
