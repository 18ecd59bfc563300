#include "abi/attention_block.h"

#include <math.h>

#include <algorithm>

#include "runtime/dispatch.h"

namespace tsv {
namespace {

int64_t padded_values(const AttentionProblem& p, const KernelShape& shape) {
  return round_up(p.value_depth, shape.panel_width);
}

// How many keys, and values, a task has room to pack.
struct PackedPlaces {
  size_t keys, values;
};

PackedPlaces packed_places(const AttentionProblem& p, const KernelShape& shape, const BlockPlan& plan,
                           bool shared_panels) {
  if (plan.few || shared_panels) return {0, 0};
  if (plan.window) return {size_t(shape.panel_width), size_t(kKeyStep)};
  const size_t keys = size_t(round_up(p.keys, shape.panel_width));
  return {keys, keys};
}

}  // namespace

BlockPlan::BlockPlan(const KernelShape& shape, int64_t task_rows, int64_t keys) {
  const int64_t row_bytes = std::max<int64_t>(keys, 1) * 4;
  tile_rows = shape.tile_rows;
  few = task_rows <= kFewRows;
  window = task_rows <= kWindowRows && task_rows * row_bytes <= kWindowStripMost;
  if (!packs_heads()) {
    rows = std::max<int64_t>(task_rows, 1);
  } else {
    const int64_t fitting = std::clamp<int64_t>(kStripBytes / row_bytes, 28, 56);
    rows = std::max<int64_t>(tile_rows, fitting / tile_rows * tile_rows);
  }
  const bool fits = window || rows * row_bytes <= kStripMost;
  tile_columns = fits ? keys : std::max<int64_t>(kKeyStep, kStripBytes / (rows * 4) / kKeyStep * kKeyStep);
  strip_stride =
      round_up(std::max<int64_t>(tile_columns, 1), shape.panel_width) + 16;  // rows apart in the cache's sets
}

int64_t BlockPlan::blocks(int64_t task_rows) const {
  if (!packs_heads()) return 1;
  const int64_t groups = (task_rows + tile_rows - 1) / tile_rows, most = rows / tile_rows;
  return (groups + most - 1) / most;
}

int64_t BlockPlan::first_row(int64_t task_rows, int64_t block) const {
  const int64_t groups = (task_rows + tile_rows - 1) / tile_rows;
  return packs_heads() ? task_rows * (groups * block / blocks(task_rows)) / groups : block * task_rows;
}

size_t BlockScratch::bytes(const AttentionProblem& p, const KernelShape& shape, const BlockPlan& plan,
                           bool shared_panels) {
  const size_t rows = size_t(plan.rows);
  WorkspaceSize size;
  size.add<float>(rows * size_t(p.depth))
      .add<float>(rows * size_t(plan.strip_stride))
      .add<float>(rows * size_t(shape.lanes));
  for (int i = 0; i < 7; ++i) size.add<float>(rows);
  size.add<int32_t>(2 * rows).add<int32_t>(rows).add<int32_t>(rows);
  for (int i = 0; i < 3; ++i) size.add<double>(rows);
  const PackedPlaces places = packed_places(p, shape, plan, shared_panels);
  size.add<float>(places.keys * size_t(p.depth));
  if (p.with_output) {
    size.add<float>(places.values * size_t(padded_values(p, shape)));
    size.add<float>(rows * size_t(padded_values(p, shape)));
  }
  return size.bytes();
}

BlockScratch::BlockScratch(Workspace& workspace, const AttentionProblem& p, const KernelShape& shape,
                           const BlockPlan& plan, bool shared_panels) {
  const size_t rows = size_t(plan.rows);
  const PackedPlaces places = packed_places(p, shape, plan, shared_panels);
  queries = workspace.take<float>(rows * size_t(p.depth));
  strip = workspace.take<float>(rows * size_t(plan.strip_stride));
  row_max = workspace.take<float>(rows * size_t(shape.lanes));
  for (float** array : {&max, &sum, &weighted, &known, &running, &row_scale, &row_weight}) {
    *array = workspace.take<float>(rows);
  }
  visible = workspace.take<int32_t>(2 * rows);
  row_index = workspace.take<int32_t>(rows);
  row_position = workspace.take<int32_t>(rows);
  for (double** array : {&total_max, &total_sum, &total_weighted}) *array = workspace.take<double>(rows);
  key_panels = workspace.take<float>(places.keys * size_t(p.depth));
  value_panels = out = nullptr;
  if (p.with_output) {
    const size_t columns = size_t(padded_values(p, shape));
    value_panels = workspace.take<float>(places.values * columns);
    out = workspace.take<float>(rows * columns);
  }
}

void pack_keys(const AttentionProblem& p, const BatchRows& rows, int64_t b, int64_t key_head, int64_t first,
               int64_t count, float* panels) {
  PackPanels pack = {};
  pack.source = p.k.rows(b, key_head);
  pack.mask = rows.hidden;
  pack.first = first;
  pack.columns = count;
  pack.depth = p.depth;
  pack.panels = panels;
  kernels().pack_key_panels(pack);
}

void pack_values(const AttentionProblem& p, const BatchRows& rows, int64_t b, int64_t key_head, int64_t first,
                 int64_t count, float* panels) {
  const int64_t columns = padded_values(p, kernels().shape);
  for (int64_t at = 0; at < count; at += kKeyStep) {
    PackPanels pack = {};
    pack.source = p.v.rows(b, key_head);
    pack.mask = rows.hidden;
    pack.first = first + at;
    pack.columns = p.value_depth;
    pack.depth = std::min(kKeyStep, count - at);
    pack.panels = panels + at * columns;
    kernels().pack_value_panels(pack);
  }
}

namespace {

// The work of attention_block, with its many arguments as members.
struct Block {
  const AttentionProblem& p;
  const BatchRows& rows;
  const BlockPlan& plan;
  const Kernels& kernel;
  int64_t b, key_head, first, count;
  const HeadPanels& panels;
  BlockScratch& s;
  float* columns;
  int64_t columns_stride;
  const float* queries = nullptr;  // in float32, where they lie or copied
  int64_t queries_stride = 0;

  int64_t active() const { return int64_t(rows.query.size()); }
  // Runs body(query head, first row within the block, rows, first place in the batch item's list) for each
  // run of rows of one query head.
  template <class Body>
  void each_head(const Body& body) const {
    for (int64_t row = 0; row < count;) {
      const int64_t at = first + row, head = at / active(), place = at % active();
      const int64_t here = std::min(count - row, active() - place);
      body(key_head * p.group + head, row, here, place);
      row += here;
    }
  }

  // Whether the block's queries lie in memory as the product reads them.
  bool find_queries() {
    if (p.q.dtype != TSV_FLOAT32 || !rows.adjacent) return false;
    bool even = true;
    each_head([&](int64_t head, int64_t row, int64_t, int64_t place) {
      const Rows q = p.q.rows(b, head);
      const float* at = static_cast<const float*>(q.data) + rows.query[size_t(place)] * q.stride;
      if (row == 0) queries = at, queries_stride = q.stride;
      even = even && at == queries + row * queries_stride;
    });
    return even;
  }

  void copy_queries() {
    queries = s.queries;
    queries_stride = p.depth;
    each_head([&](int64_t head, int64_t row, int64_t here, int64_t place) {
      kernel.load_rows({p.q.rows(b, head), rows.query.data() + place, 0, here, p.depth, 1.0f,
                        s.queries + row * p.depth, p.depth});
    });
  }

  void load() {
    if (!find_queries()) copy_queries();
    each_head([&](int64_t head, int64_t row, int64_t here, int64_t place) {
      for (int64_t i = 0; i < here; ++i) {
        if (!p.all_visible()) p.visible(rows.query[size_t(place + i)], s.visible + 2 * (row + i));
        if (by_distance()) s.row_position[row + i] = rows.distances.row_position[size_t(place + i)];
        if (!p.lse.present()) continue;
        const float lse =
            p.lse.as<float>()[(b * p.heads + head) * p.lse.dim[2] + rows.slot[size_t(place + i)]];
        s.known[row + i] = float(double(lse) * M_LOG2E);
      }
    });
    for (int64_t r = 0; r < count; ++r) {
      s.total_max[r] = kHidden;
      s.running[r] = kHidden;
      s.total_sum[r] = s.total_weighted[r] = 0;
    }
  }

  // The rows' products with packed keys. What is fetched meanwhile follows in memory: the block after this
  // one, and behind the last block of a head the keys of the next.
  void multiply(int64_t begin, int64_t end, AttentionLogits logits) {
    logits.key_panels = panels.keys + begin * p.depth;
    logits.columns = end - begin;
    logits.next_queries = {logits.queries + logits.rows * queries_stride, TSV_FLOAT32, queries_stride};
    logits.next_query_rows = queries != s.queries ? logits.rows : 0;
    logits.next_keys = keys_from(p.keys);
    logits.next_key_rows = panels.last_block ? kernel.shape.panel_width : 0;
    kernel.attention_logits(logits);
  }

  // The same while packing the keys panel by panel, each fetched during the product before.
  void pack_and_multiply(int64_t begin, int64_t end, AttentionLogits logits) {
    const int64_t width = kernel.shape.panel_width;
    for (int64_t key = begin; key < end; key += width) {
      logits.columns = std::min(width, end - key);
      float* panel = panels.keys != nullptr ? panels.keys + key * p.depth : s.key_panels;
      pack_keys(p, rows, b, key_head, key, logits.columns, panel);
      logits.key_panels = panel;
      logits.next_keys = keys_from(key + width);
      logits.next_key_rows = std::clamp<int64_t>(end - key - width, 0, width);
      kernel.attention_logits(logits);
      logits.strip += width;
      logits.bias += width;
    }
  }

  Rows keys_from(int64_t key) const {
    Rows keys = p.k.rows(b, key_head);
    keys.data = static_cast<const char*>(keys.data) + key * keys.stride * p.k.item_bytes();
    return keys;
  }

  // The same with keys as they lie.
  void multiply_few(int64_t begin, int64_t end, const AttentionLogits& l) {
    kernel.attention_few_logits({l.queries, l.queries_stride, l.rows, l.depth, l.scale, keys_from(begin),
                                 end - begin, l.bias, l.strip, l.strip_stride, l.row_max});
  }

  bool by_distance() const { return rows.distances.factors != nullptr; }

  // Logits times the factors of their distances, and the bias that waited for it.
  void scale_by_distance(int64_t begin, int64_t end, int64_t row, const AttentionLogits& l) {
    const RowDistances& of = rows.distances;
    kernel.attention_distance({l.strip, l.strip_stride, l.rows, round_up(end - begin, kernel.shape.lanes),
                               s.row_position + row, of.key_position.data() + begin,
                               of.runs.data() + begin / kRunKeys, of.factors->at_zero(), of.factors->reach(),
                               p.soft_cap > 0 ? rows.no_bias : rows.bias + begin, l.row_max});
  }

  // What becomes of the exponentials of a tile.
  struct Tile {
    int64_t begin, end;
    const float* known;
    const float* running;
    bool weighted;
  };

  // Rows row..row+number-1 to exponentials in the strip.
  void exponentials(const Tile& tile, int64_t row, int64_t number, bool packed, bool hide_masked) {
    float* strip = s.strip + row * plan.strip_stride;
    float* row_max = s.row_max + row * kernel.shape.lanes;
    std::fill_n(row_max, number * kernel.shape.lanes, kHidden);
    AttentionLogits logits = {};
    logits.queries = queries + row * queries_stride;
    logits.queries_stride = queries_stride;
    logits.rows = number;
    logits.depth = p.depth;
    logits.scale = float(p.scale * M_LOG2E);
    // after a cap, and after factors of distances
    logits.bias = p.soft_cap > 0 || by_distance() ? rows.no_bias : rows.bias + tile.begin;
    logits.strip = strip;
    logits.strip_stride = plan.strip_stride;
    logits.row_max = row_max;
    if (plan.few) {
      multiply_few(tile.begin, tile.end, logits);
      hide_masked = p.soft_cap > 0;  // what has no bias yet is not hidden yet
    } else if (packed) {
      multiply(tile.begin, tile.end, logits);
    } else {
      pack_and_multiply(tile.begin, tile.end, logits);
    }
    if (by_distance()) scale_by_distance(tile.begin, tile.end, row, logits);
    kernel.attention_softmax({strip, plan.strip_stride, number,
                              round_up(tile.end - tile.begin, kernel.shape.lanes), row_max,
                              p.all_visible() ? nullptr : s.visible + 2 * row, tile.begin, p.soft_cap,
                              rows.bias + tile.begin, tile.known == nullptr ? nullptr : tile.known + row,
                              tile.running == nullptr ? nullptr : tile.running + row, s.max + row,
                              s.sum + row, tile.weighted ? s.weighted + row : nullptr, hide_masked});
  }

  // All rows; again those whose queries are not finite, which spoils the products with masked keys and with
  // padding, and so shows in the sum.
  void exponentials(const Tile& tile) {
    exponentials(tile, 0, count, panels.keys != nullptr && !panels.keys_to_pack, false);
    for (int64_t r = 0; r < count && !plan.few; ++r) {
      if (!isnan(s.sum[r])) continue;
      float norm;
      kernel.token_norms({{queries + r * queries_stride, TSV_FLOAT32, p.depth}, 0, 1, p.depth, 1, &norm});
      if (!isfinite(norm)) exponentials(tile, r, 1, panels.keys != nullptr, true);
    }
  }

  // Takes a tile's maxima and sums into the rows' totals; returns whether an output begun before must be
  // rescaled.
  bool add_totals(bool weighted) {
    bool rescale = false;
    for (int64_t r = 0; r < count; ++r) {
      s.row_scale[r] = 1.0f;
      if (s.max[r] <= 0.5f * kHidden) continue;  // nothing visible in this tile
      const double shift = s.max[r];
      if (s.total_max[r] > 0.5 * kHidden && s.total_max[r] < shift) {
        const double older = exp2(s.total_max[r] - shift);
        s.total_weighted[r] = older * (s.total_weighted[r] + s.total_sum[r] * (s.total_max[r] - shift));
        s.total_sum[r] *= older;
        s.row_scale[r] = float(older);
        rescale = true;
      }
      s.total_max[r] = shift;
      s.running[r] = s.max[r];
      s.total_sum[r] += s.sum[r];
      if (weighted) s.total_weighted[r] += s.weighted[r];
    }
    return rescale;
  }

  void add_values(int64_t begin, int64_t end, bool is_first, bool rescale) {
    const int64_t width = padded_values(p, kernel.shape);
    if (!is_first && rescale) {
      const Rows out = {s.out, TSV_FLOAT32, width};
      kernel.load_rows({out, nullptr, 0, count, p.value_depth, 1.0f, s.out, width, s.row_scale});
    }
    if (plan.few) {
      Rows values = p.v.rows(b, key_head);
      values.data = static_cast<const char*>(values.data) + begin * values.stride * p.v.item_bytes();
      kernel.attention_few_values({s.strip, plan.strip_stride, count, end - begin, values,
                                   rows.hidden + begin, p.value_depth, s.out, width});
      return;
    }
    for (int64_t key = begin; key < end; key += kKeyStep) {
      const int64_t here = std::min(kKeyStep, end - key);
      const float* values = panels.values + key * width;
      if (panels.values == nullptr) {
        pack_values(p, rows, b, key_head, key, here, s.value_panels);
        values = s.value_panels;
      }
      kernel.attention_values({s.strip + (key - begin), plan.strip_stride, count, here, values, p.value_depth,
                               is_first && key == begin, s.out, width});
    }
  }

  // `finished`: the exponentials are probabilities already.
  void add_columns(int64_t begin, int64_t end, bool finished) {
    const int64_t lanes = kernel.shape.lanes;
    const int64_t from = std::max(begin, p.first_scored), to = std::min(end, p.first_scored + p.scored);
    if (from >= to) return;
    const int64_t offset = (from - begin) / lanes * lanes;
    each_head([&](int64_t head, int64_t row, int64_t here, int64_t place) {
      int64_t chosen = 0;
      for (int64_t i = 0; i < here; ++i) {
        const float times = rows.times[size_t(place + i)];
        if (times == 0 || s.sum[row + i] == 0) continue;
        const double weight = finished ? 1 : 1 / s.total_sum[row + i];
        s.row_index[chosen] = int32_t(row + i);
        s.row_weight[chosen++] = float(p.reduce == TSV_REDUCE_MAX ? weight : weight * times);
      }
      if (chosen == 0) return;
      float* out = columns + (head - key_head * p.group) * columns_stride + begin + offset;
      kernel.attention_columns({s.strip + offset, plan.strip_stride, s.row_index, s.row_weight, chosen,
                                round_up(to - begin - offset, lanes), p.reduce == TSV_REDUCE_MAX, out});
    });
  }

  void store() {
    const double ln2 = M_LN2;
    const bool known = p.lse.present();
    each_head([&](int64_t head, int64_t row, int64_t here, int64_t place) {
      for (int64_t i = 0; i < here; ++i) {
        const int64_t r = row + i, to_row = b * p.heads + head;
        const bool empty = s.total_sum[r] == 0;
        const double sum = known ? 1 : s.total_sum[r];
        if (p.lse_out.present()) {
          float* out = p.lse_out.as<float>() + to_row * p.lse_out.dim[2] + rows.slot[size_t(place + i)];
          *out = empty ? -INFINITY : float((s.total_max[r] + log2(sum)) * ln2);
        }
        if (p.entropy.present()) {
          float* out = p.entropy.as<float>() + to_row * p.entropy.dim[2] + rows.slot[size_t(place + i)];
          *out = empty ? 0.0f : float(log(sum) - ln2 * s.total_weighted[r] / sum);
        }
        if (p.with_output) s.row_scale[r] = empty ? 0.0f : float(1 / sum);
      }
      if (!p.with_output) return;
      const Rows to = p.output.rows(b, head);
      kernel.store_rows({s.out + row * padded_values(p, kernel.shape), padded_values(p, kernel.shape),
                         s.row_scale + row, rows.query.data() + place, here, p.value_depth,
                         const_cast<void*>(to.data), to.dtype, to.stride});
    });
  }

  // The keys that some row sees, in whole steps.
  void seen_by_any(int64_t* begin, int64_t* end) const {
    int64_t from = p.keys, to = 0;
    for (int64_t r = 0; r < count; ++r) {
      if (s.visible[2 * r] >= s.visible[2 * r + 1]) continue;
      from = std::min<int64_t>(from, s.visible[2 * r]);
      to = std::max<int64_t>(to, s.visible[2 * r + 1]);
    }
    if (from > to) from = to = 0;
    *begin = from / kKeyStep * kKeyStep;
    *end = std::min(p.keys, round_up(to, kKeyStep));
  }

  void run() {
    load();
    int64_t begin = 0, end = p.keys;
    if (!p.all_visible()) seen_by_any(&begin, &end);
    const bool one_tile = end - begin <= plan.tile_columns, known = p.lse.present(),
               scored = columns != nullptr;
    const bool weighted = p.entropy.present();
    if (p.with_output) std::fill_n(s.out, count * padded_values(p, kernel.shape), 0.0f);
    const bool needs_totals = !known || p.with_output || p.lse_out.present() || weighted;
    if (one_tile || needs_totals) {
      for (int64_t at = begin; at < end; at += plan.tile_columns) {
        const int64_t to = std::min(end, at + plan.tile_columns);
        exponentials({at, to, known ? s.known : nullptr, one_tile || known ? nullptr : s.running, weighted});
        const bool rescale = add_totals(weighted);
        if (p.with_output) add_values(at, to, at == begin, rescale);
        if (scored && (one_tile || known)) add_columns(at, to, known);
      }
      store();
    }
    if (!scored || one_tile || (known && needs_totals)) return;
    if (!known) {
      for (int64_t r = 0; r < count; ++r) {
        s.known[r] = s.total_sum[r] == 0 ? kHidden : float(s.total_max[r] + log2(s.total_sum[r]));
      }
    }
    for (int64_t at = begin; at < end; at += plan.tile_columns) {
      const int64_t to = std::min(end, at + plan.tile_columns);
      exponentials({at, to, s.known, nullptr, false});
      add_columns(at, to, true);
    }
  }
};

}  // namespace

void attention_block(const AttentionProblem& p, const BatchRows& rows, const BlockPlan& plan, int64_t b,
                     int64_t key_head, int64_t first, int64_t last, const HeadPanels& panels,
                     BlockScratch& scratch, float* columns, int64_t columns_stride) {
  Block{p, rows, plan, kernels(), b, key_head, first, last - first, panels, scratch, columns, columns_stride}
      .run();
}

}  // namespace tsv
