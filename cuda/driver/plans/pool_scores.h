// Rows of scores smoothed, for every plan that has some.
#ifndef TOKENSIEVE_CUDA_PLANS_POOL_SCORES_H
#define TOKENSIEVE_CUDA_PLANS_POOL_SCORES_H
#include "cuda/driver/queue.h"

namespace tsv {
namespace cuda {

struct RowsToPool {
  const void* x;  // [rows,mask.n], on the device
  int32_t dtype;
  int64_t rows;
  MaskArguments mask;
};

// Into `scores` [rows,mask.n], which is not x; `mode` a tsv_pool_mode.
void pool_rows(Queue& queue, const RowsToPool& rows, int64_t kernel, int32_t mode, float* scores);

}  // namespace cuda
}  // namespace tsv
#endif
