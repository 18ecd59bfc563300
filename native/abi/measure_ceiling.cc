// Times the kernels of native/kernels/ceilings.h on every thread.
#include <algorithm>
#include <chrono>

#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"

using namespace tsv;

tsv_status tsv_measure_ceiling(int32_t ceiling, float* memory, int64_t count, double* rate) {
  // Work of a third of a millisecond a thread, or more: waking it costs little beside that, and it is seldom
  // interrupted.
  const Kernels& k = kernels();
  const int64_t multiply_adds = int64_t(k.shape.lanes) << 21, least_bytes = 1 << 24;
  constexpr int64_t kLine = 64 / sizeof(float);
  const int64_t threads = tsv::threads();
  // Whole cache lines: vectors that cross two take longer, and no two threads should write the same one.
  const int64_t skipped = int64_t((64 - reinterpret_cast<uintptr_t>(memory) % 64) % 64 / sizeof(float));
  const int64_t half = (count - skipped) / threads / (2 * kLine) * kLine, share = 2 * half;
  if (ceiling < TSV_CEILING_FMA || ceiling > TSV_CEILING_COPY) return TSV_E_RANGE;
  if (memory == nullptr || half <= 0) return TSV_E_SHAPE;
  memory += skipped;

  const int64_t bytes = share * int64_t(sizeof(float)), passes = std::max<int64_t>(1, least_bytes / bytes);
  // What a kernel found out goes to the start of its thread's share: a result that is kept must be computed.
  const auto work = [&](int64_t thread) {
    float* const mine = memory + thread * share;
    if (ceiling == TSV_CEILING_FMA) {
      k.fma_peak({multiply_adds, 0.999f, 0.001f, mine});
    } else if (ceiling == TSV_CEILING_READ) {
      for (int64_t i = 0; i < passes; ++i) k.read_peak({mine, share, mine});
    } else {
      for (int64_t i = 0; i < passes; ++i) k.copy_peak({mine, half, mine + half});
    }
  };
  const double work_of_thread =
      ceiling == TSV_CEILING_FMA ? 2.0 * double(multiply_adds) : double(bytes * passes);

  const tsv_context context = {};
  const auto begin = std::chrono::steady_clock::now();
  parallel_for(&context, threads, work);
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  *rate = work_of_thread * double(threads) / time.count();
  return TSV_OK;
}
