// The part of the CUDA driver's interface that is used here, in declarations of our own: nothing that builds
// the library needs CUDA's headers, and nothing is linked. The library is opened when a device is first asked
// for: TOKENSIEVE_CUDA_DRIVER if that is set, else the system's. Where there is a cuda.h,
// native/test/cuda/header.cc compares it with what is written here.
#ifndef TOKENSIEVE_CUDA_DRIVER_API_H
#define TOKENSIEVE_CUDA_DRIVER_API_H
#include <stddef.h>
#include <stdint.h>

namespace tsv {
namespace cuda {

using CUdevice = int;
using CUdeviceptr = unsigned long long;
using CUcontext = struct CUctx_st*;
using CUmodule = struct CUmod_st*;
using CUfunction = struct CUfunc_st*;
using CUstream = struct CUstream_st*;
using CUevent = struct CUevent_st*;
using CUmemoryPool = struct CUmemPoolHandle_st*;

// Results that are told apart here, with the driver's numbers.
#define TSV_FOR_EACH_CUDA_RESULT(ENTRY) \
  ENTRY(CUDA_SUCCESS, 0) \
  ENTRY(CUDA_ERROR_INVALID_VALUE, 1) \
  ENTRY(CUDA_ERROR_OUT_OF_MEMORY, 2) \
  ENTRY(CUDA_ERROR_NOT_INITIALIZED, 3) \
  ENTRY(CUDA_ERROR_DEINITIALIZED, 4) \
  ENTRY(CUDA_ERROR_NO_DEVICE, 100) \
  ENTRY(CUDA_ERROR_INVALID_DEVICE, 101) \
  ENTRY(CUDA_ERROR_INVALID_IMAGE, 200) \
  ENTRY(CUDA_ERROR_INVALID_CONTEXT, 201) \
  ENTRY(CUDA_ERROR_NO_BINARY_FOR_GPU, 209) \
  ENTRY(CUDA_ERROR_ECC_UNCORRECTABLE, 214) \
  ENTRY(CUDA_ERROR_INVALID_PTX, 218) \
  ENTRY(CUDA_ERROR_NVLINK_UNCORRECTABLE, 220) \
  ENTRY(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, 222) \
  ENTRY(CUDA_ERROR_CONTAINED, 226) \
  ENTRY(CUDA_ERROR_INVALID_SOURCE, 300) \
  ENTRY(CUDA_ERROR_INVALID_HANDLE, 400) \
  ENTRY(CUDA_ERROR_NOT_FOUND, 500) \
  ENTRY(CUDA_ERROR_NOT_READY, 600) \
  ENTRY(CUDA_ERROR_ILLEGAL_ADDRESS, 700) \
  ENTRY(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, 701) \
  ENTRY(CUDA_ERROR_LAUNCH_TIMEOUT, 702) \
  ENTRY(CUDA_ERROR_CONTEXT_IS_DESTROYED, 709) \
  ENTRY(CUDA_ERROR_ASSERT, 710) \
  ENTRY(CUDA_ERROR_HARDWARE_STACK_ERROR, 714) \
  ENTRY(CUDA_ERROR_ILLEGAL_INSTRUCTION, 715) \
  ENTRY(CUDA_ERROR_MISALIGNED_ADDRESS, 716) \
  ENTRY(CUDA_ERROR_INVALID_ADDRESS_SPACE, 717) \
  ENTRY(CUDA_ERROR_INVALID_PC, 718) \
  ENTRY(CUDA_ERROR_LAUNCH_FAILED, 719) \
  ENTRY(CUDA_ERROR_NOT_SUPPORTED, 801) \
  ENTRY(CUDA_ERROR_EXTERNAL_DEVICE, 911) \
  ENTRY(CUDA_ERROR_UNKNOWN, 999)

enum CUresult : int32_t {
#define TSV_CUDA_RESULT_ENUM(name, number) name = number,
  TSV_FOR_EACH_CUDA_RESULT(TSV_CUDA_RESULT_ENUM)
#undef TSV_CUDA_RESULT_ENUM
};

// Attributes, options and flags, with the driver's numbers.
#define TSV_FOR_EACH_CUDA_NUMBER(ENTRY) \
  ENTRY(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 16) \
  ENTRY(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 75) \
  ENTRY(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 76) \
  ENTRY(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, 97) \
  ENTRY(CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, 115) \
  ENTRY(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 8) \
  ENTRY(CU_STREAM_NON_BLOCKING, 1) \
  ENTRY(CU_EVENT_DISABLE_TIMING, 2) \
  ENTRY(CU_JIT_ERROR_LOG_BUFFER, 5) \
  ENTRY(CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES, 6) \
  ENTRY(CU_MEM_ALLOCATION_TYPE_PINNED, 1) \
  ENTRY(CU_MEM_LOCATION_TYPE_DEVICE, 1) \
  ENTRY(CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, 4)

enum CUnumber : int32_t {
#define TSV_CUDA_NUMBER_ENUM(name, number) name = number,
  TSV_FOR_EACH_CUDA_NUMBER(TSV_CUDA_NUMBER_ENUM)
#undef TSV_CUDA_NUMBER_ENUM
};

struct CUmemLocation {
  int32_t type, id;
};

struct CUmemPoolProps {
  int32_t allocType, handleTypes;
  CUmemLocation location;
  void* win32SecurityAttributes;
  size_t maxSize;
  unsigned short usage;
  unsigned char reserved[54];
};

// Every function that is called, by the name it is exported with. Enumerations are passed as int32_t.
#define TSV_FOR_EACH_CUDA_FUNCTION(ENTRY) \
  ENTRY(cuInit, (unsigned int flags)) \
  ENTRY(cuDriverGetVersion, (int* version)) \
  ENTRY(cuGetErrorName, (CUresult result, const char** name)) \
  ENTRY(cuDeviceGetCount, (int* count)) \
  ENTRY(cuDeviceGet, (CUdevice * device, int ordinal)) \
  ENTRY(cuDeviceGetName, (char* name, int length, CUdevice device)) \
  ENTRY(cuDeviceGetAttribute, (int* value, int32_t attribute, CUdevice device)) \
  ENTRY(cuDevicePrimaryCtxRetain, (CUcontext * context, CUdevice device)) \
  ENTRY(cuDevicePrimaryCtxRelease_v2, (CUdevice device)) \
  ENTRY(cuCtxPushCurrent_v2, (CUcontext context)) \
  ENTRY(cuCtxPopCurrent_v2, (CUcontext * context)) \
  ENTRY(cuModuleLoadDataEx, \
        (CUmodule * module, const void* image, unsigned int count, int32_t* options, void** values)) \
  ENTRY(cuModuleUnload, (CUmodule module)) \
  ENTRY(cuModuleGetFunction, (CUfunction * function, CUmodule module, const char* name)) \
  ENTRY(cuFuncSetAttribute, (CUfunction function, int32_t attribute, int value)) \
  ENTRY(cuLaunchKernel, (CUfunction function, unsigned int grid_x, unsigned int grid_y, unsigned int grid_z, \
                         unsigned int block_x, unsigned int block_y, unsigned int block_z, \
                         unsigned int shared_bytes, CUstream stream, void** parameters, void** extra)) \
  ENTRY(cuMemAlloc_v2, (CUdeviceptr * pointer, size_t bytes)) \
  ENTRY(cuMemFree_v2, (CUdeviceptr pointer)) \
  ENTRY(cuMemPoolCreate, (CUmemoryPool * pool, const CUmemPoolProps* properties)) \
  ENTRY(cuMemPoolDestroy, (CUmemoryPool pool)) \
  ENTRY(cuMemPoolSetAttribute, (CUmemoryPool pool, int32_t attribute, void* value)) \
  ENTRY(cuMemAllocFromPoolAsync, (CUdeviceptr * pointer, size_t bytes, CUmemoryPool pool, CUstream stream)) \
  ENTRY(cuMemFreeAsync, (CUdeviceptr pointer, CUstream stream)) \
  ENTRY(cuMemAllocHost_v2, (void** pointer, size_t bytes)) \
  ENTRY(cuMemFreeHost, (void* pointer)) \
  ENTRY(cuMemcpyHtoDAsync_v2, (CUdeviceptr to, const void* from, size_t bytes, CUstream stream)) \
  ENTRY(cuMemcpyDtoHAsync_v2, (void* to, CUdeviceptr from, size_t bytes, CUstream stream)) \
  ENTRY(cuMemcpyDtoDAsync_v2, (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream)) \
  ENTRY(cuMemsetD8Async, (CUdeviceptr pointer, unsigned char byte, size_t bytes, CUstream stream)) \
  ENTRY(cuStreamCreate, (CUstream * stream, unsigned int flags)) \
  ENTRY(cuStreamDestroy_v2, (CUstream stream)) \
  ENTRY(cuStreamSynchronize, (CUstream stream)) \
  ENTRY(cuStreamWaitEvent, (CUstream stream, CUevent event, unsigned int flags)) \
  ENTRY(cuEventCreate, (CUevent * event, unsigned int flags)) \
  ENTRY(cuEventRecord, (CUevent event, CUstream stream)) \
  ENTRY(cuEventQuery, (CUevent event)) \
  ENTRY(cuEventSynchronize, (CUevent event)) \
  ENTRY(cuEventElapsedTime, (float* milliseconds, CUevent begin, CUevent end)) \
  ENTRY(cuEventDestroy_v2, (CUevent event))

// What only the double of libcuda exports; the driver that has it runs kernels on the CPU.
#define TSV_CUDASIM_MARK "cudasim_version"

struct Driver {
#define TSV_CUDA_FUNCTION_POINTER(name, parameters) CUresult(*name) parameters = nullptr;
  TSV_FOR_EACH_CUDA_FUNCTION(TSV_CUDA_FUNCTION_POINTER)
#undef TSV_CUDA_FUNCTION_POINTER
};

// The driver of this process, loaded by the first caller and kept.
struct LoadedDriver {
  Driver api;
  bool usable = false;  // there is a device and kernels for it; else `reason` says what is missing
  bool emulated = false;
  int32_t version = 0;  // as CUDA counts, such as 13000; 0: no driver
  int32_t device_count = 0;
  char reason[192] = "";
};
const LoadedDriver& driver();

// The driver's own name of a result, such as CUDA_ERROR_OUT_OF_MEMORY.
const char* name_of(CUresult result);

}  // namespace cuda
}  // namespace tsv
#endif
