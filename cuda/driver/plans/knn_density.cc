#include "cuda/driver/plans.h"
#include "cuda/driver/plans/similarity.h"

namespace tsv {
namespace cuda {

tsv_status knn_density(tsv_context* context, const Check& check, const tsv_knn_density_args& a, const View& x,
                       const View& mask, const View& lengths, const View& density, const View& separation) {
  Queue queue(context, check);
  const int64_t items = x.dim[0], n = x.dim[1];
  const SimilaritySide tokens = every_token(queue, x, mask, lengths);
  const SimilarityProduct product = prepare_product(queue, tokens, a.metric);
  if (mask.on_device || lengths.on_device) {
    check_candidates(queue, product, items, a.k, TSV_ARG_OPTIONS_K);
  }
  float* nearest = queue.scratch<float>(items * n * a.k);
  find_best_columns(queue, product, tokens, tokens, a.metric, a.k, n, queue.scratch<int32_t>(items * n * a.k),
                    nearest);
  const KnnDensityArguments arguments = {matrix(queue, x),
                                         product.rows,
                                         product.flags,
                                         nearest,
                                         queue.scratch<uint64_t>(items * product.rows.capacity),
                                         queue.scratch<float>(items * product.rows.capacity),
                                         density.as<float>(),
                                         separation.as<float>(),
                                         int32_t(x.dim[2]),
                                         a.metric,
                                         int32_t(a.k)};
  const Kernel kernel = by_type(product.dtype, Kernel::nearest_denser_f32, Kernel::nearest_denser_f16,
                                Kernel::nearest_denser_bf16);
  queue.launch(Kernel::average_nearest, {blocks(n, 256) * items}, 256, 0, arguments);
  queue.launch(kernel, {product.rows.capacity / kProductTile * items}, 128, 0, arguments);
  queue.launch(Kernel::knn_separation, {blocks(n, 4) * items}, 128, 0, arguments);
  queue.launch(Kernel::greatest_distance, {n > 0 ? items : 0}, 256, 0, arguments);
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
