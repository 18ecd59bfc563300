#include "cuda/driver/image.h"

#include <string.h>

namespace tsv {
namespace cuda {
namespace {

struct Header {
  char magic[8];
  uint32_t driver_version, modules, kernels, zero;
  uint64_t bytes;
};
static_assert(sizeof(Header) == 32, "as image.h says");

struct ModuleEntry {
  char name[40];
  uint32_t form, architecture;
  uint64_t offset, bytes;
};
static_assert(sizeof(ModuleEntry) == 64, "as image.h says");

struct KernelEntry {
  char name[56];
  uint32_t argument_bytes, zero;
};
static_assert(sizeof(KernelEntry) == 64, "as image.h says");

template <class Entry>
Entry entry_at(const char* data, size_t offset) {
  Entry entry;
  memcpy(&entry, data + offset, sizeof entry);
  return entry;
}

ModuleEntry module_at(const char* data, uint32_t i) {
  return entry_at<ModuleEntry>(data, sizeof(Header) + i * sizeof(ModuleEntry));
}

KernelEntry kernel_at(const char* data, uint32_t modules, uint32_t i) {
  return entry_at<KernelEntry>(data,
                               sizeof(Header) + modules * sizeof(ModuleEntry) + i * sizeof(KernelEntry));
}

template <size_t length>
bool ends(const char (&name)[length]) {
  return name[0] != '\0' && memchr(name, '\0', length) != nullptr;
}

}  // namespace

Image::Image(const void* data, size_t bytes) : data_(static_cast<const char*>(data)), bytes_(bytes) {
  if (data == nullptr) {
    problem_ = "this build has no CUDA kernels: npm run build:cuda makes them";
  } else if (!read()) {
    problem_ = "the CUDA kernels in this build are damaged: npm run build:cuda makes them anew";
    driver_version_ = 0;
  }
}

// Checks the container whole, so that nothing needs checking later.
bool Image::read() {
  if (bytes_ < sizeof(Header)) return false;
  const auto header = entry_at<Header>(data_, 0);
  if (memcmp(header.magic, "TSVCUDA1", sizeof header.magic) != 0 || header.bytes != bytes_) return false;
  const uint64_t entries = uint64_t(header.modules) + header.kernels;
  if (entries > (bytes_ - sizeof(Header)) / sizeof(ModuleEntry)) return false;
  const uint64_t tables = sizeof(Header) + entries * sizeof(ModuleEntry);
  for (uint32_t i = 0; i < header.modules; ++i) {
    const ModuleEntry entry = module_at(data_, i);
    if (!ends(entry.name) || entry.form > kCubin || entry.architecture > 1000) return false;
    if (entry.offset < tables || entry.offset > bytes_ || entry.bytes > bytes_ - entry.offset) return false;
    if (entry.form == kPtx && (entry.bytes == 0 || data_[entry.offset + entry.bytes - 1] != '\0'))
      return false;
  }
  for (uint32_t i = 0; i < header.kernels; ++i) {
    if (!ends(kernel_at(data_, header.modules, i).name)) return false;
  }
  driver_version_ = int32_t(header.driver_version);
  modules_ = header.modules;
  kernels_ = header.kernels;
  return true;
}

Code Image::find(Form form, const char* module, int32_t lowest, int32_t highest) const {
  Code best;
  for (uint32_t i = 0; i < modules_; ++i) {
    const ModuleEntry entry = module_at(data_, i);
    const auto architecture = int32_t(entry.architecture);
    if (entry.form != form || strcmp(entry.name, module) != 0) continue;
    if (architecture < lowest || architecture > highest || architecture <= best.architecture) continue;
    best = {data_ + entry.offset, size_t(entry.bytes), architecture};
  }
  return best;
}

Code Image::cubin(const char* module, int32_t device_architecture) const {
  return find(kCubin, module, device_architecture / 10 * 10, device_architecture);
}

Code Image::ptx(const char* module, int32_t device_architecture) const {
  return find(kPtx, module, 0, device_architecture);
}

int64_t Image::argument_bytes(const char* kernel) const {
  for (uint32_t i = 0; i < kernels_; ++i) {
    const KernelEntry entry = kernel_at(data_, modules_, i);
    if (strcmp(entry.name, kernel) == 0) return entry.argument_bytes;
  }
  return -1;
}

}  // namespace cuda
}  // namespace tsv
