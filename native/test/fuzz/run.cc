#include "fuzz/run.h"

#include <math.h>

#include <algorithm>

#include "abi/check.h"

namespace fuzz {
namespace {

// What one run left behind.
struct Result {
  tsv_error error;
  Outputs outputs;  // empty after a failure
};

int64_t filled(const Output& output) {
  const int64_t count = output.tensor->count();
  return output.filled ? std::min(count, std::max<int64_t>(0, output.filled())) : count;
}

// One rounding to the type, where it is not float32, and the least that it can tell apart.
double rounding(int32_t dtype, double x) {
  if (dtype == TSV_FLOAT16) return fabs(x) * 0x1p-10 + 0x1p-24;
  return dtype == TSV_BFLOAT16 ? fabs(x) * 0x1p-7 : 1e-37;
}

void check_numbers(const Output& output, const std::vector<char>& expected, const std::vector<char>& got) {
  constexpr double kUnit = 0x1p-24;
  const int32_t dtype = output.tensor->dtype();
  const int64_t count = int64_t(got.size()) / tsv::bytes_of(dtype);
  for (int64_t i = 0; i < count; ++i) {
    const double a = number_at(expected.data(), dtype, i), b = number_at(got.data(), dtype, i);
    if (a == b || (a != a && b != b)) continue;
    const bool near = output.agreement == Agreement::kNear;
    const double magnitude = near ? output.magnitude(i) : 0;
    if (magnitude == INFINITY) continue;
    const double tolerance = near ? 2e-5 * fabs(a) + 16 * kUnit * magnitude + rounding(dtype, a) : 0;
    const bool agree = magnitude != magnitude ? (a != a) == (b != b) : fabs(a - b) <= tolerance;
    CHECK_THAT(agree, "element %d: %.9g and %.9g, magnitude %.3g", int(i), a, b, magnitude);
  }
}

void check_agreement(const Call& call, const Result& expected, const Result& got) {
  CHECK(got.error.status == expected.error.status);
  CHECK(got.error.argument == expected.error.argument);
  CHECK(strcmp(got.error.expected, expected.error.expected) == 0);
  CHECK(strcmp(got.error.got, expected.error.got) == 0);
  CHECK(got.outputs.size() == expected.outputs.size());
  if (got.outputs.size() != expected.outputs.size()) return;
  for (size_t i = 0; i < got.outputs.size(); ++i) {
    const Output& output = call.outputs()[i];
    const std::string where = test::where;
    test::where += ", output " + std::to_string(i);
    if (output.agreement == Agreement::kBytes) {
      CHECK(got.outputs[i] == expected.outputs[i]);
    } else if (output.agreement != Agreement::kNone) {
      check_numbers(output, expected.outputs[i], got.outputs[i]);
    }
    test::where = where;
  }
}

// A host's executor that hands out the last task first.
void last_first(void*, int64_t count, tsv_task task, void* state) {
  while (count-- > 0) task(state, count);
}

Result run_once(const Prepared& prepared) {
  Call& call = *prepared.call;
  call.restore();
  tsv_context checking = new_context(), context = new_context();
  checking.check_only = 1;
  const tsv_status checked = prepared.invoke(&checking);
  CHECK(call.unchanged());
  const tsv_status status = prepared.invoke(&context);
  CHECK(status == checked);
  CHECK(memcmp(&context.error, &checking.error, sizeof context.error) == 0);
  CHECK(status >= TSV_OK && status <= TSV_E_ABI && context.error.status == status);
  CHECK(memchr(context.error.expected, 0, sizeof context.error.expected) != nullptr);
  CHECK(memchr(context.error.got, 0, sizeof context.error.got) != nullptr);
  if (status != TSV_OK) {
    CHECK(call.unchanged());
    CHECK(context.error.argument > TSV_ARG_NONE && tsv_argument_path(context.error.argument)[0] != 0);
    return {context.error, {}};
  }
  CHECK(call.inputs_unchanged());
  for (const auto& check : call.checks()) check();
  return {context.error, read_outputs(call)};
}

}  // namespace

tsv_context new_context() {
  tsv_context context = {};
  context.size = sizeof context;
  return context;
}

Outputs read_outputs(const Call& call) {
  Outputs outputs;
  for (const Output& output : call.outputs()) {
    const int64_t item = tsv::bytes_of(output.tensor->dtype()), count = filled(output);
    std::vector<char> elements(size_t(count * item));
    for (int64_t i = 0; i < count; ++i) {
      memcpy(elements.data() + i * item, output.tensor->elements() + output.tensor->place(i) * item,
             size_t(item));
    }
    outputs.push_back(std::move(elements));
  }
  return outputs;
}

bool run_everywhere(const Prepared& prepared) {
  const std::string where = test::where;
  std::vector<Result> results;
  for (int32_t isa = TSV_ISA_SCALAR; isa <= TSV_ISA_AVX512; ++isa) {
    if (tsv_set_isa(isa) != TSV_OK) continue;
    test::where = where + ", " + tsv_isa_name(isa);
    results.push_back(run_once(prepared));
    if (results.size() > 1) check_agreement(*prepared.call, results.front(), results.back());
  }
  test::where = where + ", last task first";
  tsv_set_executor(last_first, nullptr);
  const Result reversed = run_once(prepared);
  tsv_set_executor(nullptr, nullptr);
  CHECK(reversed.outputs == results.back().outputs);
  return reversed.error.status == TSV_OK;
}

}  // namespace fuzz
