// Copies and fills, in stream order. The host's pageable memory is read before an upload returns, and
// written before a download does; page-locked memory is read and written when the stream gets there.
#include <stdio.h>
#include <string.h>

#include "context.h"
#include "entry_points.h"
#include "faults.h"
#include "host_memory.h"
#include "work.h"

namespace cudasim {
namespace {

const Handle kDefaultStream = nullptr;

Device* device_holding(DevicePointer address, size_t bytes) {
  for (const auto& device : devices()) {
    if (device->holds(address, bytes)) return device.get();
  }
  return nullptr;
}

std::string describe(const char* what, uint64_t bytes) {
  return std::string(what) + " of " + std::to_string(bytes) + " bytes";
}

// The memory was freed, in stream order, before the stream got there.
Result gone(const std::string& what, const Device& device, DevicePointer address, uint64_t bytes) {
  char at[24];
  snprintf(at, sizeof at, "0x%llx", address);
  return report_fault(kIllegalAddress, what + " at " + at + ": " + device.memory.explain(address, bytes));
}

Result gone(const std::string& what) {
  return report_fault(kIllegalAddress,
                      what + ": the page-locked memory was freed before the stream got there");
}

// Waits for an operation, if it was enqueued, and for what it has to say.
Result finish(Result enqueued, const Ticket& ticket) {
  if (enqueued != kSuccess) return enqueued;
  ticket.wait();
  return ticket.stream->context()->failure();
}

Result upload(DevicePointer to, const void* from, size_t bytes, Handle stream, bool waits) {
  return in_context([&](Context& context) {
    const std::shared_ptr<Stream> found = context.find_stream(stream);
    if (!found) return kInvalidHandle;
    if (bytes == 0) return kSuccess;
    Device* const device = device_holding(to, bytes);
    if (device == nullptr || from == nullptr) return kInvalidValue;
    const std::string what = describe("an upload", bytes);
    const auto write = [=](const void* source) {
      const std::lock_guard<std::mutex> working(device->work);
      return device->memory.write(to, source, bytes) ? kSuccess : gone(what, *device, to, bytes);
    };
    std::function<Result()> operation;
    if (const std::shared_ptr<HostBlock> block = find_host_block(from, bytes)) {
      operation = [=] { return block->freed ? gone(what) : write(from); };
    } else {
      const auto* const begin = static_cast<const uint8_t*>(from);
      operation = [write, staged = std::vector<uint8_t>(begin, begin + bytes)] {
        return write(staged.data());
      };
    }
    Ticket ticket;
    const Result result = enqueue_work(found, FailurePoint::upload, what, std::move(operation), &ticket);
    return waits ? finish(result, ticket) : result;
  });
}

Result download(void* to, DevicePointer from, size_t bytes, Handle stream, bool waits) {
  return in_context([&](Context& context) {
    const std::shared_ptr<Stream> found = context.find_stream(stream);
    if (!found) return kInvalidHandle;
    if (bytes == 0) return kSuccess;
    Device* const device = device_holding(from, bytes);
    if (device == nullptr || to == nullptr) return kInvalidValue;
    const std::string what = describe("a download", bytes);
    const std::shared_ptr<HostBlock> block = find_host_block(to, bytes);
    Ticket ticket;
    const Result result = enqueue_work(
        found, FailurePoint::download, what,
        [=] {
          if (block && block->freed) return gone(what);
          const std::lock_guard<std::mutex> working(device->work);
          return device->memory.read(to, from, bytes) ? kSuccess : gone(what, *device, from, bytes);
        },
        &ticket);
    return waits || !block ? finish(result, ticket) : result;
  });
}

// Between two devices the bytes go by way of the host.
Result move(Device& to_device, DevicePointer to, Device& from_device, DevicePointer from, size_t bytes,
            const std::string& what) {
  if (&to_device == &from_device) {
    const std::lock_guard<std::mutex> working(to_device.work);
    if (to_device.memory.copy(to, from, bytes)) return kSuccess;
    const bool source_gone = !from_device.memory.explain(from, bytes).empty();
    return gone(what, to_device, source_gone ? from : to, bytes);
  }
  std::vector<uint8_t> between(bytes);
  {
    const std::lock_guard<std::mutex> working(from_device.work);
    if (!from_device.memory.read(between.data(), from, bytes)) return gone(what, from_device, from, bytes);
  }
  const std::lock_guard<std::mutex> working(to_device.work);
  return to_device.memory.write(to, between.data(), bytes) ? kSuccess : gone(what, to_device, to, bytes);
}

template <class Word>
Result fill(DevicePointer to, Word word, size_t count, Handle stream) {
  return in_context([&](Context& context) {
    const std::shared_ptr<Stream> found = context.find_stream(stream);
    if (!found) return kInvalidHandle;
    if (count == 0) return kSuccess;
    if (count > SIZE_MAX / sizeof word || to % sizeof word != 0) return kInvalidValue;
    const size_t bytes = count * sizeof word;
    Device* const device = device_holding(to, bytes);
    if (device == nullptr) return kInvalidValue;
    const std::string what = describe("a fill", bytes);
    return enqueue_work(found, FailurePoint::fill, what, [=] {
      const std::lock_guard<std::mutex> working(device->work);
      return device->memory.fill(to, &word, sizeof word, count) ? kSuccess : gone(what, *device, to, bytes);
    });
  });
}

}  // namespace

Result cuMemcpyHtoD_v2(DevicePointer to, const void* from, size_t bytes) {
  return upload(to, from, bytes, kDefaultStream, true);
}

Result cuMemcpyHtoDAsync_v2(DevicePointer to, const void* from, size_t bytes, Handle stream) {
  return upload(to, from, bytes, stream, false);
}

Result cuMemcpyDtoH_v2(void* to, DevicePointer from, size_t bytes) {
  return download(to, from, bytes, kDefaultStream, true);
}

Result cuMemcpyDtoHAsync_v2(void* to, DevicePointer from, size_t bytes, Handle stream) {
  return download(to, from, bytes, stream, false);
}

// The host does not wait for copies within devices.
Result cuMemcpyDtoD_v2(DevicePointer to, DevicePointer from, size_t bytes) {
  return cuMemcpyDtoDAsync_v2(to, from, bytes, kDefaultStream);
}

Result cuMemcpyDtoDAsync_v2(DevicePointer to, DevicePointer from, size_t bytes, Handle stream) {
  return in_context([&](Context& context) {
    const std::shared_ptr<Stream> found = context.find_stream(stream);
    if (!found) return kInvalidHandle;
    if (bytes == 0) return kSuccess;
    Device *const to_device = device_holding(to, bytes), *const from_device = device_holding(from, bytes);
    if (to_device == nullptr || from_device == nullptr) return kInvalidValue;
    const std::string what = describe("a copy", bytes);
    return enqueue_work(found, FailurePoint::copy, what,
                        [=] { return move(*to_device, to, *from_device, from, bytes, what); });
  });
}

Result cuMemsetD8_v2(DevicePointer to, unsigned char byte, size_t count) {
  return fill(to, byte, count, kDefaultStream);
}

Result cuMemsetD8Async(DevicePointer to, unsigned char byte, size_t count, Handle stream) {
  return fill(to, byte, count, stream);
}

Result cuMemsetD32_v2(DevicePointer to, unsigned word, size_t count) {
  return fill(to, word, count, kDefaultStream);
}

Result cuMemsetD32Async(DevicePointer to, unsigned word, size_t count, Handle stream) {
  return fill(to, word, count, stream);
}

}  // namespace cudasim
