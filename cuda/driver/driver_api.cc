#include "cuda/driver/driver_api.h"

#include <stdio.h>
#include <stdlib.h>

#include "cuda/driver/image.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace tsv {
namespace cuda {
namespace {

#if defined(_WIN32)
// Not tried on a machine with Windows.
constexpr const char* kLibrary = "nvcuda.dll";
using Library = HMODULE;
Library open_library(const char* path) { return LoadLibraryA(path); }
void* find_symbol(Library library, const char* name) {
  return reinterpret_cast<void*>(GetProcAddress(library, name));
}
void print_open_error(const char* path, char* text, size_t length) {
  snprintf(text, length, "%s could not be loaded (error %lu)", path, GetLastError());
}
#else
constexpr const char* kLibrary = "libcuda.so.1";
using Library = void*;
Library open_library(const char* path) { return dlopen(path, RTLD_NOW | RTLD_LOCAL); }
void* find_symbol(Library library, const char* name) { return dlsym(library, name); }
void print_open_error(const char*, char* text, size_t length) {
  const char* const error = dlerror();  // begins with the path
  snprintf(text, length, "%s", error != nullptr ? error : "unknown error");
}
#endif

template <class Function>
bool bind(Library library, const char* name, Function* function, char* missing, size_t length) {
  *function = reinterpret_cast<Function>(find_symbol(library, name));
  if (*function == nullptr && missing[0] == '\0') snprintf(missing, length, "%s", name);
  return *function != nullptr;
}

void say_version(int32_t version, char* text, size_t length) {
  snprintf(text, length, "CUDA %d.%d", int(version / 1000), int(version % 1000 / 10));
}

// Fills `loaded`, whose reason stays empty when all is there.
void load(LoadedDriver* loaded) {
  char(&reason)[sizeof loaded->reason] = loaded->reason;
  const char* const told = getenv("TOKENSIEVE_CUDA_DRIVER");
  const char* const path = told != nullptr && told[0] != '\0' ? told : kLibrary;
  Library library = open_library(path);
  if (library == nullptr) {
    char error[160];
    print_open_error(path, error, sizeof error);
    snprintf(reason, sizeof reason, "no CUDA driver: %s", error);
    return;
  }
  char missing[64] = "";
  Driver& api = loaded->api;
#define TSV_CUDA_BIND(name, parameters) bind(library, #name, &api.name, missing, sizeof missing);
  TSV_FOR_EACH_CUDA_FUNCTION(TSV_CUDA_BIND)
#undef TSV_CUDA_BIND
  loaded->emulated = find_symbol(library, TSV_CUDASIM_MARK) != nullptr;
  // Asked before anything else: drivers answer it without a device, and old ones lack functions.
  int version = 0;
  if (api.cuDriverGetVersion != nullptr && api.cuDriverGetVersion(&version) == CUDA_SUCCESS)
    loaded->version = version;
  const Image& image = embedded_image();
  const int32_t needed = image.driver_version();
  if (loaded->version != 0 && loaded->version < needed) {
    char has[32], needs[32];
    say_version(loaded->version, has, sizeof has);
    say_version(needed, needs, sizeof needs);
    snprintf(reason, sizeof reason, "the driver is for %s; the kernels need one for %s or newer", has, needs);
    return;
  }
  if (missing[0] != '\0') {
    snprintf(reason, sizeof reason, "the CUDA driver %.100s has no %s", path, missing);
    return;
  }
  const CUresult started = api.cuInit(0);
  const CUresult counted = started == CUDA_SUCCESS ? api.cuDeviceGetCount(&loaded->device_count) : started;
  if (counted == CUDA_ERROR_NO_DEVICE || (counted == CUDA_SUCCESS && loaded->device_count == 0)) {
    snprintf(reason, sizeof reason, "the CUDA driver finds no device");
    return;
  }
  if (counted != CUDA_SUCCESS) {
    const char* name = nullptr;
    const bool named = api.cuGetErrorName(counted, &name) == CUDA_SUCCESS && name != nullptr;
    snprintf(reason, sizeof reason, "the CUDA driver could not be started: %s",
             named ? name : "an unknown error");
    return;
  }
  if (image.problem() != nullptr) snprintf(reason, sizeof reason, "%s", image.problem());
}

LoadedDriver load() {
  LoadedDriver loaded;
  load(&loaded);
  loaded.usable = loaded.reason[0] == '\0';
  return loaded;
}

}  // namespace

const LoadedDriver& driver() {
  static const LoadedDriver loaded = load();
  return loaded;
}

const char* name_of(CUresult result) {
  const char* name = nullptr;
  const Driver& api = driver().api;
  if (api.cuGetErrorName == nullptr || api.cuGetErrorName(result, &name) != CUDA_SUCCESS || name == nullptr)
    return "an unknown error";
  return name;
}

}  // namespace cuda
}  // namespace tsv
