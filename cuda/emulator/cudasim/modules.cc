// Modules: PTX text only. What a function may be launched with.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "entry_points.h"
#include "failures.h"
#include "faults.h"
#include "settings.h"

namespace cudasim {
namespace {

constexpr uint32_t kFatbinary = 0xba55ed50;

bool is_text(const void* image) {
  uint32_t magic = 0;
  memcpy(&magic, image, 1);  // the rest may not be there
  if (magic == 0 || (magic & 0x80) != 0 || magic == 0x7f) return false;
  const char* const text = static_cast<const char*>(image);
  return isspace(static_cast<unsigned char>(*text)) != 0 || *text == '.' || *text == '/';
}

// A compiled image's kind; null for anything else.
const char* compiled_kind(const void* image) {
  const auto* const bytes = static_cast<const uint8_t*>(image);
  if (bytes[0] == 0x7f && bytes[1] == 'E' && bytes[2] == 'L' && bytes[3] == 'F') return "a cubin";
  uint32_t magic = 0;
  if (bytes[0] == (kFatbinary & 0xff)) memcpy(&magic, image, sizeof magic);
  return magic == kFatbinary ? "a fat binary" : nullptr;
}

// The major number after ".version", 0 if there is none. PTX 9 came with CUDA 13, 8 with 12, 7 with 11.
int ptx_version(const std::string& text) {
  const size_t at = text.find(".version");
  return at == std::string::npos ? 0 : atoi(text.c_str() + at + strlen(".version"));
}

// Writes what is wrong where the options ask for it, and keeps it.
struct ErrorLog {
  char* text = nullptr;
  unsigned bytes = 0;

  Result decline(Result error, const std::string& why) const {
    if (text != nullptr && bytes > 0) snprintf(text, bytes, "%s", why.c_str());
    return error;
  }
  Result refuse(Result error, const std::string& why) const { return report_fault(decline(error, why), why); }
};

ErrorLog error_log(unsigned count, const JitOption* options, void* const* values) {
  ErrorLog log;
  for (unsigned i = 0; i < count; ++i) {
    if (options[i] == JitOption::kErrorLog) log.text = static_cast<char*>(values[i]);
    if (options[i] == JitOption::kErrorLogBytes) log.bytes = unsigned(reinterpret_cast<uintptr_t>(values[i]));
  }
  return log;
}

Result load(Context& context, const void* image, const ErrorLog& log, Handle* handle) {
  if (const Result failure = pass(FailurePoint::module)) return failure;
  if (!is_text(image)) {
    if (const char* const kind = compiled_kind(image))
      // A client's first try, with PTX to follow: nothing to report.
      return log.decline(kNoBinaryForGpu, std::string("the emulator executes PTX, and this is ") + kind);
    return log.refuse(kInvalidImage, "the image is neither PTX nor compiled code");
  }
  const std::string text = static_cast<const char*>(image);
  if (ptx_version(text) > settings().driver_version / 1000 - 4)
    return log.refuse(kUnsupportedPtxVersion, "PTX version " + std::to_string(ptx_version(text)) +
                                                  " is newer than the driver, which is for CUDA " +
                                                  std::to_string(settings().driver_version / 1000));
  auto loaded = std::make_shared<LoadedModule>();
  loaded->context = context.shared_from_this();
  std::string error;
  loaded->module = tsv_sim::parse_module(text, &error);
  if (!loaded->module) return log.refuse(kInvalidPtx, error);
  Device& device = context.device();
  if (loaded->module->target > device.architecture.number)
    return log.refuse(kInvalidPtx, "the PTX is for sm_" + std::to_string(loaded->module->target) +
                                       ", the device has sm_" + std::to_string(device.architecture.number));
  if (!loaded->module->load(device.memory)) return kOutOfMemory;
  *handle = modules().add(std::move(loaded));
  return kSuccess;
}

// Static shared memory takes from what a function may ask for.
int shared_left(const tsv_sim::Kernel& kernel, int limit) {
  return limit - int(kernel.dynamic_shared_base());
}

template <class Body>
Result with_function(Handle handle, Body body) {
  return in_context([&](Context& context) {
    const std::shared_ptr<Function> function = functions().find(handle);
    const std::shared_ptr<LoadedModule> module = function ? function->module.lock() : nullptr;
    return module ? body(context, *function) : kInvalidHandle;
  });
}

}  // namespace

Result cuModuleLoadData(Handle* module, const void* image) {
  return cuModuleLoadDataEx(module, image, 0, nullptr, nullptr);
}

Result cuModuleLoadDataEx(Handle* module, const void* image, unsigned count, JitOption* options,
                          void** values) {
  return in_context([&](Context& context) {
    if (module == nullptr || image == nullptr) return kInvalidValue;
    if (count > 0 && (options == nullptr || values == nullptr)) return kInvalidValue;
    return load(context, image, error_log(count, options, values), module);
  });
}

// Waits for the context, since a kernel of the module may be running.
Result cuModuleUnload(Handle module) {
  return giving_back([&](Context&) {
    const std::shared_ptr<LoadedModule> loaded = modules().take(module);
    if (!loaded) return kInvalidHandle;
    loaded->context->synchronize();
    unload(*loaded);
    return kSuccess;
  });
}

Result cuModuleGetFunction(Handle* function, Handle module, const char* name) {
  return in_context([&](Context&) {
    if (function == nullptr || name == nullptr) return kInvalidValue;
    const std::shared_ptr<LoadedModule> loaded = modules().find(module);
    if (!loaded) return kInvalidHandle;
    const tsv_sim::Kernel* const kernel = loaded->module->find(name);
    if (kernel == nullptr) return kNotFound;
    const std::lock_guard<std::mutex> lock(loaded->mutex);
    Handle& known = loaded->functions[name];
    if (known == nullptr) {
      auto made = std::make_shared<Function>();
      made->module = loaded;
      made->kernel = kernel;
      made->most_dynamic_shared = shared_left(*kernel, kMaxShared);
      known = functions().add(std::move(made));
    }
    *function = known;
    return kSuccess;
  });
}

Result cuModuleGetGlobal_v2(DevicePointer* address, size_t* bytes, Handle module, const char* name) {
  return in_context([&](Context&) {
    if (name == nullptr) return kInvalidValue;
    const std::shared_ptr<LoadedModule> loaded = modules().find(module);
    if (!loaded) return kInvalidHandle;
    const tsv_sim::Variable* const variable = loaded->module->find_variable(name);
    if (variable == nullptr) return kNotFound;
    if (address != nullptr) *address = variable->address;
    if (bytes != nullptr) *bytes = size_t(variable->bytes);
    return kSuccess;
  });
}

Result cuFuncGetAttribute(int* value, FunctionAttribute attribute, Handle handle) {
  return with_function(handle, [&](Context& context, Function& function) {
    if (value == nullptr) return kInvalidValue;
    const tsv_sim::Kernel& kernel = *function.kernel;
    switch (attribute) {
      case FunctionAttribute::kMaxThreadsPerBlock:
        *value = kernel.max_threads != 0 ? int(kernel.max_threads) : kMaxThreadsPerBlock;
        return kSuccess;
      case FunctionAttribute::kSharedBytes:
        *value = int(kernel.static_shared);
        return kSuccess;
      case FunctionAttribute::kLocalBytes:
        *value = int(kernel.local_bytes);
        return kSuccess;
      case FunctionAttribute::kPtxVersion:
        *value = kernel.module->target;
        return kSuccess;
      case FunctionAttribute::kBinaryVersion:
        *value = context.device().architecture.number;
        return kSuccess;
      case FunctionAttribute::kMaxDynamicShared:
        *value = function.most_dynamic_shared;
        return kSuccess;
      // Only ptxas knows how many registers a kernel takes
      case FunctionAttribute::kRegisters:
      case FunctionAttribute::kConstantBytes:
      case FunctionAttribute::kSharedCarveout:
        return kNotSupported;
    }
    return kInvalidValue;
  });
}

Result cuFuncSetAttribute(Handle handle, FunctionAttribute attribute, int value) {
  return with_function(handle, [&](Context& context, Function& function) {
    if (attribute == FunctionAttribute::kSharedCarveout) return kSuccess;  // a hint
    if (attribute != FunctionAttribute::kMaxDynamicShared) return kInvalidValue;
    if (value < 0 ||
        value > shared_left(*function.kernel, context.device().architecture.shared_per_block_optin))
      return kInvalidValue;
    function.most_dynamic_shared = value;
    return kSuccess;
  });
}

}  // namespace cudasim
