#include "client.h"

namespace test {
namespace {

// What follows the header of a module, for any architecture.
const char* const kBody = R"(
.address_size 64
.global .align 4 .u32 total;
.global .align 4 .u32 table[3] = {10, 20, 30};

.visible .entry add_one(.param .u64 data, .param .u32 count)
{
  .reg .pred %p<2>;
  .reg .b32 %r<7>;
  .reg .b64 %rd<5>;
  ld.param.u64 %rd1, [data];
  ld.param.u32 %r1, [count];
  mov.u32 %r2, %ctaid.x;
  mov.u32 %r3, %ntid.x;
  mov.u32 %r4, %tid.x;
  mad.lo.s32 %r5, %r2, %r3, %r4;
  setp.ge.u32 %p1, %r5, %r1;
  @%p1 bra $done;
  cvta.to.global.u64 %rd2, %rd1;
  mul.wide.u32 %rd3, %r5, 4;
  add.s64 %rd4, %rd2, %rd3;
  ld.global.u32 %r6, [%rd4];
  add.s32 %r6, %r6, 1;
  st.global.u32 [%rd4], %r6;
$done:
  ret;
}

.visible .entry store_late(.param .u64 data, .param .u32 value, .param .u32 rounds)
{
  .reg .pred %p<2>;
  .reg .b32 %r<4>;
  .reg .b64 %rd<3>;
  ld.param.u64 %rd1, [data];
  ld.param.u32 %r1, [value];
  ld.param.u32 %r2, [rounds];
  cvta.to.global.u64 %rd2, %rd1;
  mov.u32 %r3, 0;
$again:
  add.s32 %r3, %r3, 1;
  setp.lt.u32 %p1, %r3, %r2;
  @%p1 bra $again;
  st.global.u32 [%rd2], %r1;
  ret;
}

.visible .entry misaligned(.param .u64 data)
{
  .reg .b32 %r<2>;
  .reg .b64 %rd<3>;
  ld.param.u64 %rd1, [data];
  cvta.to.global.u64 %rd2, %rd1;
  mov.u32 %r1, 7;
  st.global.u32 [%rd2+2], %r1;
  ret;
}

.visible .entry trapped()
{
  trap;
  ret;
}

.visible .entry bounded(.param .u64 data)
.maxntid 64, 1, 1
{
  .shared .align 16 .b8 room[1024];
  .reg .pred %p<2>;
  .reg .b32 %r<3>;
  .reg .b64 %rd<3>;
  mov.u32 %r2, %tid.x;
  setp.ne.u32 %p1, %r2, 0;
  @%p1 bra $done;
  ld.param.u64 %rd1, [data];
  cvta.to.global.u64 %rd2, %rd1;
  mov.u32 %r1, 3;
  st.shared.u32 [room], %r1;
  st.global.u32 [%rd2], %r1;
$done:
  ret;
}

.visible .entry read_table(.param .u64 data)
{
  .reg .b32 %r<4>;
  .reg .b64 %rd<6>;
  ld.param.u64 %rd1, [data];
  cvta.to.global.u64 %rd2, %rd1;
  mov.u64 %rd3, table;
  cvta.to.global.u64 %rd4, %rd3;
  ld.global.u32 %r1, [table+8];
  st.global.u32 [%rd2], %r1;
  ret;
}
)";

}  // namespace

const char* kernels(int architecture) {
  static const std::string for_75 = std::string(".version 8.0\n.target sm_75") + kBody;
  static const std::string for_80 = std::string(".version 8.0\n.target sm_80") + kBody;
  return (architecture == 75 ? for_75 : for_80).c_str();
}

Client::Client(int number) : device(number) {
  CHECK_SUCCESS(cu.cuInit(0));
  CHECK_SUCCESS(cu.cuDevicePrimaryCtxRetain(&context, device));
  CHECK_SUCCESS(cu.cuCtxPushCurrent_v2(context));
  CHECK_SUCCESS(cu.cuStreamCreate(&stream, cudasim::kStreamNonBlocking));
  CHECK_SUCCESS(cu.cuModuleLoadData(&module, kernels(75)));
}

// In whatever state the context is, everything is given back.
Client::~Client() {
  cu.cuModuleUnload(module);
  cu.cuStreamDestroy_v2(stream);
  CHECK_SUCCESS(cu.cuCtxPopCurrent_v2(nullptr));
  CHECK_SUCCESS(cu.cuDevicePrimaryCtxRelease_v2(device));
}

Handle Client::function(const char* name) const {
  Handle found = nullptr;
  CHECK_SUCCESS(cu.cuModuleGetFunction(&found, module, name));
  return found;
}

Result Client::add_one(DevicePointer data, uint32_t count, Handle on) const {
  void* parameters[] = {&data, &count};
  return cu.cuLaunchKernel(function("add_one"), (count + 127) / 128, 1, 1, 128, 1, 1, 0, on, parameters,
                           nullptr);
}

Result Client::store_late(DevicePointer data, uint32_t value, uint32_t rounds, Handle on) const {
  void* parameters[] = {&data, &value, &rounds};
  return cu.cuLaunchKernel(function("store_late"), 1, 1, 1, 1, 1, 1, 0, on, parameters, nullptr);
}

DevicePointer allocate(size_t bytes) {
  DevicePointer address = 0;
  CHECK_SUCCESS(cu.cuMemAlloc_v2(&address, bytes));
  return address;
}

std::vector<uint32_t> download(DevicePointer from, size_t count) {
  std::vector<uint32_t> values(count, 0xdeadbeef);
  CHECK_SUCCESS(cu.cuMemcpyDtoH_v2(values.data(), from, count * sizeof values[0]));
  return values;
}

void upload(DevicePointer to, const std::vector<uint32_t>& values) {
  CHECK_SUCCESS(cu.cuMemcpyHtoD_v2(to, values.data(), values.size() * sizeof values[0]));
}

std::vector<uint32_t> ascending(size_t count, uint32_t first) {
  std::vector<uint32_t> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = first + uint32_t(i);
  return values;
}

cudasim_live_objects live() {
  cudasim_live_objects now = {};
  cu.live(&now);
  return now;
}

bool nothing_lives() {
  const cudasim_live_objects now = live();
  return now.contexts + now.streams + now.events + now.modules + now.pools + now.allocations +
             now.pinned_blocks ==
         0;
}

}  // namespace test
