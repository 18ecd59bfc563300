#include "simd/scalar.h"

#include "kernels/table.h"

extern "C" const tsv::Kernels tsv::tsv_kernels_scalar = make_kernels<Scalar>(TSV_ISA_SCALAR);
