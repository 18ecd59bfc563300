// An addon for tests in JavaScript: cudasim.h of the double that TOKENSIEVE_CUDA_DRIVER names, which the
// process has opened or will.
//
//   fail(plan): boolean    passed(point): number    live(): Record<string, number>
//   lastFault(): string    counters(): string
#include <dlfcn.h>
#include <node_api.h>
#include <stdlib.h>

#include <string>

#include "../cudasim.h"

namespace {

struct Control {
  decltype(&::cudasim_fail) fail = nullptr;
  decltype(&::cudasim_passed) passed = nullptr;
  decltype(&::cudasim_live) live = nullptr;
  decltype(&::cudasim_last_fault) last_fault = nullptr;
  decltype(&::cudasim_counters) counters = nullptr;
};
Control control;

template <class Function>
bool bind(void* library, const char* name, Function* function) {
  *function = library != nullptr ? reinterpret_cast<Function>(dlsym(library, name)) : nullptr;
  return *function != nullptr;
}

// False, with an exception pending, where there is no double.
bool open(napi_env env) {
  const char* const path = getenv("TOKENSIEVE_CUDA_DRIVER");
  void* const library = path != nullptr ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
  if (bind(library, "cudasim_fail", &control.fail) && bind(library, "cudasim_passed", &control.passed) &&
      bind(library, "cudasim_live", &control.live) &&
      bind(library, "cudasim_last_fault", &control.last_fault) &&
      bind(library, "cudasim_counters", &control.counters))
    return true;
  napi_throw_error(env, nullptr, "TOKENSIEVE_CUDA_DRIVER must be the path of libcudasim");
  return false;
}

std::string argument(napi_env env, napi_callback_info info) {
  size_t count = 1, length = 0;
  napi_value value = nullptr;
  char text[256] = "";
  napi_get_cb_info(env, info, &count, &value, nullptr, nullptr);
  if (napi_get_value_string_utf8(env, value, text, sizeof text, &length) != napi_ok)
    napi_throw_type_error(env, nullptr, "a string is needed");
  return text;
}

napi_value text(napi_env env, const char* words) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, words, NAPI_AUTO_LENGTH, &value);
  return value;
}

napi_value fail(napi_env env, napi_callback_info info) {
  napi_value taken = nullptr;
  napi_get_boolean(env, control.fail(argument(env, info).c_str()) != 0, &taken);
  return taken;
}

napi_value passed(napi_env env, napi_callback_info info) {
  napi_value count = nullptr;
  napi_create_double(env, double(control.passed(argument(env, info).c_str())), &count);
  return count;
}

napi_value live(napi_env env, napi_callback_info) {
  cudasim_live_objects counts = {};
  control.live(&counts);
  const struct {
    const char* name;
    uint64_t value;
  } fields[] = {{"contexts", counts.contexts},
                {"streams", counts.streams},
                {"events", counts.events},
                {"modules", counts.modules},
                {"pools", counts.pools},
                {"allocations", counts.allocations},
                {"allocatedBytes", counts.allocated_bytes},
                {"pinnedBlocks", counts.pinned_blocks},
                {"pinnedBytes", counts.pinned_bytes}};
  napi_value object = nullptr;
  napi_create_object(env, &object);
  for (const auto& field : fields) {
    napi_value value = nullptr;
    napi_create_double(env, double(field.value), &value);
    napi_set_named_property(env, object, field.name, value);
  }
  return object;
}

napi_value last_fault(napi_env env, napi_callback_info) { return text(env, control.last_fault()); }
napi_value counters(napi_env env, napi_callback_info) { return text(env, control.counters()); }

}  // namespace

NAPI_MODULE_INIT() {
  if (!open(env)) return nullptr;
  const struct {
    const char* name;
    napi_callback call;
  } functions[] = {
      {"fail", fail}, {"passed", passed}, {"live", live}, {"lastFault", last_fault}, {"counters", counters}};
  for (const auto& function : functions) {
    napi_value value = nullptr;
    napi_create_function(env, function.name, NAPI_AUTO_LENGTH, function.call, nullptr, &value);
    napi_set_named_property(env, exports, function.name, value);
  }
  return exports;
}
