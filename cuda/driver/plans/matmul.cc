#include <algorithm>

#include "cuda/driver/plans.h"
#include "cuda/driver/queue.h"

namespace tsv {
namespace cuda {

tsv_status matmul(tsv_context* context, const Check& check, const tsv_matmul_args& a, const View& left,
                  const View& right, const View& bias, const View& out) {
  Queue queue(context, check);
  constexpr int kThreads = 128;
  constexpr int64_t kMostGroups = 65535;  // of one launch
  const int64_t groups = out.dim[0], rows = out.dim[1], columns = out.dim[2], depth = left.dim[2];
  const Kernel kernel = left.dtype != right.dtype ? Kernel::matmul_mixed
                                                  : by_type(left.dtype, Kernel::matmul_f32,
                                                            Kernel::matmul_f16, Kernel::matmul_bf16);
  const int64_t b_stride = right.dim[0] == 1 ? 0 : right.dim[1] * right.dim[2];
  for (int64_t first = 0; first < groups; first += kMostGroups) {
    const MatmulArguments arguments = {left.data + first * rows * depth * left.item_bytes(),
                                       right.data + first * b_stride * right.item_bytes(),
                                       queue.on_device<float>(bias),
                                       out.data + first * rows * columns * out.item_bytes(),
                                       b_stride,
                                       rows,
                                       int32_t(depth),
                                       int32_t(columns),
                                       left.dtype,
                                       right.dtype,
                                       a.activation,
                                       a.transpose_b};
    const Grid grid = {blocks(rows, kProductTile) * blocks(columns, kProductTile),
                       std::min(kMostGroups, groups - first)};
    queue.launch(kernel, grid, kThreads, 0, arguments);
  }
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
