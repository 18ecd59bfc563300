// As in abi/best_columns.cc the product finds the best in float32 (kernels/candidate_columns.h), and their
// values are then taken again by themselves. A row of which the product says too little is searched column by
// column.
#include "abi/candidate_columns.h"

#include <math.h>

#include <algorithm>

#include "abi/best_columns.h"
#include "runtime/dispatch.h"
#include "runtime/workspace.h"

namespace tsv {
namespace {

// A block of rows, and what its kernel takes.
struct CandidateBlock {
  const SimilarityProblem& p;
  const SimilarityBlock& block;
  int64_t k;
  int32_t* hidden;  // [count][2]
  float *scale, *bias;
  float* all;      // [columns]
  char* scratch;   // of top_k
  int32_t* token;  // [k]
  Neighbour* neighbours;

  const TokenList& columns() const { return p.columns[block.item]; }

  // The tokens' weights, or `otherwise`, in the order of the columns, and NaN up to whole panels.
  void fill_weights(const View& weights, float otherwise, int64_t whole, float* out) const {
    std::fill(out, out + block.columns, otherwise);
    std::fill(out + block.columns, out + whole, NAN);
    if (!weights.present()) return;
    const float* of_token = weights.as<float>() + (weights.rank == 2 ? block.item * weights.dim[1] : 0);
    for (int64_t j = 0; j < block.columns; ++j) out[j] = of_token[columns().token[j]];
  }

  // Columns are in the order of their tokens, and so are rows.
  void hide(int32_t which) const {
    const int32_t* row_token = p.rows[block.item].token + block.first;
    const int32_t all_columns = int32_t(block.columns);
    int32_t before = 0;  // columns before the row's token
    for (int64_t i = 0; i < block.count; ++i) {
      while (before < all_columns && columns().token[before] < row_token[i]) ++before;
      const bool own = before < all_columns && columns().token[before] == row_token[i];
      hidden[2 * i] = which == TSV_CANDIDATES_LATER || which == TSV_CANDIDATES_ALL ? 0 : before;
      hidden[2 * i + 1] = which == TSV_CANDIDATES_ALL       ? 0
                          : which == TSV_CANDIDATES_EARLIER ? all_columns
                                                            : before + (own ? 1 : 0);
    }
  }

  float weighted(float similarity, int32_t column) const {
    return float(double(similarity) * double(scale[column]) + double(bias[column]));
  }

  // A row's candidates one by one, in float64: for what float32 products cannot tell apart.
  void search(int64_t i, int64_t wanted, float* value, int32_t* place) const {
    const int32_t from = hidden[2 * i], to = hidden[2 * i + 1];
    if (p.metric == TSV_METRIC_COSINE && block.row_kinds[i] == kZeroVector) {
      std::fill(all, all + block.columns, 0.0f);
    } else {
      exact_similarities(p, block.item, block.first + i, columns().token, block.columns, all);
    }
    int64_t count = 0;
    for (int32_t j = 0; j < block.columns; ++j) {
      if (j < from || j >= to) all[count++] = weighted(all[j], j);
    }
    kernels().top_k({all, TSV_FLOAT32, true, true, count, nullptr, count, wanted, 0, scratch, place, value});
    for (int64_t n = 0; n < wanted; ++n) {
      if (place[n] >= from) place[n] += to - from;
    }
  }

  // The places that the product found, with their values and in the order of those.
  void finish(int64_t i, int64_t found, float* value, int32_t* place) const {
    for (int64_t n = 0; n < found; ++n) token[n] = columns().token[place[n]];
    exact_similarities(p, block.item, block.first + i, token, found, value);
    for (int64_t n = 0; n < found; ++n) value[n] = weighted(value[n], place[n]);
    put_in_order(found, value, place, neighbours);
  }

  void complete_row(int64_t i, float* value, int32_t* place) const {
    const int64_t candidates = block.columns - (hidden[2 * i + 1] - hidden[2 * i]);
    const int64_t wanted = std::min(k, candidates), found = std::find(place, place + k, -1) - place;
    if (found == wanted && block.row_kinds[i] == kOrdinary && !block.exact(i)) {
      finish(i, wanted, value, place);
    } else {
      search(i, wanted, value, place);
    }
    std::fill(place + wanted, place + k, -1);
    std::fill(value + wanted, value + k, -INFINITY);
  }
};

bool find_in_block(const SimilarityProblem& p, const Candidates& candidates, int64_t k,
                   const SimilarityBlock& block, float* value, int32_t* place) {
  const Kernels& table = kernels();
  const int64_t wide = table.shape.panel_width, whole = (block.columns + wide - 1) / wide * wide;
  const size_t rows = size_t(block.count), lane_floats = k == 1 ? 2 * rows * size_t(table.shape.lanes) : 0;
  const size_t scratch_bytes = top_k_scratch(block.columns, k);
  Workspace workspace(WorkspaceSize()
                          .add<int32_t>(2 * rows)
                          .add<float>(size_t(whole))
                          .add<float>(size_t(whole))
                          .add<float>(size_t(block.columns))
                          .add<char>(scratch_bytes)
                          .add<int32_t>(size_t(k))
                          .add<Neighbour>(size_t(k))
                          .add<float>(lane_floats)
                          .add<int32_t>(rows)
                          .bytes());
  if (!workspace.ok()) return false;
  CandidateBlock c = {p,
                      block,
                      k,
                      workspace.take<int32_t>(2 * rows),
                      workspace.take<float>(size_t(whole)),
                      workspace.take<float>(size_t(whole)),
                      workspace.take<float>(size_t(block.columns)),
                      workspace.take<char>(scratch_bytes),
                      workspace.take<int32_t>(size_t(k)),
                      workspace.take<Neighbour>(size_t(k))};
  c.hide(candidates.which);
  c.fill_weights(candidates.scale, 1.0f, whole, c.scale);
  c.fill_weights(candidates.bias, 0.0f, whole, c.bias);
  const CandidateColumns columns = {c.hidden, c.scale, c.bias};
  if (k == 1) {
    table.similarity_argmax({block.rows, block.stride, block.count, block.panels, block.columns, block.depth,
                             workspace.take<float>(lane_floats), value, place, &columns});
  } else {
    table.similarity_top_k({block.rows, block.stride, block.count, block.panels, block.columns, block.depth,
                            k, workspace.take<int32_t>(rows), value, place, &columns});
  }
  for (int64_t i = 0; i < block.count; ++i) c.complete_row(i, value + i * k, place + i * k);
  return true;
}

}  // namespace

tsv_status find_best_candidates(const SimilarityProblem& p, const Candidates& candidates, int64_t k,
                                int64_t stride, float* value, int32_t* place) {
  return for_each_similarity_block(p, [&](const SimilarityBlock& block) {
    const int64_t at = (block.item * stride + block.first) * k;
    return find_in_block(p, candidates, k, block, value + at, place + at);
  });
}

}  // namespace tsv
