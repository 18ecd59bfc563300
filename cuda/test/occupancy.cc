// Prints NVIDIA's own answer to how many blocks fit, from the toolkit's header, for
// test/cuda/occupancy.test.ts to compare with ours: lines of "architecture registers threads shared blocks".
#include <cuda_runtime.h>
// after it
#include <cuda_occupancy.h>
#include <stdio.h>
#include <string.h>

namespace {

struct Limits {
  int major, minor, threads;
  size_t shared, shared_of_block, reserved;
};

const Limits kArchitectures[] = {
    {7, 5, 1024, 64 << 10, 64 << 10, 0},      {8, 0, 2048, 164 << 10, 163 << 10, 1024},
    {8, 6, 1536, 100 << 10, 99 << 10, 1024},  {8, 9, 1536, 100 << 10, 99 << 10, 1024},
    {9, 0, 2048, 228 << 10, 227 << 10, 1024}, {10, 0, 2048, 228 << 10, 227 << 10, 1024},
    {12, 0, 1536, 100 << 10, 99 << 10, 1024},
};
const int kRegisters[] = {16, 24, 32, 33, 40, 48, 56, 64, 65, 72, 80, 96, 97, 128, 129, 168, 200, 255};
const int kThreads[] = {32, 64, 96, 128, 160, 192, 256, 288, 320, 384, 512, 640, 768, 1024};
const size_t kShared[] = {0,     100,   1024,  4096,  8192,  10000,  16383,  20000,
                          33000, 49152, 65000, 65536, 99000, 101376, 160000, 230000};

int blocks(const Limits& limits, int registers, int threads, size_t shared) {
  cudaOccDeviceProp device;
  memset(&device, 0, sizeof device);
  device.computeMajor = limits.major;
  device.computeMinor = limits.minor;
  device.maxThreadsPerBlock = 1024;
  device.maxThreadsPerMultiprocessor = limits.threads;
  device.regsPerBlock = device.regsPerMultiprocessor = 65536;
  device.warpSize = 32;
  device.sharedMemPerBlock = 48 << 10;
  device.sharedMemPerMultiprocessor = limits.shared;
  device.sharedMemPerBlockOptin = limits.shared_of_block;
  device.reservedSharedMemPerBlock = limits.reserved;
  device.numSms = 1;
  cudaOccFuncAttributes kernel;
  memset(&kernel, 0, sizeof kernel);
  kernel.maxThreadsPerBlock = 1024;
  kernel.numRegs = registers;
  kernel.partitionedGCConfig = PARTITIONED_GC_OFF;
  kernel.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN;
  kernel.maxDynamicSharedSizeBytes = limits.shared_of_block;
  kernel.numBlockBarriers = 1;
  const cudaOccDeviceState state;
  cudaOccResult result;
  const cudaOccError error =
      cudaOccMaxActiveBlocksPerMultiprocessor(&result, &device, &kernel, &state, threads, shared);
  return error == CUDA_OCC_SUCCESS ? result.activeBlocksPerMultiprocessor : 0;
}

}  // namespace

int main() {
  for (const Limits& limits : kArchitectures) {
    for (int registers : kRegisters) {
      for (int threads : kThreads) {
        for (size_t shared : kShared) {
          printf("%d %d %d %zu %d\n", limits.major * 10 + limits.minor, registers, threads, shared,
                 blocks(limits, registers, threads, shared));
        }
      }
    }
  }
  return 0;
}
