// Devices from outside: what there is, memory, copies, streams and waiting.
#include <stdio.h>
#include <string.h>

#include <algorithm>
#include <new>

#include "cuda/driver/device.h"
#include "cuda/driver/driver_api.h"
#include "cuda/driver/timing.h"
#include "tokensieve.h"

using namespace tsv::cuda;

namespace {

// What tsv_cuda_record() hands out.
struct Recorded {
  CUevent event;
  const FaultRecord* reading;
};

// Even after a failure: memory of the host's may be part of what the stream has yet to do.
void wait_for_stream(Call& call) {
  if (!call.entered()) return;
  const FaultRecord* const reading = call.device()->faults.read(call);
  call.check(api().cuStreamSynchronize(call.stream()), "failed at work enqueued before");
  call.device()->faults.finish(call, reading);
}

// Of a call that gave something back to a device, which was lost before or was not.
tsv_status end_of_release(Call& call, bool lost) {
  if (!lost) return call.status();
  call.forgive();
  return TSV_OK;
}

}  // namespace

extern "C" {

tsv_status tsv_cuda_describe(tsv_cuda_info* info) {
  if (info == nullptr || info->size < sizeof info->size || info->size > sizeof *info) return TSV_E_ABI;
  const LoadedDriver& loaded = driver();
  tsv_cuda_info known = {};
  known.size = info->size;
  known.available = loaded.usable;
  known.emulated = loaded.emulated;
  known.driver_version = loaded.version;
  known.device_count = loaded.device_count;
  memcpy(known.reason, loaded.reason, sizeof known.reason);
  memcpy(info, &known, known.size);
  return TSV_OK;
}

tsv_status tsv_cuda_device(int32_t device, char* name, size_t length, int32_t* architecture) {
  const LoadedDriver& loaded = driver();
  if (device < 0 || device >= loaded.device_count) return TSV_E_NO_CUDA;
  CUdevice handle = 0;
  char text[256] = "";
  int major = 0, minor = 0;
  const bool known = api().cuDeviceGet(&handle, device) == CUDA_SUCCESS &&
                     api().cuDeviceGetName(text, sizeof text, handle) == CUDA_SUCCESS &&
                     api().cuDeviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
                                                handle) == CUDA_SUCCESS &&
                     api().cuDeviceGetAttribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
                                                handle) == CUDA_SUCCESS;
  if (!known) return TSV_E_CUDA;
  snprintf(name, length, "%s", text);
  *architecture = major * 10 + minor;
  return TSV_OK;
}

tsv_status tsv_cuda_open_stream(tsv_context* context, int32_t device, void** stream) {
  Call call(context, device);
  CUstream made = nullptr;
  if (!call.failed())
    call.check(api().cuStreamCreate(&made, CU_STREAM_NON_BLOCKING), "could not make a stream");
  *stream = made;
  return call.status();
}

// What is given back to a device that is lost has gone with it: that is no failure.

tsv_status tsv_cuda_close_stream(tsv_context* context, int32_t device) {
  Call call(context, device);
  const bool lost = call.lost();
  if (!call.entered()) return call.status();
  wait_for_stream(call);
  call.device()->faults.forget(call);
  call.check(api().cuStreamDestroy_v2(call.stream()), "could not end a stream");
  return end_of_release(call, lost);
}

tsv_status tsv_cuda_allocate(tsv_context* context, int32_t device, uint64_t bytes, void** pointer) {
  Call call(context, device);
  *pointer = call.failed() ? nullptr : call.device()->memory.allocate(call, size_t(bytes));
  return call.status();
}

tsv_status tsv_cuda_release(tsv_context* context, int32_t device, void* pointer) {
  Call call(context, device);
  const bool lost = call.lost();
  if (!call.entered()) return call.status();
  call.device()->memory.release(call, pointer);
  return end_of_release(call, lost);
}

tsv_status tsv_cuda_upload(tsv_context* context, int32_t device, void* to, const void* from, uint64_t bytes) {
  Call call(context, device);
  if (!call.failed()) Upload(call).copy(to, from, size_t(bytes));
  return call.status();
}

tsv_status tsv_cuda_download(tsv_context* context, int32_t device, void* to, const void* from,
                             uint64_t bytes) {
  Call call(context, device);
  if (!call.failed() && bytes > 0)
    call.check(api().cuMemcpyDtoHAsync_v2(to, address(from), size_t(bytes), call.stream()),
               "could not copy %zu bytes to the host", size_t(bytes));
  wait_for_stream(call);
  return call.status();
}

tsv_status tsv_cuda_copy(tsv_context* context, int32_t device, void* to, const void* from, uint64_t bytes) {
  Call call(context, device);
  if (!call.failed() && bytes > 0)
    call.check(api().cuMemcpyDtoDAsync_v2(address(to), address(from), size_t(bytes), call.stream()),
               "could not copy %zu bytes on the device", size_t(bytes));
  return call.status();
}

tsv_status tsv_cuda_clear(tsv_context* context, int32_t device, void* pointer, uint64_t bytes) {
  Call call(context, device);
  if (!call.failed() && bytes > 0)
    call.check(api().cuMemsetD8Async(address(pointer), 0, size_t(bytes), call.stream()),
               "could not clear memory");
  return call.status();
}

tsv_status tsv_cuda_synchronize(tsv_context* context, int32_t device) {
  Call call(context, device);
  wait_for_stream(call);
  return call.status();
}

tsv_status tsv_cuda_record(tsv_context* context, int32_t device, void** event) {
  Call call(context, device);
  *event = nullptr;
  if (call.failed()) return call.status();
  auto* const made = new (std::nothrow) Recorded{nullptr, nullptr};
  if (made == nullptr) {
    call.fail(TSV_E_MEMORY, TSV_ARG_NONE, "", "%s", "there is no memory for an event");
    return call.status();
  }
  if (call.check(api().cuEventCreate(&made->event, CU_EVENT_DISABLE_TIMING), "could not make an event")) {
    made->reading = call.device()->faults.read(call);
    if (!call.failed())
      call.check(api().cuEventRecord(made->event, call.stream()), "could not record an event");
  }
  if (!call.failed()) {
    *event = made;
    return TSV_OK;
  }
  // What has been read must have come before its memory is used again.
  if (made->reading != nullptr) api().cuStreamSynchronize(call.stream());
  call.device()->faults.finish(call, made->reading);
  if (made->event != nullptr) api().cuEventDestroy_v2(made->event);
  delete made;
  return call.status();
}

tsv_status tsv_cuda_wait(tsv_context* context, int32_t device, void* event) {
  Call call(context, device);
  auto* const recorded = static_cast<Recorded*>(event);
  if (call.device() == nullptr) return call.status();  // then it is no event of ours
  if (call.entered()) call.check(api().cuEventSynchronize(recorded->event), "failed at work enqueued before");
  call.device()->faults.finish(call, recorded->reading);
  api().cuEventDestroy_v2(recorded->event);
  delete recorded;
  return call.status();
}

tsv_status tsv_cuda_follow(tsv_context* context, int32_t device, void* other) {
  Call call(context, device);
  CUevent event = nullptr;
  if (call.failed() ||
      !call.check(api().cuEventCreate(&event, CU_EVENT_DISABLE_TIMING), "could not make an event"))
    return call.status();
  if (call.check(api().cuEventRecord(event, static_cast<CUstream>(other)), "could not record an event"))
    call.check(api().cuStreamWaitEvent(call.stream(), event, 0), "could not wait for another stream");
  api().cuEventDestroy_v2(event);  // when it has come, if it has not yet
  return call.status();
}

tsv_status tsv_cuda_mark(tsv_context* context, int32_t device, void** made) {
  Call call(context, device);
  *made = mark(call);
  return call.status();
}

tsv_status tsv_cuda_elapsed(tsv_context* context, int32_t device, void* begin, void* end, double* seconds) {
  Call call(context, device);
  *seconds = elapsed(call, static_cast<CUevent>(begin), static_cast<CUevent>(end));
  return call.status();
}

}  // extern "C"
