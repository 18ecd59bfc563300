// One pool of threads for the process, and the way every kernel's work is spread over it.
#ifndef TOKENSIEVE_RUNTIME_THREAD_POOL_H
#define TOKENSIEVE_RUNTIME_THREAD_POOL_H
#include <stdint.h>

#include "tokensieve.h"

namespace tsv {

// Calls task(state, i) for i in 0..count-1 on the caller and the pool's threads, and returns when all are
// done. A second caller that comes while the pool is busy runs its tasks alone: results never depend on who
// ran what.
void run_tasks(int64_t count, tsv_task task, void* state);

int threads();
void set_threads(int count);
void set_executor(tsv_parallel_for parallel_for, void* user);

// Whether the flag is up. Another thread may raise it meanwhile.
inline bool raised(const volatile int32_t* flag) {
#if defined(__GNUC__)
  return flag != nullptr && __atomic_load_n(flag, __ATOMIC_RELAXED) != 0;
#else
  return flag != nullptr && *flag != 0;
#endif
}

inline bool cancelled(const tsv_context* context) { return raised(context->cancelled); }

// run_tasks() for a callable. It stops handing out work once the context's flag is raised.
template <class Body>
void parallel_for(const tsv_context* context, int64_t count, const Body& body) {
  struct State {
    const Body& body;
    const volatile int32_t* cancelled;
  } state{body, context->cancelled};
  run_tasks(
      count,
      [](void* opaque, int64_t index) {
        State& s = *static_cast<State*>(opaque);
        if (!raised(s.cancelled)) s.body(index);
      },
      &state);
}

}  // namespace tsv
#endif
