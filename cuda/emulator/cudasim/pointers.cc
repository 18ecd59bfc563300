// What a pointer points to.
#include <string.h>

#include "context.h"
#include "entry_points.h"
#include "host_memory.h"

namespace cudasim {
namespace {

struct Pointed {
  MemoryType type = kMemoryHost;
  Context* context = nullptr;  // null for the host's
  int device = 0;
  uint64_t base = 0, bytes = 0;
};

bool find(DevicePointer pointer, Pointed* pointed) {
  for (const auto& device : devices()) {
    Allocation allocation;
    if (!device->find(pointer, &allocation)) continue;
    *pointed = {kMemoryDevice, allocation.context, device->ordinal, allocation.address, allocation.bytes};
    return true;
  }
  const std::shared_ptr<HostBlock> block = find_host_block(pointer_of(pointer), 1);
  if (block) {
    *pointed = {kMemoryHost, nullptr, 0, uint64_t(reinterpret_cast<uintptr_t>(block->address)), block->bytes};
  }
  return block != nullptr;
}

template <class T>
Result give(void* value, T found) {
  memcpy(value, &found, sizeof found);
  return kSuccess;
}

}  // namespace

Result cuPointerGetAttribute(void* value, PointerAttribute attribute, DevicePointer pointer) {
  if (const Result result = ready()) return result;
  Pointed pointed;
  if (value == nullptr || !find(pointer, &pointed)) return kInvalidValue;
  switch (attribute) {
    case PointerAttribute::kContext:
      return give<Handle>(value, pointed.context != nullptr ? pointed.context->handle : nullptr);
    case PointerAttribute::kMemoryType:
      return give<unsigned>(value, pointed.type);
    case PointerAttribute::kDevicePointer:
      return give<DevicePointer>(value, pointer);
    case PointerAttribute::kHostPointer:
      return pointed.type == kMemoryHost ? give<DevicePointer>(value, pointer) : kInvalidValue;
    case PointerAttribute::kIsManaged:
      return give<unsigned>(value, 0);
    case PointerAttribute::kDeviceOrdinal:
      return give<int>(value, pointed.device);
    case PointerAttribute::kRangeStart:
      return give<DevicePointer>(value, pointed.base);
    case PointerAttribute::kRangeSize:
      return give<size_t>(value, size_t(pointed.bytes));
  }
  return kInvalidValue;
}

}  // namespace cudasim
