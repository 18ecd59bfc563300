#include "failures.h"

#include <stdlib.h>

#include <mutex>
#include <vector>

#include "settings.h"

namespace cudasim {
namespace {

struct Point {
  const char* name;
  Result error;
};
constexpr Point kPoints[] = {
#define CUDASIM_FAILURE_POINT(name, error) {#name, error},
    CUDASIM_FOR_EACH_FAILURE_POINT(CUDASIM_FAILURE_POINT)
#undef CUDASIM_FAILURE_POINT
};
constexpr int kPointCount = int(sizeof kPoints / sizeof kPoints[0]);

struct Failure {
  int point;
  uint64_t nth;
  bool onwards;
  Result error;
};

struct Plan {
  std::mutex mutex;
  std::vector<Failure> failures;
  uint64_t passed[kPointCount] = {};
};

int find_point(const std::string& name) {
  for (int i = 0; i < kPointCount; ++i) {
    if (name == kPoints[i].name) return i;
  }
  return -1;
}

bool is_result(unsigned long number) {
#define CUDASIM_IS_RESULT(value, name, symbol, text) \
  if (number == value) return value != 0;
  CUDASIM_FOR_EACH_RESULT(CUDASIM_IS_RESULT)
#undef CUDASIM_IS_RESULT
  return false;
}

// "point:n", "point:n+", "point:n=719"
bool parse(const std::string& item, Failure* failure) {
  const size_t colon = item.find(':');
  if (colon == std::string::npos) return false;
  failure->point = find_point(item.substr(0, colon));
  if (failure->point < 0) return false;
  const char* text = item.c_str() + colon + 1;
  char* end = nullptr;
  if (*text < '0' || *text > '9') return false;
  failure->nth = strtoull(text, &end, 10);
  failure->onwards = *end == '+';
  if (failure->onwards) ++end;
  failure->error = kPoints[failure->point].error;
  if (*end == '=') {
    text = end + 1;
    const unsigned long number = strtoul(text, &end, 10);
    if (end == text || !is_result(number)) return false;
    failure->error = Result(number);
  }
  return failure->nth > 0 && *end == '\0';
}

bool parse(const std::string& plan, std::vector<Failure>* failures) {
  for (size_t begin = 0; begin < plan.size();) {
    const size_t comma = plan.find(',', begin);
    const size_t end = comma == std::string::npos ? plan.size() : comma;
    Failure failure = {};
    if (!parse(plan.substr(begin, end - begin), &failure)) return false;
    failures->push_back(failure);
    begin = end + 1;
  }
  return true;
}

Plan& plan() {
  static Plan* const plan = [] {
    auto* made = new Plan;
    parse(settings().failures, &made->failures);  // cuInit says when it makes no sense
    return made;
  }();
  return *plan;
}

}  // namespace

bool is_sticky(Result error) {
  return error == kEccUncorrectable || error == kIllegalAddress || error == kLaunchTimeout ||
         error == kIllegalInstruction || error == kMisalignedAddress || error == kLaunchFailed;
}

bool arm(const std::string& text) {
  std::vector<Failure> failures;
  if (!parse(text, &failures)) return false;
  Plan& armed = plan();
  const std::lock_guard<std::mutex> lock(armed.mutex);
  armed.failures = std::move(failures);
  for (uint64_t& count : armed.passed) count = 0;
  return true;
}

Result pass(FailurePoint point) {
  Plan& armed = plan();
  const std::lock_guard<std::mutex> lock(armed.mutex);
  const uint64_t count = ++armed.passed[int(point)];
  for (const Failure& failure : armed.failures) {
    if (failure.point == int(point) && (count == failure.nth || (failure.onwards && count > failure.nth)))
      return failure.error;
  }
  return kSuccess;
}

bool passed(const std::string& point, uint64_t* count) {
  const int index = find_point(point);
  if (index < 0) return false;
  Plan& armed = plan();
  const std::lock_guard<std::mutex> lock(armed.mutex);
  *count = armed.passed[index];
  return true;
}

}  // namespace cudasim
