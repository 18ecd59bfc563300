// The module: library-wide functions here, operations through run() and start().
#include <napi.h>

#include <atomic>

#include "node/arguments.h"
#include "node/call.h"
#include "node/device_work.h"
#include "tokensieve_node.h"

namespace {

Napi::Value isa(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), tsv_isa_name(tsv_active_isa()));
}

Napi::Value set_isa(const Napi::CallbackInfo& info) {
  const std::string wanted = info[0].ToString();
  for (int32_t i = TSV_ISA_SCALAR; i <= TSV_ISA_AVX512; ++i) {
    if (wanted == tsv_isa_name(i)) return Napi::Boolean::New(info.Env(), tsv_set_isa(i) == TSV_OK);
  }
  return Napi::Boolean::New(info.Env(), false);
}

Napi::Array supported_isas(Napi::Env env) {
  Napi::Array list = Napi::Array::New(env);
  for (int32_t i = TSV_ISA_SCALAR; i <= TSV_ISA_AVX512; ++i) {
    if (tsv_isa_supported(i)) list[list.Length()] = Napi::String::New(env, tsv_isa_name(i));
  }
  return list;
}

// True once: settings belong to the process, and what the first thread has set must outlast a later worker.
bool first_in_process() {
  static std::atomic_flag loaded = ATOMIC_FLAG_INIT;
  return !loaded.test_and_set();
}

Napi::Value threads(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), tsv_threads()); }

Napi::Value set_threads(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), tsv_set_threads(info[0].ToNumber().Int32Value()) == TSV_OK);
}

Napi::Value cpu(const Napi::CallbackInfo& info) {
  char name[64];
  tsv_cpu_name(name, sizeof name);
  return Napi::String::New(info.Env(), name);
}

Napi::Value packed_keys_bytes(const Napi::CallbackInfo& info) {
  int64_t dims[4];
  for (size_t i = 0; i < 4; ++i) dims[i] = info[i].ToNumber().Int64Value();
  return Napi::Number::New(info.Env(), double(tsv_packed_keys_bytes(dims[0], dims[1], dims[2], dims[3])));
}

// measureCeiling('fma' | 'read' | 'copy', Float32Array): flops or bytes a second, one sample
Napi::Value measure_ceiling(const Napi::CallbackInfo& info) {
  static const char* const ceilings[] = {"fma", "read", "copy"};  // in the order of tsv_ceiling
  const std::string wanted = info[0].ToString();
  int32_t ceiling = 0;
  while (ceiling < 3 && wanted != ceilings[ceiling]) ++ceiling;
  tsv_node::ArrayView memory = {};
  if (!tsv_node::view_array(info.Env(), info[1], &memory)) memory.bytes = 0;
  double rate = 0;
  if (tsv_measure_ceiling(ceiling, static_cast<float*>(memory.data), int64_t(memory.bytes / 4), &rate) !=
      TSV_OK) {
    throw Napi::RangeError::New(info.Env(),
                                "measureCeiling takes 'fma', 'read' or 'copy' and a Float32Array of at least "
                                "48 elements a thread");
  }
  return Napi::Number::New(info.Env(), rate);
}

// The table of the library's functions, for other addons.
Napi::Value native_api(const Napi::CallbackInfo& info) {
  static const napi_type_tag tag = {TSV_API_TAG_LOWER, TSV_API_TAG_UPPER};
  const auto external = Napi::External<tsv_api>::New(info.Env(), const_cast<tsv_api*>(tsv_get_api()));
  external.TypeTag(&tag);
  return external;
}

// The texts that name(0), name(1), ... gives before its first NULL.
Napi::Array names(Napi::Env env, const char* (*name)(int32_t)) {
  Napi::Array list = Napi::Array::New(env);
  for (int32_t i = 0; const char* text = name(i); ++i) list[uint32_t(i)] = Napi::String::New(env, text);
  return list;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  tsv_node::Environment* const environment = tsv_node::make_environment(env);
  const auto add = [&](const char* name, napi_callback callback) {
    napi_value function;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, environment, &function);
    napi_set_named_property(env, exports, name, function);
  };
  add("run", tsv_node::run_sync);
  add("check", tsv_node::check_sync);
  add("timeRun", tsv_node::time_run);
  add("start", tsv_node::start_async);
  add("cancel", tsv_node::cancel_async);
  tsv_node::add_device_work(env, exports);
  exports["isa"] = Napi::Function::New(env, isa, "isa");
  exports["setIsa"] = Napi::Function::New(env, set_isa, "setIsa");
  exports["supportedIsas"] = supported_isas(env);
  exports["firstInProcess"] = Napi::Boolean::New(env, first_in_process());
  exports["threads"] = Napi::Function::New(env, threads, "threads");
  exports["setThreads"] = Napi::Function::New(env, set_threads, "setThreads");
  exports["cpu"] = Napi::Function::New(env, cpu, "cpu");
  exports["packedKeysBytes"] = Napi::Function::New(env, packed_keys_bytes, "packedKeysBytes");
  exports["nativeApi"] = Napi::Function::New(env, native_api, "nativeApi");
  exports["measureCeiling"] = Napi::Function::New(env, measure_ceiling, "measureCeiling");
  exports["version"] = Napi::String::New(env, tsv_version());
  exports["abiVersion"] = Napi::Number::New(env, tsv_abi_version());
  exports["operations"] = names(
      env, [](int32_t i) { return i < tsv_node::kOperationCount ? tsv_node::kOperations[i].name : nullptr; });
  exports["kernels"] = names(env, tsv_kernel_name);
  return exports;
}

}  // namespace

NODE_API_MODULE(tokensieve, init)
