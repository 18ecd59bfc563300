// Every function of the driver API that the double has.
#ifndef TOKENSIEVE_CUDASIM_ENTRY_POINT_LIST_H
#define TOKENSIEVE_CUDASIM_ENTRY_POINT_LIST_H
#include "types.h"

// Name as cuGetProcAddress knows it, exported symbol, CUDA version that brought it, parameters.
#define CUDASIM_FOR_EACH_ENTRY_POINT(ENTRY) \
  ENTRY(cuInit, cuInit, 2000, (unsigned flags)) \
  ENTRY(cuDriverGetVersion, cuDriverGetVersion, 2020, (int* version)) \
  ENTRY(cuGetProcAddress, cuGetProcAddress_v2, 12000, \
        (const char* symbol, void** function, int version, uint64_t flags, ProcQuery* status)) \
  ENTRY(cuGetErrorName, cuGetErrorName, 6000, (Result error, const char** name)) \
  ENTRY(cuGetErrorString, cuGetErrorString, 6000, (Result error, const char** text)) \
  ENTRY(cuDeviceGet, cuDeviceGet, 2000, (int* device, int ordinal)) \
  ENTRY(cuDeviceGetCount, cuDeviceGetCount, 2000, (int* count)) \
  ENTRY(cuDeviceGetName, cuDeviceGetName, 2000, (char* name, int length, int device)) \
  ENTRY(cuDeviceGetAttribute, cuDeviceGetAttribute, 2000, \
        (int* value, DeviceAttribute attribute, int device)) \
  ENTRY(cuDeviceTotalMem, cuDeviceTotalMem_v2, 3020, (size_t * bytes, int device)) \
  ENTRY(cuDevicePrimaryCtxRetain, cuDevicePrimaryCtxRetain, 7000, (Handle * context, int device)) \
  ENTRY(cuDevicePrimaryCtxRelease, cuDevicePrimaryCtxRelease_v2, 11000, (int device)) \
  ENTRY(cuDevicePrimaryCtxGetState, cuDevicePrimaryCtxGetState, 7000, \
        (int device, unsigned* flags, int* active)) \
  ENTRY(cuCtxPushCurrent, cuCtxPushCurrent_v2, 4000, (Handle context)) \
  ENTRY(cuCtxPopCurrent, cuCtxPopCurrent_v2, 4000, (Handle * context)) \
  ENTRY(cuCtxSetCurrent, cuCtxSetCurrent, 4000, (Handle context)) \
  ENTRY(cuCtxGetCurrent, cuCtxGetCurrent, 4000, (Handle * context)) \
  ENTRY(cuCtxGetDevice, cuCtxGetDevice, 2000, (int* device)) \
  ENTRY(cuCtxSynchronize, cuCtxSynchronize, 2000, ()) \
  ENTRY(cuModuleLoadData, cuModuleLoadData, 2000, (Handle * module, const void* image)) \
  ENTRY(cuModuleLoadDataEx, cuModuleLoadDataEx, 2010, \
        (Handle * module, const void* image, unsigned count, JitOption* options, void** values)) \
  ENTRY(cuModuleUnload, cuModuleUnload, 2000, (Handle module)) \
  ENTRY(cuModuleGetFunction, cuModuleGetFunction, 2000, \
        (Handle * function, Handle module, const char* name)) \
  ENTRY(cuModuleGetGlobal, cuModuleGetGlobal_v2, 3020, \
        (DevicePointer * address, size_t * bytes, Handle module, const char* name)) \
  ENTRY(cuFuncGetAttribute, cuFuncGetAttribute, 2020, \
        (int* value, FunctionAttribute attribute, Handle function)) \
  ENTRY(cuFuncSetAttribute, cuFuncSetAttribute, 9000, \
        (Handle function, FunctionAttribute attribute, int value)) \
  ENTRY( \
      cuLaunchKernel, cuLaunchKernel, 4000, \
      (Handle function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, \
       unsigned block_y, unsigned block_z, unsigned shared, Handle stream, void** parameters, void** extra)) \
  ENTRY(cuLaunchHostFunc, cuLaunchHostFunc, 10000, (Handle stream, HostFunction function, void* user)) \
  ENTRY(cuMemGetInfo, cuMemGetInfo_v2, 3020, (size_t * free, size_t * total)) \
  ENTRY(cuMemAlloc, cuMemAlloc_v2, 3020, (DevicePointer * address, size_t bytes)) \
  ENTRY(cuMemFree, cuMemFree_v2, 3020, (DevicePointer address)) \
  ENTRY(cuMemAllocAsync, cuMemAllocAsync, 11020, (DevicePointer * address, size_t bytes, Handle stream)) \
  ENTRY(cuMemAllocFromPoolAsync, cuMemAllocFromPoolAsync, 11020, \
        (DevicePointer * address, size_t bytes, Handle pool, Handle stream)) \
  ENTRY(cuMemFreeAsync, cuMemFreeAsync, 11020, (DevicePointer address, Handle stream)) \
  ENTRY(cuDeviceGetDefaultMemPool, cuDeviceGetDefaultMemPool, 11020, (Handle * pool, int device)) \
  ENTRY(cuMemPoolCreate, cuMemPoolCreate, 11020, (Handle * pool, const PoolProperties* properties)) \
  ENTRY(cuMemPoolDestroy, cuMemPoolDestroy, 11020, (Handle pool)) \
  ENTRY(cuMemPoolSetAttribute, cuMemPoolSetAttribute, 11020, \
        (Handle pool, PoolAttribute attribute, void* value)) \
  ENTRY(cuMemPoolGetAttribute, cuMemPoolGetAttribute, 11020, \
        (Handle pool, PoolAttribute attribute, void* value)) \
  ENTRY(cuMemPoolTrimTo, cuMemPoolTrimTo, 11020, (Handle pool, size_t keep)) \
  ENTRY(cuMemHostAlloc, cuMemHostAlloc, 2020, (void** host, size_t bytes, unsigned flags)) \
  ENTRY(cuMemAllocHost, cuMemAllocHost_v2, 3020, (void** host, size_t bytes)) \
  ENTRY(cuMemFreeHost, cuMemFreeHost, 2000, (void* host)) \
  ENTRY(cuMemHostRegister, cuMemHostRegister_v2, 6050, (void* host, size_t bytes, unsigned flags)) \
  ENTRY(cuMemHostUnregister, cuMemHostUnregister, 4000, (void* host)) \
  ENTRY(cuMemcpyHtoD, cuMemcpyHtoD_v2, 3020, (DevicePointer to, const void* from, size_t bytes)) \
  ENTRY(cuMemcpyDtoH, cuMemcpyDtoH_v2, 3020, (void* to, DevicePointer from, size_t bytes)) \
  ENTRY(cuMemcpyDtoD, cuMemcpyDtoD_v2, 3020, (DevicePointer to, DevicePointer from, size_t bytes)) \
  ENTRY(cuMemcpyHtoDAsync, cuMemcpyHtoDAsync_v2, 3020, \
        (DevicePointer to, const void* from, size_t bytes, Handle stream)) \
  ENTRY(cuMemcpyDtoHAsync, cuMemcpyDtoHAsync_v2, 3020, \
        (void* to, DevicePointer from, size_t bytes, Handle stream)) \
  ENTRY(cuMemcpyDtoDAsync, cuMemcpyDtoDAsync_v2, 3020, \
        (DevicePointer to, DevicePointer from, size_t bytes, Handle stream)) \
  ENTRY(cuMemsetD8, cuMemsetD8_v2, 3020, (DevicePointer to, unsigned char byte, size_t count)) \
  ENTRY(cuMemsetD32, cuMemsetD32_v2, 3020, (DevicePointer to, unsigned word, size_t count)) \
  ENTRY(cuMemsetD8Async, cuMemsetD8Async, 3020, \
        (DevicePointer to, unsigned char byte, size_t count, Handle stream)) \
  ENTRY(cuMemsetD32Async, cuMemsetD32Async, 3020, \
        (DevicePointer to, unsigned word, size_t count, Handle stream)) \
  ENTRY(cuPointerGetAttribute, cuPointerGetAttribute, 4000, \
        (void* value, PointerAttribute attribute, DevicePointer pointer)) \
  ENTRY(cuStreamCreate, cuStreamCreate, 2000, (Handle * stream, unsigned flags)) \
  ENTRY(cuStreamCreateWithPriority, cuStreamCreateWithPriority, 5050, \
        (Handle * stream, unsigned flags, int priority)) \
  ENTRY(cuStreamDestroy, cuStreamDestroy_v2, 4000, (Handle stream)) \
  ENTRY(cuStreamSynchronize, cuStreamSynchronize, 2000, (Handle stream)) \
  ENTRY(cuStreamQuery, cuStreamQuery, 2000, (Handle stream)) \
  ENTRY(cuStreamGetCtx, cuStreamGetCtx, 9020, (Handle stream, Handle * context)) \
  ENTRY(cuStreamWaitEvent, cuStreamWaitEvent, 3020, (Handle stream, Handle event, unsigned flags)) \
  ENTRY(cuEventCreate, cuEventCreate, 2000, (Handle * event, unsigned flags)) \
  ENTRY(cuEventDestroy, cuEventDestroy_v2, 4000, (Handle event)) \
  ENTRY(cuEventRecord, cuEventRecord, 2000, (Handle event, Handle stream)) \
  ENTRY(cuEventQuery, cuEventQuery, 2000, (Handle event)) \
  ENTRY(cuEventSynchronize, cuEventSynchronize, 2000, (Handle event)) \
  ENTRY(cuEventElapsedTime, cuEventElapsedTime, 2000, (float* milliseconds, Handle start, Handle end))

#endif
