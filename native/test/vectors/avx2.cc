#include "simd/avx2.h"

#include "vectors/table.h"

extern "C" const Vectors test_vectors_avx2 = make_vectors<Avx2>();
