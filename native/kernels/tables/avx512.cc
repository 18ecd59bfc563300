#include "simd/avx512.h"

#include "kernels/table.h"

extern "C" const tsv::Kernels tsv::tsv_kernels_avx512 = make_kernels<Avx512>(TSV_ISA_AVX512);
