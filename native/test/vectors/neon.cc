#include "simd/neon.h"

#include "vectors/table.h"

extern "C" const Vectors test_vectors_neon = make_vectors<Neon>();
