// What JavaScript does on CUDA devices besides operations: streams, memory, copies and waiting. All functions
// take the device and the stream first, as numbers, and give undefined (or what they are asked for) when they
// succeed, else what run() gives for a wrong argument.
#ifndef TOKENSIEVE_NODE_DEVICE_WORK_H
#define TOKENSIEVE_NODE_DEVICE_WORK_H
#include <node_api.h>

namespace tsv_node {

// Adds to the exports: cudaDescribe, cudaOpen, cudaClose, cudaAllocate, cudaRelease, cudaUpload,
// cudaDownload, cudaClear, cudaFollow, cudaSynchronize, cudaWhenDone, and for benchmarks
// cudaMark, cudaElapsed, cudaCeiling.
void add_device_work(napi_env env, napi_value exports);

}  // namespace tsv_node
#endif
