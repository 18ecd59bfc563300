#include "simd/scalar.h"

#include "vectors/table.h"

extern "C" const Vectors test_vectors_scalar = make_vectors<Scalar>();
