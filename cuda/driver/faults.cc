#include "cuda/driver/faults.h"

#include <inttypes.h>
#include <stdio.h>

#include "cuda/driver/device.h"

namespace tsv {
namespace cuda {
namespace {

constexpr size_t kPage = 4096;

void raise(Call& call, const FaultRecord& fault) {
  char got[64];
  const int digits = snprintf(got, sizeof got, "%.17g", fault.got);
  if (fault.element >= 0) {
    snprintf(got + digits, sizeof got - size_t(digits),
             fault.kind == kFaultDropped ? ", dropped in row %" PRId64 : " at element %" PRId64,
             fault.element);
  }
  if (fault.kind == kFaultNegative || fault.kind == kFaultNotFinite) {
    call.fail(tsv_status(fault.status), fault.argument, got,
              fault.kind == kFaultNegative ? "numbers from 0" : "finite numbers");
  } else if (fault.kind == kFaultDropped) {
    call.fail(tsv_status(fault.status), fault.argument, got, "a token that is not dropped in any row");
  } else if (fault.element < 0) {
    call.fail(tsv_status(fault.status), fault.argument, got, "an integer from %" PRId64 " to %" PRId64,
              fault.low, fault.high);
  } else {
    call.fail(tsv_status(fault.status), fault.argument, got, "integers from %" PRId64 " to %" PRId64,
              fault.low, fault.high);
  }
}

}  // namespace

FaultRecord* Faults::record(Call& call) {
  if (call.failed()) return nullptr;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = streams_.find(call.stream());
  if (found != streams_.end()) {
    found->second.expected = true;
    return found->second.record;
  }
  DeviceMemory& memory = call.device()->memory;
  auto* const made = static_cast<FaultRecord*>(memory.allocate(call, sizeof(FaultRecord)));
  if (made == nullptr) return nullptr;
  if (!call.check(api().cuMemsetD8Async(address(made), 0, sizeof *made, call.stream()),
                  "could not clear memory")) {
    memory.release(call, made);
    return nullptr;
  }
  streams_.emplace(call.stream(), Stream{made, true});
  return made;
}

void Faults::expect(Call& call) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = streams_.find(call.stream());
  if (found != streams_.end()) found->second.expected = true;
}

FaultRecord* Faults::take_reading(Call& call) {
  if (readings_.empty()) {
    void* page = nullptr;
    if (!call.check(api().cuMemAllocHost_v2(&page, kPage), "could not pin memory of the host"))
      return nullptr;
    for (size_t i = 0; i < kPage / sizeof(FaultRecord); ++i)
      readings_.push_back(static_cast<FaultRecord*>(page) + i);
  }
  FaultRecord* const reading = readings_.back();
  readings_.pop_back();
  return reading;
}

const FaultRecord* Faults::read(Call& call) {
  if (call.failed()) return nullptr;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = streams_.find(call.stream());
  if (found == streams_.end() || !found->second.expected) return nullptr;
  FaultRecord* const reading = take_reading(call);
  if (reading == nullptr) return nullptr;
  const CUdeviceptr record = address(found->second.record);
  if (!call.check(api().cuMemcpyDtoHAsync_v2(reading, record, sizeof *reading, call.stream()),
                  "could not read what its kernels reported") ||
      !call.check(api().cuMemsetD8Async(record, 0, sizeof *reading, call.stream()),
                  "could not clear memory")) {
    readings_.push_back(reading);
    return nullptr;
  }
  found->second.expected = false;
  return reading;
}

void Faults::finish(Call& call, const FaultRecord* reading) {
  if (reading == nullptr) return;
  if (!call.failed() && reading->status != TSV_OK) raise(call, *reading);
  const std::lock_guard<std::mutex> lock(mutex_);
  readings_.push_back(const_cast<FaultRecord*>(reading));
}

void Faults::forget(Call& call) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = streams_.find(call.stream());
  if (found == streams_.end()) return;
  call.device()->memory.release(call, found->second.record);
  streams_.erase(found);
}

}  // namespace cuda
}  // namespace tsv
