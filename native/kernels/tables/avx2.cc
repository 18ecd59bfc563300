#include "simd/avx2.h"

#include "kernels/table.h"

extern "C" const tsv::Kernels tsv::tsv_kernels_avx2 = make_kernels<Avx2>(TSV_ISA_AVX2);
