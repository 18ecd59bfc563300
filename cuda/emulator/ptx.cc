#include "ptx.h"

#include <map>

#include "memory.h"

namespace tsv_sim {

int bytes(Type type) {
  switch (type) {
    case Type::kNone:
    case Type::kPred:
      return 0;
    case Type::kB8:
    case Type::kU8:
    case Type::kS8:
      return 1;
    case Type::kB16:
    case Type::kU16:
    case Type::kS16:
    case Type::kF16:
    case Type::kBf16:
      return 2;
    case Type::kB32:
    case Type::kU32:
    case Type::kS32:
    case Type::kU16x2:
    case Type::kS16x2:
    case Type::kF16x2:
    case Type::kBf16x2:
    case Type::kTf32:
    case Type::kF32:
      return 4;
    case Type::kB64:
    case Type::kU64:
    case Type::kS64:
    case Type::kF32x2:
    case Type::kF64:
      return 8;
    case Type::kB128:
      return 16;
  }
  return 0;
}

bool is_signed(Type type) { return type >= Type::kS8 && type <= Type::kS64; }

Type parse_type(const std::string& modifier) {
  static const std::map<std::string, Type> table = {
      {"pred", Type::kPred}, {"b8", Type::kB8},       {"b16", Type::kB16},     {"b32", Type::kB32},
      {"b64", Type::kB64},   {"b128", Type::kB128},   {"u8", Type::kU8},       {"u16", Type::kU16},
      {"u32", Type::kU32},   {"u64", Type::kU64},     {"s8", Type::kS8},       {"s16", Type::kS16},
      {"s32", Type::kS32},   {"s64", Type::kS64},     {"u16x2", Type::kU16x2}, {"s16x2", Type::kS16x2},
      {"f16", Type::kF16},   {"f16x2", Type::kF16x2}, {"bf16", Type::kBf16},   {"bf16x2", Type::kBf16x2},
      {"tf32", Type::kTf32}, {"f32", Type::kF32},     {"f32x2", Type::kF32x2}, {"f64", Type::kF64},
  };
  const auto found = table.find(modifier);
  return found == table.end() ? Type::kNone : found->second;
}

const Kernel* Module::find(const std::string& kernel) const {
  for (const auto& candidate : kernels) {
    if (candidate->name == kernel) return candidate.get();
  }
  return nullptr;
}

const Variable* Module::find_variable(const std::string& variable) const {
  for (const Variable& candidate : variables) {
    if (candidate.name == variable) return &candidate;
  }
  return nullptr;
}

bool Module::load(DeviceMemory& memory) {
  for (Variable& variable : variables) {
    variable.address = memory.allocate(variable.bytes, variable.space == Space::kConstant);
    std::vector<uint8_t> value = variable.initial;
    value.resize(variable.bytes);
    if (variable.address == 0 || !memory.write(variable.address, value.data(), value.size())) {
      unload(memory);
      return false;
    }
  }
  loaded = true;
  return true;
}

void Module::unload(DeviceMemory& memory) {
  for (Variable& variable : variables) {
    if (variable.address != 0) memory.free(variable.address);
    variable.address = 0;
  }
  loaded = false;
}

}  // namespace tsv_sim
