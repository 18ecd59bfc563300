// The container, as part of the binary. TOKENSIEVE_CUDA_IMAGE is its path where one has been made; the name
// has the hash of what is in it, so that another one is compiled anew.
#include "cuda/driver/image.h"

#if defined(TOKENSIEVE_CUDA_IMAGE)

#if defined(__APPLE__)
#define TSV_BEGIN ".const_data\n"
#define TSV_END ".text\n"
#define TSV_SYMBOL "_tsv_cuda_image"
#else
#define TSV_BEGIN ".pushsection .rodata.tsv_cuda_image,\"a\"\n"
#define TSV_END ".popsection\n"
#define TSV_SYMBOL "tsv_cuda_image"
#endif

// clang-format off
__asm__(TSV_BEGIN
        ".balign 16\n"
        TSV_SYMBOL ":\n"
        ".incbin \"" TOKENSIEVE_CUDA_IMAGE "\"\n"
        TSV_SYMBOL "_end:\n"
        ".byte 0\n"
        TSV_END);
// clang-format on

extern "C" {
extern const char tsv_cuda_image[] __attribute__((visibility("hidden")));
extern const char tsv_cuda_image_end[] __attribute__((visibility("hidden")));
}

namespace tsv {
namespace cuda {

const Image& embedded_image() {
  static const Image image(tsv_cuda_image, size_t(tsv_cuda_image_end - tsv_cuda_image));
  return image;
}

}  // namespace cuda
}  // namespace tsv

#else

namespace tsv {
namespace cuda {

const Image& embedded_image() {
  static const Image image(nullptr, 0);
  return image;
}

}  // namespace cuda
}  // namespace tsv

#endif
