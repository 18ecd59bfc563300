// What tests and the driver layer ask the double itself: cudasim.h.
#include "cudasim.h"
#include "entry_points.h"
#include "failures.h"
#include "faults.h"
#include "report.h"

namespace {

// Texts live until the same thread asks again.
thread_local std::string kept_fault, kept_counters;

}  // namespace

extern "C" {

CUDASIM_EXPORT int cudasim_version(void) { return CUDASIM_VERSION; }

CUDASIM_EXPORT const char* cudasim_last_fault(void) {
  kept_fault = cudasim::last_fault();
  return kept_fault.c_str();
}

CUDASIM_EXPORT void cudasim_live(cudasim_live_objects* live) { *live = cudasim::live_objects(); }

CUDASIM_EXPORT int cudasim_fail(const char* plan) { return plan != nullptr && cudasim::arm(plan) ? 1 : 0; }

CUDASIM_EXPORT uint64_t cudasim_passed(const char* point) {
  uint64_t count = 0;
  return point != nullptr && cudasim::passed(point, &count) ? count : UINT64_MAX;
}

CUDASIM_EXPORT const char* cudasim_counters(void) {
  kept_counters = cudasim::counters_json();
  return kept_counters.c_str();
}
}
