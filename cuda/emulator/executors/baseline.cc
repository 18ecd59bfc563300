// The lane loops for any processor.
#include "select.h"

namespace tsv_sim {
Execute select_baseline(const Form& form) { return select(form); }
}  // namespace tsv_sim
