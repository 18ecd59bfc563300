#include "abi/attention_block.h"

#include <math.h>

#include <algorithm>

#include "runtime/dispatch.h"

namespace tsv {
namespace {

int64_t padded_values(const AttentionProblem& p, const KernelShape& shape) {
  return round_up(p.value_depth, shape.panel_width);
}

}  // namespace

BlockPlan::BlockPlan(const KernelShape& shape, int64_t task_rows, int64_t keys) {
  const int64_t row_bytes = std::max<int64_t>(keys, 1) * 4;
  tile_rows = shape.tile_rows;
  window = task_rows <= kWindowRows && task_rows * row_bytes <= kWindowStripMost;
  if (window) {
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
  if (window) return 1;
  const int64_t groups = (task_rows + tile_rows - 1) / tile_rows, most = rows / tile_rows;
  return (groups + most - 1) / most;
}

int64_t BlockPlan::first_row(int64_t task_rows, int64_t block) const {
  const int64_t groups = (task_rows + tile_rows - 1) / tile_rows;
  return window ? block * task_rows : task_rows * (groups * block / blocks(task_rows)) / groups;
}

size_t BlockScratch::bytes(const AttentionProblem& p, const KernelShape& shape, const BlockPlan& plan,
                           bool shared_panels) {
  const size_t rows = size_t(plan.rows), width = size_t(shape.panel_width);
  WorkspaceSize size;
  size.add<float>(rows * size_t(p.depth))
      .add<float>(rows * size_t(plan.strip_stride))
      .add<float>(rows * size_t(shape.lanes));
  for (int i = 0; i < 8; ++i) size.add<float>(rows);
  size.add<int32_t>(2 * rows).add<int32_t>(rows);
  for (int i = 0; i < 3; ++i) size.add<double>(rows);
  const size_t keys = size_t(round_up(p.keys, shape.panel_width));
  size.add<float>((plan.window ? width : shared_panels ? 0 : keys) * size_t(p.depth));
  if (p.with_output) {
    size.add<float>((plan.window     ? size_t(kKeyStep)
                     : shared_panels ? 0
                                     : keys) *
                    size_t(padded_values(p, shape)));
    size.add<float>(rows * size_t(padded_values(p, shape)));
  }
  return size.bytes();
}

BlockScratch::BlockScratch(Workspace& workspace, const AttentionProblem& p, const KernelShape& shape,
                           const BlockPlan& plan, bool shared_panels) {
  const size_t rows = size_t(plan.rows), width = size_t(shape.panel_width);
  const size_t keys = size_t(round_up(p.keys, shape.panel_width));
  queries = workspace.take<float>(rows * size_t(p.depth));
  strip = workspace.take<float>(rows * size_t(plan.strip_stride));
  row_max = workspace.take<float>(rows * size_t(shape.lanes));
  for (float** array : {&max, &sum, &weighted, &known, &running, &row_scale, &row_weight, &query_norms}) {
    *array = workspace.take<float>(rows);
  }
  visible = workspace.take<int32_t>(2 * rows);
  row_index = workspace.take<int32_t>(rows);
  for (double** array : {&total_max, &total_sum, &total_weighted}) *array = workspace.take<double>(rows);
  key_panels = workspace.take<float>((plan.window ? width : shared_panels ? 0 : keys) * size_t(p.depth));
  value_panels = out = nullptr;
  if (p.with_output) {
    const size_t columns = size_t(padded_values(p, shape));
    value_panels = workspace.take<float>((plan.window     ? size_t(kKeyStep)
                                          : shared_panels ? 0
                                                          : keys) *
                                         columns);
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

  void load() {
    each_head([&](int64_t head, int64_t row, int64_t here, int64_t place) {
      kernel.load_rows({p.q.rows(b, head), rows.query.data() + place, 0, here, p.depth,
                        float(p.scale * M_LOG2E), s.queries + row * p.depth, p.depth});
      for (int64_t i = 0; i < here; ++i) {
        p.visible(rows.query[size_t(place + i)], s.visible + 2 * (row + i));
        if (!p.lse.present()) continue;
        const float lse =
            p.lse.as<float>()[(b * p.heads + head) * p.lse.dim[2] + rows.slot[size_t(place + i)]];
        s.known[row + i] = float(double(lse) * M_LOG2E);
      }
    });
    kernel.token_norms({{s.queries, TSV_FLOAT32, p.depth}, 0, count, p.depth, 1, s.query_norms});
    for (int64_t r = 0; r < count; ++r) {
      s.total_max[r] = kHidden;
      s.running[r] = kHidden;
      s.total_sum[r] = s.total_weighted[r] = 0;
    }
  }

  // Keys begin..end-1 of the block's rows to exponentials in the strip.
  void exponentials(int64_t begin, int64_t end, const float* known, const float* running, bool weighted) {
    std::fill_n(s.row_max, count * kernel.shape.lanes, kHidden);
    const bool capped = p.soft_cap > 0;
    AttentionLogits logits = {s.queries,         count,   p.depth,           nullptr,  end - begin,
                              rows.bias + begin, s.strip, plan.strip_stride, s.row_max};
    if (capped) logits.bias = rows.no_bias;  // it is added after the cap
    if (panels.keys != nullptr) {
      logits.key_panels = panels.keys + begin * p.depth;
      kernel.attention_logits(logits);
    } else {
      const int64_t width = kernel.shape.panel_width;
      const float* bias = logits.bias;
      for (int64_t column = 0; column < end - begin; column += width) {
        logits.columns = std::min(width, end - begin - column);
        pack_keys(p, rows, b, key_head, begin + column, logits.columns, s.key_panels);
        logits.key_panels = s.key_panels;
        logits.strip = s.strip + column;
        logits.bias = bias + column;
        kernel.attention_logits(logits);
      }
    }
    kernel.attention_softmax({s.strip, plan.strip_stride, count, round_up(end - begin, kernel.shape.lanes),
                              s.row_max, p.all_visible() ? nullptr : s.visible, begin, p.soft_cap,
                              rows.bias + begin, known, running, s.max, s.sum,
                              weighted ? s.weighted : nullptr, s.query_norms});
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
      kernel.scale_rows({s.out, width, s.row_scale, count, round_up(p.value_depth, kernel.shape.lanes)});
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
        s.row_scale[r] = empty ? 0.0f : float(1 / sum);
      }
      if (!p.with_output) return;
      const Rows to = p.output.rows(b, head);
      kernel.store_rows({s.out + row * padded_values(p, kernel.shape), padded_values(p, kernel.shape),
                         s.row_scale + row, rows.query.data() + place, here, p.value_depth,
                         const_cast<void*>(to.data), to.dtype, to.stride});
    });
  }

  void run() {
    load();
    int64_t begin = p.keys, end = 0;  // what any row sees
    for (int64_t r = 0; r < count; ++r) {
      if (s.visible[2 * r] >= s.visible[2 * r + 1]) continue;
      begin = std::min<int64_t>(begin, s.visible[2 * r]);
      end = std::max<int64_t>(end, s.visible[2 * r + 1]);
    }
    if (begin > end) begin = end = 0;
    begin = begin / kKeyStep * kKeyStep;
    end = std::min(p.keys, round_up(end, kKeyStep));
    const bool one_tile = end - begin <= plan.tile_columns, known = p.lse.present(),
               scored = columns != nullptr;
    const bool weighted = p.entropy.present();
    if (p.with_output) std::fill_n(s.out, count * padded_values(p, kernel.shape), 0.0f);
    const bool needs_totals = !known || p.with_output || p.lse_out.present() || weighted;
    if (one_tile || needs_totals) {
      for (int64_t at = begin; at < end; at += plan.tile_columns) {
        const int64_t to = std::min(end, at + plan.tile_columns);
        exponentials(at, to, known ? s.known : nullptr, one_tile || known ? nullptr : s.running, weighted);
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
      exponentials(at, to, s.known, nullptr, false);
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
