// The arithmetic opcodes: which modifiers each takes, and what its operands are.
#include <string.h>

#include "decoders.h"
#include "executors.h"
#include "warp.h"

namespace tsv_sim {
namespace {

// Operands by letter, the destination first: t of the type, s of the second type, w of twice the type's
// width, u 32 bits, p a predicate, i an integer constant.
struct Row {
  const char* opcode;
  Operation operation;
  const char* modifiers;
  const char* operands;
};

constexpr Row kRows[] = {
    {"add", Operation::kAdd, "rn rz rm rp ftz sat cc", "ttt"},
    {"addc", Operation::kAddCarry, "cc", "ttt"},
    {"sub", Operation::kSubtract, "rn rz rm rp ftz sat cc", "ttt"},
    {"subc", Operation::kSubtractCarry, "cc", "ttt"},
    {"mul", Operation::kMultiply, "lo hi wide rn rz rm rp ftz sat", "ttt"},
    {"mad", Operation::kMultiplyAdd, "lo hi wide rn rz rm rp ftz sat cc", "tttt"},
    {"madc", Operation::kMultiplyAddCarry, "lo hi cc", "tttt"},
    {"fma", Operation::kFusedMultiplyAdd, "rn rz rm rp ftz sat relu", "tttt"},
    {"mul24", Operation::kMultiply24, "lo hi", "ttt"},
    {"mad24", Operation::kMultiplyAdd24, "lo hi sat", "tttt"},
    {"sad", Operation::kSumOfDifferences, "", "tttt"},
    {"div", Operation::kDivide, "rn rz rm rp approx full ftz", "ttt"},
    {"rem", Operation::kRemainder, "", "ttt"},
    {"abs", Operation::kAbsolute, "ftz", "tt"},
    {"neg", Operation::kNegate, "ftz", "tt"},
    {"min", Operation::kMinimum, "ftz NaN xorsign relu", "ttt"},
    {"max", Operation::kMaximum, "ftz NaN xorsign relu", "ttt"},
    {"popc", Operation::kPopulation, "", "ut"},
    {"clz", Operation::kLeadingZeros, "", "ut"},
    {"bfind", Operation::kFindLeading, "shiftamt", "ut"},
    {"fns", Operation::kFindNth, "", "uuuu"},
    {"brev", Operation::kReverse, "", "tt"},
    {"bfe", Operation::kExtract, "", "ttuu"},
    {"bfi", Operation::kInsert, "", "tttuu"},
    {"and", Operation::kAnd, "", "ttt"},
    {"or", Operation::kOr, "", "ttt"},
    {"xor", Operation::kXor, "", "ttt"},
    {"not", Operation::kNot, "", "tt"},
    {"cnot", Operation::kLogicalNot, "", "tt"},
    {"lop3", Operation::kLogic3, "", "tttti"},
    {"shl", Operation::kShiftLeft, "", "ttu"},
    {"shr", Operation::kShiftRight, "", "ttu"},
    {"shf", Operation::kFunnelShift, "l r wrap clamp", "uuuu"},
    {"prmt", Operation::kPermute, "f4e b4e rc8 ecl ecr rc16", "uuuu"},
    {"dp4a", Operation::kDot4, "", "uuuu"},
    {"dp2a", Operation::kDot2, "lo hi", "uuuu"},
    {"testp", Operation::kTestProperty, "finite infinite number notanumber normal subnormal", "pt"},
    {"copysign", Operation::kCopySign, "", "ttt"},
    {"rcp", Operation::kReciprocal, "rn rz rm rp approx ftz", "tt"},
    {"rsqrt", Operation::kReciprocalRoot, "approx ftz", "tt"},
    {"sqrt", Operation::kRoot, "rn rz rm rp approx ftz", "tt"},
    {"sin", Operation::kSine, "approx ftz", "tt"},
    {"cos", Operation::kCosine, "approx ftz", "tt"},
    {"lg2", Operation::kLog2, "approx ftz", "tt"},
    {"ex2", Operation::kExp2, "approx ftz", "tt"},
    {"tanh", Operation::kTanh, "approx", "tt"},
    {"selp", Operation::kSelect, "", "tttp"},
    {"slct", Operation::kSelectBySign, "ftz", "ttts"},
    {"cvt", Operation::kConvert, "rn rz rm rp rni rzi rmi rpi rna ftz sat relu", "ts"},
    {"setp", Operation::kCompare, "", "ppss"},
    {"set", Operation::kCompareToValue, "", "tss"},
};

const Row* find_row(const std::string& opcode) {
  for (const Row& row : kRows) {
    if (opcode == row.opcode) return &row;
  }
  return nullptr;
}

// Modifiers of a statement that its row allows.
class Modifiers {
 public:
  Modifiers(Decoder& decoder, const Row& row) : decoder_(decoder), row_(row) {}

  bool take(const char* modifier) { return allowed(modifier) && decoder_.take(modifier); }
  // The place of the one that is there; -1 for none.
  int take_one_of(std::initializer_list<const char*> modifiers) {
    int place = 0;
    for (const char* modifier : modifiers) {
      if (take(modifier)) return place;
      ++place;
    }
    return -1;
  }

 private:
  bool allowed(const char* modifier) const {
    const size_t length = strlen(modifier);
    for (const char* at = strstr(row_.modifiers, modifier); at; at = strstr(at + 1, modifier)) {
      const bool starts = at == row_.modifiers || at[-1] == ' ';
      if (starts && (at[length] == ' ' || at[length] == 0)) return true;
    }
    return false;
  }

  Decoder& decoder_;
  const Row& row_;
};

Form read_form(Decoder& decoder, const Row& row) {
  Modifiers modifiers(decoder, row);
  Form form;
  form.operation = row.operation;
  form.rounding =
      Rounding(1 + modifiers.take_one_of({"rn", "rz", "rm", "rp", "rni", "rzi", "rmi", "rpi", "rna"}));
  form.variant = Variant(1 + modifiers.take_one_of({"lo", "hi", "wide", "approx", "full"}));
  form.flush = modifiers.take("ftz");
  form.saturate = modifiers.take("sat");
  form.carry = modifiers.take("cc");
  form.keep_nan = modifiers.take("NaN");
  form.relu = modifiers.take("relu");
  form.shift_amount = modifiers.take("shiftamt");
  if (modifiers.take("xorsign")) {
    form.xor_sign = decoder.take("abs");
    if (!form.xor_sign) decoder.fail(".xorsign stands without .abs");
  }
  return form;
}

// Modifiers that mean something to one operation alone
void read_mode(Decoder& decoder, const Row& row, Form& form) {
  Modifiers modifiers(decoder, row);
  if (form.operation == Operation::kFunnelShift) {
    const int right = modifiers.take_one_of({"l", "r"}), clamp = modifiers.take_one_of({"wrap", "clamp"});
    if (right < 0 || clamp < 0) return decoder.fail("the direction or the mode of shf is missing");
    form.mode = uint8_t(right + 2 * clamp);
  } else if (form.operation == Operation::kTestProperty) {
    const int property =
        modifiers.take_one_of({"finite", "infinite", "number", "notanumber", "normal", "subnormal"});
    if (property < 0) decoder.fail("the property to test is missing");
    form.mode = uint8_t(property);
  } else if (form.operation == Operation::kCompare || form.operation == Operation::kCompareToValue) {
    // lo, ls, hi and hs are the unsigned spellings of lt, le, gt and ge
    int comparison = decoder.take_one_of(
        {"eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"});
    if (comparison < 0) {
      const int spelled = decoder.take_one_of({"lo", "ls", "hi", "hs"});
      comparison = spelled < 0 ? -1 : spelled + int(Comparison::kLt);
    }
    if (comparison < 0) decoder.fail("the comparison is missing");
    form.mode = uint8_t(comparison);
    form.flush = decoder.take("ftz");
    decoder.instruction().mode2 = uint8_t(1 + decoder.take_one_of({"and", "or", "xor"}));
  }
}

void read_types(Decoder& decoder, Form& form) {
  form.type = decoder.take_type();
  const bool two = form.operation == Operation::kConvert || form.operation == Operation::kSelectBySign ||
                   form.operation == Operation::kCompareToValue || form.operation == Operation::kDot4 ||
                   form.operation == Operation::kDot2;
  form.source = two ? decoder.take_type() : form.type;
  if (form.operation == Operation::kPermute) {
    const int mode = decoder.take_one_of({"f4e", "b4e", "rc8", "ecl", "ecr", "rc16"});
    form.mode = uint8_t(1 + mode);
  }
  if (form.type == Type::kNone || form.source == Type::kNone) decoder.fail("a type is missing");
}

Type double_width(Type type) { return bytes(type) == 4 ? Type::kB64 : Type::kB32; }

void read_operands(Decoder& decoder, const char* operands, const Form& form) {
  const bool wide = form.variant == Variant::kWide;
  for (size_t i = 0; operands[i]; ++i) {
    Type type = form.type;
    if (operands[i] == 's') type = form.source;
    if (operands[i] == 'u') type = Type::kU32;
    if (operands[i] == 'p') type = Type::kPred;
    if (operands[i] == 'i') {
      decoder.constant(i);
      type = Type::kU32;
    }
    if (wide && (i == 0 || i == 3)) type = double_width(form.type);
    if (i == 0)
      decoder.destination(i, type);
    else if (form.operation == Operation::kConvert)
      decoder.source_at_least(i, type);
    else
      decoder.source(i, type);
  }
}

// setp p|q, a, b, c and set d, a, b, c: the second predicate and c may be missing.
void read_comparison(Decoder& decoder, const Form& form) {
  size_t at = 0;
  decoder.destination(at++, form.operation == Operation::kCompare ? Type::kPred : form.type);
  const size_t given = decoder.statement().arguments.size();
  const bool combines = decoder.instruction().mode2 != 0;
  const bool second = form.operation == Operation::kCompare && given == (combines ? 5u : 4u);
  if (second)
    decoder.destination(at++, Type::kPred);
  else if (form.operation == Operation::kCompare)
    decoder.scrap_predicate();
  decoder.source(at++, form.source);
  decoder.source(at++, form.source);
  if (combines) decoder.source(at++, Type::kPred);
  // What set writes where the comparison holds
  const bool is_float32 = form.type == Type::kF32,
             is_f16 = form.type == Type::kF16 || form.type == Type::kF16x2;
  const bool is_bf16 = form.type == Type::kBf16 || form.type == Type::kBf16x2;
  decoder.instruction().offset = is_float32              ? 0x3f800000
                                 : is_f16                ? 0x3c00
                                 : is_bf16               ? 0x3f80
                                 : bytes(form.type) == 2 ? 0xffff
                                                         : -1;
  if (form.operation == Operation::kCompareToValue && bytes(form.type) != 2 && bytes(form.type) != 4) {
    decoder.fail("set to this type is unknown");
  }
}

// and.pred and its kin, which combine whole masks
template <uint32_t (*kFunction)(uint32_t, uint32_t)>
void combine_predicates(Warp& warp, const Instruction& instruction, uint32_t mask) {
  const uint32_t a = warp.predicate(instruction.operands[1]), b = warp.predicate(instruction.operands.back());
  uint32_t& d = warp.predicates[instruction.d];
  d = (d & ~mask) | (kFunction(a, b) & mask);
}
uint32_t mask_and(uint32_t a, uint32_t b) { return a & b; }
uint32_t mask_or(uint32_t a, uint32_t b) { return a | b; }
uint32_t mask_xor(uint32_t a, uint32_t b) { return a ^ b; }
uint32_t mask_not(uint32_t a, uint32_t) { return ~a; }
uint32_t mask_same(uint32_t a, uint32_t) { return a; }

bool decode_predicate_logic(Decoder& decoder) {
  if (!decoder.statement().has("pred")) return false;
  Execute execute = nullptr;
  if (decoder.is("and")) execute = combine_predicates<mask_and>;
  if (decoder.is("or")) execute = combine_predicates<mask_or>;
  if (decoder.is("xor")) execute = combine_predicates<mask_xor>;
  if (decoder.is("not")) execute = combine_predicates<mask_not>;
  if (decoder.is("mov")) execute = combine_predicates<mask_same>;
  if (!execute) return false;
  decoder.take("pred");
  decoder.destination(0, Type::kPred);
  decoder.source(1, Type::kPred);
  if (!decoder.is("not") && !decoder.is("mov")) decoder.source(2, Type::kPred);
  decoder.instruction().execute = execute;
  return true;
}

}  // namespace

bool decode_arithmetic(Decoder& decoder) {
  if (decode_predicate_logic(decoder)) return true;
  const Row* row = find_row(decoder.statement().opcode);
  if (!row) return false;
  const bool permutes = row->operation == Operation::kPermute;
  Form form = read_form(decoder, *row);
  if (!permutes) read_mode(decoder, *row, form);
  read_types(decoder, form);
  Instruction& instruction = decoder.instruction();
  instruction.type = form.type;
  instruction.source = form.source;
  if (form.operation == Operation::kCompare || form.operation == Operation::kCompareToValue) {
    read_comparison(decoder, form);
  } else {
    read_operands(decoder, row->operands, form);
    instruction.mode = form.operation == Operation::kConvert ? uint8_t(form.rounding) : form.mode;
    if (form.operation == Operation::kConvert) {
      instruction.mode2 = uint8_t(form.flush | form.saturate << 1 | form.relu << 2);
      const bool pair = form.type == Type::kF16x2 || form.type == Type::kBf16x2;
      if (pair) decoder.source(2, form.source);
      form.wide_source = bytes(form.source) < 8 && instruction.operands.size() > 1 &&
                         instruction.operands[1].kind == OperandKind::kRegister64;
      if (pair && form.wide_source) decoder.fail("a register has the wrong width");
    }
  }
  instruction.execute = select_executor(form);
  if (!instruction.execute) decoder.fail("no such form of " + decoder.statement().opcode);
  return true;
}

}  // namespace tsv_sim
