// tsv_attention_scores and tsv_attention on the device: what each query and key sees, the pass over the rows
// (unless their log-sum-exp is known and nothing else is wanted of it), the pass over the keys, and what is
// made of its columns. Nothing waits for the device.
//
// Precision 'fast' is for the CPU, whose products of bytes it allows: here both are computed alike.
#include <math.h>

#include <algorithm>

#include "cuda/driver/plans.h"
#include "cuda/driver/plans/pool_scores.h"
#include "cuda/driver/queue.h"

namespace tsv {
namespace cuda {
namespace {

// Work is cut finer while there are fewer blocks than two for each of an H100's 132 multiprocessors. The cut
// follows from the shape alone, and so do the bits of the results.
constexpr int64_t kBlocks = 264;
constexpr int64_t kSplitKeys = 256;  // at least, a split
constexpr int kBlockThreads = 128;   // of the kernels of a thread a row or a key
constexpr int64_t kBiasStep =
    128;  // tiles of keys read biases past the last key up to a multiple, and one more

int64_t cuts(int64_t blocks, int64_t most) {
  return std::clamp<int64_t>((kBlocks + blocks - 1) / std::max<int64_t>(blocks, 1), 1,
                             std::max<int64_t>(most, 1));
}

// Whether rows begin at multiples of 16 bytes, as copies to shared memory need them.
bool aligned(const View& x) {
  bool even = reinterpret_cast<uintptr_t>(x.data) % 16 == 0;
  for (int d = 0; d < 3; ++d) even = even && (x.dim[d] <= 1 || x.stride[d] * x.item_bytes() % 16 == 0);
  return even;
}

// The form of a kernel by type and depth.
struct Forms {
  Kernel any, f16[3], bf16[3];
};
constexpr Forms kLse = {
    Kernel::attention_lse_any,
    {Kernel::attention_lse_f16_64, Kernel::attention_lse_f16_128, Kernel::attention_lse_f16_256},
    {Kernel::attention_lse_bf16_64, Kernel::attention_lse_bf16_128, Kernel::attention_lse_bf16_256}};
constexpr Forms kColumns = {
    Kernel::attention_columns_any,
    {Kernel::attention_columns_f16_64, Kernel::attention_columns_f16_128, Kernel::attention_columns_f16_256},
    {Kernel::attention_columns_bf16_64, Kernel::attention_columns_bf16_128,
     Kernel::attention_columns_bf16_256}};
constexpr Forms kOutput = {
    Kernel::attention_output_any,
    {Kernel::attention_output_f16_64, Kernel::attention_output_f16_128, Kernel::attention_output_f16_256},
    {Kernel::attention_output_bf16_64, Kernel::attention_output_bf16_128, Kernel::attention_output_bf16_256}};

// Those with factors of distances.
constexpr Forms kLseByDistance = {
    Kernel::attention_lse_distance_any,
    {Kernel::attention_lse_distance_f16_64, Kernel::attention_lse_distance_f16_128,
     Kernel::attention_lse_distance_f16_256},
    {Kernel::attention_lse_distance_bf16_64, Kernel::attention_lse_distance_bf16_128,
     Kernel::attention_lse_distance_bf16_256}};
constexpr Forms kColumnsByDistance = {
    Kernel::attention_columns_distance_any,
    {Kernel::attention_columns_distance_f16_64, Kernel::attention_columns_distance_f16_128,
     Kernel::attention_columns_distance_f16_256},
    {Kernel::attention_columns_distance_bf16_64, Kernel::attention_columns_distance_bf16_128,
     Kernel::attention_columns_distance_bf16_256}};
constexpr Forms kOutputByDistance = {
    Kernel::attention_output_distance_any,
    {Kernel::attention_output_distance_f16_64, Kernel::attention_output_distance_f16_128,
     Kernel::attention_output_distance_f16_256},
    {Kernel::attention_output_distance_bf16_64, Kernel::attention_output_distance_bf16_128,
     Kernel::attention_output_distance_bf16_256}};

// Rows of queries on the device.
struct RowList {
  const AttentionRow* rows;
  const AttentionTile* tiles;
  const int32_t* counted;
  int64_t count;
  const int32_t* positions;  // with factors of distances
};

class Plan {
 public:
  Plan(tsv_context* context, const Check& check, const AttentionProblem& p)
      : queue_(context, check),
        p_(p),
        with_values_(p.with_output && p.value_depth > 0),
        lse_(queue_.on_device<float>(p.lse)) {}

  tsv_status run() {
    if (p_.batch * p_.heads == 0) {
      clear_scores();
      return queue_.status();
    }
    make_bias();
    if (by_distance()) place_distances();
    const bool scored = p_.scores.present() && p_.keys > 0;
    const RowList all = p_.with_output ? every_query() : chosen_queries();
    const RowList chosen = p_.with_output && scored ? chosen_queries() : all;
    AttentionStatistics* statistics =
        scored ? queue_.scratch<AttentionStatistics>(p_.batch * p_.heads * all.count) : nullptr;
    if (p_.with_output || p_.entropy.present() || !p_.lse.present()) {
      softmax(all, statistics);
    } else {
      known(all, statistics);
    }
    if (scored) {
      scores(chosen, statistics, all.count);
    } else {
      clear_scores();
    }
    return queue_.status();
  }

 private:
  void clear_scores() {
    if (p_.scores.present()) queue_.fill(p_.scores.data, 0, size_t(p_.scores.count()) * sizeof(float));
  }

  // Kernels of a thread a result.
  template <class Arguments>
  void launch(Kernel kernel, int64_t results, const Arguments& arguments) {
    queue_.launch(kernel, {blocks(results, kBlockThreads)}, kBlockThreads, 0, arguments);
  }

  void make_bias() {
    bias_stride_ = blocks(p_.keys, kBiasStep) * kBiasStep + kBiasStep;
    bias_ = queue_.scratch<float>(p_.batch * bias_stride_);
    const AttentionKeysArguments arguments = {
        queue_.on_device<float>(p_.bias),
        p_.bias.rank == 2 ? p_.keys : 0,
        {queue_.on_device<uint8_t>(p_.mask), queue_.on_device<int32_t>(p_.lengths), p_.mask.rank == 2 ? 1 : 0,
         1, p_.keys},
        bias_,
        p_.keys,
        bias_stride_,
        int32_t(p_.batch)};
    constexpr int kThreads = 256;
    queue_.launch(Kernel::attention_keys, {blocks(p_.batch * bias_stride_, kThreads)}, kThreads, 0,
                  arguments);
  }

  RowList every_query() { return rows(View(), 0, p_.queries, false); }
  RowList chosen_queries() { return rows(p_.query_list, p_.first_chosen, p_.chosen_count, p_.with_output); }

  RowList rows(const View& list, int64_t first, int64_t count, bool slot_is_query) {
    const int64_t tiles = blocks(count, kAttentionTile);
    AttentionRow* made = queue_.scratch<AttentionRow>(p_.batch * count);
    AttentionTile* of_tiles = queue_.scratch<AttentionTile>(p_.batch * tiles);
    int32_t* counted = queue_.scratch<int32_t>(p_.batch);
    queue_.fill(counted, 0, size_t(p_.batch) * sizeof(int32_t));
    const AttentionRowsArguments arguments = {
        count > 0 ? queue_.on_device(list) : nullptr,
        queue_.on_device<uint8_t>(p_.query_mask),
        p_.query_mask.rank == 2 ? p_.queries : 0,
        p_.queries == p_.keys ? queue_.on_device<int32_t>(p_.lengths) : nullptr,
        made,
        of_tiles,
        counted,
        queue_.fault(),
        first,
        count,
        p_.queries,
        p_.keys,
        p_.window,
        int32_t(p_.batch),
        list.dtype == TSV_INT64 ? 1 : 0,
        p_.causal ? 1 : 0,
        slot_is_query ? 1 : 0};
    queue_.launch(Kernel::attention_rows, {p_.batch * tiles}, kAttentionTile, 0, arguments);
    return {made, of_tiles, counted, count, by_distance() ? positions(made, count) : nullptr};
  }

  bool by_distance() const { return p_.distance_scale.present(); }

  // What factors of distances are found by: those that lie on the host go to the device once.
  void place_distances() {
    factors_ = queue_.on_device<float>(p_.distance_scale);
    key_places_ = queue_.on_device(p_.positions);
    query_places_ = queue_.on_device(p_.query_positions);
    key_positions_ = queue_.scratch<int32_t>(p_.batch * bias_stride_);
  }

  // Of rows; and, alike every time, of the keys.
  const int32_t* positions(const AttentionRow* rows, int64_t count) {
    const auto stride = [](const View& given) { return given.rank == 2 ? given.dim[1] : 0; };
    const int64_t factors = p_.distance_scale.dim[0];
    int32_t* of_rows = queue_.scratch<int32_t>(p_.batch * count);
    const AttentionPositionsArguments arguments = {key_places_,
                                                   query_places_,
                                                   stride(p_.positions),
                                                   stride(p_.query_positions),
                                                   factors_,
                                                   rows,
                                                   of_rows,
                                                   key_positions_,
                                                   queue_.fault(),
                                                   factors,
                                                   count,
                                                   p_.queries,
                                                   p_.keys,
                                                   bias_stride_,
                                                   int32_t(p_.batch),
                                                   p_.positions.dtype == TSV_INT64 ? 1 : 0,
                                                   p_.query_positions.dtype == TSV_INT64 ? 1 : 0};
    launch(Kernel::attention_positions, std::max({p_.batch * bias_stride_, p_.batch * count, factors}),
           arguments);
    return of_rows;
  }

  AttentionDistances distances(const RowList& list) const {
    return {factors_, list.positions, key_positions_, int32_t(p_.distance_scale.dim[0] - 1)};
  }

  // A pass over the logits, with the factors of their distances where there are some.
  template <class ByDistance, class Arguments>
  void launch_pass(const Forms& forms, const Forms& forms_by_distance, bool with_values, int64_t grid,
                   const RowList& list, const AttentionInputs& in, const Arguments& arguments) {
    const bool tensor_cores = on_tensor_cores(with_values);
    const size_t shared = shared_bytes(in, tensor_cores, with_values);
    if (by_distance()) {
      const ByDistance all = {arguments, distances(list)};
      queue_.launch(form(forms_by_distance, tensor_cores), {grid}, kBlockThreads, shared, all);
    } else {
      queue_.launch(form(forms, tensor_cores), {grid}, kBlockThreads, shared, arguments);
    }
  }

  AttentionInputs inputs(const RowList& list, bool with_values) {
    constexpr int64_t kDepth = 32;  // the step of simt_product.cuh
    const int64_t whole = blocks(p_.depth, kDepth) * kDepth;
    return {matrix(queue_, p_.q),
            matrix(queue_, p_.k),
            list.rows,
            list.tiles,
            bias_,
            bias_stride_,
            list.count,
            p_.keys,
            int32_t(p_.batch),
            int32_t(p_.heads),
            int32_t(p_.key_heads),
            int32_t(p_.group),
            int32_t(p_.depth),
            int32_t(whole <= (with_values ? 64 : 128) ? whole : kDepth),
            float(p_.scale * M_LOG2E),
            p_.soft_cap};
  }

  // Whether the products are for tensor cores.
  bool on_tensor_cores(bool with_values) const {
    const bool sixteen =
        p_.q.dtype == TSV_FLOAT16 || (p_.q.dtype == TSV_BFLOAT16 && queue_.device().architecture >= 80);
    bool fits = sixteen && p_.k.dtype == p_.q.dtype && p_.depth % 16 == 0 && p_.depth <= 256 &&
                aligned(p_.q) && aligned(p_.k);
    if (with_values) {
      fits =
          fits && p_.v.dtype == p_.q.dtype && p_.value_depth % 8 == 0 && aligned(p_.v) && aligned(p_.output);
    }
    return fits;
  }
  Kernel form(const Forms& forms, bool tensor_cores) const {
    if (!tensor_cores) return forms.any;
    const int by_depth = p_.depth <= 64 ? 0 : p_.depth <= 128 ? 1 : 2;
    return p_.q.dtype == TSV_FLOAT16 ? forms.f16[by_depth] : forms.bf16[by_depth];
  }
  // What the forms of any type take.
  static size_t shared_bytes(const AttentionInputs& in, bool tensor_cores, bool with_values) {
    if (tensor_cores) return 0;
    const int64_t floats = 64 * (in.kept_depth + 4) + 64 * 36 + (with_values ? 64 * 80 : 0);
    return size_t(floats) * sizeof(float);
  }

  void softmax(const RowList& list, AttentionStatistics* statistics) {
    const bool tensor_cores = on_tensor_cores(with_values_);
    const int64_t chunk = !tensor_cores || p_.depth <= 64 ? 64 : 128;  // channels of the values a block
    const int64_t work = p_.batch * p_.key_heads * blocks(p_.group * list.count, kAttentionTile) *
                         (with_values_ ? blocks(p_.value_depth, chunk) : 1);
    const int64_t wanted = cuts(work, p_.keys / kSplitKeys);
    const int64_t split_keys = blocks(blocks(p_.keys, wanted), kAttentionTile) * kAttentionTile;
    const int64_t splits = std::max<int64_t>(blocks(p_.keys, std::max<int64_t>(split_keys, 1)), 1);
    const int64_t all = p_.batch * p_.heads * list.count;
    AttentionPartial* partial = queue_.scratch<AttentionPartial>(splits * all);
    const bool put_together = with_values_ && splits > 1;
    float* partial_output = put_together ? queue_.scratch<float>(splits * all * p_.value_depth) : nullptr;
    const MatrixArguments none = {};
    const MatrixArguments output = with_values_ ? matrix(queue_, p_.output) : none;
    const AttentionSoftmaxArguments arguments = {inputs(list, with_values_),
                                                 with_values_ ? matrix(queue_, p_.v) : none,
                                                 output,
                                                 partial,
                                                 partial_output,
                                                 lse_,
                                                 split_keys,
                                                 int32_t(splits),
                                                 int32_t(p_.value_depth),
                                                 p_.entropy.present() ? 1 : 0};
    launch_pass<AttentionSoftmaxDistanceArguments>(
        with_values_ ? kOutput : kLse, with_values_ ? kOutputByDistance : kLseByDistance, with_values_,
        work * splits, list, arguments.in, arguments);
    const AttentionCombineArguments combine = {partial,
                                               partial_output,
                                               list.rows,
                                               lse_,
                                               statistics,
                                               p_.lse_out.as<float>(),
                                               p_.entropy.as<float>(),
                                               output,
                                               list.count,
                                               int32_t(p_.batch),
                                               int32_t(p_.heads),
                                               int32_t(splits),
                                               int32_t(p_.value_depth)};
    launch(Kernel::attention_combine, all, combine);
    if (put_together) launch(Kernel::attention_combine_output, all * 32, combine);
  }

  void known(const RowList& list, AttentionStatistics* statistics) {
    const AttentionKnownArguments arguments = {
        lse_,         bias_,      list.rows,         statistics,       p_.lse_out.as<float>(),
        bias_stride_, list.count, int32_t(p_.batch), int32_t(p_.heads)};
    launch(Kernel::attention_known, p_.batch * list.count * 32, arguments);
  }

  void scores(const RowList& list, const AttentionStatistics* statistics, int64_t statistics_count) {
    const bool tensor_cores = on_tensor_cores(false), maximum = p_.reduce == TSV_REDUCE_MAX;
    const int64_t block_keys = tensor_cores && p_.depth <= 128 ? 128 : 64;
    int64_t work = p_.batch * p_.key_heads * blocks(p_.scored, block_keys);
    const int64_t head_splits = cuts(work, p_.group);
    work *= head_splits;
    const int64_t chunks = cuts(work, blocks(list.count, kAttentionTile));
    const int64_t all = p_.batch * p_.heads * p_.scored;
    float* columns = queue_.scratch<float>(chunks * all);
    const AttentionColumnsArguments arguments = {inputs(list, false), statistics,           columns,
                                                 statistics_count,    p_.first_scored,      p_.scored,
                                                 int32_t(chunks),     int32_t(head_splits), maximum ? 1 : 0};
    launch_pass<AttentionColumnsDistanceArguments>(kColumns, kColumnsByDistance, false, work * chunks, list,
                                                   arguments.in, arguments);

    const bool pools = p_.pool_kernel > 1, reduces = p_.head_reduce != TSV_HEADS_NONE;
    float* of_heads = pools || reduces ? queue_.scratch<float>(all) : p_.scores.as<float>();
    const AttentionFinishArguments finish = {columns,
                                             bias_,
                                             p_.reduce == TSV_REDUCE_MEAN ? list.counted : nullptr,
                                             p_.reduce == TSV_REDUCE_OBSERVED ? observers(list) : nullptr,
                                             p_.value_norms ? value_norms() : nullptr,
                                             of_heads,
                                             bias_stride_,
                                             p_.keys,
                                             p_.first_scored,
                                             p_.scored,
                                             int32_t(p_.batch),
                                             int32_t(p_.heads),
                                             int32_t(p_.group),
                                             int32_t(chunks),
                                             maximum ? 1 : 0};
    launch(Kernel::attention_finish, all, finish);
    if (pools) {
      float* pooled = reduces ? queue_.scratch<float>(all) : p_.scores.as<float>();
      const MaskArguments nothing_dropped = {nullptr, nullptr, 0, int32_t(p_.heads), p_.scored};
      pool_rows(queue_, {of_heads, TSV_FLOAT32, p_.batch * p_.heads, nothing_dropped}, p_.pool_kernel,
                p_.pool_mode, pooled);
      of_heads = pooled;
    }
    if (reduces) reduce_heads(of_heads);
  }

  const int32_t* observers(const RowList& list) {
    int32_t* seen = queue_.scratch<int32_t>(p_.batch * p_.scored);
    const AttentionObserversArguments arguments = {
        list.rows, list.tiles, seen, list.count, p_.first_scored, p_.scored, int32_t(p_.batch)};
    launch(Kernel::attention_observers, p_.batch * p_.scored, arguments);
    return seen;
  }

  const float* value_norms() {
    const int64_t rows = p_.batch * p_.key_heads;
    float* norms = queue_.scratch<float>(rows * p_.keys);
    const TokenNormsArguments arguments = {matrix(queue_, p_.v),
                                           {nullptr, nullptr, 0, int32_t(p_.key_heads), p_.keys},
                                           norms,
                                           rows,
                                           p_.keys,
                                           int32_t(p_.value_depth),
                                           2};
    constexpr int kThreads = 256;
    const Kernel kernel =
        by_type(p_.v.dtype, Kernel::token_norms_f32, Kernel::token_norms_f16, Kernel::token_norms_bf16);
    queue_.launch(kernel, {blocks(rows * p_.keys, kThreads / 32)}, kThreads, 0, arguments);
    return norms;
  }

  void reduce_heads(const float* scores) {
    const int64_t rows = p_.batch * p_.score_rows();
    const int32_t mode = p_.head_reduce;
    const AttentionHeadsArguments arguments = {scores,
                                               p_.scores.as<float>(),
                                               rows,
                                               p_.scored,
                                               int32_t(p_.heads / p_.score_rows()),
                                               mode == TSV_HEADS_MEAN || mode == TSV_HEADS_GROUP_MEAN ? 1 : 0,
                                               mode == TSV_HEADS_MAX || mode == TSV_HEADS_GROUP_MAX ? 1 : 0};
    launch(Kernel::attention_heads, rows * p_.scored, arguments);
  }

  Queue queue_;
  const AttentionProblem& p_;
  const bool with_values_;  // to be summed into an output
  const float* const lse_;
  float* bias_ = nullptr;
  int64_t bias_stride_ = 0;
  const float* factors_ = nullptr;  // of distances, and where keys and queries stand
  const void *key_places_ = nullptr, *query_places_ = nullptr;
  int32_t* key_positions_ = nullptr;
};

}  // namespace

tsv_status attention(tsv_context* context, const Check& check, const AttentionProblem& p) {
  return Plan(context, check, p).run();
}

}  // namespace cuda
}  // namespace tsv
