#include "cuda/driver/plans.h"
#include "cuda/driver/plans/similarity.h"

namespace tsv {
namespace cuda {

tsv_status similarity_argmax(tsv_context* context, const Check& check, const tsv_similarity_argmax_args& a,
                             const SimilarityArgmaxViews& views) {
  Queue queue(context, check);
  const SimilaritySide rows = every_token(queue, views.a, views.a_mask, View());
  const SimilaritySide columns = every_token(queue, views.b, views.b_mask, views.lengths);
  const SimilarityProduct product = prepare_product(queue, rows, columns, a.metric);
  const bool counted = !views.a_mask.on_device && !views.b_mask.on_device && !views.lengths.on_device;
  if (!counted && a.candidates == TSV_CANDIDATES_ALL) {
    check_candidates(queue, product, views.a.dim[0], a.k, TSV_ARG_OPTIONS_K);
  }
  const Candidates& candidates = views.candidates;
  CandidateArguments weighed = {};
  if (!candidates.all_alike()) {
    const bool checked = counted && !candidates.scale.on_device && !candidates.bias.on_device;
    weighed = weigh_candidates(queue, product, candidates, views.a.dim[0], checked);
  }
  find_best_columns(queue, product, rows, columns, a.metric, a.k, views.a.dim[1], views.indices.as<int32_t>(),
                    views.values.as<float>(), candidates.all_alike() ? nullptr : &weighed);
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
