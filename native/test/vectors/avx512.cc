#include "simd/avx512.h"

#include "vectors/table.h"

extern "C" const Vectors test_vectors_avx512 = make_vectors<Avx512>();
