#include "fuzz/recipes.h"
#include "fuzz/run.h"

namespace fuzz {

const std::vector<Operation>& operations() {
  static const std::vector<Operation> all = {
#define OPERATION(name, Arguments) \
  {#name, [](Bytes bytes, int64_t largest) { return prepare(bytes, largest, tsv_##name, make_##name); }},
#include "operations.inc"
#undef OPERATION
  };
  return all;
}

}  // namespace fuzz
