// Two products: the k nearest of every token, and then, with the tokens in order of density, the nearest of
// those before it. Distances that count are taken again by themselves (abi/best_columns.h): a product of
// lengths and angles loses those of near copies.
#include <math.h>

#include <algorithm>

#include "abi/best_columns.h"
#include "abi/check.h"
#include "cuda/driver/plans.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

using namespace tsv;

namespace {

// The separation of a token that none is denser than, until the greatest distance is known.
constexpr float kDensest = -1.0f;

struct Densities {
  const tsv_context* context;
  View x;
  int32_t metric;
  int64_t k;
  TokenList* lists;   // by item
  float* density;     // [B,N]
  float* separation;  // [B,N]

  int64_t n() const { return x.dim[1]; }
  SimilarityProblem problem() const { return {context, x, x, metric, lists, lists}; }
  double distance(float similarity) const {
    if (metric == TSV_METRIC_COSINE) return 1 - double(similarity);
    return sqrt((0.0 - double(similarity)) / double(std::max<int64_t>(1, x.dim[2])));
  }
};

bool find_densities(const Densities& d, const SimilarityBlock& block) {
  const size_t neighbours = size_t(block.count * d.k);
  Workspace workspace(WorkspaceSize().add<float>(neighbours).add<int32_t>(neighbours).bytes());
  if (!workspace.ok()) return false;
  float* nearest = workspace.take<float>(neighbours);
  int32_t* place = workspace.take<int32_t>(neighbours);
  if (!find_best_of_block(d.problem(), d.k, block, nearest, place)) return false;
  for (int64_t i = 0; i < block.count; ++i, nearest += d.k) {
    double squares = 0;
    for (int64_t j = 0; j < d.k; ++j) squares += d.distance(nearest[j]) * d.distance(nearest[j]);
    const int32_t token = d.lists[block.item].token[block.first + i];
    d.density[block.item * d.n() + token] = float(exp(-squares / double(d.k)));
  }
  return true;
}

// Puts an item's tokens in order, the densest first, NaN last, equal ones by index.
void sort_by_density(const Densities& d, int64_t item, int32_t* token) {
  const float* density = d.density + item * d.n();
  std::sort(token, token + d.lists[item].count, [=](int32_t i, int32_t j) {
    const float a = density[i], b = density[j];
    if (std::isnan(a) || std::isnan(b) || a == b)
      return std::isnan(a) == std::isnan(b) ? i < j : std::isnan(b);
    return a > b;
  });
}

// The nearest and the least similarity of a row with the tokens before it, each by itself: for what float32
// products cannot tell.
bool look_exactly(const Densities& d, const SimilarityBlock& block, int64_t row, int32_t* place,
                  float* least) {
  Workspace workspace(WorkspaceSize().add<float>(size_t(row)).bytes());
  if (!workspace.ok()) return false;
  float* similarity = workspace.take<float>(size_t(row));
  exact_similarities(d.problem(), block.item, row, d.lists[block.item].token, row, similarity);
  *place = -1;
  *least = INFINITY;
  for (int64_t j = 0; j < row; ++j) {
    if (*place < 0 ? !std::isnan(similarity[j]) : similarity[j] > similarity[*place]) *place = int32_t(j);
    if (similarity[j] < *least) *least = similarity[j];
  }
  return true;
}

// Fills the separations of a block's rows, and in `least` the least similarity of each with those before it.
bool separate_block(const Densities& d, const SimilarityBlock& block, float* least) {
  const Kernels& table = kernels();
  const size_t rows = size_t(block.count), scratch_floats = 3 * rows * size_t(table.shape.lanes);
  Workspace workspace(WorkspaceSize().add<float>(scratch_floats).add<int32_t>(rows).bytes());
  if (!workspace.ok()) return false;
  float* scratch = workspace.take<float>(scratch_floats);
  int32_t* place = workspace.take<int32_t>(rows);
  const int64_t wide = table.shape.panel_width, reached = block.first + block.count - 1;
  const int64_t columns = std::min(block.columns, (reached + wide - 1) / wide * wide);
  table.nearest_denser({block.rows, block.stride, block.count, block.panels, columns, block.depth,
                        block.first, scratch, place, least});
  const TokenList& list = d.lists[block.item];
  for (int64_t i = 0; i < block.count; ++i) {
    const int64_t row = block.first + i;
    if (block.exact(i) && !look_exactly(d, block, row, place + i, least + i)) return false;
    float& separation = d.separation[block.item * d.n() + list.token[row]];
    if (block.row_kinds[i] == kNotFinite) {
      separation = NAN;
      least[i] = INFINITY;
    } else if (place[i] < 0) {
      separation = kDensest;
    } else {
      float similarity;
      exact_similarities(d.problem(), block.item, row, list.token + place[i], 1, &similarity);
      separation = float(d.distance(similarity));
    }
  }
  return true;
}

// Gives the greatest distance of an item to those that wait for it. `least` is by place in the list: the row
// of the least of them is looked at again, token by token.
bool fill_greatest(const Densities& d, int64_t item, const float* least) {
  const TokenList& list = d.lists[item];
  if (list.count == 0) return true;
  Workspace workspace(WorkspaceSize().add<float>(size_t(list.count)).bytes());
  if (!workspace.ok()) return false;
  float* similarity = workspace.take<float>(size_t(list.count));
  const int64_t row = std::min_element(least, least + list.count) - least;
  double greatest = 0;
  if (least[row] < INFINITY) {
    exact_similarities(d.problem(), item, row, list.token, list.count, similarity);
    for (int64_t j = 0; j < list.count; ++j) {
      const double distance = d.distance(similarity[j]);
      if (distance > greatest && std::isfinite(distance)) greatest = distance;
    }
  }
  float* separation = d.separation + item * d.n();
  std::replace(separation, separation + d.n(), kDensest, float(greatest));
  return true;
}

tsv_status find_separations(const Densities& d, int64_t items) {
  Workspace workspace(WorkspaceSize().add<float>(size_t(items * d.n())).bytes());
  if (!workspace.ok()) return TSV_E_MEMORY;
  float* least = workspace.take<float>(size_t(items * d.n()));
  const tsv_status status = for_each_similarity_block(d.problem(), [&](const SimilarityBlock& block) {
    return separate_block(d, block, least + block.item * d.n() + block.first);
  });
  if (status != TSV_OK) return status;
  bool ok = true;
  for (int64_t item = 0; item < items; ++item) ok = fill_greatest(d, item, least + item * d.n()) && ok;
  return ok ? TSV_OK : TSV_E_MEMORY;
}

}  // namespace

tsv_status tsv_knn_density(tsv_context* context, const tsv_knn_density_args* arguments) {
  Check check(context, Devices::kCpuAndCuda);
  const tsv_knn_density_args a = read_arguments(check, arguments);
  const View x = check.input(a.x, TSV_ARG_X, kFloats, 3, 3, true);
  const int64_t items = x.dim[0], n = x.dim[1];
  const View mask = check.mask(a.mask, TSV_ARG_MASK, items, n);
  const View lengths = check.lengths(a.lengths, items, n);
  check.that(a.metric == TSV_METRIC_COSINE || a.metric == TSV_METRIC_L2, TSV_ARG_SIMILARITY_METRIC,
             TSV_E_RANGE, "TSV_METRIC_COSINE or TSV_METRIC_L2", a.metric);
  check.range(TSV_ARG_OPTIONS_K, a.k, 1, std::max<int64_t>(1, n));
  const View density = check.output(a.density, TSV_ARG_OUT_DENSITY, kFloat32, {items, n});
  const View separation = check.output(a.separation, TSV_ARG_OUT_SEPARATION, kFloat32, {items, n});
  if (check.failed()) return check.status();

  const size_t tokens = size_t(items * n);
  Workspace workspace(WorkspaceSize().add<TokenList>(size_t(items)).add<int32_t>(tokens).bytes());
  if (!workspace.ok()) {
    check.fail(TSV_ARG_X, TSV_E_MEMORY, "none", "followed by working memory");
    return check.status();
  }
  TokenList* lists = workspace.take<TokenList>(size_t(items));
  int32_t* token = workspace.take<int32_t>(tokens);
  for (int64_t item = 0; item < items && !mask.on_device && !lengths.on_device; ++item) {
    lists[item] = list_tokens(TokenMask(mask, lengths, item, n), n, token + item * n);
    if (lists[item].count > 0) check.range(TSV_ARG_OPTIONS_K, a.k, 1, lists[item].count);
  }
  check.no_overlap();
  if (check.failed()) return check.status();
  if (check.on_device()) {
    return cuda::knn_density(context, check, a, x, mask, lengths, density, separation);
  }

  std::fill(density.as<float>(), density.as<float>() + tokens, 0.0f);
  std::fill(separation.as<float>(), separation.as<float>() + tokens, 0.0f);
  const Densities d{context, x, a.metric, a.k, lists, density.as<float>(), separation.as<float>()};
  tsv_status status = for_each_similarity_block(
      d.problem(), [&](const SimilarityBlock& block) { return find_densities(d, block); });
  if (status == TSV_OK) {
    parallel_for(context, items, [&](int64_t item) { sort_by_density(d, item, token + item * n); });
    status = find_separations(d, items);
  }
  if (status == TSV_E_MEMORY) check.fail(TSV_ARG_X, TSV_E_MEMORY, "none", "followed by working memory");
  return status;
}
