#include "faults.h"

#include <stdio.h>

#include <mutex>

namespace cudasim {
namespace {

struct LastFault {
  std::mutex mutex;
  std::string text;
};

LastFault& last() {
  static auto* const last = new LastFault;  // threads may outlive static objects
  return *last;
}

}  // namespace

const char* error_name(Result error) {
  switch (error) {
#define CUDASIM_NAME(number, name, symbol, text) \
  case k##name: \
    return symbol;
    CUDASIM_FOR_EACH_RESULT(CUDASIM_NAME)
#undef CUDASIM_NAME
  }
  return nullptr;
}

const char* error_text(Result error) {
  switch (error) {
#define CUDASIM_TEXT(number, name, symbol, text) \
  case k##name: \
    return text;
    CUDASIM_FOR_EACH_RESULT(CUDASIM_TEXT)
#undef CUDASIM_TEXT
  }
  return nullptr;
}

Result report_fault(Result error, const std::string& text) {
  const std::string line = std::string(error_name(error)) + ": " + text;
  fprintf(stderr, "libcudasim: %s\n", line.c_str());
  const std::lock_guard<std::mutex> lock(last().mutex);
  last().text = line;
  return error;
}

Result error_of(tsv_sim::FaultKind kind) {
  switch (kind) {
    case tsv_sim::FaultKind::kNone:
      return kSuccess;
    case tsv_sim::FaultKind::kOutOfBounds:
    case tsv_sim::FaultKind::kReadOnly:
      return kIllegalAddress;
    case tsv_sim::FaultKind::kMisaligned:
      return kMisalignedAddress;
    case tsv_sim::FaultKind::kDeadlock:
    case tsv_sim::FaultKind::kEndless:
      return kLaunchTimeout;
    default:
      return kLaunchFailed;
  }
}

std::string last_fault() {
  const std::lock_guard<std::mutex> lock(last().mutex);
  return last().text;
}

}  // namespace cudasim
