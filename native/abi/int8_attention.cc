#include "abi/int8_attention.h"

#include <math.h>
#include <string.h>

#include <algorithm>
#include <optional>

#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"

namespace tsv {
namespace {

constexpr int64_t kPanel = 32, kLanes = 16;

// Enough of the keys and queries to know the range of a channel.
constexpr int64_t kKeySample = 64, kQuerySample = 32;

// Exponents up to here can neither overflow in float32, summed over 2^17 keys, nor, shifted by half, vanish.
constexpr float kSafeExponent = 96;

// What a sum of exponentials may be for its row to be trusted.
constexpr float kLeastSum = 1e-30f, kGreatestSum = 3e38f;

constexpr int64_t kTasks = 16, kRowsForPart = 128;
constexpr int64_t kKeysForPart = 2048;  // when keys are packed in parts

// `count` of 0..n-1, or all of them, spread evenly.
template <class Pick>
void spread(int64_t n, int64_t count, const Pick& pick) {
  const int64_t chosen = std::min(n, count);
  for (int64_t i = 0; i < chosen; ++i) pick(n * i / chosen);
}

std::vector<int32_t> sample_keys(const uint8_t* hidden, int64_t keys) {
  std::vector<int32_t> visible, sample;
  for (int64_t j = 0; j < keys; ++j) {
    if (hidden[j] != 2) visible.push_back(int32_t(j));
  }
  spread(int64_t(visible.size()), kKeySample, [&](int64_t i) { sample.push_back(visible[size_t(i)]); });
  return sample;
}

float sum_lanes(const float* lanes) {
  float sums[kLanes];
  std::copy_n(lanes, kLanes, sums);
  for (int64_t width = kLanes / 2; width > 0; width /= 2) {
    for (int64_t i = 0; i < width; ++i) sums[i] += sums[i + width];
  }
  return sums[0];
}

// Working memory of one task.
struct Int8Scratch {
  uint8_t* queries;
  float *row_scale = nullptr, *norm = nullptr, *offset = nullptr, *shift = nullptr, *known = nullptr,
        *weight = nullptr, *sums = nullptr, *again = nullptr, *strip;
  int32_t *visible, *row_index;
  char* head;

  static size_t bytes(int64_t rows, int64_t strip, int64_t quads, size_t head) {
    WorkspaceSize size;
    size.add<uint8_t>(size_t(rows * 4 * quads)).add<float>(size_t(strip)).add<char>(head);
    for (int i = 0; i < 6; ++i) size.add<float>(size_t(rows));
    for (int i = 0; i < 2; ++i) size.add<float>(size_t(rows * kLanes));
    size.add<int32_t>(size_t(2 * rows)).add<int32_t>(size_t(rows));
    return size.bytes();
  }
  Int8Scratch(Workspace& workspace, int64_t rows, int64_t strip_size, int64_t quads, size_t head_bytes) {
    queries = workspace.take<uint8_t>(size_t(rows * 4 * quads));
    strip = workspace.take<float>(size_t(strip_size));
    head = workspace.take<char>(head_bytes);
    for (float** array : {&row_scale, &norm, &offset, &shift, &known, &weight}) {
      *array = workspace.take<float>(size_t(rows));
    }
    for (float** array : {&sums, &again}) *array = workspace.take<float>(size_t(rows * kLanes));
    visible = workspace.take<int32_t>(size_t(2 * rows));
    row_index = workspace.take<int32_t>(size_t(rows));
  }
};

}  // namespace

size_t Int8Head::bytes(int64_t keys, int64_t depth) {
  WorkspaceSize size;
  for (int i = 0; i < 3; ++i) size.add<float>(size_t(int8_channels(depth)));
  const size_t padded = size_t(round_up(keys, kLanes));
  size.add<float>(1).add<float>(padded).add<int32_t>(padded).add<int8_t>(padded * 4 *
                                                                         size_t(int8_quads(depth)));
  return size.bytes();
}

Int8Head::Int8Head(char* memory, int64_t keys, int64_t depth) {
  const auto take = [&](size_t bytes) {
    char* taken = memory;
    memory += aligned(bytes);
    return taken;
  };
  for (float** array : {&centre, &gain, &inverse}) {
    *array = reinterpret_cast<float*>(take(size_t(int8_channels(depth)) * sizeof(float)));
  }
  const size_t padded = size_t(round_up(keys, kLanes));
  key_norm = reinterpret_cast<float*>(take(sizeof(float)));
  scales = reinterpret_cast<float*>(take(padded * sizeof(float)));
  starts = reinterpret_cast<int32_t*>(take(padded * sizeof(int32_t)));
  panels = reinterpret_cast<int8_t*>(take(padded * 4 * size_t(int8_quads(depth))));
}

void Int8Head::unpack(int64_t keys, int64_t depth, float* rows) const {
  const int64_t quads = int8_quads(depth);
  for (int64_t j = 0; j < keys; ++j) {
    const int64_t panel = j / kPanel * kPanel, width = keys - panel > kLanes ? kPanel : kLanes;
    const int8_t* bytes = panels + (panel * quads + (j - panel)) * 4;
    for (int64_t c = 0; c < depth; ++c) {
      const int64_t quad = c / 4;
      const int8_t byte = bytes[quad * width * 4 + c % 4];
      rows[j * depth + c] = float(byte) * scales[j] * gain[c] + centre[c];
    }
  }
}

bool Int8Attention::applies(const AttentionProblem& p) {
  const bool few = p.group * int64_t(p.chosen.size()) <= kFewRows;  // would not be worth packing keys for
  return p.precision == TSV_PRECISION_FAST && !p.with_output && p.soft_cap == 0 && !p.entropy.present() &&
         !p.distance_scale.present() && (!few || p.keys_are_bytes()) && int8_kernels() != nullptr;
}

int64_t Int8Attention::parts(int64_t units, int64_t unit_rows) {
  return std::clamp<int64_t>((kTasks + units - 1) / std::max<int64_t>(units, 1), 1,
                             std::max<int64_t>(unit_rows / kRowsForPart, 1));
}

Int8Attention::Int8Attention(const AttentionProblem& p, int64_t parts, int64_t task_rows)
    : p_(p),
      exact_(kernels().shape, std::max<int64_t>(task_rows, 1), p.keys),
      shared_(parts > 1 || p.keys_are_bytes()) {
  const int64_t row_bytes = std::max<int64_t>(p.keys, 1) * 4;
  if (p.keys_are_bytes()) exact_.few = false;  // which reads keys as they lie
  one_block_ = exact_.window;
  if (one_block_) {
    block_rows_ = std::max<int64_t>(task_rows, 1);
  } else {
    const int64_t tile = kernels().shape.tile_rows;
    block_rows_ = std::clamp<int64_t>(kStripBytes / row_bytes, 28, 56) / tile * tile;
  }
  const bool fits = one_block_ || block_rows_ * row_bytes <= kStripMost;
  tile_columns_ =
      fits ? p.keys : std::max<int64_t>(kKeyStep, kStripBytes / (block_rows_ * 4) / kKeyStep * kKeyStep);
}

size_t Int8Attention::bytes() const {
  return shared_ && !p_.keys_are_bytes()
             ? size_t(p_.batch * p_.key_heads) * Int8Head::bytes(p_.keys, p_.depth)
             : 0;
}

void Int8Attention::prepare(tsv_context* context, const std::vector<BatchRows>& rows, char* memory) {
  if (p_.keys_are_bytes()) {
    heads_ = p_.packed.head(0, 0);
  } else if (shared_) {
    heads_ = memory;
    pack_heads(context, rows);
  } else {
    sample(rows);
  }
}

void Int8Attention::sample(const std::vector<BatchRows>& rows) {
  for (const BatchRows& of_item : rows) key_sample_.push_back(sample_keys(of_item.hidden, p_.keys));
}

void Int8Attention::pack_heads(tsv_context* context, const std::vector<BatchRows>& rows) {
  sample(rows);
  const int64_t units = p_.batch * p_.key_heads, parts = (p_.keys + kKeysForPart - 1) / kKeysForPart;
  const size_t bytes = Int8Head::bytes(p_.keys, p_.depth);
  const auto head = [&](int64_t unit) { return Int8Head(heads_ + size_t(unit) * bytes, p_.keys, p_.depth); };
  parallel_for(context, units,
               [&](int64_t unit) { balance(rows[size_t(unit / p_.key_heads)], unit, head(unit)); });
  parallel_for(context, units * parts, [&](int64_t i) {
    const int64_t unit = i / parts, first = i % parts * kKeysForPart;
    pack(rows[size_t(unit / p_.key_heads)], unit, first, std::min(p_.keys, first + kKeysForPart), head(unit));
  });
}

void Int8Attention::balance(const BatchRows& rows, int64_t unit, const Int8Head& head) const {
  const int64_t b = unit / p_.key_heads, key_head = unit % p_.key_heads;
  std::vector<Rows> queries;
  for (int64_t h = 0; h < p_.group && p_.q.present(); ++h)
    queries.push_back(p_.q.rows(b, key_head * p_.group + h));
  std::vector<int32_t> query_sample;
  spread(int64_t(rows.query.size()), std::max<int64_t>(kQuerySample / p_.group, 1),
         [&](int64_t i) { query_sample.push_back(rows.query[size_t(i)]); });
  const std::vector<int32_t>& key_sample = key_sample_[size_t(b)];
  int8_kernels()->balance_channels({p_.k.rows(b, key_head), key_sample.data(), int64_t(key_sample.size()),
                                    queries.empty() ? nullptr : queries.data(), p_.group, query_sample.data(),
                                    int64_t(query_sample.size()), p_.depth, head.centre, head.gain,
                                    head.inverse, head.key_norm});
}

void Int8Attention::pack(const BatchRows& rows, int64_t unit, int64_t first, int64_t last,
                         const Int8Head& head) const {
  int8_kernels()->pack_int8_keys({p_.k.rows(unit / p_.key_heads, unit % p_.key_heads), rows.hidden, first,
                                  last - first, p_.depth, head.centre, head.inverse,
                                  head.panels + first * 4 * int8_quads(p_.depth), head.starts + first,
                                  head.scales + first});
}

// The work of run_task.
struct Int8Task {
  const Int8Attention& a;
  const AttentionProblem& p;
  const Int8Kernels& kernel;
  const BatchRows& rows;
  int64_t unit;
  const Int8Head& head;
  Int8Scratch& s;
  bool packed;  // else the head has room for one panel
  float* columns;
  int64_t columns_stride;
  int64_t first = 0, count = 0;  // of the block

  // What a row that is computed again needs, made when there is the first.
  struct Exact {
    Exact(const AttentionProblem& problem, const BlockPlan& plan)
        : workspace(BlockScratch::bytes(problem, kernels().shape, plan, false)),
          unpacked(unpacked_bytes(problem)) {
      if (workspace.ok() && unpacked.ok()) scratch.emplace(workspace, problem, kernels().shape, plan, false);
    }
    // Keys that are given as bytes, as rows and then as panels.
    static size_t unpacked_bytes(const AttentionProblem& p) {
      const size_t keys = size_t(round_up(p.keys, kPanel)) * (p.keys_are_bytes() ? 1 : 0);
      return WorkspaceSize().add<float>(keys * size_t(p.depth)).add<float>(keys * size_t(p.depth)).bytes();
    }
    Workspace workspace, unpacked;
    std::optional<BlockScratch> scratch;
    HeadPanels panels;
  };
  std::optional<Exact> exact = std::nullopt;

  int64_t batch_item() const { return unit / p.key_heads; }
  int64_t key_head() const { return unit % p.key_heads; }
  int64_t quads() const { return int8_quads(p.depth); }

  // As in attention_block.cc: body(query head, first row within the block, rows, first place in the list).
  template <class Body>
  void each_head(const Body& body) const {
    const int64_t active = int64_t(rows.query.size());
    for (int64_t row = 0; row < count;) {
      const int64_t at = first + row, place = at % active, here = std::min(count - row, active - place);
      body(key_head() * p.group + at / active, row, here, place);
      row += here;
    }
  }
  int64_t of_row(const View& view, int64_t query_head, int64_t place) const {
    return (batch_item() * p.heads + query_head) * view.dim[2] + rows.slot[size_t(place)];
  }

  void load() {
    const float key_norm = *head.key_norm;
    each_head([&](int64_t query_head, int64_t row, int64_t here, int64_t place) {
      kernel.quantise_queries({p.q.rows(batch_item(), query_head), rows.query.data() + place, here, p.depth,
                               float(p.scale * M_LOG2E), head.centre, head.gain,
                               s.queries + row * 4 * quads(), s.row_scale + row, s.norm + row,
                               s.offset + row});
      for (int64_t i = 0; i < here; ++i) {
        const int64_t r = row + i;
        p.visible(rows.query[size_t(place + i)], s.visible + 2 * r);
        const float bound = s.norm[r] * key_norm;
        s.shift[r] = bound <= kSafeExponent ? 0 : 0.5f * bound;
        if (!p.lse.present()) continue;
        s.known[r] = float(double(p.lse.as<float>()[of_row(p.lse, query_head, place + i)]) * M_LOG2E);
        s.shift[r] = s.known[r] - s.offset[r];
      }
    });
  }

  // The exponentials of keys begin..end-1 into the strip, and their sums.
  void exponentials(int64_t begin, int64_t end, float* sums) {
    Int8Exponentials e = {s.queries,
                          count,
                          quads(),
                          head.panels,
                          head.starts,
                          head.scales,
                          rows.bias + begin,
                          end - begin,
                          s.row_scale,
                          s.shift,
                          p.all_visible() ? nullptr : s.visible,
                          begin,
                          s.strip,
                          sums};
    if (packed) {
      e.panels += begin * 4 * quads();
      e.starts += begin;
      e.scales += begin;
      kernel.int8_exponentials(e);
      return;
    }
    for (int64_t key = begin; key < end; key += kPanel) {
      e.columns = std::min(kPanel, end - key);
      kernel.pack_int8_keys({p.k.rows(batch_item(), key_head()), rows.hidden, key, e.columns, p.depth,
                             head.centre, head.inverse, head.panels, head.starts, head.scales});
      e.bias = rows.bias + key;
      e.first_key = key;
      e.strip = s.strip + (key - begin) * count;
      kernel.int8_exponentials(e);
    }
  }

  // From the rows' sums their weights; those that bytes could not compute get 0, and `redo`.
  bool weigh() {
    bool redo = false;
    each_head([&](int64_t query_head, int64_t row, int64_t here, int64_t place) {
      for (int64_t i = 0; i < here; ++i) {
        const int64_t r = row + i;
        const bool sees = s.visible[2 * r] < s.visible[2 * r + 1];
        const float sum = sum_lanes(s.sums + r * kLanes);
        if (!sees || !(sum >= kLeastSum && sum <= kGreatestSum)) {
          redo = redo || sees;
          s.weight[r] = 0;
          continue;
        }
        const bool known = p.lse.present();
        const float times = p.reduce == TSV_REDUCE_MAX ? 1.0f : rows.times[size_t(place + i)];
        s.weight[r] = known ? times : times / sum;
        if (!p.lse_out.present()) continue;
        const double lse = known ? double(s.known[r]) : double(s.shift[r]) + s.offset[r] + log2f(sum);
        p.lse_out.as<float>()[of_row(p.lse_out, query_head, place + i)] = float(lse * M_LN2);
      }
    });
    return redo;
  }

  void add_columns(int64_t begin, int64_t end) {
    const int64_t from = std::max(begin, p.first_scored), to = std::min(end, p.first_scored + p.scored);
    if (from >= to) return;
    const int64_t skipped = (from - begin) / kPanel * kPanel;
    // the strip's panels are as wide as end says
    const int64_t wanted = std::min(end - begin, round_up(to - begin, kPanel)) - skipped;
    each_head([&](int64_t query_head, int64_t row, int64_t here, int64_t) {
      int64_t chosen = 0;
      for (int64_t r = row; r < row + here; ++r) {
        if (s.weight[r] == 0) continue;
        s.row_index[chosen] = int32_t(r);
        s.norm[chosen++] = s.weight[r];
      }
      if (chosen == 0) return;
      float* out = columns + (query_head - key_head() * p.group) * columns_stride + begin + skipped;
      kernel.int8_columns({s.strip + skipped * count, count, s.row_index, s.norm, chosen, wanted,
                           p.reduce == TSV_REDUCE_MAX, out});
    });
  }

  // The rows without a weight, in float32.
  bool redo_rows() {
    if (!exact) exact.emplace(p, a.exact_);
    if (!exact->scratch) return false;
    if (p.keys_are_bytes() && exact->panels.keys == nullptr) {
      float* unpacked = exact->unpacked.take<float>(size_t(p.keys * p.depth));
      float* panels = exact->unpacked.take<float>(size_t(round_up(p.keys, kPanel) * p.depth));
      head.unpack(p.keys, p.depth, unpacked);
      PackPanels pack = {};
      pack.source = {unpacked, TSV_FLOAT32, p.depth};
      pack.mask = rows.hidden;
      pack.columns = p.keys;
      pack.depth = p.depth;
      pack.panels = panels;
      kernels().pack_key_panels(pack);
      exact->panels.keys = panels;
    }
    if (a.exact_.packs_heads() && exact->panels.keys == nullptr) {
      pack_keys(p, rows, batch_item(), key_head(), 0, p.keys, exact->scratch->key_panels);
      exact->panels.keys = exact->scratch->key_panels;
    }
    for (int64_t r = 0; r < count;) {
      int64_t end = r;
      while (end < count && s.weight[end] == 0 && end - r < a.exact_.rows) ++end;
      if (end > r) {
        attention_block(p, rows, a.exact_, batch_item(), key_head(), first + r, first + end, exact->panels,
                        *exact->scratch, columns, columns_stride);
      }
      r = std::max(end, r + 1);
    }
    return true;
  }

  bool run(int64_t first_row, int64_t last_row) {
    first = first_row;
    count = last_row - first_row;
    load();
    int64_t begin = p.keys, end = 0;  // what any row sees
    for (int64_t r = 0; r < count; ++r) {
      if (s.visible[2 * r] >= s.visible[2 * r + 1]) continue;
      begin = std::min<int64_t>(begin, s.visible[2 * r]);
      end = std::max<int64_t>(end, s.visible[2 * r + 1]);
    }
    if (begin > end) begin = end = 0;
    begin = begin / kPanel * kPanel;
    end = std::min(p.keys, round_up(end, kPanel));
    std::fill_n(s.sums, count * kLanes, 0.0f);
    const bool one_tile = end - begin <= a.tile_columns_;
    for (int64_t at = begin; at < end; at += a.tile_columns_) {
      exponentials(at, std::min(end, at + a.tile_columns_), s.sums);
    }
    const bool redo = weigh();
    for (int64_t at = begin; at < end; at += a.tile_columns_) {
      const int64_t to = std::min(end, at + a.tile_columns_);
      if (!one_tile) exponentials(at, to, s.again);
      add_columns(at, to);
    }
    return !redo || redo_rows();
  }
};

bool Int8Attention::run_task(tsv_context* context, const BatchRows& rows, int64_t unit, int64_t first,
                             int64_t last, float* columns, int64_t columns_stride) const {
  const int64_t quads = int8_quads(p_.depth), own_keys = shared_ ? 0 : one_block_ ? kPanel : p_.keys;
  const size_t head_bytes = shared_ ? 0 : Int8Head::bytes(own_keys, p_.depth);
  const int64_t strip = block_rows_ * round_up(tile_columns_, kLanes);
  Workspace workspace(Int8Scratch::bytes(block_rows_, strip, quads, head_bytes));
  if (!workspace.ok()) return false;
  Int8Scratch scratch(workspace, block_rows_, strip, quads, head_bytes);
  const Int8Head head =
      shared_ ? Int8Head(heads_ + size_t(unit) * Int8Head::bytes(p_.keys, p_.depth), p_.keys, p_.depth)
              : Int8Head(scratch.head, own_keys, p_.depth);
  if (!shared_) balance(rows, unit, head);
  if (!shared_ && !one_block_) pack(rows, unit, 0, p_.keys, head);
  std::fill_n(scratch.again, block_rows_ * kLanes, 0.0f);
  Int8Task task = {*this, p_,      *int8_kernels(),        rows,    unit,
                   head,  scratch, shared_ || !one_block_, columns, columns_stride};
  const int64_t blocks = (last - first + block_rows_ - 1) / block_rows_;
  for (int64_t block = 0; block < blocks && !cancelled(context); ++block) {
    if (!task.run(first + (last - first) * block / blocks, first + (last - first) * (block + 1) / blocks)) {
      return false;
    }
  }
  return true;
}

}  // namespace tsv
