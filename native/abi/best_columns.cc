// The product finds the best in float32, one (kernels/similarity_argmax.h) or several
// (kernels/similarity_top_k.h) a row; the similarity of each is then taken again by itself, in float64
// (kernels/paired_similarity.h), and the k are put in order by that.
#include "abi/best_columns.h"

#include <math.h>

#include <algorithm>

#include "runtime/dispatch.h"
#include "runtime/workspace.h"

namespace tsv {
namespace {

// A row of cosines without a direction of its own: a zero vector is as like to all; one that is not finite is
// only like a zero vector, by 0, where others give NaN.
void fill_without_direction(const SimilarityBlock& block, TokenKind row, int64_t k, int32_t* place) {
  int64_t found = 0;
  for (int64_t j = 0; j < block.columns && found < k && row == kNotFinite; ++j) {
    if (block.column_kinds[j] == kZeroVector) place[found++] = int32_t(j);
  }
  for (int64_t j = 0; j < block.columns && found < k; ++j) {
    if (row == kZeroVector || block.column_kinds[j] != kZeroVector) place[found++] = int32_t(j);
  }
}

// The rest of a row of which the product found fewer than k that are numbers: the first of the others.
void fill_with_others(int64_t found, int64_t k, int32_t* place) {
  std::sort(place, place + found);
  for (int32_t j = 0, passed = 0, next = int32_t(found); next < k; ++j) {
    if (passed < found && place[passed] == j) {
      ++passed;
    } else {
      place[next++] = j;
    }
  }
}

// NaN last, equal ones by place.
bool before(const Neighbour& a, const Neighbour& b) {
  const bool a_nan = std::isnan(a.similarity), b_nan = std::isnan(b.similarity);
  if (a_nan != b_nan) return b_nan;
  return a_nan || a.similarity == b.similarity ? a.place < b.place : a.similarity > b.similarity;
}

// A row's columns one by one, in float64: for what float32 products cannot tell apart.
bool search_exactly(const SimilarityProblem& p, int64_t k, const SimilarityBlock& block, int64_t row,
                    float* similarity, int32_t* place) {
  const size_t scratch_bytes = top_k_scratch(block.columns, k);
  Workspace workspace(WorkspaceSize().add<float>(size_t(block.columns)).add<char>(scratch_bytes).bytes());
  if (!workspace.ok()) return false;
  float* all = workspace.take<float>(size_t(block.columns));
  char* scratch = workspace.take<char>(scratch_bytes);
  exact_similarities(p, block.item, row, p.columns[block.item].token, block.columns, all);
  kernels().top_k({all, TSV_FLOAT32, true, true, block.columns, nullptr, block.columns, k, 0, scratch, place,
                   similarity});
  return true;
}

// Fills in the places that the product could not find; false for a row that it knows nothing of.
bool complete_row(const SimilarityProblem& p, int64_t k, const SimilarityBlock& block, int64_t i,
                  int32_t* place) {
  const TokenKind kind = block.row_kinds[i];
  if (p.metric == TSV_METRIC_COSINE && kind != kOrdinary) {
    fill_without_direction(block, kind, k, place);
    return true;
  }
  if (block.exact(i)) return false;
  const int64_t found = std::find(place, place + k, -1) - place;
  if (found == k) return true;
  if (p.metric == TSV_METRIC_L2) return false;
  fill_with_others(found, k, place);
  return true;
}

bool find_nearest(const SimilarityProblem& p, const SimilarityBlock& block, float* similarity,
                  int32_t* place) {
  const Kernels& table = kernels();
  const size_t rows = size_t(block.count), scratch_floats = 2 * rows * size_t(table.shape.lanes);
  Workspace workspace(WorkspaceSize().add<float>(scratch_floats).add<int32_t>(rows).bytes());
  if (!workspace.ok()) return false;
  float* scratch = workspace.take<float>(scratch_floats);
  int32_t* tokens = workspace.take<int32_t>(rows);
  table.similarity_argmax({block.rows, block.stride, block.count, block.panels, block.columns, block.depth,
                           scratch, similarity, place});
  const int32_t* column = p.columns[block.item].token;
  for (int64_t i = 0; i < block.count; ++i) {
    if (!complete_row(p, 1, block, i, place + i) &&
        !search_exactly(p, 1, block, block.first + i, similarity + i, place + i))
      return false;
    tokens[i] = column[place[i]];
  }
  exact_similarities_of_rows(p, block.item, block.first, tokens, block.count, similarity);
  return true;
}

bool find_several(const SimilarityProblem& p, int64_t k, const SimilarityBlock& block, float* similarity,
                  int32_t* place) {
  const Kernels& table = kernels();
  Workspace workspace(WorkspaceSize()
                          .add<int32_t>(size_t(block.count))
                          .add<int32_t>(size_t(k))
                          .add<Neighbour>(size_t(k))
                          .bytes());
  if (!workspace.ok()) return false;
  int32_t* found = workspace.take<int32_t>(size_t(block.count));
  int32_t* tokens = workspace.take<int32_t>(size_t(k));
  Neighbour* neighbours = workspace.take<Neighbour>(size_t(k));
  table.similarity_top_k({block.rows, block.stride, block.count, block.panels, block.columns, block.depth, k,
                          found, similarity, place});
  const int32_t* column = p.columns[block.item].token;
  for (int64_t i = 0; i < block.count; ++i, similarity += k, place += k) {
    if (complete_row(p, k, block, i, place)) {
      for (int64_t n = 0; n < k; ++n) tokens[n] = column[place[n]];
      exact_similarities(p, block.item, block.first + i, tokens, k, similarity);
      put_in_order(k, similarity, place, neighbours);
    } else if (!search_exactly(p, k, block, block.first + i, similarity, place)) {
      return false;
    }
  }
  return true;
}

}  // namespace

void put_in_order(int64_t count, float* similarity, int32_t* place, Neighbour* scratch) {
  for (int64_t n = 0; n < count; ++n) scratch[n] = {similarity[n], place[n]};
  std::sort(scratch, scratch + count, before);
  for (int64_t n = 0; n < count; ++n) {
    similarity[n] = scratch[n].similarity;
    place[n] = scratch[n].place;
  }
}

bool find_best_of_block(const SimilarityProblem& p, int64_t k, const SimilarityBlock& block,
                        float* similarity, int32_t* place) {
  return k == 1 ? find_nearest(p, block, similarity, place) : find_several(p, k, block, similarity, place);
}

tsv_status find_best_columns(const SimilarityProblem& p, int64_t k, int64_t stride, float* similarity,
                             int32_t* place) {
  return for_each_similarity_block(p, [&](const SimilarityBlock& block) {
    const int64_t at = (block.item * stride + block.first) * k;
    return find_best_of_block(p, k, block, similarity + at, place + at);
  });
}

}  // namespace tsv
