#include "cuda/driver/plans/similarity.h"

namespace tsv {
namespace cuda {
namespace {

int64_t round_up(int64_t n, int64_t step) { return blocks(n, step) * step; }

const float* find_centre(Queue& queue, const SimilaritySide& side) {
  constexpr int kThreads = 128;
  const int64_t items = side.x.dim[0], channels = side.x.dim[2];
  const FindCentreArguments arguments = {matrix(queue, side.x), side.mask,
                                         queue.scratch<float>(items * channels), side.x.dim[1],
                                         int32_t(channels)};
  const Kernel kernel =
      by_type(side.x.dtype, Kernel::find_centre_f32, Kernel::find_centre_f16, Kernel::find_centre_bf16);
  queue.launch(kernel, {blocks(channels, kThreads) * items}, kThreads, 0, arguments);
  return arguments.centre;
}

PreparedTokens prepare(Queue& queue, const SimilaritySide& side, const SimilarityProduct& product,
                       const float* centre, int32_t metric, int32_t* flags) {
  constexpr int kThreads = 256;
  const int64_t items = side.x.dim[0], channels = side.x.dim[2];
  const int64_t capacity = round_up(side.most, kProductTile);
  const int64_t depth = channels == 0 ? kProductDepth : round_up(channels, kProductDepth);
  const PrepareTokensArguments arguments = {
      matrix(queue, side.x),
      side.mask,
      side.list,
      side.counts,
      centre,
      queue.scratch(size_t(items * capacity * depth * bytes_of(product.dtype))),
      queue.scratch<float>(items * capacity),
      queue.scratch<uint8_t>(items * capacity),
      flags,
      items,
      side.x.dim[1],
      int32_t(capacity),
      int32_t(depth),
      int32_t(channels),
      metric,
      product.keeps_type};
  const Kernel kernel = by_type(side.x.dtype, Kernel::prepare_tokens_f32, Kernel::prepare_tokens_f16,
                                Kernel::prepare_tokens_bf16);
  queue.launch(kernel, {blocks(items * capacity, kThreads / 32)}, kThreads, 0, arguments);
  return {arguments.rows,     arguments.factors, arguments.kinds, side.counts,
          int32_t(side.most), int32_t(capacity), int32_t(depth)};
}

SimilarityProduct start_product(Queue& queue, int64_t items, int32_t dtype) {
  SimilarityProduct product = {};
  product.dtype = dtype;
  product.keeps_type = dtype != TSV_FLOAT32;
  product.flags = queue.scratch<int32_t>(items);
  queue.fill(product.flags, 0, size_t(items) * sizeof(int32_t));
  return product;
}

}  // namespace

MaskArguments item_mask(Queue& queue, const View& mask, const View& lengths, int64_t n) {
  return {queue.on_device<uint8_t>(mask), queue.on_device<int32_t>(lengths), mask.rank == 2 ? 1 : 0, 1, n};
}

SimilaritySide every_token(Queue& queue, const View& x, const View& mask, const View& lengths) {
  return {x, item_mask(queue, mask, lengths, x.dim[1]), nullptr, nullptr, x.dim[1]};
}

SimilarityProduct prepare_product(Queue& queue, const SimilaritySide& a, const SimilaritySide& b,
                                  int32_t metric) {
  const bool l2 = metric == TSV_METRIC_L2;
  SimilarityProduct product =
      start_product(queue, b.x.dim[0], l2 || a.x.dtype != b.x.dtype ? int32_t(TSV_FLOAT32) : a.x.dtype);
  const float* centre = l2 ? find_centre(queue, b) : nullptr;
  product.rows = prepare(queue, a, product, centre, metric, nullptr);
  product.columns = prepare(queue, b, product, centre, metric, product.flags);
  return product;
}

SimilarityProduct prepare_product(Queue& queue, const SimilaritySide& x, int32_t metric) {
  const bool l2 = metric == TSV_METRIC_L2;
  SimilarityProduct product = start_product(queue, x.x.dim[0], l2 ? int32_t(TSV_FLOAT32) : x.x.dtype);
  product.rows = product.columns =
      prepare(queue, x, product, l2 ? find_centre(queue, x) : nullptr, metric, product.flags);
  return product;
}

void check_candidates(Queue& queue, const SimilarityProduct& product, int64_t items, int64_t k,
                      int32_t argument) {
  queue.launch(Kernel::check_candidates, {items}, 256, 0,
               CheckCandidatesArguments{product.rows, product.columns, queue.fault(), product.flags,
                                        int32_t(k), argument});
}

CandidateArguments weigh_candidates(Queue& queue, const SimilarityProduct& product,
                                    const Candidates& candidates, int64_t items, bool checked) {
  constexpr int kThreads = 256;
  const PreparedTokens& columns = product.columns;
  const auto stride = [](const View& weights) { return weights.rank == 2 ? weights.dim[1] : 0; };
  const WeighCandidatesArguments arguments = {columns,
                                              queue.on_device<float>(candidates.scale),
                                              queue.on_device<float>(candidates.bias),
                                              stride(candidates.scale),
                                              stride(candidates.bias),
                                              queue.scratch<float>(items * columns.capacity),
                                              queue.scratch<float>(items * columns.capacity),
                                              checked ? nullptr : queue.fault(),
                                              product.flags};
  queue.launch(Kernel::weigh_candidates, {blocks(columns.capacity, kThreads) * items}, kThreads, 0,
               arguments);
  return {arguments.column_scale, arguments.column_bias, candidates.which};
}

void find_best_columns(Queue& queue, const SimilarityProduct& product, const SimilaritySide& a,
                       const SimilaritySide& b, int32_t metric, int64_t k, int64_t out_rows, int32_t* indices,
                       float* values, const CandidateArguments* candidates) {
  const int64_t items = a.x.dim[0];
  const BestColumnsArguments best = {product.rows, product.columns,
                                     queue.scratch<uint64_t>(items * product.rows.capacity * k), metric,
                                     int32_t(k)};
  constexpr int kThreads = 128;
  const Grid grid = {product.rows.capacity / kProductTile * items};
  if (candidates == nullptr) {
    const Kernel kernel = k == 1 ? by_type(product.dtype, Kernel::best_column_f32, Kernel::best_column_f16,
                                           Kernel::best_column_bf16)
                                 : by_type(product.dtype, Kernel::best_columns_f32, Kernel::best_columns_f16,
                                           Kernel::best_columns_bf16);
    queue.launch(kernel, grid, kThreads, 0, best);
  } else {
    const Kernel kernel = k == 1 ? by_type(product.dtype, Kernel::best_candidate_f32,
                                           Kernel::best_candidate_f16, Kernel::best_candidate_bf16)
                                 : by_type(product.dtype, Kernel::best_candidates_f32,
                                           Kernel::best_candidates_f16, Kernel::best_candidates_bf16);
    queue.launch(kernel, grid, kThreads, 0, BestCandidatesArguments{best, *candidates});
  }
  const FinishBestArguments finish = {matrix(queue, a.x),
                                      matrix(queue, b.x),
                                      product.rows,
                                      product.columns,
                                      a.list,
                                      b.list,
                                      a.x.dim[1],
                                      b.x.dim[1],
                                      product.flags,
                                      best.keys,
                                      queue.scratch<uint64_t>(items * product.rows.capacity * k),
                                      indices,
                                      values,
                                      int32_t(out_rows),
                                      int32_t(a.x.dim[2]),
                                      metric,
                                      int32_t(k)};
  const Grid finish_grid = {blocks(out_rows, kThreads / 32) * items};
  if (candidates == nullptr) {
    queue.launch(Kernel::finish_best, finish_grid, kThreads, 0, finish);
  } else {
    queue.launch(Kernel::finish_candidates, finish_grid, kThreads, 0,
                 FinishCandidatesArguments{finish, *candidates});
  }
}

}  // namespace cuda
}  // namespace tsv
