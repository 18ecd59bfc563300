// The compiled kernels that a build carries, in one container that scripts/build-cuda.mjs packs. Numbers are
// little-endian; names end in zero bytes; code lies at multiples of 16 bytes.
//
//   header  char magic[8] = "TSVCUDA1", u32 driver_version (1000 major + 10 minor, of the CUDA that made it),
//           u32 modules, u32 kernels, u32 zero, u64 bytes of the whole container
//   module  char name[40], u32 form (0: PTX, text that ends in a zero byte; 1: a cubin, compressed in a fat
//           binary), u32 architecture (80: compute_80 or sm_80), u64 offset, u64 bytes
//   kernel  char name[56], u32 argument_bytes, u32 zero
//   code
#ifndef TOKENSIEVE_CUDA_IMAGE_H
#define TOKENSIEVE_CUDA_IMAGE_H
#include <stddef.h>
#include <stdint.h>

namespace tsv {
namespace cuda {

// Code of one module for one architecture; `data` is NULL where there is none.
struct Code {
  const void* data = nullptr;
  size_t bytes = 0;
  int32_t architecture = 0;
};

class Image {
 public:
  // Of a container that stays where it is; without one, `data` is NULL.
  Image(const void* data, size_t bytes);

  // Why it can not be used, NULL when it can.
  const char* problem() const { return problem_; }
  // The least driver that takes the code; 0 when there is none.
  int32_t driver_version() const { return driver_version_; }
  // The cubin that a device runs as it is: of its major architecture, the highest minor not above its own.
  Code cubin(const char* module, int32_t device_architecture) const;
  // The PTX that a device's driver can compile: the highest not above its architecture.
  Code ptx(const char* module, int32_t device_architecture) const;
  // What a kernel's argument struct took when it was compiled; -1 for one that is not there.
  int64_t argument_bytes(const char* kernel) const;

 private:
  enum Form : uint32_t { kPtx = 0, kCubin = 1 };
  Code find(Form form, const char* module, int32_t lowest, int32_t highest) const;
  bool read();

  const char* data_;
  size_t bytes_;
  const char* problem_ = nullptr;
  int32_t driver_version_ = 0;
  uint32_t modules_ = 0, kernels_ = 0;
};

// The container of this build.
const Image& embedded_image();

}  // namespace cuda
}  // namespace tsv
#endif
