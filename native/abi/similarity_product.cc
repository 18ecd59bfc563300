// Rows and columns are made ready alike, a piece at a time on its way from the tokens to the product: cosine
// scales to unit length; dot takes them as they are; l2 subtracts the centre and appends two elements,
//   [2 a, 1, -|a|^2] . [b, -|b|^2, 1] = -|a - b|^2.
// Batch items go in groups whose packed columns stay within a bound.
#include "abi/similarity_product.h"

#include <math.h>

#include <algorithm>
#include <atomic>

#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

namespace tsv {
namespace {

// Between these the square of a norm, and its products with others, stay well inside float32.
constexpr float kLeastNorm = 1e-18f, kGreatestNorm = 1e18f;

constexpr int64_t kExtraL2 = 2;

// Float32 rows of one side: room for whole vectors, and an odd number of cache lines or nearly, so that the
// rows of a tile do not meet in one set of the cache.
int64_t row_stride(int64_t depth) { return (depth + 15) / 16 * 16 + 16; }

struct Side {
  const Kernels& kernels;
  Rows tokens;
  int64_t channels;
  int32_t metric;
  const float* centre;  // [channels], l2
  bool is_column;
};

double exact_norm(const float* row, int64_t channels) {
  double sum = 0;
  for (int64_t c = 0; c < channels; ++c) sum += double(row[c]) * double(row[c]);
  return sqrt(sum);
}

// The factor that brings a row to unit length. A norm that may not fit float32 is taken again in float64, and
// such a row is scaled here.
float unit_scale(float* row, int64_t channels, float norm, TokenKind* kind) {
  *kind = kOrdinary;
  if (norm >= kLeastNorm && norm <= kGreatestNorm) return 1.0f / norm;
  const double exact = exact_norm(row, channels);
  if (exact == 0.0) {
    *kind = kZeroVector;
    return 0.0f;
  }
  if (!std::isfinite(exact)) {
    *kind = kNotFinite;
    return NAN;
  }
  for (int64_t c = 0; c < channels; ++c) row[c] = float(double(row[c]) / exact);
  return 1.0f;
}

// Whether a norm, of a row as it was or with the centre taken off, keeps the products within float32.
TokenKind kind_by_size(const float* row, int64_t channels, float norm) {
  if (norm <= kGreatestNorm) return kOrdinary;
  return std::isfinite(exact_norm(row, channels)) ? kExtreme : kNotFinite;
}

void finish_l2(const Side& side, float* row, float norm, TokenKind* kind) {
  *kind = kind_by_size(row, side.channels, norm);
  if (*kind == kNotFinite) std::fill(row, row + side.channels, NAN);
  const float square = norm * norm;
  row[side.channels] = side.is_column ? -square : 1.0f;
  row[side.channels + 1] = side.is_column ? 1.0f : -square;
  for (int64_t c = 0; c < side.channels && !side.is_column; ++c) row[c] *= 2.0f;
}

// `count` tokens as rows of the product. `norms` has room for as many.
void prepare(const Side& side, const int32_t* token, int64_t count, float* norms, float* rows, int64_t stride,
             TokenKind* kinds) {
  const int64_t channels = side.channels;
  side.kernels.load_rows({side.tokens, token, 0, count, channels, 1.0f, rows, stride});
  for (int64_t i = 0; i < count && side.metric == TSV_METRIC_L2; ++i) {
    float* row = rows + i * stride;
    for (int64_t c = 0; c < channels; ++c) row[c] -= side.centre[c];
  }
  side.kernels.token_norms({{rows, TSV_FLOAT32, stride}, 0, count, channels, 2, norms});
  for (int64_t i = 0; i < count; ++i) {
    float* row = rows + i * stride;
    switch (side.metric) {
      case TSV_METRIC_L2:
        finish_l2(side, row, norms[i], kinds + i);
        break;
      case TSV_METRIC_DOT:  // infinities and NaN come out of the product as they should
        kinds[i] = kind_by_size(row, channels, norms[i]) == kExtreme ? kExtreme : kOrdinary;
        break;
      default:
        norms[i] = unit_scale(row, channels, norms[i], kinds + i);
    }
  }
  if (side.metric == TSV_METRIC_COSINE) side.kernels.scale_rows({rows, stride, norms, count, channels});
}

// A point in the midst of the columns: the mean of a thousand of them. Any point gives the same distances;
// what is left of the tokens when it is taken off decides how exact the products are.
void find_centre(const Side& side, const TokenList& list, float* row, double* sums, float* centre) {
  constexpr int64_t kSamples = 1024;
  const int64_t step = (list.count + kSamples - 1) / kSamples;
  int64_t samples = 0;
  std::fill(sums, sums + side.channels, 0.0);
  for (int64_t i = 0; i < list.count; i += step) {
    side.kernels.load_rows({side.tokens, list.token + i, 0, 1, side.channels, 1.0f, row, side.channels});
    if (!std::isfinite(exact_norm(row, side.channels))) continue;
    for (int64_t c = 0; c < side.channels; ++c) sums[c] += double(row[c]);
    ++samples;
  }
  for (int64_t c = 0; c < side.channels; ++c) centre[c] = samples > 0 ? float(sums[c] / samples) : 0.0f;
}

// Items [first, last) of a problem, and their packed columns.
class Group {
 public:
  Group(const SimilarityProblem& problem, const Kernels& kernels, int64_t first, int64_t last)
      : p(problem), table(kernels), first_(first), items_(last - first) {
    channels_ = p.b.dim[2];
    depth_ = channels_ + (p.metric == TSV_METRIC_L2 ? kExtraL2 : 0);
    for (int64_t b = first; b < last; ++b) {
      most_columns_ = std::max(most_columns_, p.columns[b].count);
      if (p.columns[b].count > 0) most_rows_ = std::max(most_rows_, p.rows[b].count);
    }
    const int64_t wide = table.shape.panel_width;
    panel_floats_ = (most_columns_ + wide - 1) / wide * wide * depth_;
  }

  bool run(SimilarityBody body, const void* state) {
    if (most_rows_ == 0) return true;
    const size_t items = size_t(items_);
    Workspace workspace(WorkspaceSize()
                            .add<float>(items * size_t(panel_floats_))
                            .add<TokenKind>(items * size_t(most_columns_))
                            .add<float>(items * size_t(channels_))
                            .add<bool>(2 * items)
                            .bytes());
    if (!workspace.ok()) return false;
    panels_ = workspace.take<float>(items * size_t(panel_floats_));
    kinds_ = workspace.take<TokenKind>(items * size_t(most_columns_));
    centres_ = workspace.take<float>(items * size_t(channels_));
    extreme_ = workspace.take<bool>(2 * items);
    not_finite_ = extreme_ + items;
    return find_centres() && pack_columns() && multiply(body, state);
  }

 private:
  Side side(const View& tokens, int64_t item, bool is_column) const {
    return {table, tokens.rows(item), channels_, p.metric, centres_ + (item - first_) * channels_, is_column};
  }

  // Runs body(task), which returns false when it has no memory.
  template <class Body>
  bool spread(int64_t tasks, const Body& body) const {
    std::atomic<bool> starved{false};
    parallel_for(p.context, tasks, [&](int64_t task) {
      if (!body(task)) starved = true;
    });
    return !starved;
  }

  bool find_centres() const {
    if (p.metric != TSV_METRIC_L2) return true;
    return spread(items_, [&](int64_t i) {
      const size_t channels = size_t(channels_);
      Workspace workspace(WorkspaceSize().add<float>(channels).add<double>(channels).bytes());
      if (!workspace.ok()) return false;
      float* row = workspace.take<float>(channels);
      double* sums = workspace.take<double>(channels);
      find_centre(side(p.b, first_ + i, true), p.columns[first_ + i], row, sums, centres_ + i * channels_);
      return true;
    });
  }

  // In pieces of about 64 K elements.
  bool pack_columns() const {
    const int64_t wide = table.shape.panel_width, stride = row_stride(depth_);
    const int64_t step = std::max<int64_t>(1, (1 << 16) / stride / wide) * wide;
    const int64_t pieces = (most_columns_ + step - 1) / step;
    const bool packed = spread(items_ * pieces, [&](int64_t task) {
      const int64_t i = task / pieces, column = task % pieces * step;
      const TokenList& list = p.columns[first_ + i];
      const int64_t count = std::min(step, list.count - column);
      if (count <= 0) return true;
      Workspace workspace(
          WorkspaceSize().add<float>(size_t(count)).add<float>(size_t(count * stride)).bytes());
      if (!workspace.ok()) return false;
      float* norms = workspace.take<float>(size_t(count));
      float* rows = workspace.take<float>(size_t(count * stride));
      prepare(side(p.b, first_ + i, true), list.token + column, count, norms, rows, stride,
              kinds_ + i * most_columns_ + column);
      pack(rows, stride, count, panels_ + i * panel_floats_ + column * depth_);
      return true;
    });
    for (int64_t i = 0; i < items_; ++i) {
      const TokenKind* kinds = kinds_ + i * most_columns_;
      const TokenKind* end = kinds + p.columns[first_ + i].count;
      extreme_[i] = std::find(kinds, end, kExtreme) != end;
      not_finite_[i] = p.metric == TSV_METRIC_L2 && std::find(kinds, end, kNotFinite) != end;
    }
    return packed;
  }

  // Columns that fill up the last panel become NaN.
  void pack(const float* rows, int64_t stride, int64_t count, float* panels) const {
    table.pack_key_panels({{rows, TSV_FLOAT32, stride}, nullptr, nullptr, nullptr, 0, count, depth_, panels});
    const int64_t wide = table.shape.panel_width, lanes = table.shape.lanes;
    const int64_t last = count / wide * wide, rest = count - last;
    if (rest == 0 || depth_ == 0) return;
    float* fill = panels + last * depth_;
    std::fill(fill + rest, fill + (rest > lanes ? wide : lanes), NAN);
  }

  // In blocks of at least a million FMAs, and of enough rows that a panel brought to L1 is used several
  // times.
  bool multiply(SimilarityBody body, const void* state) const {
    const int64_t work = most_columns_ * std::max<int64_t>(1, depth_), stride = row_stride(depth_);
    const int64_t rows = std::max<int64_t>(4 * table.shape.tile_rows, (1 << 20) / work);
    const int64_t blocks = (most_rows_ + rows - 1) / rows;
    return spread(items_ * blocks, [&](int64_t task) {
      const int64_t i = task / blocks, block = task % blocks;
      const TokenList &list = p.rows[first_ + i], &columns = p.columns[first_ + i];
      const int64_t first = list.count * block / blocks, count = list.count * (block + 1) / blocks - first;
      if (count == 0 || columns.count == 0) return true;
      Workspace workspace(WorkspaceSize()
                              .add<float>(size_t(count))
                              .add<float>(size_t(count * stride))
                              .add<TokenKind>(size_t(count))
                              .bytes());
      if (!workspace.ok()) return false;
      float* norms = workspace.take<float>(size_t(count));
      float* prepared = workspace.take<float>(size_t(count * stride));
      TokenKind* kinds = workspace.take<TokenKind>(size_t(count));
      prepare(side(p.a, first_ + i, false), list.token + first, count, norms, prepared, stride, kinds);
      return body(state,
                  {first_ + i, first, count, prepared, stride, depth_, kinds, panels_ + i * panel_floats_,
                   columns.count, kinds_ + i * most_columns_, extreme_[i], not_finite_[i]});
    });
  }

  const SimilarityProblem& p;
  const Kernels& table;
  int64_t first_, items_;
  int64_t channels_, depth_, most_columns_ = 0, most_rows_ = 0, panel_floats_;
  float* panels_;
  TokenKind* kinds_;
  float* centres_;
  bool *extreme_, *not_finite_;
};

}  // namespace

TokenList list_tokens(const TokenMask& mask, int64_t n, int32_t* token) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (mask[i] != 2) token[count++] = int32_t(i);
  }
  return {token, count};
}

tsv_status for_each_similarity_block(const SimilarityProblem& p, SimilarityBody body, const void* state) {
  const Kernels& table = kernels();
  constexpr int64_t kPanelFloats = 1 << 23;  // 32 MB
  const int64_t item_floats = (p.b.dim[1] + table.shape.panel_width) * (p.b.dim[2] + kExtraL2);
  const int64_t items = p.b.dim[0], step = std::max<int64_t>(1, kPanelFloats / item_floats);
  for (int64_t first = 0; first < items && !cancelled(p.context); first += step) {
    if (!Group(p, table, first, std::min(items, first + step)).run(body, state)) return TSV_E_MEMORY;
  }
  return cancelled(p.context) ? TSV_E_CANCELLED : TSV_OK;
}

void exact_similarities(const SimilarityProblem& p, int64_t item, int64_t row, const int32_t* token,
                        int64_t count, float* out) {
  Rows one = p.a.rows(item);
  const char* data = static_cast<const char*>(one.data);
  const int64_t place = int64_t(p.rows[item].token[row]) * one.stride;
  one = {data + place * bytes_of(one.dtype), one.dtype, 0};
  kernels().paired_similarity({one, p.b.rows(item), nullptr, token, count, p.b.dim[2], p.metric, out});
}

}  // namespace tsv
