// What libcudasim exports besides the driver API: a client learns that it is emulated, and tests arm
// failures, count what is left, and read why a kernel was stopped. Plain C, for dlsym.
#ifndef TOKENSIEVE_CUDASIM_H
#define TOKENSIEVE_CUDASIM_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// What a client has and has not given back, over all devices. What was asked back after the context had
// failed counts as given back.
typedef struct cudasim_live_objects {
  uint64_t contexts; /* primary contexts retained */
  uint64_t streams;  /* the default streams apart */
  uint64_t events;
  uint64_t modules;
  uint64_t pools;                        /* the default ones apart */
  uint64_t allocations, allocated_bytes; /* device memory, the variables of modules apart */
  uint64_t pinned_blocks, pinned_bytes;  /* host memory allocated or registered */
} cudasim_live_objects;

#define CUDASIM_VERSION 1

// CUDASIM_VERSION of the library. That the symbol is there says that the driver is emulated.
int cudasim_version(void);

// What stopped the last kernel, copy or module: kernel, PTX line, block, thread, address, words. "" when
// nothing did. Valid until the next call of this function by the same thread.
const char* cudasim_last_fault(void);

void cudasim_live(cudasim_live_objects* live);

// Arms failures, in place of all that were armed; counting starts anew. The plan is that of
// TOKENSIEVE_CUDASIM_FAIL: "allocate:3" or "launch:1+,download:2=700"; "" disarms. 0 when the plan makes no
// sense, and nothing has changed.
int cudasim_fail(const char* plan);

// How often a failure point ("allocate", "launch", ...) was passed since the plan was last armed;
// UINT64_MAX for a name that is no point.
uint64_t cudasim_passed(const char* point);

// The counters of the kernels launched so far, summed by name, as JSON; only while
// TOKENSIEVE_CUDASIM_COUNTERS is set, else "{}". Valid until the next call of this function by the same
// thread.
const char* cudasim_counters(void);

#ifdef __cplusplus
}
#endif
#endif
