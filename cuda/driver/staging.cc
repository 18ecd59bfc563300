#include "cuda/driver/staging.h"

#include <string.h>

#include <algorithm>

#include "cuda/driver/device.h"

namespace tsv {
namespace cuda {

Staging::Block Staging::take(Call& call) {
  const std::lock_guard<std::mutex> lock(mutex_);
  auto found = std::find_if(in_flight_.begin(), in_flight_.end(), [](const Block& block) {
    return api().cuEventQuery(block.event) == CUDA_SUCCESS;
  });
  if (found == in_flight_.end() && in_flight_.size() >= kMostInFlight) {
    found = in_flight_.begin();
    if (!call.check(api().cuEventSynchronize(found->event), "failed at work enqueued before"))
      return {nullptr, nullptr};
  }
  if (found != in_flight_.end()) {
    const Block block = *found;
    in_flight_.erase(found);
    return block;
  }
  CUevent event = nullptr;
  if (!call.check(api().cuEventCreate(&event, CU_EVENT_DISABLE_TIMING), "could not make an event"))
    return {nullptr, nullptr};
  void* data = nullptr;
  if (!call.check(api().cuMemAllocHost_v2(&data, kBlockBytes), "could not pin memory of the host")) {
    api().cuEventDestroy_v2(event);
    return {nullptr, nullptr};
  }
  return {static_cast<char*>(data), event};
}

void Staging::give_back(Call& call, const Block& block) {
  // Without the event, wait for the copies themselves.
  if (api().cuEventRecord(block.event, call.stream()) != CUDA_SUCCESS)
    call.check(api().cuStreamSynchronize(call.stream()), "failed at work enqueued before");
  const std::lock_guard<std::mutex> lock(mutex_);
  in_flight_.push_back(block);
}

void Upload::finish() {
  if (block_.data != nullptr) call_.device()->staging.give_back(call_, block_);
  block_ = {nullptr, nullptr};
}

bool Upload::copy(void* to, const void* from, size_t bytes) {
  for (size_t done = 0; done < bytes && !call_.failed();) {
    Staging& staging = call_.device()->staging;
    if (used_ == Staging::kBlockBytes) finish();
    if (block_.data == nullptr) {
      block_ = staging.take(call_);
      used_ = 0;
    }
    if (block_.data == nullptr) return false;
    const size_t some = std::min(bytes - done, Staging::kBlockBytes - used_);
    memcpy(block_.data + used_, static_cast<const char*>(from) + done, some);
    call_.check(api().cuMemcpyHtoDAsync_v2(address(to) + done, block_.data + used_, some, call_.stream()),
                "could not copy %zu bytes from the host", some);
    used_ = std::min(used_ + (some + 15) / 16 * 16, Staging::kBlockBytes);
    done += some;
  }
  return !call_.failed();
}

}  // namespace cuda
}  // namespace tsv
