#include "slots.h"

namespace tsv_sim {

SlotTable::SlotTable(Kernel& kernel, const std::map<std::string, Symbol>& globals)
    : kernel_(kernel), globals_(globals), scopes_(1) {}

Operand SlotTable::allocate(OperandKind kind) {
  Operand operand;
  operand.kind = kind;
  if (kind == OperandKind::kPredicate) {
    operand.slot = kernel_.predicates++;
  } else {
    operand.slot = kernel_.register_bytes;
    kernel_.register_bytes += kind == OperandKind::kRegister64 ? 256 : 128;
  }
  return operand;
}

bool SlotTable::declare_register(const std::string& name, Type type) {
  Symbol symbol;
  symbol.kind = Symbol::kRegister;
  symbol.type = type;
  const OperandKind kind = type == Type::kPred ? OperandKind::kPredicate
                           : bytes(type) == 8  ? OperandKind::kRegister64
                                               : OperandKind::kRegister32;
  if (kind == OperandKind::kRegister64) ++kernel_.registers64;
  if (kind == OperandKind::kRegister32) ++(bytes(type) == 4 ? kernel_.registers32 : kernel_.registers16);
  if (scopes_.back().count(name)) return false;
  symbol.operand = allocate(kind);
  symbol.operand.width16 = bytes(type) == 2 || bytes(type) == 1;
  scopes_.back()[name] = symbol;
  return true;
}

bool SlotTable::declare_variable(const std::string& name, Space space, uint64_t offset) {
  Symbol symbol;
  symbol.kind = Symbol::kVariable;
  symbol.space = space;
  symbol.offset = offset;
  return scopes_.front().emplace(name, symbol).second;  // memory belongs to the whole kernel
}

const Symbol* SlotTable::find(const std::string& name) const {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    const auto found = scope->find(name);
    if (found != scope->end()) return &found->second;
  }
  const auto found = globals_.find(name);
  return found == globals_.end() ? nullptr : &found->second;
}

Operand SlotTable::constant(Constant::Kind kind, uint64_t value, uint64_t addend, bool wide) {
  const std::vector<uint64_t> key{uint64_t(kind), value, addend, uint64_t(wide)};
  const auto found = constants_.find(key);
  if (found != constants_.end()) return found->second;
  const Operand operand = allocate(wide ? OperandKind::kRegister64 : OperandKind::kRegister32);
  Constant entry;
  entry.kind = kind;
  entry.wide = wide;
  entry.slot = operand.slot;
  entry.value = value;
  entry.addend = addend;
  kernel_.constants.push_back(entry);
  constants_[key] = operand;
  return operand;
}

Operand SlotTable::immediate(uint64_t bits, bool wide) {
  return constant(Constant::kImmediate, wide ? bits : uint32_t(bits), 0, wide);
}

Operand SlotTable::special(Special which, bool wide) {
  return constant(Constant::kSpecial, uint64_t(which), 0, wide);
}

Operand SlotTable::address_of(const Symbol& variable, int64_t offset, bool wide) {
  if (variable.dynamic) return constant(Constant::kDynamicShared, 0, uint64_t(offset), wide);
  if (variable.variable < 0) return immediate(variable.offset + uint64_t(offset), wide);
  return constant(Constant::kVariable, uint64_t(variable.variable), uint64_t(offset), wide);
}

Operand SlotTable::scrap(Type type) {
  if (type == Type::kPred) {
    Operand operand;
    operand.kind = OperandKind::kPredicate;
    operand.slot = kScrapPredicate;
    return operand;
  }
  const bool wide = bytes(type) == 8;
  if (!has_scrap_[wide]) scrap_[wide] = allocate(wide ? OperandKind::kRegister64 : OperandKind::kRegister32);
  has_scrap_[wide] = true;
  return scrap_[wide];
}

bool find_special(const std::string& name, Special* special) {
  static const std::map<std::string, Special> table = {
      {"%tid.x", Special::kTidX},
      {"%tid.y", Special::kTidY},
      {"%tid.z", Special::kTidZ},
      {"%ntid.x", Special::kNtidX},
      {"%ntid.y", Special::kNtidY},
      {"%ntid.z", Special::kNtidZ},
      {"%ctaid.x", Special::kCtaidX},
      {"%ctaid.y", Special::kCtaidY},
      {"%ctaid.z", Special::kCtaidZ},
      {"%nctaid.x", Special::kNctaidX},
      {"%nctaid.y", Special::kNctaidY},
      {"%nctaid.z", Special::kNctaidZ},
      {"%laneid", Special::kLaneId},
      {"%warpid", Special::kWarpId},
      {"%nwarpid", Special::kNwarpId},
      {"%smid", Special::kSmId},
      {"%nsmid", Special::kNsmId},
      {"%gridid", Special::kGridId},
      {"%lanemask_eq", Special::kLanemaskEq},
      {"%lanemask_lt", Special::kLanemaskLt},
      {"%lanemask_le", Special::kLanemaskLe},
      {"%lanemask_gt", Special::kLanemaskGt},
      {"%lanemask_ge", Special::kLanemaskGe},
      {"%dynamic_smem_size", Special::kDynamicSharedSize},
      {"%total_smem_size", Special::kTotalSharedSize},
  };
  const auto found = table.find(name);
  if (found == table.end()) return false;
  *special = found->second;
  return true;
}

}  // namespace tsv_sim
