// From the form of an instruction to the loop that runs it. Null means that PTX has no such form.
#ifndef TOKENSIEVE_EMULATOR_EXECUTORS_SELECT_H
#define TOKENSIEVE_EMULATOR_EXECUTORS_SELECT_H
#include "select_float.h"
#include "select_integer.h"

namespace tsv_sim {
namespace {

// mov, selp and slct move bits of any type.
template <class T>
Execute select_move(const Form& form) {
  switch (form.operation) {
    case Operation::kMove:
      return map<Identity<T>>;
    case Operation::kSelect:
      return map<SelectBit<T>>;
    case Operation::kSelectBySign:
      if (form.source == Type::kS32) return form.flush ? nullptr : map<SelectSign<T>>;
      if (form.source != Type::kF32) return nullptr;
      return form.flush ? map<SelectSignFloat<T, true>> : map<SelectSignFloat<T, false>>;
    default:
      return nullptr;
  }
}

inline Execute select(const Form& form) {
  switch (form.operation) {
    case Operation::kMove:
    case Operation::kSelect:
    case Operation::kSelectBySign:
      switch (bytes(form.type)) {
        case 2:
          return select_move<uint16_t>(form);
        case 4:
          return select_move<uint32_t>(form);
        case 8:
          return select_move<uint64_t>(form);
        default:
          return nullptr;
      }
    case Operation::kConvert:
      return select_convert(form);
    case Operation::kCompare:
    case Operation::kCompareToValue:
      return select_compare(form);
    default:
      return is_float(form.type) ? select_float(form) : select_integer(form);
  }
}

}  // namespace
}  // namespace tsv_sim
#endif
