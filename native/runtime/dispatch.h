// Which table of kernels runs.
#ifndef TOKENSIEVE_RUNTIME_DISPATCH_H
#define TOKENSIEVE_RUNTIME_DISPATCH_H
#include "kernels/int8_kernels.h"
#include "kernels/kernels.h"

namespace tsv {

// The table of an instruction set, NULL where the processor lacks it or the build left it out.
const Kernels* kernels_of(int32_t isa);

// The table in use: the best the processor has, until set_isa() lowers it.
const Kernels& kernels();
bool set_isa(int32_t isa);

// The kernels of 8-bit products that go with the table in use, or NULL.
const Int8Kernels* int8_kernels();

}  // namespace tsv
#endif
