#include "snippets.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

namespace test {
namespace {

using namespace tsv_sim;

constexpr char kModule[] = ".version 8.0\n.target sm_90\n.address_size 64\n";

std::vector<std::string>& kernels() {
  static std::vector<std::string> texts;
  return texts;
}

std::string kernel_text(const std::string& name, const std::string& code) {
  std::string text =
      ".visible .entry " + name + "(.param .u64 in_" + name + ", .param .u64 out_" + name + ")\n{\n";
  text +=
      ".reg .b16 %ha, %hb, %hc, %he, %hd;\n.reg .b32 %ra, %rb, %rc, %re, %rd, %rt;\n"
      ".reg .b64 %qa, %qb, %qc, %qe, %qd, %qt, %in, %out;\n.reg .pred %pa, %pb, %pc, %pe, %pd;\n";
  text += "ld.param.u64 %in, [in_" + name + "];\nld.param.u64 %out, [out_" + name + "];\n";
  text +=
      "mov.u32 %rt, %tid.x;\nmul.wide.u32 %qt, %rt, 32;\nadd.s64 %in, %in, %qt;\nadd.s64 %out, %out, %qt;\n";
  const char* names = "abce";
  for (int i = 0; i < 4; ++i) {
    const std::string at = "[%in+" + std::to_string(8 * i) + "];\n", letter(1, names[i]);
    text += "ld.global.u16 %h" + letter + ", " + at + "ld.global.u32 %r" + letter + ", " + at;
    text += "ld.global.u64 %q" + letter + ", " + at + "setp.ne.s64 %p" + letter + ", %q" + letter + ", 0;\n";
  }
  text += "mov.u16 %hd, 0;\nmov.u32 %rd, 0;\nmov.u64 %qd, 0;\nsetp.ne.s64 %pd, 0, 0;\n";
  text += code + "\n";
  text += "selp.u32 %rt, 1, 0, %pd;\nst.global.u16 [%out], %hd;\nst.global.u32 [%out+8], %rd;\n";
  return text + "st.global.u64 [%out+16], %qd;\nst.global.u32 [%out+24], %rt;\nret;\n}\n";
}

// Where the result lies, by the letter of its register
size_t result_slot(const std::string& code) {
  const char* names = "hrqp";
  for (size_t i = 0; i < 4; ++i) {
    if (code.find(std::string("%") + names[i] + "d") != std::string::npos) return i;
  }
  return 0;
}

}  // namespace

std::vector<uint64_t> run_lanes(const std::string& code, const std::vector<Row>& rows, Fault* fault,
                                uint32_t threads) {
  const std::string name = "k" + std::to_string(kernels().size());
  const std::string text = kernel_text(name, code);
  std::string error;
  auto module = parse_module(kModule + text, &error);
  CHECK_THAT(module != nullptr, "%s", error.c_str());
  if (!module) return {};
  if (threads == 32) kernels().push_back(text);
  uint64_t in[32][4] = {}, out[32][4] = {};
  for (size_t lane = 0; lane < 32; ++lane) {
    const Row& row = rows[lane % rows.size()];
    const uint64_t values[4] = {row.a, row.b, row.c, row.e};
    memcpy(in[lane], values, sizeof values);
  }
  DeviceMemory memory;
  const uint64_t in_address = memory.allocate(sizeof in), out_address = memory.allocate(sizeof out);
  memory.write(in_address, in, sizeof in);
  memory.write(out_address, out, sizeof out);
  const void* const parameters[] = {&in_address, &out_address};
  LaunchConfig config;
  config.block[0] = threads;
  Fault met;
  if (!launch(*module->find(name), config, parameters, memory, nullptr, &met)) {
    if (fault)
      *fault = met;
    else
      CHECK_THAT(false, "%s", met.message().c_str());
    return {};
  }
  memory.read(out, out_address, sizeof out);
  std::vector<uint64_t> results;
  for (const auto& lane : out) results.push_back(lane[result_slot(code)]);
  return results;
}

void check_rows(const std::string& code, const std::vector<Row>& rows) {
  where = code;
  for (const uint32_t threads : {32u, 31u}) {
    const std::vector<uint64_t> results = run_lanes(code, rows, nullptr, threads);
    for (size_t i = 0; i < rows.size() && i < threads && !results.empty(); ++i) {
      CHECK_THAT(results[i] == rows[i].expected, "row %zu of %u lanes: got %#llx, expected %#llx", i, threads,
                 static_cast<unsigned long long>(results[i]),
                 static_cast<unsigned long long>(rows[i].expected));
    }
  }
}

KernelRun run_kernel(const std::string& body, size_t count, const LaunchConfig& config) {
  KernelRun run;
  const std::string text = std::string(kModule) + ".visible .entry k(.param .u64 out)\n{\n" + body + "\n}\n";
  auto module = parse_module(text, &run.error);
  if (!module) return run;
  DeviceMemory memory;
  const std::vector<uint32_t> zeros(count);
  const uint64_t out = memory.allocate(4 * count);
  memory.write(out, zeros.data(), 4 * count);
  module->load(memory);
  const void* const parameters[] = {&out};
  run.done = launch(*module->find("k"), config, parameters, memory, &run.counters, &run.fault);
  run.out.resize(count);
  memory.read(run.out.data(), out, 4 * count);
  return run;
}

std::string snippets_as_module() {
  std::string text = kModule;
  for (const std::string& kernel : kernels()) text += kernel;
  return text;
}

void assemble_snippets() {
  where = "ptxas";
  if (system("ptxas --version > /dev/null 2>&1") != 0) {
    printf("emulator_tests: ptxas is not installed: skipped its check of the tests' PTX\n");
    return;
  }
  char name[] = "/tmp/tokensieve-snippets-XXXXXX";
  const int file = mkstemp(name);
  CHECK(file >= 0);
  FILE* const stream = file < 0 ? nullptr : fdopen(file, "w");
  if (!stream) return;
  const std::string text = snippets_as_module();
  fwrite(text.data(), 1, text.size(), stream);
  fclose(stream);
  const std::string command = std::string("ptxas -O0 -arch=sm_90 -o /dev/null ") + name;
  CHECK_THAT(system(command.c_str()) == 0, "ptxas refuses what the emulator runs");
  remove(name);
}

}  // namespace test
