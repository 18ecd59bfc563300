// Rows and columns are made ready alike (abi/similarity_rows.h), a piece at a time on the way from the tokens
// to the product. Batch items go in groups whose packed columns stay within a bound.
#include "abi/similarity_product.h"

#include <math.h>

#include <algorithm>
#include <atomic>

#include "abi/similarity_rows.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

namespace tsv {
namespace {

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
    panel_floats_ = p.sum_columns ? 0 : (most_columns_ + wide - 1) / wide * wide * depth_;
    // About 64 K elements.
    piece_ = std::max<int64_t>(1, (1 << 16) / similarity_row_stride(depth_) / wide) * wide;
    pieces_ = (most_columns_ + piece_ - 1) / piece_;
    sums_ = p.sum_columns ? pieces_ * depth_ : 0;
    same_tokens_ = p.a.data == p.b.data && p.a.dtype == p.b.dtype && p.a.dim[1] == p.b.dim[1] &&
                   p.a.stride[0] == p.b.stride[0] && p.a.stride[1] == p.b.stride[1];
  }

  bool run(SimilarityBody body, const void* state) {
    if (most_rows_ == 0) return true;
    const size_t items = size_t(items_);
    const size_t column_norms = p.metric == TSV_METRIC_L2 ? 0 : items * size_t(p.b.dim[1]);
    const size_t row_norms = p.metric == TSV_METRIC_L2 || same_tokens_ ? 0 : items * size_t(p.a.dim[1]);
    Workspace workspace(WorkspaceSize()
                            .add<float>(items * size_t(panel_floats_))
                            .add<TokenKind>(items * size_t(most_columns_))
                            .add<float>(items * size_t(channels_))
                            .add<float>(column_norms)
                            .add<float>(row_norms)
                            .add<double>(items * size_t(sums_))
                            .add<bool>(2 * items)
                            .bytes());
    if (!workspace.ok()) return false;
    panels_ = workspace.take<float>(items * size_t(panel_floats_));
    kinds_ = workspace.take<TokenKind>(items * size_t(most_columns_));
    centres_ = workspace.take<float>(items * size_t(channels_));
    column_norms_ = workspace.take<float>(column_norms);
    row_norms_ = workspace.take<float>(row_norms);
    if (same_tokens_) row_norms_ = column_norms_;
    column_sums_ = workspace.take<double>(items * size_t(sums_));
    extreme_ = workspace.take<bool>(2 * items);
    not_finite_ = extreme_ + items;
    if (p.metric == TSV_METRIC_L2) {
      if (!find_centres()) return false;
    } else {
      find_norms(p.b, column_norms_);
      if (!same_tokens_) find_norms(p.a, row_norms_);
    }
    return pack_columns() && multiply(body, state);
  }

 private:
  SimilaritySide side(const View& tokens, int64_t item, bool is_column) const {
    const float* norms = (is_column ? column_norms_ : row_norms_) + (item - first_) * tokens.dim[1];
    return {table, tokens.rows(item), channels_, p.metric, centres_ + (item - first_) * channels_,
            norms, is_column};
  }

  // Of all tokens, as they lie: read in that order they come from memory several times as fast as in that of
  // two lists, and the cache then has them.
  void find_norms(const View& tokens, float* norms) const {
    const int64_t n = tokens.dim[1], step = std::max<int64_t>(1, (1 << 16) / std::max<int64_t>(1, channels_));
    const int64_t steps = (n + step - 1) / step;
    parallel_for(p.context, items_ * steps, [&](int64_t task) {
      const int64_t i = task / steps, first = task % steps * step;
      if (p.columns[first_ + i].count == 0 || p.rows[first_ + i].count == 0) return;
      table.token_norms(
          {tokens.rows(first_ + i), first, std::min(step, n - first), channels_, 2, norms + i * n + first});
    });
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

  bool pack_columns() const {
    const int64_t stride = similarity_row_stride(depth_);
    const bool packed = spread(items_ * pieces_, [&](int64_t task) {
      const int64_t i = task / pieces_, column = task % pieces_ * piece_;
      const TokenList& list = p.columns[first_ + i];
      const int64_t count = std::min(piece_, list.count - column);
      if (count <= 0) return true;
      Workspace workspace(
          WorkspaceSize().add<float>(size_t(count)).add<float>(size_t(count * stride)).bytes());
      if (!workspace.ok()) return false;
      float* scales = workspace.take<float>(size_t(count));
      float* rows = workspace.take<float>(size_t(count * stride));
      const SimilaritySide tokens = side(p.b, first_ + i, true);
      const int32_t* token = list.token + column;
      TokenKind* kinds = kinds_ + i * most_columns_ + column;
      if (p.sum_columns) {
        prepare_rows(tokens, token, count, scales, rows, stride, kinds);
        sum(rows, stride, count, column_sums_ + task * depth_);
        return true;
      }
      PackPanels pack = {};
      pack.columns = count;
      pack.depth = depth_;
      pack.panels = panels_ + i * panel_floats_ + column * depth_;
      if (find_scales(tokens, token, count, scales, kinds)) {
        pack.source = tokens.tokens;
        pack.index = token;
        pack.column_scale = scales;
      } else {
        prepare_rows(tokens, token, count, scales, rows, stride, kinds);
        pack.source = {rows, TSV_FLOAT32, stride};
      }
      table.pack_key_panels(pack);
      fill_up(count, pack.panels);
      return true;
    });
    for (int64_t i = 0; i < items_; ++i) {
      const TokenKind* kinds = kinds_ + i * most_columns_;
      const TokenKind* end = kinds + p.columns[first_ + i].count;
      extreme_[i] = std::find(kinds, end, kExtreme) != end;
      not_finite_[i] = p.metric == TSV_METRIC_L2 && std::find(kinds, end, kNotFinite) != end;
      add_pieces(i);
    }
    return packed;
  }

  void sum(const float* rows, int64_t stride, int64_t count, double* sums) const {
    std::fill(sums, sums + depth_, 0.0);
    for (int64_t j = 0; j < count; ++j) {
      for (int64_t c = 0; c < depth_; ++c) sums[c] += double(rows[j * stride + c]);
    }
  }

  // The sums of an item's pieces into that of the first.
  void add_pieces(int64_t i) const {
    double* sums = column_sums_ + i * sums_;
    const int64_t used = p.sum_columns ? (p.columns[first_ + i].count + piece_ - 1) / piece_ : 0;
    for (int64_t piece = 1; piece < used; ++piece) {
      for (int64_t c = 0; c < depth_; ++c) sums[c] += sums[piece * depth_ + c];
    }
  }

  // Columns that fill up the last panel become NaN.
  void fill_up(int64_t count, float* panels) const {
    const int64_t wide = table.shape.panel_width, lanes = table.shape.lanes;
    const int64_t last = count / wide * wide, rest = count - last;
    if (rest == 0 || depth_ == 0) return;
    float* fill = panels + last * depth_;
    std::fill(fill + rest, fill + (rest > lanes ? wide : lanes), NAN);
  }

  // In blocks of at least a million FMAs, and of enough rows that a panel brought to L1 is used several
  // times.
  bool multiply(SimilarityBody body, const void* state) const {
    const int64_t work = (p.sum_columns ? 1 : most_columns_) * std::max<int64_t>(1, depth_),
                  stride = similarity_row_stride(depth_);
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
      float* scales = workspace.take<float>(size_t(count));
      float* prepared = workspace.take<float>(size_t(count * stride));
      TokenKind* kinds = workspace.take<TokenKind>(size_t(count));
      prepare_rows(side(p.a, first_ + i, false), list.token + first, count, scales, prepared, stride, kinds);
      return body(state, {first_ + i, first, count, prepared, stride, depth_, kinds,
                          panels_ + i * panel_floats_, columns.count, column_sums_ + i * sums_,
                          kinds_ + i * most_columns_, extreme_[i], not_finite_[i]});
    });
  }

  const SimilarityProblem& p;
  const Kernels& table;
  int64_t first_, items_;
  int64_t channels_, depth_, most_columns_ = 0, most_rows_ = 0, panel_floats_, piece_, pieces_, sums_;
  float* panels_ = nullptr;
  TokenKind* kinds_ = nullptr;
  float* centres_ = nullptr;
  bool same_tokens_;  // on both sides
  float *column_norms_ = nullptr, *row_norms_ = nullptr;
  double* column_sums_ = nullptr;  // by item and piece
  bool *extreme_ = nullptr, *not_finite_ = nullptr;
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

void exact_similarities_of_rows(const SimilarityProblem& p, int64_t item, int64_t first, const int32_t* token,
                                int64_t count, float* out) {
  kernels().paired_similarity(
      {p.a.rows(item), p.b.rows(item), p.rows[item].token + first, token, count, p.b.dim[2], p.metric, out});
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
