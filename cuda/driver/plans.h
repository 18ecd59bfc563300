// How each operation runs on the device: checked arguments in, kernels enqueued on the context's stream.
// Called by the function of the same name in native/abi/.
#ifndef TOKENSIEVE_CUDA_PLANS_H
#define TOKENSIEVE_CUDA_PLANS_H
#include "abi/check.h"
#include "abi/token_rows.h"
#include "tokensieve.h"

namespace tsv {
namespace cuda {

tsv_status token_norms(tsv_context* context, const Check& check, const tsv_token_norms_args& a, const View& x,
                       const TokenRows& tokens, const View& norms);

}  // namespace cuda
}  // namespace tsv
#endif
