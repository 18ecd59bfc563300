// A device's kernels, loaded from the embedded container module by module as they are asked for.
#ifndef TOKENSIEVE_CUDA_MODULES_H
#define TOKENSIEVE_CUDA_MODULES_H
#include <stddef.h>
#include <stdint.h>

#include <atomic>
#include <mutex>

#include "cuda/driver/driver_api.h"
#include "cuda/kernels/cuda_kernels.h"

namespace tsv {
namespace cuda {

class Call;

// What the list says of a kernel.
struct KernelInfo {
  const char* module;
  const char* name;  // tsv_NAME
  size_t argument_bytes;
};
const KernelInfo& info_of(Kernel kernel);

#define TSV_CUDA_KERNEL_COUNT(module, name, Arguments) +1
constexpr int kKernelCount = 0 TSV_FOR_EACH_CUDA_KERNEL(TSV_CUDA_KERNEL_COUNT);
#undef TSV_CUDA_KERNEL_COUNT

class Modules {
 public:
  // A kernel that may be launched with so much dynamic shared memory; NULL when the call has failed.
  CUfunction get(Call& call, Kernel kernel, size_t shared_bytes);

 private:
  CUfunction load(Call& call, int kernel);
  bool allow_shared(Call& call, int kernel, size_t shared_bytes);

  std::mutex mutex_;
  CUmodule modules_[kKernelCount] = {};  // each at the place of its first kernel
  std::atomic<CUfunction> functions_[kKernelCount] = {};
  std::atomic<size_t> shared_[kKernelCount] = {};  // that the driver has been told to allow
};

}  // namespace cuda
}  // namespace tsv
#endif
