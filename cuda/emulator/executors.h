// The arithmetic over 32 lanes, compiled once for each instruction set of the host: executors/select.h.
#ifndef TOKENSIEVE_EMULATOR_EXECUTORS_H
#define TOKENSIEVE_EMULATOR_EXECUTORS_H
#include <stdint.h>

#include "ptx.h"

namespace tsv_sim {

enum class Operation : uint8_t {
  kMove,
  kAdd,
  kSubtract,
  kAddCarry,
  kSubtractCarry,
  kMultiply,
  kMultiplyAdd,
  kMultiplyAddCarry,
  kFusedMultiplyAdd,
  kMultiply24,
  kMultiplyAdd24,
  kSumOfDifferences,
  kDivide,
  kRemainder,
  kAbsolute,
  kNegate,
  kMinimum,
  kMaximum,
  kPopulation,
  kLeadingZeros,
  kFindLeading,
  kFindNth,
  kReverse,
  kExtract,
  kInsert,
  kAnd,
  kOr,
  kXor,
  kNot,
  kLogicalNot,
  kLogic3,
  kShiftLeft,
  kShiftRight,
  kFunnelShift,
  kPermute,
  kDot4,
  kDot2,
  kTestProperty,
  kCopySign,
  kReciprocal,
  kReciprocalRoot,
  kRoot,
  kSine,
  kCosine,
  kLog2,
  kExp2,
  kTanh,
  kSelect,
  kSelectBySign,
  kConvert,
  kCompare,
  kCompareToValue,
};

enum class Rounding : uint8_t {
  kNone,
  kNearest,
  kZero,
  kDown,
  kUp,  // rn rz rm rp
  kNearestInteger,
  kZeroInteger,
  kDownInteger,
  kUpInteger,    // rni rzi rmi rpi
  kNearestAway,  // rna, to tf32
};

enum class Variant : uint8_t { kNone, kLow, kHigh, kWide, kApproximate, kFull };

// By number: eq ne lt le gt ge, then equ neu ltu leu gtu geu, then num nan
enum class Comparison : uint8_t {
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kEqu,
  kNeu,
  kLtu,
  kLeu,
  kGtu,
  kGeu,
  kNum,
  kNan,
};

// Which form of an operation an instruction is. The meaning of `mode` is the operation's: a Comparison, the
// mode of prmt, the property of testp; for funnel shifts bit 0 is right and bit 1 clamp.
struct Form {
  Operation operation = Operation::kMove;
  Type type = Type::kNone, source = Type::kNone;
  Rounding rounding = Rounding::kNone;
  Variant variant = Variant::kNone;
  uint8_t mode = 0;
  bool flush = false;         // .ftz
  bool saturate = false;      // .sat
  bool carry = false;         // .cc
  bool keep_nan = false;      // .NaN
  bool relu = false;          // .relu
  bool xor_sign = false;      // .xorsign.abs
  bool shift_amount = false;  // .shiftamt
  bool wide_source = false;   // a 64-bit register is read for a narrower type
};

// Null where PTX has no such form.
Execute select_baseline(const Form& form);
Execute select_avx2(const Form& form);

// By the one for this processor; TOKENSIEVE_ISA=scalar asks for the baseline.
Execute select_executor(const Form& form);

}  // namespace tsv_sim
#endif
