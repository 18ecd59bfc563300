// One recipe for each operation of tokensieve.h: it fills the arguments of a call. The list is read from the
// header by CMake, so an operation without a recipe does not link.
#ifndef TOKENSIEVE_TEST_FUZZ_RECIPES_H
#define TOKENSIEVE_TEST_FUZZ_RECIPES_H
#include "fuzz/call.h"

namespace fuzz {

#define OPERATION(name, Arguments) void make_##name(Call& call, Arguments& a);
#include "operations.inc"
#undef OPERATION

}  // namespace fuzz
#endif
