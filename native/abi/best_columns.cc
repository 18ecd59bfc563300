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

struct Search {
  const SimilarityProblem& p;
  int64_t k;
  int64_t stride;
  float* similarity;
  int32_t* place;
};

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

// By similarity, NaN last, and then by place.
void sort_row(int64_t k, float* similarity, int32_t* place) {
  // Insertion, for what is nearly in order already.
  for (int64_t i = 1; i < k; ++i) {
    const float value = similarity[i];
    const int32_t at = place[i];
    int64_t j = i;
    for (; j > 0; --j) {
      const float other = similarity[j - 1];
      const bool tie = other == value || (std::isnan(other) && std::isnan(value));
      const bool before = tie ? place[j - 1] < at : other > value || std::isnan(value);
      if (before) break;
      similarity[j] = other;
      place[j] = place[j - 1];
    }
    similarity[j] = value;
    place[j] = at;
  }
}

// A row's columns one by one, in float64: for what float32 products cannot tell apart.
bool search_exactly(const Search& s, const SimilarityBlock& block, int64_t row, float* similarity,
                    int32_t* place) {
  const size_t scratch_bytes = top_k_scratch(block.columns, s.k);
  Workspace workspace(WorkspaceSize().add<float>(size_t(block.columns)).add<char>(scratch_bytes).bytes());
  if (!workspace.ok()) return false;
  float* all = workspace.take<float>(size_t(block.columns));
  char* scratch = workspace.take<char>(scratch_bytes);
  exact_similarities(s.p, block.item, row, s.p.columns[block.item].token, block.columns, all);
  kernels().top_k({all, TSV_FLOAT32, true, true, block.columns, nullptr, block.columns, s.k, 0, scratch,
                   place, similarity});
  return true;
}

// Whether the row is done with; if not, its places are known and their similarities are to be taken again.
bool complete_row(const Search& s, const SimilarityBlock& block, int64_t i, int32_t* place) {
  const TokenKind kind = block.row_kinds[i];
  if (s.p.metric == TSV_METRIC_COSINE && kind != kOrdinary) {
    fill_without_direction(block, kind, s.k, place);
    return true;
  }
  if (block.exact(i)) return false;
  const int64_t found = std::find(place, place + s.k, -1) - place;
  if (found == s.k) return true;
  if (s.p.metric == TSV_METRIC_L2) return false;
  fill_with_others(found, s.k, place);
  return true;
}

bool search_block(const Search& s, const SimilarityBlock& block) {
  const Kernels& table = kernels();
  const size_t scratch_floats = size_t(s.k == 1 ? 2 * block.count * table.shape.lanes : block.count);
  Workspace workspace(WorkspaceSize().add<float>(scratch_floats).add<int32_t>(size_t(s.k)).bytes());
  if (!workspace.ok()) return false;
  float* scratch = workspace.take<float>(scratch_floats);
  int32_t* tokens = workspace.take<int32_t>(size_t(s.k));
  const int64_t at = (block.item * s.stride + block.first) * s.k;
  if (s.k == 1) {
    table.similarity_argmax({block.rows, block.stride, block.count, block.panels, block.columns, block.depth,
                             scratch, s.similarity + at, s.place + at});
  } else {
    table.similarity_top_k({block.rows, block.stride, block.count, block.panels, block.columns, block.depth,
                            s.k, reinterpret_cast<int32_t*>(scratch), s.similarity + at, s.place + at});
  }
  const int32_t* column = s.p.columns[block.item].token;
  for (int64_t i = 0; i < block.count; ++i) {
    float* similarity = s.similarity + at + i * s.k;
    int32_t* place = s.place + at + i * s.k;
    if (complete_row(s, block, i, place)) {
      for (int64_t n = 0; n < s.k; ++n) tokens[n] = column[place[n]];
      exact_similarities(s.p, block.item, block.first + i, tokens, s.k, similarity);
      sort_row(s.k, similarity, place);
    } else if (!search_exactly(s, block, block.first + i, similarity, place)) {
      return false;
    }
  }
  return true;
}

}  // namespace

tsv_status find_best_columns(const SimilarityProblem& problem, int64_t k, int64_t stride, float* similarity,
                             int32_t* place) {
  const Search search{problem, k, stride, similarity, place};
  const auto body = [&](const SimilarityBlock& block) { return search_block(search, block); };
  return for_each_similarity_block(problem, body);
}

}  // namespace tsv
