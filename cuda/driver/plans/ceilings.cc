// One sample of what a device can do at most, between two marks of its own clock.
#include <stdint.h>

#include "cuda/driver/queue.h"
#include "cuda/driver/timing.h"

using namespace tsv;
using namespace tsv::cuda;

namespace {

constexpr int kThreads = 256, kBlocksEach = 4;                 // of a multiprocessor
constexpr double kFlopsOfMatrixRound = 8 * 2.0 * 16 * 8 * 16;  // a warp's
constexpr double kFlopsOfFmaRound = 16 * 2.0;                  // a thread's

}  // namespace

tsv_status tsv_cuda_measure_ceiling(tsv_context* context, int32_t device, int32_t ceiling, int64_t size,
                                    double* rate) {
  *rate = 0.0;
  if (ceiling < TSV_CUDA_CEILING_COPY || ceiling > TSV_CUDA_CEILING_FMA || size < 1 || size > INT32_MAX)
    return TSV_E_RANGE;
  Queue queue(context, device);
  const int64_t grid = int64_t(queue.device().multiprocessors) * kBlocksEach, threads = grid * kThreads;
  CUevent begin = nullptr;
  double work = 0.0;
  if (ceiling == TSV_CUDA_CEILING_COPY) {
    const int64_t pieces = size / 16, bytes = pieces * 16;
    char* const memory = queue.scratch<char>(2 * bytes);
    queue.fill(memory, 0, size_t(2 * bytes));
    begin = mark(queue.call());
    queue.launch(Kernel::copy_peak, {grid}, kThreads, 0, CopyPeakArguments{memory, memory + bytes, pieces});
    work = 2.0 * double(bytes);
  } else {
    const bool matrix = ceiling == TSV_CUDA_CEILING_MATRIX;
    const RatePeakArguments arguments = {queue.scratch<float>(kThreads), int32_t(size), 0};
    begin = mark(queue.call());
    queue.launch(matrix ? Kernel::matrix_peak : Kernel::fma_peak, {grid}, kThreads, 0, arguments);
    work = double(size) *
           (matrix ? double(threads) / 32 * kFlopsOfMatrixRound : double(threads) * kFlopsOfFmaRound);
  }
  const double seconds = elapsed(queue.call(), begin, mark(queue.call()));
  if (seconds > 0.0) *rate = work / seconds;
  return queue.status();
}
