// What a launch plan works with: the stream of a call, working memory in its order, copies and typed
// launches. The first failure is kept; what follows it does nothing and pointers are NULL, so a plan reads as
// a list of steps.
#ifndef TOKENSIEVE_CUDA_QUEUE_H
#define TOKENSIEVE_CUDA_QUEUE_H
#include <stddef.h>
#include <stdint.h>

#include <vector>

#include "abi/check.h"
#include "abi/token_rows.h"
#include "cuda/driver/device.h"
#include "cuda/driver/staging.h"
#include "cuda/kernels/cuda_kernels.h"
#include "tokensieve.h"

namespace tsv {
namespace cuda {

struct Grid {
  int64_t x = 1, y = 1, z = 1;  // y and z at most 65535
};

class Queue {
 public:
  // The device of the checked tensors, and the context's stream.
  Queue(tsv_context* context, const Check& check) : Queue(context, check.device()) {}
  Queue(tsv_context* context, int32_t device);
  ~Queue();  // hands working memory back in stream order
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  tsv_status status() const { return call_.status(); }
  Call& call() { return call_; }
  const DeviceLimits& device() const;

  // Working memory until the work enqueued so far has run; at a multiple of 256 bytes, contents unspecified.
  void* scratch(size_t bytes);
  template <class T>
  T* scratch(int64_t count) {
    return static_cast<T*>(scratch(size_t(count) * sizeof(T)));
  }

  // A view's elements on the device: where they lie, or a copy in stream order of what lies on the host.
  // NULL for an absent view. Only dense views may lie on the host.
  const void* on_device(const View& view);
  template <class T>
  const T* on_device(const View& view) {
    return static_cast<const T*>(on_device(view));
  }
  // `count` elements of the host's, copied before this returns or in stream order from memory of the queue's
  // own.
  template <class T>
  const T* upload(const T* from, int64_t count) {
    return static_cast<const T*>(upload_bytes(from, size_t(count) * sizeof(T)));
  }

  void fill(void* to, uint8_t byte, size_t bytes);
  void copy(void* to, const void* from, size_t bytes);  // on the device

  // The stream's record, for kernels that report.
  FaultRecord* fault();

  // Enqueues a kernel; a grid without blocks launches nothing.
  template <class Arguments>
  void launch(Kernel kernel, Grid grid, int threads, size_t shared_bytes, const Arguments& arguments) {
    launch_bytes(kernel, grid, threads, shared_bytes, &arguments, sizeof arguments);
  }

 private:
  const void* upload_bytes(const void* from, size_t bytes);
  void launch_bytes(Kernel kernel, Grid grid, int threads, size_t shared_bytes, const void* arguments,
                    size_t bytes);  // the size is checked against the list's

  const tsv_context* context_;
  Call call_;
  Upload upload_;
  std::vector<void*> scratch_;
  bool reports_ = false;  // kernels of this queue have the fault record
};

// The kernel of a float type.
inline Kernel by_type(int32_t dtype, Kernel f32, Kernel f16, Kernel bf16) {
  return dtype == TSV_FLOAT32 ? f32 : dtype == TSV_FLOAT16 ? f16 : bf16;
}

inline int64_t blocks(int64_t work, int64_t a_block) { return (work + a_block - 1) / a_block; }

// Matrices [..,N,C] of a view of rank 2 to 4.
inline MatrixArguments matrix(Queue& queue, const View& x) {
  return {queue.on_device(x),
          x.rank > 2 ? x.stride[0] : 0,
          x.rank > 3 ? x.stride[1] : 0,
          x.stride[x.rank - 2],
          x.dtype,
          x.rank > 3 ? int32_t(x.dim[1]) : 1};
}

inline MaskArguments mask_arguments(Queue& queue, const TokenRows& rows) {
  const View& mask = rows.mask;
  const int64_t rows_a_mask = !mask.present() || mask.rank == 1 ? 0
                              : mask.dim[0] == rows.rows        ? 1
                                                                : rows.heads;
  return {queue.on_device<uint8_t>(mask), queue.on_device<int32_t>(rows.lengths), int32_t(rows_a_mask),
          int32_t(rows.heads), rows.n};
}

}  // namespace cuda
}  // namespace tsv
#endif
