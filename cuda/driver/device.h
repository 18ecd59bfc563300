// CUDA devices: each opened once, when first needed, in its primary context; and the calls on them.
#ifndef TOKENSIEVE_CUDA_DEVICE_H
#define TOKENSIEVE_CUDA_DEVICE_H
#include <stddef.h>
#include <stdint.h>

#include <atomic>

#include "cuda/driver/driver_api.h"
#include "cuda/driver/faults.h"
#include "cuda/driver/memory.h"
#include "cuda/driver/modules.h"
#include "cuda/driver/staging.h"
#include "tokensieve.h"

namespace tsv {
namespace cuda {

// What plans decide by.
struct DeviceLimits {
  int32_t architecture;  // 75, 80, ...
  int32_t multiprocessors;
  int64_t shared_memory;  // bytes a block may ask for
};

// Lives as long as the process: other stacks share the primary context, and the driver may be gone before
// destructors run.
struct Device {
  int32_t id;
  CUcontext context;
  DeviceLimits limits;
  Modules modules;
  DeviceMemory memory;
  Staging staging;
  Faults faults;
  // The error after which the driver refuses everything in this context until the process ends.
  std::atomic<CUresult> lost{CUDA_SUCCESS};

  explicit Device(int32_t number) : id(number) {}
};

// One call on a device: its context is current while this lives, and the thread's own one after. The first
// failure is kept, in the tsv_context's error: `expected` says what happened, `got` is the driver's name for
// it, or empty.
class Call {
 public:
  Call(tsv_context* context, int32_t device);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  bool failed() const { return status_ != TSV_OK; }
  tsv_status status() const { return status_; }
  // NULL when the device could not be opened.
  Device* device() const { return device_; }
  CUstream stream() const { return stream_; }
  // The device's context is current, so that what is left there can be given back whatever else has failed.
  bool entered() const { return current_; }
  // An error, now or earlier, has made the device useless, and with it all that was on it.
  bool lost() const { return lost_; }

  // True for success. Otherwise the call has failed: the device `could not ...`.
  bool check(CUresult result, const char* format, ...)
#if defined(__GNUC__)
      __attribute__((format(printf, 3, 4)))
#endif
      ;
  void fail(tsv_status status, int32_t argument, const char* got, const char* format, ...)
#if defined(__GNUC__)
      __attribute__((format(printf, 5, 6)))
#endif
      ;
  // There was no failure after all.
  void forgive();

 private:
  bool open(int32_t device);

  tsv_error* error_ = nullptr;  // NULL: the caller has no place for it
  tsv_status status_ = TSV_OK;
  Device* device_ = nullptr;
  CUstream stream_ = nullptr;
  bool current_ = false, lost_ = false;
};

// The driver's functions. Only for those who have a device.
inline const Driver& api() { return driver().api; }

inline CUdeviceptr address(const void* pointer) { return CUdeviceptr(reinterpret_cast<uintptr_t>(pointer)); }
inline void* pointer(CUdeviceptr address) {
  return reinterpret_cast<void*>(uintptr_t(address));  // NOLINT(performance-no-int-to-ptr): the device's
}

}  // namespace cuda
}  // namespace tsv
#endif
