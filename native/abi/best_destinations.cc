// By batch items, in groups whose packed destinations stay within a bound: norms, packing, and the product
// with its maximum (kernels/similarity_argmax.h), for which destinations are scaled to unit length when
// packed. The cosine with the one winner is then taken again by itself, in float64
// (kernels/paired_similarity.h).
#include "abi/best_destinations.h"

#include <math.h>

#include <algorithm>
#include <atomic>

#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

namespace tsv {
namespace {

// Between these the square of a norm, and its products with unit vectors, stay well inside float32.
constexpr float kLeastNorm = 1e-18f, kGreatestNorm = 1e18f;

// The items from `first` to before `last`. Norms and scales are [last - first, N].
struct Group {
  const tsv_context* context;
  const Kernels& kernels;
  const View& metric;
  const BipartiteSides* sides;
  int64_t first, last;
  int64_t n, channels;
  float* norms;   // by token: 0 for a zero vector, NaN for one that is not finite
  float* scales;  // by place among the destinations: 1 / norm
  Rows* rows;     // of each item: as given, or its own copy at unit length

  int64_t items() const { return last - first; }
  int64_t at(int64_t item) const { return (item - first) * n; }
};

double exact_norm(const float* row, int64_t channels) {
  double sum = 0;
  for (int64_t c = 0; c < channels; ++c) sum += double(row[c]) * double(row[c]);
  return sqrt(sum);
}

void find_norms(const Group& g) {
  constexpr int64_t kElements = 1 << 16;
  const int64_t step = std::max<int64_t>(1, kElements / std::max<int64_t>(1, g.channels));
  const int64_t pieces = (g.n + step - 1) / step;
  parallel_for(g.context, g.items() * pieces, [&](int64_t task) {
    const int64_t item = g.first + task / pieces, token = task % pieces * step;
    g.kernels.token_norms({g.metric.rows(item), token, std::min(step, g.n - token), g.channels, 2,
                           g.norms + g.at(item) + token});
  });
}

// Looks again, in float64, at the tokens whose norm may not fit float32: whether any is past its range.
// `row` has room for one token.
bool has_extremes(const Group& g, int64_t item, float* row) {
  bool extreme = false;
  for (int64_t i = 0; i < g.n; ++i) {
    float& norm = g.norms[g.at(item) + i];
    if ((norm >= kLeastNorm && norm <= kGreatestNorm) || g.sides[item].side[i] == kAbsent) continue;
    g.kernels.load_rows({g.metric.rows(item), nullptr, i, 1, g.channels, 1.0f, row, g.channels});
    const double exact = exact_norm(row, g.channels);
    if (exact == 0.0 || !std::isfinite(exact)) {
      norm = exact == 0.0 ? 0.0f : NAN;
    } else {
      extreme = true;
    }
  }
  return extreme;
}

// Copies an item's tokens at unit length, by way of float64.
void make_unit_rows(const Group& g, int64_t item, float* rows) {
  g.kernels.load_rows({g.metric.rows(item), nullptr, 0, g.n, g.channels, 1.0f, rows, g.channels});
  for (int64_t i = 0; i < g.n; ++i) {
    float* row = rows + i * g.channels;
    const double norm = exact_norm(row, g.channels);
    g.norms[g.at(item) + i] = norm == 0.0 ? 0.0f : std::isfinite(norm) ? 1.0f : NAN;
    for (int64_t c = 0; c < g.channels && norm != 0.0; ++c) row[c] = float(double(row[c]) / norm);
  }
  g.rows[item - g.first] = {rows, TSV_FLOAT32, g.channels};
}

// Packs destinations from the place `column` on; the columns that fill up the last panel become NaN.
void pack(const Group& g, int64_t item, int64_t column, int64_t columns, float* panels) {
  const BipartiteSides& s = g.sides[item];
  float* scales = g.scales + g.at(item);
  for (int64_t j = column; j < column + columns; ++j) {
    const float norm = g.norms[g.at(item) + s.destinations[j]];
    scales[j] = norm == 0.0f ? 0.0f : 1.0f / norm;
  }
  panels += column * g.channels;
  g.kernels.pack_key_panels(
      {g.rows[item - g.first], s.destinations, nullptr, scales, column, columns, g.channels, panels});
  if (g.channels == 0) return;
  const int64_t wide = g.kernels.shape.panel_width, lanes = g.kernels.shape.lanes;
  const int64_t last = columns / wide * wide, rest = columns - last;
  if (rest == 0) return;
  float* fill = panels + last * g.channels;
  std::fill(fill + rest, fill + (rest > lanes ? wide : lanes), NAN);
}

// The destination of a source that has no direction, or meets none: a zero vector is as like to all, one that
// is not finite is only like a zero vector (0, where others give NaN).
int32_t best_without_direction(const Group& g, int64_t item, bool zero) {
  const BipartiteSides& s = g.sides[item];
  const float* norms = g.norms + g.at(item);
  for (int64_t j = 0; j < s.destination_count && !zero; ++j) {
    if (norms[s.destinations[j]] == 0.0f) return int32_t(j);
  }
  return 0;
}

bool match_rows(const Group& g, int64_t item, int64_t first, int64_t count, const float* panels,
                float* similarity, int32_t* best) {
  const size_t row_floats = size_t(count * g.channels),
               kept_floats = size_t(2 * count * g.kernels.shape.lanes);
  Workspace workspace(
      WorkspaceSize().add<float>(row_floats).add<float>(kept_floats).add<int32_t>(size_t(count)).bytes());
  if (!workspace.ok()) return false;
  float* rows = workspace.take<float>(row_floats);
  float* scratch = workspace.take<float>(kept_floats);
  int32_t* destinations = workspace.take<int32_t>(size_t(count));
  const BipartiteSides& s = g.sides[item];
  const int32_t* sources = s.sources + first;
  g.kernels.load_rows({g.rows[item - g.first], sources, 0, count, g.channels, 1.0f, rows, g.channels});
  g.kernels.similarity_argmax({rows, g.channels, count, panels, s.destination_count, g.channels, scratch,
                               similarity + first, best + first});
  for (int64_t i = 0; i < count; ++i) {
    const float norm = g.norms[g.at(item) + sources[i]];
    int32_t& place = best[first + i];
    if (norm == 0.0f || std::isnan(norm) || place < 0) place = best_without_direction(g, item, norm == 0.0f);
    destinations[i] = s.destinations[place];
  }
  const Rows tokens = g.metric.rows(item);
  g.kernels.paired_similarity(
      {tokens, tokens, sources, destinations, count, g.channels, TSV_METRIC_COSINE, similarity + first});
  return true;
}

bool match_group(const Group& g, float* similarity, int32_t* best) {
  int64_t most_columns = 0, most_rows = 0;
  for (int64_t b = g.first; b < g.last; ++b) {
    if (g.sides[b].merges == 0) continue;
    most_columns = std::max(most_columns, g.sides[b].destination_count);
    most_rows = std::max(most_rows, g.sides[b].source_count);
  }
  if (most_columns == 0) return true;

  const int64_t wide = g.kernels.shape.panel_width, item_tokens = g.n * g.channels;
  const int64_t stride = (most_columns + wide - 1) / wide * wide * g.channels;
  Workspace workspace(
      WorkspaceSize().add<float>(size_t(g.items() * stride)).add<float>(size_t(g.channels)).bytes());
  if (!workspace.ok()) return false;
  float* panels = workspace.take<float>(size_t(g.items() * stride));
  float* row = workspace.take<float>(size_t(g.channels));
  find_norms(g);
  int64_t extremes = 0;
  for (int64_t b = g.first; b < g.last; ++b) {
    const bool extreme = g.sides[b].merges > 0 && has_extremes(g, b, row);
    g.rows[b - g.first] = extreme ? Rows{nullptr, 0, 0} : g.metric.rows(b);
    extremes += extreme;
  }
  Workspace unit(WorkspaceSize().add<float>(size_t(extremes * item_tokens)).bytes());
  if (!unit.ok()) return false;
  float* unit_rows = unit.take<float>(size_t(extremes * item_tokens));
  for (int64_t b = g.first; b < g.last && extremes > 0; ++b) {
    if (g.rows[b - g.first].data != nullptr) continue;
    make_unit_rows(g, b, unit_rows);
    unit_rows += item_tokens;
  }

  // Packing in pieces of about 64 K elements; the product in pieces of at least a million FMAs, and of enough
  // rows that a panel brought to L1 is used several times.
  const int64_t depth = std::max<int64_t>(1, g.channels);
  const int64_t columns = std::max<int64_t>(1, (1 << 16) / depth / wide) * wide;
  const int64_t pieces = (most_columns + columns - 1) / columns;
  parallel_for(g.context, g.items() * pieces, [&](int64_t task) {
    const int64_t b = g.first + task / pieces, column = task % pieces * columns;
    const int64_t here = std::min(columns, g.sides[b].destination_count - column);
    if (g.sides[b].merges > 0 && here > 0) pack(g, b, column, here, panels + (b - g.first) * stride);
  });
  const int64_t rows = std::max<int64_t>(4 * g.kernels.shape.tile_rows, (1 << 20) / (most_columns * depth));
  const int64_t blocks = (most_rows + rows - 1) / rows;
  std::atomic<bool> starved{false};
  parallel_for(g.context, g.items() * blocks, [&](int64_t task) {
    const int64_t b = g.first + task / blocks, block = task % blocks, count = g.sides[b].source_count;
    const int64_t first = count * block / blocks, end = count * (block + 1) / blocks;
    if (g.sides[b].merges == 0 || end == first) return;
    if (!match_rows(g, b, first, end - first, panels + (b - g.first) * stride, similarity + b * g.n,
                    best + b * g.n)) {
      starved = true;
    }
  });
  return !starved;
}

}  // namespace

tsv_status find_best_destinations(const tsv_context* context, const View& metric, const BipartiteSides* sides,
                                  float* similarity, int32_t* best) {
  const Kernels& table = kernels();
  const int64_t items = metric.dim[0], n = metric.dim[1], channels = metric.dim[2];
  constexpr int64_t kPanelFloats = 1 << 23;  // 32 MB
  const int64_t item_floats = std::max<int64_t>(1, (n + table.shape.panel_width) * channels);
  const int64_t step = std::min(items, std::max<int64_t>(1, kPanelFloats / item_floats));
  Workspace workspace(WorkspaceSize()
                          .add<float>(size_t(step * n))
                          .add<float>(size_t(step * n))
                          .add<Rows>(size_t(step))
                          .bytes());
  if (!workspace.ok()) return TSV_E_MEMORY;
  float* norms = workspace.take<float>(size_t(step * n));
  float* scales = workspace.take<float>(size_t(step * n));
  Rows* rows = workspace.take<Rows>(size_t(step));
  for (int64_t first = 0; first < items && !cancelled(context); first += step) {
    const Group group{context, table,    metric, sides,  first, std::min(items, first + step),
                      n,       channels, norms,  scales, rows};
    if (!match_group(group, similarity, best)) return TSV_E_MEMORY;
  }
  return cancelled(context) ? TSV_E_CANCELLED : TSV_OK;
}

}  // namespace tsv
