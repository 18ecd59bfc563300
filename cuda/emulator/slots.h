// Names of a kernel while it is read: registers, variables and labels, by scope; and the slots that they get.
#ifndef TOKENSIEVE_EMULATOR_SLOTS_H
#define TOKENSIEVE_EMULATOR_SLOTS_H
#include <stdint.h>

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "ptx.h"

namespace tsv_sim {

// Registers that tell a thread where it is. They are constants of a warp: only the clocks change, and are no
// slots.
enum class Special : uint8_t {
  kTidX,
  kTidY,
  kTidZ,
  kNtidX,
  kNtidY,
  kNtidZ,
  kCtaidX,
  kCtaidY,
  kCtaidZ,
  kNctaidX,
  kNctaidY,
  kNctaidZ,
  kLaneId,
  kWarpId,
  kNwarpId,
  kSmId,
  kNsmId,
  kGridId,
  kLanemaskEq,
  kLanemaskLt,
  kLanemaskLe,
  kLanemaskGt,
  kLanemaskGe,
  kDynamicSharedSize,
  kTotalSharedSize,
};

struct Symbol {
  enum Kind : uint8_t { kNone, kRegister, kVariable } kind = kNone;
  Type type = Type::kNone;  // of a register
  Operand operand;          // of a register
  Space space = Space::kGlobal;
  uint64_t offset = 0;    // of a shared, local or parameter variable
  int32_t variable = -1;  // index of a module's variable
  bool dynamic = false;   // dynamic shared memory, which begins where the static part ends
};

class SlotTable {
 public:
  SlotTable(Kernel& kernel, const std::map<std::string, Symbol>& globals);

  void open_scope() { scopes_.emplace_back(); }
  void close_scope() { scopes_.pop_back(); }
  size_t depth() const { return scopes_.size(); }

  // False where the scope has the name already.
  bool declare_register(const std::string& name, Type type);
  bool declare_variable(const std::string& name, Space space, uint64_t offset);
  // Null where no scope has the name.
  const Symbol* find(const std::string& name) const;

  // Slots that hold a value from the warp's start; the same for the same value.
  Operand immediate(uint64_t bits, bool wide);
  Operand special(Special which, bool wide);
  Operand address_of(const Symbol& variable, int64_t offset, bool wide);
  // A slot that is written and never read.
  Operand scrap(Type type);

 private:
  Operand allocate(OperandKind kind);
  Operand constant(Constant::Kind kind, uint64_t value, uint64_t addend, bool wide);

  Kernel& kernel_;
  const std::map<std::string, Symbol>& globals_;
  std::vector<std::unordered_map<std::string, Symbol>> scopes_;
  std::map<std::vector<uint64_t>, Operand> constants_;
  Operand scrap_[2];
  bool has_scrap_[2] = {};
};

// The special register of that name; false where there is none.
bool find_special(const std::string& name, Special* special);

}  // namespace tsv_sim
#endif
