// What is read of a module, and what is refused with its line.
#include <string.h>

#include "emulator_tests.h"
#include "snippets.h"

using namespace test;
using namespace tsv_sim;

namespace {

const std::string kHead = ".version 9.0\n.target sm_75\n.address_size 64\n";

std::string error_of(const std::string& text) {
  std::string error;
  return parse_module(text, &error) ? "" : error;
}
void expect_error(const std::string& instruction, const char* part) {
  where = instruction;
  const std::string error =
      error_of(kHead + ".visible .entry k()\n{\n.reg .b32 %r<4>;\n.reg .b64 %q<4>;\n.reg .pred %p<3>;\n" +
               instruction + "\nret;\n}\n");
  CHECK_THAT(error.find("line 9: ") == 0 && error.find(part) != std::string::npos, "%s", error.c_str());
}

}  // namespace

EMULATOR_TEST(unknown_instructions_are_errors) {
  expect_error("frobnicate.s32 %r1, %r2;", "unknown instruction frobnicate");
  expect_error("add.s33 %r1, %r2, %r3;", "type");
  expect_error("add.rn.s32 %r1, %r2, %r3;", "no such form");
  expect_error("add.fast.s32 %r1, %r2, %r3;", "unknown modifier .fast");
  expect_error("mul.s32 %r1, %r2, %r3;", "no such form");
  expect_error("add.s32 %r1, %r2;", "too few operands");
  expect_error("add.s32 %r1, %r2, %r3, %r1;", "too many operands");
  expect_error("add.s32 %r1, %r2, %q3;", "wrong width");
  expect_error("add.s32 %r1, %r2, %r9;", "unknown name %r9");
  expect_error("ld.global.swizzled.u32 %r1, [%q1];", "unknown modifier .swizzled");
  expect_error("ld.global.v2.u32 %r1, [%q1];", "as many registers");
  expect_error("wgmma.fence.sync.aligned;", "unknown instruction wgmma");
  expect_error("tex.1d.v4.f32.s32 %r1, [%q1];", "unknown instruction tex");
  expect_error("cvt.f32.s32 %r1, %r2;", "no such form");
  expect_error("atom.global.add.b32 %r1, [%q1], 1;", "no such operation");
  expect_error("shfl.bfly.b32 %r1, %r2, 1, 31;", "shfl.sync");
  expect_error("setp.around.s32 %p1, %r1, %r2;", "comparison");
  expect_error("bra;", "label");
  expect_error("mov.u32 %r1, %pm0;", "unknown name");
}

EMULATOR_TEST(modules) {
  std::string error;
  auto module =
      parse_module("// comment\n" + kHead +
                       "/* two\nlines */ .const .align 4 .b8 table[12] = {1, 2, 3, 4};\n.global .u32 counter "
                       "= 7;\n.extern .shared .align 16 .b8 dyn[];\n"
                       ".shared .align 8 .b8 tile[40];\n"
                       ".visible .entry k(\n.param .align 8 .b8 k_param_0[48],\n.param .u32 "
                       "k_param_1\n)\n.maxntid 256, 1, 1\n.minnctapersm 2\n{\n"
                       ".reg .b32 %r<3>;\n.reg .b64 %q<3>;\n.local .align 8 .b8 depot[24];\n.shared .align 4 "
                       ".b8 own[6];\n.loc 1 2 3\n.pragma \"nounroll\";\n"
                       "ld.param.v2.u32 {%r1, %r2}, [k_param_0+8];\nmov.u32 %r1, tile;\nmov.u32 %r2, "
                       "dyn;\nmov.u64 %q1, counter;\nret;\n}\n",
                   &error);
  CHECK_THAT(module != nullptr, "%s", error.c_str());
  if (!module) return;
  const Kernel* kernel = module->find("k");
  CHECK(kernel && !module->find("other") && module->target == 75 && module->variables.size() == 2);
  if (!kernel) return;
  CHECK(kernel->parameters.size() == 2 && kernel->parameters[0].bytes == 48 &&
        kernel->parameters[1].offset == 48);
  CHECK(kernel->parameter_bytes == 52 && kernel->max_threads == 256 && kernel->local_bytes == 24);
  CHECK(kernel->static_shared == 48 && kernel->dynamic_shared_base() == 48);  // own, then tile at 8
  CHECK(kernel->code.size() == 5 && kernel->lines[0] == "ld.param.v2.u32 {%r1, %r2}, [k_param_0+8];");
  DeviceMemory memory;
  CHECK(module->load(memory));
  uint32_t value = 0;
  CHECK(memory.read(&value, module->find_variable("counter")->address, 4) && value == 7);
  CHECK(memory.read(&value, module->find_variable("table")->address, 4) && value == 0x04030201);
  module->unload(memory);
  CHECK(memory.used() == 0);
}

EMULATOR_TEST(refused_modules) {
  const auto refused = [](const std::string& text, const char* part) {
    const std::string error = error_of(text);
    CHECK_THAT(error.find(part) != std::string::npos, "%s", error.c_str());
  };
  refused("", "no .target");
  refused("not PTX", "line 1");
  refused(kHead + ".visible .entry k()\n{\nbra L;\n}\n", "unknown label L");
  refused(kHead + ".visible .entry k()\n{\nL: ret;\nL: ret;\n}\n", "line 7: label L stands twice");
  refused(kHead + ".visible .entry k()\n{\n.reg .b32 %r;\n.reg .b32 %r;\n}\n",
          "line 7: %r is declared twice");
  refused(kHead + ".visible .entry k()\n{\n{ .param .b32 p;\n} ret;\n}\n", "not inlined");
  refused(kHead + ".visible .entry k()\n{\nret;\n", "does not end");
  refused(kHead + ".tex .u64 t;\n", "unknown directive .tex");
  refused(kHead + ".visible .entry k()\n{\nret # 1;\n}\n", "unexpected character");
}
