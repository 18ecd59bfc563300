// cuInit, versions, names of errors, addresses of entry points.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mutex>

#include "context.h"
#include "entry_points.h"
#include "failures.h"
#include "faults.h"
#include "report.h"
#include "settings.h"

namespace cudasim {
namespace {

struct EntryPoint {
  const char* name;
  void* function;
  int version;
};

template <class Function>
void* address_of(Function* function) {
  return reinterpret_cast<void*>(function);
}

// Older forms of a function come before newer ones.
const EntryPoint* entry_points(size_t* count) {
  static const EntryPoint entries[] = {
#define CUDASIM_ENTRY(name, symbol, version, parameters) {#name, address_of(&symbol), version},
      CUDASIM_FOR_EACH_ENTRY_POINT(CUDASIM_ENTRY)
#undef CUDASIM_ENTRY
  };
  *count = sizeof entries / sizeof entries[0];
  return entries;
}

// The process ends, or the library is unloaded: no thread of ours may go on, and the reports are due.
void shut_down() {
  if (ready() == kNotInitialized) return;  // a fork of the process that called cuInit
  write_leaks();
  end_streams();
  write_counters();
}

Result start() {
  const std::string& problem = settings().problem;
  if (!problem.empty()) return report_fault(kInvalidValue, problem);
  if (!arm(settings().failures))
    return report_fault(kInvalidValue, "TOKENSIEVE_CUDASIM_FAIL is no plan: '" + settings().failures + "'");
  if (const Result failure = pass(FailurePoint::init)) return failure;
  if (settings().devices == 0) return kNoDevice;
  for (int i = 0; i < settings().devices; ++i) devices().push_back(std::make_unique<Device>(i));
  atexit(shut_down);
  set_initialized();
  return kSuccess;
}

}  // namespace

Result cuInit(unsigned flags) {
  if (flags != 0) return kInvalidValue;
  static std::once_flag once;
  static Result result = kNotInitialized;
  std::call_once(once, [] { result = start(); });
  return result;
}

Result cuDriverGetVersion(int* version) {
  if (version == nullptr) return kInvalidValue;
  *version = settings().driver_version;
  return kSuccess;
}

Result cuGetProcAddress_v2(const char* symbol, void** function, int version, uint64_t, ProcQuery* status) {
  if (symbol == nullptr || function == nullptr) return kInvalidValue;
  *function = nullptr;
  ProcQuery query = ProcQuery::kNotFound;
  size_t count = 0;
  const EntryPoint* const entries = entry_points(&count);
  for (size_t i = 0; i < count; ++i) {
    if (strcmp(symbol, entries[i].name) != 0) continue;
    if (entries[i].version > version || entries[i].version > settings().driver_version) {
      if (*function == nullptr) query = ProcQuery::kVersionNotSufficient;
      continue;
    }
    *function = entries[i].function;
    query = ProcQuery::kSuccess;
  }
  if (status != nullptr) *status = query;
  return query == ProcQuery::kSuccess ? kSuccess : kNotFound;
}

Result cuGetErrorName(Result error, const char** name) {
  if (name == nullptr) return kInvalidValue;
  *name = error_name(error);
  return *name != nullptr ? kSuccess : kInvalidValue;
}

Result cuGetErrorString(Result error, const char** text) {
  if (text == nullptr) return kInvalidValue;
  *text = error_text(error);
  return *text != nullptr ? kSuccess : kInvalidValue;
}

}  // namespace cudasim
