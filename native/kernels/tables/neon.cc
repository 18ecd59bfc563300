#include "simd/neon.h"

#include "kernels/table.h"

extern "C" const tsv::Kernels tsv::tsv_kernels_neon = make_kernels<Neon>(TSV_ISA_NEON);
