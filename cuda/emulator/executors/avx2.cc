// The lane loops for x86-64 with AVX2, FMA and F16C.
#include "select.h"

namespace tsv_sim {
Execute select_avx2(const Form& form) { return select(form); }
}  // namespace tsv_sim
