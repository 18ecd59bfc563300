// tsv_attention_scores and tsv_attention: the work cut into tasks, and what they leave put together.
//
// A unit is one key head of one batch item, with the rows of all query heads that share it. A task is a unit,
// or a part of its rows where units are few; parts share packed panels, made first. Each task adds up scores
// in columns of its own, and the columns are summed in task order: results do not depend on the number of
// threads.
#include <math.h>
#include <string.h>

#include <algorithm>
#include <atomic>
#include <new>
#include <optional>

#include "abi/attention_block.h"
#include "abi/int8_attention.h"
#include "cuda/driver/plans.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"

namespace tsv {
namespace {

// Enough tasks for the threads of a large machine, as long as each has rows enough to be worth its packing. A
// window's part packs all keys for itself, so it is cut only where there are hardly any units.
constexpr int64_t kTasks = 16, kRowsForPart = 128;
constexpr int64_t kWindowTasks = 4, kRowsForWindowPart = 32;

int64_t parts_of_unit(int64_t units, int64_t rows) {
  const bool window = rows <= kWindowRows;
  const int64_t wanted = window ? kWindowTasks : kTasks, fewest = window ? kRowsForWindowPart : kRowsForPart;
  return std::clamp<int64_t>((wanted + units - 1) / std::max<int64_t>(units, 1), 1,
                             std::max<int64_t>(rows / fewest, 1));
}

class Attention {
 public:
  Attention(tsv_context* context, const AttentionProblem& problem)
      : context_(context),
        p_(problem),
        units_(p_.batch * p_.key_heads),
        unit_rows_(p_.group * (p_.with_output ? p_.queries : int64_t(p_.chosen.size()))),
        int8_applies_(Int8Attention::applies(p_)),
        parts_(int8_applies_ ? Int8Attention::parts(units_, unit_rows_) : parts_of_unit(units_, unit_rows_)),
        plan_(kernels().shape, std::max<int64_t>((unit_rows_ + parts_ - 1) / parts_, 1), p_.keys),
        shared_(!int8_applies_ && parts_ > 1 && plan_.packs_heads()),
        padded_keys_(round_up(p_.keys, kKeyStep) + kKeyStep) {
    if (int8_applies_) int8_.emplace(p_, parts_, (unit_rows_ + parts_ - 1) / parts_);
    if (p_.distance_scale.present()) factors_.emplace(p_);
  }

  tsv_status run() {
    fill_absent();
    if (p_.keys == 0 || units_ == 0) {
      if (p_.scores.present()) std::fill_n(p_.scores.as<float>(), p_.scores.count(), 0.0f);
      return TSV_OK;
    }
    const KernelShape& shape = kernels().shape;
    const size_t keys = size_t(round_up(p_.keys, shape.panel_width));
    const size_t value_width = size_t(round_up(p_.value_depth, shape.panel_width));
    const size_t bias = size_t(p_.batch * padded_keys_),
                 columns = size_t(units_ * parts_ * p_.group * padded_keys_);
    WorkspaceSize size;
    size.add<float>(bias).add<float>(size_t(padded_keys_)).add<uint8_t>(size_t(p_.batch * p_.keys));
    if (p_.scores.present()) size.add<float>(columns).add<float>(size_t(p_.batch * p_.heads * p_.scored));
    if (p_.value_norms) size.add<float>(size_t(units_ * p_.keys));
    if (shared_) size.add<float>(size_t(units_) * keys * size_t(p_.depth));
    if (shared_ && p_.with_output) size.add<float>(size_t(units_) * keys * value_width);
    if (int8_) size.add<char>(int8_->bytes());
    Workspace workspace(size.bytes());
    if (!workspace.ok()) return TSV_E_MEMORY;

    bias_ = workspace.take<float>(bias);
    float* no_bias = workspace.take<float>(size_t(padded_keys_));
    std::fill_n(no_bias, padded_keys_, 0.0f);
    hidden_ = workspace.take<uint8_t>(size_t(p_.batch * p_.keys));
    if (p_.scores.present()) {
      columns_ = workspace.take<float>(columns);
      head_scores_ = workspace.take<float>(size_t(p_.batch * p_.heads * p_.scored));
    }
    if (p_.value_norms) norms_ = workspace.take<float>(size_t(units_ * p_.keys));
    if (shared_) key_panels_ = workspace.take<float>(size_t(units_) * keys * size_t(p_.depth));
    if (shared_ && p_.with_output) value_panels_ = workspace.take<float>(size_t(units_) * keys * value_width);
    rows_.resize(size_t(p_.batch));
    for (int64_t b = 0; b < p_.batch; ++b) read_rows(b, no_bias);

    if (int8_) int8_->prepare(context_, rows_, workspace.take<char>(int8_->bytes()));
    if (shared_) {
      parallel_for(context_, units_, [&](int64_t unit) {
        const int64_t b = unit / p_.key_heads, head = unit % p_.key_heads;
        pack_keys(p_, rows_[size_t(b)], b, head, 0, p_.keys,
                  key_panels_ + size_t(unit) * keys * size_t(p_.depth));
        if (p_.with_output) {
          pack_values(p_, rows_[size_t(b)], b, head, 0, p_.keys,
                      value_panels_ + size_t(unit) * keys * value_width);
        }
      });
    }
    parallel_for(context_, units_ * parts_, [&](int64_t task) { run_task(task); });
    if (out_of_memory_) return TSV_E_MEMORY;
    if (p_.scores.present() && !cancelled(context_)) {
      if (p_.value_norms) measure_values();
      parallel_for(context_, p_.batch * p_.heads,
                   [&](int64_t i) { finish_head(i / p_.heads, i % p_.heads); });
      if (out_of_memory_) return TSV_E_MEMORY;
      parallel_for(context_, p_.batch * p_.score_rows(), [&](int64_t i) { reduce_heads(i); });
    }
    return cancelled(context_) ? TSV_E_CANCELLED : TSV_OK;
  }

 private:
  // What no row will write: queries that take no part.
  void fill_absent() {
    if (p_.lse_out.present()) std::fill_n(p_.lse_out.as<float>(), p_.lse_out.count(), -INFINITY);
    if (p_.entropy.present()) std::fill_n(p_.entropy.as<float>(), p_.entropy.count(), 0.0f);
    if (!p_.with_output) return;
    for (int64_t b = 0; b < p_.batch; ++b) {
      for (int64_t h = 0; h < p_.heads; ++h) {
        const Rows out = p_.output.rows(b, h);
        for (int64_t i = 0; i < p_.queries; ++i) {
          if (p_.keys > 0 && p_.active(b, i)) continue;
          const int64_t item = p_.output.item_bytes();
          memset(static_cast<char*>(const_cast<void*>(out.data)) + i * out.stride * item, 0,
                 size_t(p_.value_depth * item));
        }
      }
    }
  }

  void read_rows(int64_t b, const float* no_bias) {
    BatchRows& rows = rows_[size_t(b)];
    float* bias = bias_ + b * padded_keys_;
    uint8_t* hidden = hidden_ + b * p_.keys;
    const TokenMask mask(p_.mask, p_.lengths, b, p_.keys);
    const float* given =
        p_.bias.present() ? p_.bias.as<float>() + (p_.bias.rank == 2 ? b * p_.keys : 0) : nullptr;
    for (int64_t j = 0; j < p_.keys; ++j) {
      const float x = given != nullptr ? float(double(given[j]) * M_LOG2E) : 0.0f;
      const bool dropped = p_.packed.present() && p_.packed.hidden(b)[j] == 2;
      hidden[j] = mask[j] == 2 || x <= kHidden || dropped ? 2 : 0;
      bias[j] = hidden[j] == 2 ? kHidden : x;
    }
    std::fill(bias + p_.keys, bias + padded_keys_, kHidden);
    rows.bias = bias;
    rows.no_bias = no_bias;
    rows.hidden = hidden;

    const auto add = [&](int32_t query, int64_t slot, float times) {
      if (!p_.active(b, query)) return;
      rows.adjacent = rows.adjacent && (rows.query.empty() || query == rows.query.back() + 1);
      rows.query.push_back(query);
      rows.slot.push_back(int32_t(slot));
      rows.times.push_back(times);
      rows.counted += times;
    };
    if (p_.with_output) {
      std::vector<float> times(size_t(p_.queries), 0.0f);
      for (int32_t query : p_.chosen) times[size_t(query)] += 1.0f;
      for (int64_t i = 0; i < p_.queries; ++i) add(int32_t(i), i, times[size_t(i)]);
    } else {
      for (size_t i = 0; i < p_.chosen.size(); ++i) add(p_.chosen[i], int64_t(i), 1.0f);
    }
    if (factors_) rows.distances = read_distances(p_, *factors_, b, rows.query);
    if (p_.reduce == TSV_REDUCE_OBSERVED) count_observers(&rows);
  }

  // How many chosen queries see each key.
  void count_observers(BatchRows* rows) const {
    std::vector<double>& seen = rows->seen;
    seen.assign(size_t(p_.keys) + 1, 0);
    for (size_t i = 0; i < rows->query.size(); ++i) {
      int32_t range[2];
      p_.visible(rows->query[i], range);
      seen[size_t(range[0])] += rows->times[i];
      seen[size_t(range[1])] -= rows->times[i];
    }
    for (size_t j = 1; j < seen.size(); ++j) seen[j] += seen[j - 1];
  }

  void run_task(int64_t task) {
    const int64_t unit = task / parts_, part = task % parts_;
    const int64_t b = unit / p_.key_heads, key_head = unit % p_.key_heads;
    const BatchRows& rows = rows_[size_t(b)];
    float* columns = columns_ == nullptr ? nullptr : columns_ + task * p_.group * padded_keys_;
    if (columns != nullptr) std::fill_n(columns, p_.group * padded_keys_, 0.0f);
    const int64_t total = p_.group * int64_t(rows.query.size());
    const int64_t first = total * part / parts_, last = total * (part + 1) / parts_;
    if (first == last) return;
    if (int8_) {
      if (!int8_->run_task(context_, rows, unit, first, last, columns, padded_keys_)) out_of_memory_ = true;
      return;
    }

    const KernelShape& shape = kernels().shape;
    Workspace workspace(BlockScratch::bytes(p_, shape, plan_, shared_));
    if (!workspace.ok()) {
      out_of_memory_ = true;
      return;
    }
    BlockScratch scratch(workspace, p_, shape, plan_, shared_);
    HeadPanels panels;
    if (shared_) {
      const int64_t keys = round_up(p_.keys, shape.panel_width);
      panels.keys = key_panels_ + unit * keys * p_.depth;
      if (p_.with_output)
        panels.values = value_panels_ + unit * keys * round_up(p_.value_depth, shape.panel_width);
    } else if (plan_.packs_heads()) {
      panels.keys = scratch.key_panels;
      // Where the first block sees all keys in one tile, it packs each panel right before it uses it.
      panels.keys_to_pack = p_.all_visible() && plan_.tile_columns >= p_.keys;
      if (!panels.keys_to_pack) pack_keys(p_, rows, b, key_head, 0, p_.keys, panels.keys);
      if (p_.with_output) {
        pack_values(p_, rows, b, key_head, 0, p_.keys, scratch.value_panels);
        panels.values = scratch.value_panels;
      }
    }
    const int64_t blocks = plan_.blocks(last - first);
    for (int64_t block = 0; block < blocks && !cancelled(context_); ++block) {
      panels.last_block = block + 1 == blocks;
      attention_block(p_, rows, plan_, b, key_head, first + plan_.first_row(last - first, block),
                      first + plan_.first_row(last - first, block + 1), panels, scratch, columns,
                      padded_keys_);
      panels.keys_to_pack = false;
    }
  }

  void measure_values() {
    parallel_for(context_, units_, [&](int64_t unit) {
      kernels().token_norms({p_.v.rows(unit / p_.key_heads, unit % p_.key_heads), 0, p_.keys, p_.value_depth,
                             2, norms_ + unit * p_.keys});
    });
  }

  // The tasks' columns of one query head to its scores: reduced over queries, weighted by the values, pooled.
  void finish_head(int64_t b, int64_t head) {
    const int64_t unit = b * p_.key_heads + head / p_.group, within = head % p_.group;
    const uint8_t* hidden = hidden_ + b * p_.keys;
    const bool observed = p_.reduce == TSV_REDUCE_OBSERVED;
    const std::vector<double>& seen = rows_[size_t(b)].seen;
    const double counted = rows_[size_t(b)].counted;
    const double factor = p_.reduce == TSV_REDUCE_MEAN && counted > 0 ? 1 / counted : 1;
    float* scores = head_scores_ + (b * p_.heads + head) * p_.scored;
    for (int64_t i = 0; i < p_.scored; ++i) {
      const int64_t j = p_.first_scored + i;
      double score = 0;
      for (int64_t part = 0; part < parts_; ++part) {
        const float x = columns_[((unit * parts_ + part) * p_.group + within) * padded_keys_ + j];
        score = p_.reduce == TSV_REDUCE_MAX ? (x > score || isnan(x) ? x : score) : score + x;
      }
      score *= factor;
      if (observed) score = seen[size_t(j)] > 0 ? score / seen[size_t(j)] : 0;
      if (norms_ != nullptr) score *= norms_[unit * p_.keys + j];
      scores[i] = hidden[j] == 2 ? 0.0f : float(score);
    }
    if (p_.pool_kernel > 1) pool(scores);
  }

  void pool(float* scores) {
    const size_t bytes = pool_scores_scratch(p_.pool_kernel, p_.scored, p_.scored);
    Workspace workspace(WorkspaceSize().add<char>(bytes).bytes());
    if (!workspace.ok()) {
      out_of_memory_ = true;
      return;
    }
    kernels().pool_scores({scores, TSV_FLOAT32, p_.pool_mode, p_.scored, nullptr, p_.scored, 0, p_.scored,
                           p_.pool_kernel, workspace.take<float>(bytes / sizeof(float)), scores});
  }

  void reduce_heads(int64_t row) {
    const int64_t b = row / p_.score_rows(), place = row % p_.score_rows();
    const bool grouped = p_.head_reduce >= TSV_HEADS_GROUP_MEAN, single = p_.head_reduce == TSV_HEADS_NONE;
    const int64_t heads = single ? 1 : grouped ? p_.group : p_.heads;
    const bool maximum = p_.head_reduce == TSV_HEADS_MAX || p_.head_reduce == TSV_HEADS_GROUP_MAX;
    const bool mean = p_.head_reduce == TSV_HEADS_MEAN || p_.head_reduce == TSV_HEADS_GROUP_MEAN;
    const float* from = head_scores_ + (b * p_.heads + place * heads) * p_.scored;
    float* out = p_.scores.as<float>() + row * p_.scored;
    for (int64_t i = 0; i < p_.scored; ++i) {
      double result = maximum ? -INFINITY : 0;
      for (int64_t h = 0; h < heads; ++h) {
        const double x = from[h * p_.scored + i];
        result = maximum ? (x > result || isnan(x) ? x : result) : result + x;
      }
      out[i] = float(mean ? result / double(heads) : result);
    }
  }

  tsv_context* context_;
  const AttentionProblem& p_;
  const int64_t units_, unit_rows_;
  const bool int8_applies_;
  const int64_t parts_;
  const BlockPlan plan_;
  const bool shared_;  // panels of keys and values
  const int64_t padded_keys_;
  std::optional<Int8Attention> int8_;
  std::optional<DistanceFactors> factors_;
  std::vector<BatchRows> rows_;
  float *bias_ = nullptr, *columns_ = nullptr, *head_scores_ = nullptr, *norms_ = nullptr;
  float *key_panels_ = nullptr, *value_panels_ = nullptr;
  uint8_t* hidden_ = nullptr;
  std::atomic<bool> out_of_memory_{false};
};

// What only the exact path computes, from keys that are bytes.
void unpack_keys(tsv_context* context, AttentionProblem* p, std::vector<float>* rows) {
  const int64_t size = p->keys * p->depth;
  rows->resize(size_t(p->batch * p->key_heads * size));
  parallel_for(context, p->batch * p->key_heads, [&](int64_t unit) {
    const Int8Head head(p->packed.head(unit / p->key_heads, unit % p->key_heads), p->keys, p->depth);
    head.unpack(p->keys, p->depth, rows->data() + unit * size);
  });
  p->k.data = reinterpret_cast<char*>(rows->data());
}

tsv_status attention(tsv_context* context, const tsv_attention_args* arguments, bool with_output) {
  Check check(context, Devices::kCpuAndCuda);
  try {
    const tsv_attention_args a = read_arguments(check, arguments);
    if (check.failed()) return check.status();
    AttentionProblem problem = read_attention(check, a, with_output);
    if (check.failed()) return check.status();
    if (check.on_device()) return cuda::attention(context, check, problem);
    std::vector<float> unpacked;
    if (problem.keys_are_bytes() && !Int8Attention::applies(problem)) {
      unpack_keys(context, &problem, &unpacked);
    }
    const tsv_status status = Attention(context, problem).run();
    if (status == TSV_E_MEMORY) check.fail(TSV_ARG_Q, status, "too little", "followed by working memory");
    return status;
  } catch (const std::bad_alloc&) {
    check.fail(TSV_ARG_Q, TSV_E_MEMORY, "too little", "followed by working memory");
    return TSV_E_MEMORY;
  }
}

}  // namespace
}  // namespace tsv

tsv_status tsv_attention_scores(tsv_context* context, const tsv_attention_args* arguments) {
  return tsv::attention(context, arguments, false);
}

tsv_status tsv_attention(tsv_context* context, const tsv_attention_args* arguments) {
  return tsv::attention(context, arguments, true);
}
