// The CUDA driver API's types and numbers, as far as the double knows them; cuda.h is not needed to build it.
#ifndef TOKENSIEVE_CUDASIM_TYPES_H
#define TOKENSIEVE_CUDASIM_TYPES_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Error number, name without its prefix CUDA_ERROR_ (but for 0), what cuGetErrorString says.
#define CUDASIM_FOR_EACH_RESULT(ENTRY) \
  ENTRY(0, Success, "CUDA_SUCCESS", "no error") \
  ENTRY(1, InvalidValue, "CUDA_ERROR_INVALID_VALUE", "invalid argument") \
  ENTRY(2, OutOfMemory, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory") \
  ENTRY(3, NotInitialized, "CUDA_ERROR_NOT_INITIALIZED", "initialization error") \
  ENTRY(4, Deinitialized, "CUDA_ERROR_DEINITIALIZED", "driver shutting down") \
  ENTRY(36, NeedsNewerDriver, "CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER", \
        "API call is not supported in the installed CUDA driver") \
  ENTRY(100, NoDevice, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected") \
  ENTRY(101, InvalidDevice, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal") \
  ENTRY(200, InvalidImage, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid") \
  ENTRY(201, InvalidContext, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context") \
  ENTRY(209, NoBinaryForGpu, "CUDA_ERROR_NO_BINARY_FOR_GPU", \
        "no kernel image is available for execution on the device") \
  ENTRY(214, EccUncorrectable, "CUDA_ERROR_ECC_UNCORRECTABLE", "uncorrectable ECC error encountered") \
  ENTRY(218, InvalidPtx, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed") \
  ENTRY(222, UnsupportedPtxVersion, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", \
        "the provided PTX was compiled with an unsupported toolchain.") \
  ENTRY(400, InvalidHandle, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle") \
  ENTRY(500, NotFound, "CUDA_ERROR_NOT_FOUND", "named symbol not found") \
  ENTRY(600, NotReady, "CUDA_ERROR_NOT_READY", "device not ready") \
  ENTRY(700, IllegalAddress, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered") \
  ENTRY(701, LaunchOutOfResources, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", \
        "too many resources requested for launch") \
  ENTRY(702, LaunchTimeout, "CUDA_ERROR_LAUNCH_TIMEOUT", "the launch timed out and was terminated") \
  ENTRY(709, ContextIsDestroyed, "CUDA_ERROR_CONTEXT_IS_DESTROYED", "context is destroyed") \
  ENTRY(712, AlreadyRegistered, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED", \
        "part or all of the requested memory range is already mapped") \
  ENTRY(713, NotRegistered, "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED", \
        "pointer does not correspond to a registered memory region") \
  ENTRY(715, IllegalInstruction, "CUDA_ERROR_ILLEGAL_INSTRUCTION", "an illegal instruction was encountered") \
  ENTRY(716, MisalignedAddress, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address") \
  ENTRY(719, LaunchFailed, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure") \
  ENTRY(800, NotPermitted, "CUDA_ERROR_NOT_PERMITTED", "operation not permitted") \
  ENTRY(801, NotSupported, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported") \
  ENTRY(999, Unknown, "CUDA_ERROR_UNKNOWN", "unknown error")

namespace cudasim {

enum Result : int {
#define CUDASIM_RESULT(number, name, symbol, text) k##name = number,
  CUDASIM_FOR_EACH_RESULT(CUDASIM_RESULT)
#undef CUDASIM_RESULT
};

// Handles are numbers that no address has, never given out twice: one that was destroyed stays unknown.
using Handle = void*;
using DevicePointer = unsigned long long;
inline void* pointer_of(uint64_t number) {
  void* pointer;
  memcpy(&pointer, &number, sizeof pointer);
  return pointer;
}
using HostFunction = void (*)(void* user);

// Streams that are not created
constexpr uintptr_t kLegacyStream = 1;  // 0 means the same
constexpr uintptr_t kPerThreadStream = 2;

enum StreamFlag : unsigned { kStreamNonBlocking = 1 };
enum EventFlag : unsigned { kEventBlockingSync = 1, kEventDisableTiming = 2 };

enum class DeviceAttribute : int {
  kMaxThreadsPerBlock = 1,
  kMaxBlockX = 2,
  kMaxBlockY = 3,
  kMaxBlockZ = 4,
  kMaxGridX = 5,
  kMaxGridY = 6,
  kMaxGridZ = 7,
  kMaxSharedPerBlock = 8,
  kTotalConstantMemory = 9,
  kWarpSize = 10,
  kMaxRegistersPerBlock = 12,
  kClockRate = 13,
  kMultiprocessors = 16,
  kIntegrated = 18,
  kCanMapHostMemory = 19,
  kComputeMode = 20,
  kConcurrentKernels = 31,
  kEccEnabled = 32,
  kPciBusId = 33,
  kPciDeviceId = 34,
  kMemoryClockRate = 36,
  kMemoryBusWidth = 37,
  kL2CacheSize = 38,
  kMaxThreadsPerMultiprocessor = 39,
  kAsyncEngines = 40,
  kUnifiedAddressing = 41,
  kPciDomainId = 50,
  kComputeCapabilityMajor = 75,
  kComputeCapabilityMinor = 76,
  kStreamPriorities = 78,
  kMaxSharedPerMultiprocessor = 81,
  kMaxRegistersPerMultiprocessor = 82,
  kManagedMemory = 83,
  kPageableMemoryAccess = 88,
  kCooperativeLaunch = 95,
  kMaxSharedPerBlockOptin = 97,
  kHostRegister = 99,
  kMaxBlocksPerMultiprocessor = 106,
  kReservedSharedPerBlock = 111,
  kMemoryPools = 115,
};

enum class FunctionAttribute : int {
  kMaxThreadsPerBlock = 0,
  kSharedBytes = 1,
  kConstantBytes = 2,
  kLocalBytes = 3,
  kRegisters = 4,
  kPtxVersion = 5,
  kBinaryVersion = 6,
  kMaxDynamicShared = 8,
  kSharedCarveout = 9,
};

enum class PointerAttribute : int {
  kContext = 1,
  kMemoryType = 2,
  kDevicePointer = 3,
  kHostPointer = 4,
  kIsManaged = 8,
  kDeviceOrdinal = 9,
  kRangeStart = 11,
  kRangeSize = 12,
};
enum MemoryType : unsigned { kMemoryHost = 1, kMemoryDevice = 2 };

enum class PoolAttribute : int {
  kReuseFollowEventDependencies = 1,
  kReuseAllowOpportunistic = 2,
  kReuseAllowInternalDependencies = 3,
  kReleaseThreshold = 4,
  kReservedCurrent = 5,
  kReservedHigh = 6,
  kUsedCurrent = 7,
  kUsedHigh = 8,
};

// CUmemPoolProps: what kind of memory, and where.
struct PoolProperties {
  int allocation_type, handle_types;
  int location_type, location;  // 1: a device, and its number
  void* security_attributes;
  size_t most_bytes;  // 0: no limit of its own
  unsigned short usage;
  unsigned char reserved[54];
};

enum class JitOption : int { kErrorLog = 5, kErrorLogBytes = 6 };

enum class ProcQuery : int { kSuccess = 0, kNotFound = 1, kVersionNotSufficient = 2 };

}  // namespace cudasim
#endif
