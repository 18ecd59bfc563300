#include "cuda/driver/modules.h"

#include <string.h>

#include "cuda/driver/device.h"
#include "cuda/driver/image.h"

namespace tsv {
namespace cuda {
namespace {

constexpr KernelInfo kKernels[] = {
#define TSV_CUDA_KERNEL_INFO(module, name, Arguments) {#module, "tsv_" #name, sizeof(Arguments)},
    TSV_FOR_EACH_CUDA_KERNEL(TSV_CUDA_KERNEL_INFO)
#undef TSV_CUDA_KERNEL_INFO
};

// What a launch may add without asking: of 48 KB, what no kernel has as its own.
constexpr size_t kUsualShared = 32 << 10;

int first_of_module(int kernel) {
  int first = 0;
  while (strcmp(kKernels[first].module, kKernels[kernel].module) != 0) ++first;
  return first;
}

// The driver takes no cubin of this kind and may take the PTX.
bool refused(CUresult result) {
  return result == CUDA_ERROR_NO_BINARY_FOR_GPU || result == CUDA_ERROR_INVALID_IMAGE;
}

CUmodule compile(Call& call, const char* module, const Code& ptx) {
  char log[96] = "";
  int32_t options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void* values[] = {log, pointer(sizeof log)};  // the size itself stands in the place of a pointer
  CUmodule loaded = nullptr;
  const CUresult result = api().cuModuleLoadDataEx(&loaded, ptx.data, 2, options, values);
  log[sizeof log - 1] = '\0';
  for (char* at = log; *at != '\0'; ++at) {
    if (*at == '\n' || *at == '\r') *at = ' ';
  }
  const bool fits =
      call.check(result, "could not compile the PTX of %s%s%s", module, log[0] != '\0' ? ": " : "", log);
  return fits ? loaded : nullptr;
}

CUmodule load_module(Call& call, const char* module) {
  const Image& image = embedded_image();
  const int32_t architecture = call.device()->limits.architecture;
  const Code cubin = image.cubin(module, architecture), ptx = image.ptx(module, architecture);
  if (cubin.data != nullptr) {
    CUmodule loaded = nullptr;
    const CUresult result = api().cuModuleLoadDataEx(&loaded, cubin.data, 0, nullptr, nullptr);
    if (result == CUDA_SUCCESS) return loaded;
    if (!refused(result) || ptx.data == nullptr) {
      call.check(result, "could not load the kernels of %s", module);
      return nullptr;
    }
  }
  if (ptx.data == nullptr) {
    call.fail(TSV_E_NO_CUDA, TSV_ARG_NONE, "",
              "CUDA device %d, of architecture %d, has no form of the kernels of %s", int(call.device()->id),
              int(architecture), module);
    return nullptr;
  }
  return compile(call, module, ptx);
}

}  // namespace

const KernelInfo& info_of(Kernel kernel) { return kKernels[int(kernel)]; }

CUfunction Modules::get(Call& call, Kernel kernel, size_t shared_bytes) {
  const int place = int(kernel);
  CUfunction function = functions_[place].load(std::memory_order_acquire);
  if (function == nullptr) {
    const std::lock_guard<std::mutex> lock(mutex_);
    function = load(call, place);
  }
  if (function == nullptr || (shared_bytes > kUsualShared && !allow_shared(call, place, shared_bytes)))
    return nullptr;
  return function;
}

CUfunction Modules::load(Call& call, int kernel) {
  CUfunction function = functions_[kernel].load(std::memory_order_relaxed);
  if (function != nullptr) return function;
  const KernelInfo& info = kKernels[kernel];
  if (embedded_image().argument_bytes(info.name) != int64_t(info.argument_bytes)) {
    call.fail(TSV_E_NO_CUDA, TSV_ARG_NONE, "",
              "%s is of other sources than this build: npm run build:cuda makes it anew", info.name);
    return nullptr;
  }
  CUmodule& module = modules_[first_of_module(kernel)];
  if (module == nullptr) module = load_module(call, info.module);
  if (module == nullptr) return nullptr;
  if (!call.check(api().cuModuleGetFunction(&function, module, info.name), "has no kernel %s", info.name))
    return nullptr;
  functions_[kernel].store(function, std::memory_order_release);
  return function;
}

bool Modules::allow_shared(Call& call, int kernel, size_t shared_bytes) {
  if (shared_[kernel].load(std::memory_order_acquire) >= shared_bytes) return true;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (shared_[kernel].load(std::memory_order_relaxed) >= shared_bytes) return true;
  const CUresult result =
      api().cuFuncSetAttribute(functions_[kernel].load(std::memory_order_relaxed),
                               CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, int(shared_bytes));
  if (!call.check(result, "could not give %s %zu bytes of shared memory", kKernels[kernel].name,
                  shared_bytes))
    return false;
  shared_[kernel].store(shared_bytes, std::memory_order_release);
  return true;
}

}  // namespace cuda
}  // namespace tsv
