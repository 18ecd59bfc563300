// Times by the device's own clock, between two marks on a stream.
#ifndef TOKENSIEVE_CUDA_TIMING_H
#define TOKENSIEVE_CUDA_TIMING_H
#include "cuda/driver/device.h"

namespace tsv {
namespace cuda {

// A mark on the call's stream; NULL when the call has failed.
CUevent mark(Call& call);

// The seconds between two marks, once the stream has come to the second; 0 when the call has failed. Ends
// both, of which either may be NULL.
double elapsed(Call& call, CUevent begin, CUevent end);

}  // namespace cuda
}  // namespace tsv
#endif
