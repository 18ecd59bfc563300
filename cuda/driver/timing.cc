#include "cuda/driver/timing.h"

#include <initializer_list>

namespace tsv {
namespace cuda {

CUevent mark(Call& call) {
  CUevent made = nullptr;
  if (call.failed() || !call.check(api().cuEventCreate(&made, 0), "could not make an event")) return nullptr;
  if (call.check(api().cuEventRecord(made, call.stream()), "could not record an event")) return made;
  api().cuEventDestroy_v2(made);
  return nullptr;
}

double elapsed(Call& call, CUevent begin, CUevent end) {
  float milliseconds = 0.0f;
  if (!call.failed() && begin != nullptr && end != nullptr &&
      call.check(api().cuEventSynchronize(end), "failed at work enqueued before"))
    call.check(api().cuEventElapsedTime(&milliseconds, begin, end), "could not tell the time");
  for (CUevent event : {begin, end}) {
    if (event != nullptr && call.device() != nullptr) api().cuEventDestroy_v2(event);
  }
  return double(milliseconds) * 1e-3;
}

}  // namespace cuda
}  // namespace tsv
