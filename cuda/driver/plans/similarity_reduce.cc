#include "cuda/driver/plans.h"
#include "cuda/driver/plans/similarity.h"

namespace tsv {
namespace cuda {
tsv_status similarity_reduce(tsv_context* context, const Check& check, const tsv_similarity_reduce_args& a,
                             float product_parameter, const View& x, const View& mask, const View& lengths,
                             const View& similarity) {
  Queue queue(context, check);
  constexpr int kThreads = 128;
  const int64_t items = x.dim[0], n = x.dim[1];
  const SimilarityProduct product = prepare_product(queue, every_token(queue, x, mask, lengths), a.metric);
  const int64_t pieces = items * (product.rows.capacity / kProductTile), width = product.rows.depth + 1;
  SimilarityReduceArguments arguments = {};
  arguments.x = matrix(queue, x);
  arguments.rows = product.rows;
  arguments.dtype = product.dtype;
  arguments.flags = product.flags;
  arguments.similarity = similarity.as<float>();
  arguments.parameter = a.parameter;
  arguments.product_parameter = product_parameter;
  arguments.channels = int32_t(x.dim[2]);
  arguments.metric = a.metric;
  arguments.function = a.function;
  arguments.without_self = a.without_self;
  if (a.function == TSV_SIMILARITY_MEAN) {
    arguments.partial = queue.scratch<double>(pieces * width);
    arguments.totals = queue.scratch<double>(items * width);
    queue.launch(Kernel::sum_columns, {blocks(width, kThreads) * pieces}, kThreads, 0, arguments);
    queue.launch(Kernel::add_column_sums, {blocks(width, kThreads) * items}, kThreads, 0, arguments);
  } else {
    arguments.sums = queue.scratch<double>(items * product.rows.capacity);
    const Kernel kernel = by_type(product.dtype, Kernel::reduce_similarities_f32,
                                  Kernel::reduce_similarities_f16, Kernel::reduce_similarities_bf16);
    queue.launch(kernel, {pieces}, kThreads, 0, arguments);
  }
  queue.launch(Kernel::finish_reduction, {blocks(n, kThreads / 32) * items}, kThreads, 0, arguments);
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
