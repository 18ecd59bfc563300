// A PTX module after decoding: every operand is a slot of the warp's register file, every branch an index.
#ifndef TOKENSIEVE_EMULATOR_PTX_H
#define TOKENSIEVE_EMULATOR_PTX_H
#include <stddef.h>
#include <stdint.h>

#include <memory>
#include <string>
#include <vector>

namespace tsv_sim {

class DeviceMemory;
struct Instruction;
struct Module;
struct Warp;

enum class Type : uint8_t {
  kNone,
  kPred,
  kB8,
  kB16,
  kB32,
  kB64,
  kB128,
  kU8,
  kU16,
  kU32,
  kU64,
  kS8,
  kS16,
  kS32,
  kS64,
  kU16x2,
  kS16x2,
  kF16,
  kF16x2,
  kBf16,
  kBf16x2,
  kTf32,
  kF32,
  kF32x2,
  kF64,
};
int bytes(Type type);                          // 0 for kNone and kPred
bool is_signed(Type type);                     // kS8 to kS64
Type parse_type(const std::string& modifier);  // "f32" and so on; kNone for anything else

enum class Space : uint8_t { kGeneric, kGlobal, kShared, kLocal, kConstant, kParameter };

// What the machine does with an instruction besides running `execute`.
enum class Flow : uint8_t {
  kNext,      // arithmetic: cannot fault, cannot branch
  kMayFault,  // memory, communication: a fault is looked for afterwards
  kBranch,
  kIndexedBranch,
  kExit,
  kBarrier,  // the warp may have to wait
};

// Runs one instruction for the lanes in `mask`.
using Execute = void (*)(Warp& warp, const Instruction& instruction, uint32_t mask);

enum class OperandKind : uint8_t { kRegister32, kRegister64, kPredicate };

// A value that an instruction reads or writes. Immediates, special registers and addresses of variables are
// registers too: of slots that are filled when a warp starts. 8- and 16-bit values live in 32-bit slots,
// zero-extended.
struct Operand {
  OperandKind kind = OperandKind::kRegister32;
  bool negated = false;  // of predicates: !p
  bool width16 = false;  // a 32-bit slot for a register of 16 bits
  uint32_t slot = 0;     // byte offset into Warp::registers; index into Warp::predicates for predicates
};

enum class Atomic : uint8_t {
  kAdd,
  kMin,
  kMax,
  kAnd,
  kOr,
  kXor,
  kExchange,
  kCompareAndSwap,
  kIncrement,
  kDecrement
};

// Predicates that every warp has
constexpr uint32_t kTruePredicate = 0;
constexpr uint32_t kScrapPredicate = 1;  // written where PTX has no second destination, or `_`
constexpr uint32_t kCarryPredicate = 2;  // of add.cc and its kin
constexpr uint32_t kFalsePredicate = 3;

struct Instruction {
  Execute execute = nullptr;
  uint32_t d = 0, a = 0, b = 0, c = 0;  // slots of the first destination and sources, for the arithmetic
  uint32_t guard = kTruePredicate;
  bool guard_negated = false;
  Flow flow = Flow::kNext;
  Type type = Type::kNone;    // the first type modifier: of the destination for cvt
  Type source = Type::kNone;  // the second type modifier, where there is one
  Space space = Space::kGeneric;
  Atomic atomic = Atomic::kAdd;
  uint8_t elements = 1;  // of a vector access: 1, 2, 4, 8
  uint8_t mode = 0;      // meaning by opcode: comparison, shuffle mode, matrix shape
  uint8_t mode2 = 0;
  int32_t offset = 0;         // of the address operand: [a+offset]
  int32_t source_offset = 0;  // of cp.async's second address
  int32_t target = -1;        // of a branch; index into Kernel::branch_targets for brx.idx
  int32_t reconvergence =
      -1;               // immediate post-dominator of a branch: an index into code, code.size() at exit
  uint16_t opcode = 0;  // index into Kernel::opcodes
  int line = 0;         // of the PTX text, from 1
  // All operands, in the text's order, vectors flattened: destinations first. An address counts as one.
  std::vector<Operand> operands;
  uint8_t destinations = 0;
};

struct Parameter {
  std::string name;
  uint32_t offset = 0, bytes = 0, alignment = 0;
};

// A slot that a warp finds filled when it starts, and that no instruction writes.
struct Constant {
  enum Kind : uint8_t { kImmediate, kSpecial, kVariable, kDynamicShared } kind = kImmediate;
  bool wide = false;  // 64-bit slot
  uint32_t slot = 0;
  uint64_t value = 0;   // the immediate; the Special; the index of the module's variable
  uint64_t addend = 0;  // added to a variable's address, or to that of dynamic shared memory
};

struct Kernel {
  std::string name;
  const Module* module = nullptr;
  std::vector<Parameter> parameters;
  uint32_t parameter_bytes = 0;
  uint32_t static_shared = 0;   // bytes; dynamic shared memory begins at the next multiple of 16
  uint32_t local_bytes = 0;     // per thread
  uint32_t max_threads = 0;     // .maxntid as a product; 0 when not given
  uint32_t register_bytes = 0;  // of the slots of a warp
  uint32_t constant_bytes = 0;  // of those, at the beginning: slots of constants
  uint32_t predicates = 4;
  std::vector<Constant> constants;
  std::vector<Instruction> code;
  std::vector<std::string> opcodes;  // "fma.rn.f32"
  std::vector<std::string> lines;    // text of each instruction of `code`
  std::vector<std::vector<int32_t>> branch_targets;
  // Virtual registers declared, by width; nvcc's are in static single assignment, so ptxas needs far fewer.
  uint32_t registers16 = 0, registers32 = 0, registers64 = 0;

  uint32_t dynamic_shared_base() const { return (static_shared + 15) & ~15u; }
};

// A .global or .const variable of a module.
struct Variable {
  std::string name;
  Space space = Space::kGlobal;
  uint64_t bytes = 0;
  uint32_t alignment = 1;
  std::vector<uint8_t> initial;  // empty: zeros, as in CUDA
  uint64_t address = 0;          // after Module::load
};

struct Module {
  int target = 0;  // 75 for sm_75
  std::vector<std::unique_ptr<Kernel>> kernels;
  std::vector<Variable> variables;
  bool loaded = false;

  const Kernel* find(const std::string& kernel) const;  // null when there is none
  const Variable* find_variable(const std::string& variable) const;
  bool load(DeviceMemory& memory);  // allocates and fills the variables; false when memory runs out
  void unload(DeviceMemory& memory);
};

}  // namespace tsv_sim
#endif
