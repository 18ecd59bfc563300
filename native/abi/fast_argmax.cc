// Each side loses its middle, and with it what all its tokens share; channels are balanced
// (kernels/balance_channels.h). With a' = a - p and b' = b - q,
//   a.b = a'.b' + p.b' + what is the same for all b,
//   -|a - b|^2 / 2 = a'.b' + (p - q).b' - |b'|^2 / 2 + what is the same for all b:
// a product of bytes and a bias for each column. Cosines are products of unit vectors, and a row's greatest
// product does not depend on its length: rows are brought to unit length for both.
#include "abi/fast_argmax.h"

#include <math.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "abi/best_columns.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

namespace tsv {
namespace {

constexpr int64_t kPanel = 32, kLanes = 16;

// Sums of products of bytes stay exact up to here.
constexpr int64_t kMostChannels = 65536;

// Enough of the tokens to know their middle and the range of a channel, but of a few tokens not all.
constexpr int64_t kColumnSample = 128, kRowSample = 64, kLeastSample = 16, kSampleStep = 4;

// Of the errors of two similarities, nearly all lie within.
constexpr float kDeviations = 3.0f;

int64_t whole(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

// The column packed at a place, and the place of a column: each whole panel is in an order of its own. A row
// finds one candidate a lane, and tokens that are alike often stand a power of two apart, as those of a
// column of a grid do.
int64_t shuffled(int64_t column, int64_t columns) {
  const int64_t panel = column / kPanel;
  if ((panel + 1) * kPanel > columns) return column;
  return column ^ int64_t(uint32_t(panel) * 0x9e3779b1u >> 27);
}

// What is made of an item's tokens before its rows are looked at.
struct ItemBytes {
  float *column_shift, *column_gain, *row_shift, *row_gain, *middle;
  float *scales, *bias, *squares;
  int32_t* starts;
  int8_t* panels;
};

class FastArgmax {
 public:
  // Items [first, last).
  FastArgmax(const SimilarityProblem& problem, const Int8Kernels& int8_table, int64_t first, int64_t last)
      : p(problem), table(kernels()), int8(int8_table), first_(first), items_(last - first) {
    channels_ = p.b.dim[2];
    for (int64_t b = first; b < last; ++b) {
      most_columns_ = std::max(most_columns_, p.columns[b].count);
      if (p.columns[b].count > 0) most_rows_ = std::max(most_rows_, p.rows[b].count);
    }
    row_bytes_ = 4 * int8_quads(channels_);
    // Room for whole vectors, and not a multiple of a page: see similarity_row_stride.
    stride_ = whole(row_bytes_, 64) + 64;
  }

  bool run(int64_t out_stride, float* similarity, int32_t* place) {
    if (most_rows_ == 0) return true;
    Workspace workspace(size_t(items_) * item_bytes() + kAlignment);
    if (!workspace.ok()) return false;
    for (int64_t i = 0; i < items_; ++i) items_bytes_.push_back(take(workspace));
    failed_ = std::vector<std::atomic<bool>>(size_t(items_));
    return balance() && pack() && search(out_stride, similarity, place);
  }

  // An item that is to be computed exactly.
  bool failed(int64_t item) const { return !failed_.empty() && failed_[size_t(item - first_)]; }

 private:
  size_t channel_floats() const { return size_t(int8_channels(channels_)); }
  size_t columns() const { return size_t(whole(most_columns_, kLanes)); }
  size_t item_bytes() const {
    WorkspaceSize size;
    for (int n = 0; n < 5; ++n) size.add<float>(channel_floats());
    for (int n = 0; n < 3; ++n) size.add<float>(columns());
    return size.add<int32_t>(columns()).add<int8_t>(columns() * size_t(row_bytes_)).bytes();
  }
  ItemBytes take(Workspace& workspace) const {
    ItemBytes item;
    for (float** array :
         {&item.column_shift, &item.column_gain, &item.row_shift, &item.row_gain, &item.middle}) {
      *array = workspace.take<float>(channel_floats());
    }
    for (float** array : {&item.scales, &item.bias, &item.squares}) *array = workspace.take<float>(columns());
    item.starts = workspace.take<int32_t>(columns());
    item.panels = workspace.take<int8_t>(columns() * size_t(row_bytes_));
    return item;
  }

  // Runs body(i, task of item i), which returns false when it has no memory.
  template <class Body>
  bool spread(int64_t tasks, const Body& body) const {
    std::atomic<bool> starved{false};
    parallel_for(p.context, items_ * tasks, [&](int64_t task) {
      const int64_t i = task / tasks;
      const bool needed = p.rows[first_ + i].count > 0 && p.columns[first_ + i].count > 0;
      if (needed && !failed_[size_t(i)] && !body(i, task % tasks)) starved = true;
    });
    return !starved;
  }

  bool unit(bool of_columns) const {
    return p.metric == TSV_METRIC_COSINE || (p.metric == TSV_METRIC_DOT && !of_columns);
  }

  // Up to `most` tokens of a list, evenly spread, as float32; those that have no length are zeros. Returns
  // how many. Rows of int8_channels.
  int64_t sample(const View& tokens, int64_t item, const TokenList& list, int64_t most, bool to_unit,
                 float* rows) const {
    const int64_t enough = std::clamp<int64_t>(list.count / kSampleStep, kLeastSample, most);
    const int64_t count = std::min(list.count, enough), stride = int64_t(channel_floats());
    for (int64_t n = 0; n < count; ++n) {
      float* row = rows + n * stride;
      table.load_rows(
          {tokens.rows(item), list.token + list.count * n / count, 0, 1, channels_, 1.0f, row, stride});
      float norm;
      table.token_norms({{row, TSV_FLOAT32, stride}, 0, 1, channels_, 2, &norm});
      const bool ordinary = norm > 0 && std::isfinite(norm);
      const float scale = to_unit ? 1.0f / norm : 1.0f;
      for (int64_t c = 0; c < channels_; ++c) row[c] = ordinary ? row[c] * scale : 0.0f;
    }
    return count;
  }

  bool balance() const {
    return spread(1, [&](int64_t i, int64_t) {
      const size_t floats = channel_floats();
      Workspace workspace(WorkspaceSize()
                              .add<float>(floats * size_t(kRowSample))
                              .add<float>(floats * size_t(kColumnSample))
                              .add<int32_t>(size_t(kColumnSample))
                              .bytes());
      if (!workspace.ok()) return false;
      float* rows = workspace.take<float>(floats * size_t(kRowSample));
      float* columns = workspace.take<float>(floats * size_t(kColumnSample));
      int32_t* index = workspace.take<int32_t>(size_t(kColumnSample));
      for (int32_t n = 0; n < kColumnSample; ++n) index[n] = n;
      const ItemBytes& item = items_bytes_[size_t(i)];
      const int64_t row_count = sample(p.a, first_ + i, p.rows[first_ + i], kRowSample, unit(false), rows);
      const int64_t column_count =
          sample(p.b, first_ + i, p.columns[first_ + i], kColumnSample, unit(true), columns);
      take_off_mean(rows, row_count, item.row_shift);
      float norm;
      const Rows row_sample = {rows, TSV_FLOAT32, int64_t(floats)};
      int8.balance_channels({{columns, TSV_FLOAT32, int64_t(floats)},
                             index,
                             column_count,
                             &row_sample,
                             1,
                             index,
                             row_count,
                             channels_,
                             item.column_shift,
                             item.row_gain,
                             item.column_gain,
                             &norm});
      for (size_t c = 0; c < floats; ++c) {
        item.column_shift[c] = -item.column_shift[c];
        item.middle[c] = -item.row_shift[c] + (p.metric == TSV_METRIC_L2 ? item.column_shift[c] : 0.0f);
      }
      return true;
    });
  }

  // The mean of rows, negated, in `shift`, and added to them.
  void take_off_mean(float* rows, int64_t count, float* shift) const {
    const size_t floats = channel_floats();
    std::fill(shift, shift + floats, 0.0f);
    const float share = -1.0f / float(count);
    for (int64_t n = 0; n < count; ++n) {
      for (int64_t c = 0; c < channels_; ++c) shift[c] += share * rows[n * int64_t(floats) + c];
    }
    for (int64_t n = 0; n < count; ++n) {
      for (int64_t c = 0; c < channels_; ++c) rows[n * int64_t(floats) + c] += shift[c];
    }
  }

  QuantiseTokens quantise(const View& tokens, int64_t i, const int32_t* index, int64_t count,
                          bool to_unit) const {
    QuantiseTokens q = {};
    q.source = tokens.rows(first_ + i);
    q.index = index;
    q.count = count;
    q.depth = channels_;
    q.unit = to_unit ? 1 : 0;
    q.stride = stride_;
    return q;
  }

  bool pack() {
    const int64_t piece = std::max<int64_t>(1, (1 << 16) / stride_ / kPanel) * kPanel;
    return spread((most_columns_ + piece - 1) / piece, [&](int64_t i, int64_t task) {
      const ItemBytes& item = items_bytes_[size_t(i)];
      const TokenList& list = p.columns[first_ + i];
      const int64_t column = task * piece, count = std::min(piece, list.count - column);
      if (count <= 0) return true;
      Workspace workspace(
          WorkspaceSize().add<int32_t>(size_t(count)).add<uint8_t>(size_t(count * stride_)).bytes());
      if (!workspace.ok()) return false;
      int32_t* token = workspace.take<int32_t>(size_t(count));
      for (int64_t j = 0; j < count; ++j) token[j] = list.token[shuffled(column + j, list.count)];
      QuantiseTokens q = quantise(p.b, i, token, count, unit(true));
      q.shift = item.column_shift;
      q.gain = item.column_gain;
      q.middle = item.middle;
      q.square_share = p.metric == TSV_METRIC_L2 ? 0.5f : 0.0f;
      q.out = workspace.take<uint8_t>(size_t(count * stride_));
      q.scales = item.scales + column;
      q.squares = item.squares + column;
      q.bias = item.bias + column;
      int8.quantise_tokens(q);
      int8.pack_bytes({q.out, stride_, count, int8_quads(channels_), item.panels + column * row_bytes_,
                       item.starts + column});
      for (int64_t j = count; j < whole(count, kLanes); ++j) {
        q.scales[j] = 0.0f;
        q.bias[j] = -INFINITY;
      }
      if (std::any_of(q.scales, q.scales + count, [](float x) { return std::isnan(x); }))
        failed_[size_t(i)] = true;
      return true;
    });
  }

  // As for float32 products, in blocks of some work and of enough rows that a panel brought to L1 is used
  // several times.
  bool search(int64_t out_stride, float* similarity, int32_t* place) {
    const int64_t rows =
        std::max<int64_t>(4 * table.shape.tile_rows, (1 << 22) / (most_columns_ * row_bytes_));
    const int64_t blocks = (most_rows_ + rows - 1) / rows;
    return spread(blocks, [&](int64_t i, int64_t block) {
      const int64_t all = p.rows[first_ + i].count;
      const int64_t begin = all * block / blocks, count = all * (block + 1) / blocks - begin;
      const int64_t at = (first_ + i) * out_stride + begin;
      return count == 0 || search_block(i, begin, count, similarity + at, place + at);
    });
  }

  bool search_block(int64_t i, int64_t begin, int64_t count, float* similarity, int32_t* place) {
    const size_t rows = size_t(count), most = rows * size_t(kPanel) + size_t(kLanes);
    Workspace workspace(WorkspaceSize()
                            .add<uint8_t>(rows * size_t(stride_))
                            .add<float>(rows)
                            .add<float>(rows)
                            .add<int32_t>(rows)
                            .add<float>(rows * size_t(kPanel))
                            .add<int32_t>(rows * size_t(kPanel))
                            .add<int32_t>(most)
                            .add<int32_t>(most)
                            .add<int32_t>(most)
                            .add<float>(most)
                            .bytes());
    if (!workspace.ok()) return false;
    const ItemBytes& item = items_bytes_[size_t(i)];
    QuantiseTokens q = quantise(p.a, i, p.rows[first_ + i].token + begin, count, unit(false));
    q.add_128 = 1;
    q.shift = item.row_shift;
    q.gain = item.row_gain;
    q.out = workspace.take<uint8_t>(rows * size_t(stride_));
    q.scales = workspace.take<float>(rows);
    q.squares = workspace.take<float>(rows);
    int8.quantise_tokens(q);
    if (std::any_of(q.scales, q.scales + count, [](float x) { return std::isnan(x); })) {
      failed_[size_t(i)] = true;
      return true;
    }
    const int64_t columns = p.columns[first_ + i].count;
    int32_t* found = workspace.take<int32_t>(rows);
    float* best = workspace.take<float>(rows * size_t(kPanel));
    int32_t* column_of = workspace.take<int32_t>(rows * size_t(kPanel));
    int32_t* candidates = workspace.take<int32_t>(most);
    int8.int8_argmax({q.out, stride_, count, int8_quads(channels_), item.panels, item.starts, item.scales,
                      item.bias, item.squares, columns, q.scales, q.squares, kDeviations, best, column_of,
                      candidates, found});
    int32_t* row_token = workspace.take<int32_t>(most);
    int32_t* column_token = workspace.take<int32_t>(most);
    int64_t pairs = 0;
    for (int64_t r = 0; r < count; ++r) {
      const bool zero = q.scales[r] < 0;  // as like to all: the first of them is its nearest
      for (const int64_t end = pairs + found[r]; pairs < end; ++pairs) {
        candidates[pairs] = zero ? 0 : int32_t(shuffled(candidates[pairs], columns));
        row_token[pairs] = q.index[r];
        column_token[pairs] = p.columns[first_ + i].token[candidates[pairs]];
      }
    }
    float* exact = workspace.take<float>(most);
    table.paired_similarity({p.a.rows(first_ + i), p.b.rows(first_ + i), row_token, column_token, pairs,
                             channels_, p.metric, exact});
    for (int64_t r = 0, pair = 0; r < count; pair += found[r++])
      choose(candidates + pair, exact + pair, found[r], similarity + r, place + r);
    return true;
  }

  // The candidate with the greatest similarity, and of equal ones the lowest.
  static void choose(const int32_t* candidates, const float* exact, int64_t count, float* similarity,
                     int32_t* place) {
    int64_t best = 0;
    for (int64_t n = 1; n < count; ++n) {
      if (exact[n] > exact[best] || (exact[n] == exact[best] && candidates[n] < candidates[best])) best = n;
    }
    *similarity = exact[best];
    *place = candidates[best];
  }

  const SimilarityProblem& p;
  const Kernels& table;
  const Int8Kernels& int8;
  int64_t first_, items_;
  int64_t channels_, row_bytes_, stride_, most_columns_ = 0, most_rows_ = 0;
  std::vector<ItemBytes> items_bytes_;
  std::vector<std::atomic<bool>> failed_;
};

}  // namespace

bool fast_argmax_applies(int64_t channels, int64_t k) {
  return k == 1 && channels > 0 && channels <= kMostChannels && int8_kernels() != nullptr;
}

tsv_status find_nearest_columns_fast(const SimilarityProblem& p, int64_t stride, float* similarity,
                                     int32_t* place) {
  constexpr int64_t kPanelBytes = 1 << 25;
  const int64_t items = p.b.dim[0];
  const int64_t item_bytes = whole(p.b.dim[1], kLanes) * 4 * int8_quads(p.b.dim[2]);
  const int64_t step = std::max<int64_t>(1, kPanelBytes / std::max<int64_t>(item_bytes, 1));
  std::vector<TokenList> left(p.rows, p.rows + items);
  for (int64_t first = 0; first < items && !cancelled(p.context); first += step) {
    FastArgmax group(p, *int8_kernels(), first, std::min(items, first + step));
    if (!group.run(stride, similarity, place)) return TSV_E_MEMORY;
    for (int64_t item = first; item < std::min(items, first + step); ++item) {
      if (!group.failed(item)) left[size_t(item)].count = 0;
    }
  }
  SimilarityProblem exact = p;
  exact.rows = left.data();
  return find_best_columns(exact, 1, stride, similarity, place);
}

}  // namespace tsv
