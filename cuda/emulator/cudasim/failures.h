// Failures made on purpose: where the driver can fail, and at which time it shall.
#ifndef TOKENSIEVE_CUDASIM_FAILURES_H
#define TOKENSIEVE_CUDASIM_FAILURES_H
#include <stdint.h>

#include <string>

#include "types.h"

namespace cudasim {

// Name in a plan, and the error unless the plan names another.
#define CUDASIM_FOR_EACH_FAILURE_POINT(ENTRY) \
  ENTRY(init, kUnknown) \
  ENTRY(context, kOutOfMemory) \
  ENTRY(module, kOutOfMemory) \
  ENTRY(stream, kOutOfMemory) \
  ENTRY(event, kOutOfMemory) \
  ENTRY(pool, kOutOfMemory) \
  ENTRY(allocate, kOutOfMemory) \
  ENTRY(pinned, kOutOfMemory) \
  ENTRY(launch, kLaunchOutOfResources) \
  ENTRY(upload, kUnknown) \
  ENTRY(download, kUnknown) \
  ENTRY(copy, kUnknown) \
  ENTRY(fill, kUnknown)

enum class FailurePoint : int {
#define CUDASIM_FAILURE_POINT(name, error) name,
  CUDASIM_FOR_EACH_FAILURE_POINT(CUDASIM_FAILURE_POINT)
#undef CUDASIM_FAILURE_POINT
};

// Errors that end the context; a plan's strike when the work runs, others at the call.
bool is_sticky(Result error);

// A plan is a list "point:n", separated by commas: the nth passing from now fails, "point:n+" the nth and all
// after it, "point:n=719" with that error. False for one that makes no sense: nothing has changed.
bool arm(const std::string& plan);

// Counts a passing; what it is to fail with, 0 if it is not.
Result pass(FailurePoint point);

// Passings since the plan was armed; false for an unknown name.
bool passed(const std::string& point, uint64_t* count);

}  // namespace cudasim
#endif
