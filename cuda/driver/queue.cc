#include "cuda/driver/queue.h"

namespace tsv {
namespace cuda {
namespace {

constexpr int64_t kMostBlocksX = INT32_MAX, kMostBlocksYZ = 65535;

bool fits(const Grid& grid) {
  return grid.x <= kMostBlocksX && grid.y <= kMostBlocksYZ && grid.z <= kMostBlocksYZ;
}

}  // namespace

Queue::Queue(tsv_context* context, int32_t device)
    : context_(context), call_(context, device), upload_(call_) {}

Queue::~Queue() {
  const bool enqueued = !call_.failed();
  if (reports_) call_.device()->faults.expect(call_);
  for (void* scratch : scratch_) call_.device()->memory.release(call_, scratch);
  upload_.finish();
  // The operation is on its way, and its status has been told: whoever waits learns what went wrong here.
  if (enqueued && call_.failed()) call_.forgive();
}

const DeviceLimits& Queue::device() const {
  static constexpr DeviceLimits none = {75, 1, 48 << 10};  // for a plan that goes on after a failure
  const Device* const device = call_.device();
  return device != nullptr ? device->limits : none;
}

void* Queue::scratch(size_t bytes) {
  if (call_.failed()) return nullptr;
  void* const made = call_.device()->memory.allocate(call_, bytes);
  if (made != nullptr) scratch_.push_back(made);
  return made;
}

const void* Queue::on_device(const View& view) {
  if (!view.present() || view.on_device) return view.data;
  return upload_bytes(view.data, size_t(view.count() * view.item_bytes()));
}

const void* Queue::upload_bytes(const void* from, size_t bytes) {
  void* const to = scratch(bytes);
  return to != nullptr && upload_.copy(to, from, bytes) ? to : nullptr;
}

void Queue::fill(void* to, uint8_t byte, size_t bytes) {
  if (call_.failed() || bytes == 0) return;
  call_.check(api().cuMemsetD8Async(address(to), byte, bytes, call_.stream()), "could not fill %zu bytes",
              bytes);
}

void Queue::copy(void* to, const void* from, size_t bytes) {
  if (call_.failed() || bytes == 0) return;
  call_.check(api().cuMemcpyDtoDAsync_v2(address(to), address(from), bytes, call_.stream()),
              "could not copy %zu bytes", bytes);
}

FaultRecord* Queue::fault() {
  FaultRecord* const record = call_.failed() ? nullptr : call_.device()->faults.record(call_);
  reports_ = reports_ || record != nullptr;
  return record;
}

void Queue::launch_bytes(Kernel kernel, Grid grid, int threads, size_t shared_bytes, const void* arguments,
                         size_t bytes) {
  if (call_.failed() || grid.x <= 0 || grid.y <= 0 || grid.z <= 0) return;
  const KernelInfo& info = info_of(kernel);
  if (bytes != info.argument_bytes || !fits(grid)) {
    call_.fail(TSV_E_CUDA, TSV_ARG_NONE, "",
               "%s was to be launched with %zu bytes of arguments on a grid of %lld x %lld x %lld", info.name,
               bytes, static_cast<long long>(grid.x), static_cast<long long>(grid.y),
               static_cast<long long>(grid.z));
    return;
  }
  if (context_->cancelled != nullptr && *context_->cancelled != 0) {
    call_.fail(TSV_E_CANCELLED, TSV_ARG_NONE, "", "%s", "the call was cancelled");
    return;
  }
  const CUfunction function = call_.device()->modules.get(call_, kernel, shared_bytes);
  if (function == nullptr) return;
  void* parameters[] = {const_cast<void*>(arguments)};
  const CUresult result =
      api().cuLaunchKernel(function, unsigned(grid.x), unsigned(grid.y), unsigned(grid.z), unsigned(threads),
                           1, 1, unsigned(shared_bytes), call_.stream(), parameters, nullptr);
  call_.check(result, "could not launch %s", info.name);
}

}  // namespace cuda
}  // namespace tsv
