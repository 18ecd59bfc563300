// What is not an operation: version, names, instruction set, threads, the table of functions.
#include "abi/check.h"
#include "kernels/kernels.h"
#include "runtime/cpu_features.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "tokensieve.h"

extern "C" {

uint32_t tsv_abi_version(void) { return TSV_ABI_VERSION; }
const char* tsv_version(void) { return TSV_VERSION; }

const char* tsv_argument_path(int32_t argument) {
  static const char* const paths[] = {
#define TSV_ARGUMENT_PATH(name, path) path,
      TSV_FOR_EACH_ARGUMENT(TSV_ARGUMENT_PATH)
#undef TSV_ARGUMENT_PATH
  };
  return argument > 0 && size_t(argument) < sizeof paths / sizeof *paths ? paths[argument] : "";
}

int64_t tsv_dtype_bytes(int32_t dtype) { return tsv::bytes_of(dtype); }

const char* tsv_isa_name(int32_t isa) {
  static const char* const names[] = {"scalar", "neon", "avx2", "avx512"};
  return isa >= 0 && isa < 4 ? names[isa] : "unknown";
}

int32_t tsv_isa_supported(int32_t isa) { return tsv::kernels_of(isa) != nullptr; }
int32_t tsv_active_isa(void) { return tsv::kernels().shape.isa; }
tsv_status tsv_set_isa(int32_t isa) { return tsv::set_isa(isa) ? TSV_OK : TSV_E_RANGE; }
void tsv_cpu_name(char* name, size_t length) { tsv::cpu_name(name, length); }

const char* tsv_kernel_name(int32_t kernel) {
  static const char* const names[] = {
#define TSV_KERNEL_NAME(name, Arguments) #name,
      TSV_FOR_EACH_KERNEL(TSV_KERNEL_NAME)
#undef TSV_KERNEL_NAME
  };
  return kernel >= 0 && size_t(kernel) < sizeof names / sizeof *names ? names[kernel] : nullptr;
}

int32_t tsv_threads(void) { return tsv::threads(); }

tsv_status tsv_set_threads(int32_t threads) {
  if (threads < 1 || threads > 1024) return TSV_E_RANGE;
  tsv::set_threads(threads);
  return TSV_OK;
}

void tsv_set_executor(tsv_parallel_for parallel_for, void* user) { tsv::set_executor(parallel_for, user); }

const tsv_api* tsv_get_api(void) {
  static const tsv_api api = {sizeof(tsv_api), TSV_ABI_VERSION,
#define TSV_API_FUNCTION(result, name, parameters) tsv_##name,
                              TSV_FOR_EACH_FUNCTION(TSV_API_FUNCTION)
#undef TSV_API_FUNCTION
  };
  return &api;
}

}  // extern "C"
