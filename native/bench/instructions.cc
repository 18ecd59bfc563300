// Every operation once, on fixed inputs and one thread, for `npm run bench:instructions` to count the
// instructions of its kernels under callgrind. Prints what it runs, in order, for the counts to be named by.
// A kernel that no call here reaches makes the count fail.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <deque>
#include <vector>

#include "harness.h"
#include "runtime/dispatch.h"

namespace {

using Shape = std::vector<int64_t>;

// Callgrind writes down what it counted whenever a function of this name ends: see
// bench/instructions/take.ts.
template <class Call>
__attribute__((noinline)) void counted_call(const Call& call) {
  call();
}

// Tensors of one call, in memory that starts where vectors do: a load that crosses cache lines would count
// the same, but the loops that align themselves would not.
class Tensors {
 public:
  Tensors() : random_(1) {}

  tsv_tensor* floats(Shape shape) {
    tsv_tensor* const made = make(std::move(shape), TSV_FLOAT32);
    for (int64_t i = 0; i < count(made); ++i) static_cast<float*>(made->data)[i] = random_.number();
    return made;
  }
  // The same numbers, cut to their upper half.
  tsv_tensor* bfloat16(Shape shape) {
    tsv_tensor* const made = make(std::move(shape), TSV_BFLOAT16);
    for (int64_t i = 0; i < count(made); ++i) {
      const float number = random_.number();
      memcpy(static_cast<char*>(made->data) + 2 * i, reinterpret_cast<const char*>(&number) + 2, 2);
    }
    return made;
  }
  // From 0 to 1.
  tsv_tensor* scores(Shape shape) {
    tsv_tensor* const made = floats(std::move(shape));
    for (int64_t i = 0; i < count(made); ++i) {
      float& score = static_cast<float*>(made->data)[i];
      score = score < 0 ? -score : score;
    }
    return made;
  }
  template <class Function>
  tsv_tensor* integers(Shape shape, const Function& value) {
    tsv_tensor* const made = make(std::move(shape), TSV_INT32);
    for (int64_t i = 0; i < count(made); ++i) static_cast<int32_t*>(made->data)[i] = int32_t(value(i));
    return made;
  }
  tsv_tensor* output(Shape shape, int32_t dtype = TSV_FLOAT32) { return make(std::move(shape), dtype); }

 private:
  struct Tensor {
    Shape shape;
    std::vector<char> memory;
    tsv_tensor tensor;
  };

  static int64_t count(const tsv_tensor* tensor) {
    int64_t product = 1;
    for (int32_t i = 0; i < tensor->ndim; ++i) product *= tensor->shape[i];
    return product;
  }

  tsv_tensor* make(Shape shape, int32_t dtype) {
    Tensor& made = tensors_.emplace_back();
    made.shape = std::move(shape);
    made.tensor = {nullptr, TSV_CPU, 0, int32_t(made.shape.size()), dtype, made.shape.data(), nullptr, 0};
    const size_t bytes = size_t(count(&made.tensor) * tsv_dtype_bytes(dtype));
    made.memory.resize(bytes + 64);
    made.tensor.data = made.memory.data() + (64 - reinterpret_cast<uintptr_t>(made.memory.data()) % 64);
    return &made.tensor;
  }

  test::Random random_;
  std::deque<Tensor> tensors_;
};

template <class Arguments>
void count(const char* name, tsv_status (*operation)(tsv_context*, const Arguments*), Arguments arguments) {
  tsv_context context = {};
  context.size = sizeof context;
  arguments.size = sizeof arguments;
  tsv_status status = TSV_OK;
  counted_call([&] { status = operation(&context, &arguments); });
  if (status != TSV_OK) {
    fprintf(stderr, "%s: %s must be %s; got %s\n", name, tsv_argument_path(context.error.argument),
            context.error.expected, context.error.got);
    exit(1);
  }
  printf("%s\t%s\n", tsv_isa_name(tsv_active_isa()), name);
}

void attention() {
  Tensors t;
  tsv_attention_args a = {};
  a.q = t.floats({1, 2, 197, 64});
  a.k = t.floats({1, 2, 197, 64});
  a.scale = NAN;
  a.scores = t.output({1, 197});
  count("attentionScores 2 x 197 x 64", tsv_attention_scores, a);
  tsv_attention_args apart = a;
  apart.distance_scale = t.floats({100});
  count("attentionScores by distance 2 x 197 x 64", tsv_attention_scores, apart);
  apart.positions = t.integers({197}, [](int64_t i) { return i + i / 2; });
  count("attentionScores by distance with gaps 2 x 197 x 64", tsv_attention_scores, apart);
  a.v = t.floats({1, 2, 197, 64});
  a.output = t.output({1, 2, 197, 64});
  count("attention 2 x 197 x 64", tsv_attention, a);

  tsv_attention_args window = {};
  window.q = t.bfloat16({1, 1, 16, 128});
  window.k = t.bfloat16({1, 1, 1024, 128});
  window.scale = NAN;
  window.causal = 1;
  window.scores = t.output({1, 1024});
  count("attentionScores causal 16 x 1024 x 128 bfloat16", tsv_attention_scores, window);

  tsv_attention_args one = {};
  one.q = t.floats({1, 8, 1, 64});
  one.k = t.floats({1, 2, 512, 64});
  one.v = t.floats({1, 2, 512, 64});
  one.scale = NAN;
  one.scores = t.output({1, 512});
  one.output = t.output({1, 8, 1, 64});
  count("attention 8/2 x 1 x 512 x 64", tsv_attention, one);
}

void selection() {
  Tensors t;
  tsv_top_k_args top = {};
  top.x = t.floats({1, 4096});
  top.k = 1024;
  top.largest = 1;
  top.indices = t.output({1, 1024}, TSV_INT32);
  count("topK 1024 of 4096", tsv_top_k, top);
  top.order = TSV_ORDER_VALUE;
  count("topK 1024 of 4096 by value", tsv_top_k, top);

  tsv_select_threshold_args threshold = {};
  threshold.x = t.scores({1, 4096});
  threshold.parameter = 0.9;
  threshold.min = threshold.max = -1;
  threshold.rule = TSV_RULE_MASS;
  threshold.indices = t.output({4096}, TSV_INT32);
  threshold.offsets = t.output({2}, TSV_INT32);
  count("selectThreshold mass of 4096", tsv_select_threshold, threshold);

  tsv_sample_cdf_args sample = {};
  sample.scores = t.scores({1, 4096});
  sample.count = 512;
  sample.indices = t.output({512}, TSV_INT32);
  sample.offsets = t.output({2}, TSV_INT32);
  count("sampleCdf 512 of 4096", tsv_sample_cdf, sample);

  tsv_pool_scores_args pool = {};
  pool.x = t.scores({1, 4096});
  pool.kernel = 7;
  pool.mode = TSV_POOL_MAX;
  pool.scores = t.output({1, 4096});
  count("poolScores max 7 over 4096", tsv_pool_scores, pool);

  tsv_token_norms_args norms = {};
  norms.x = t.floats({1, 197, 256});
  norms.p = 2;
  norms.norms = t.output({1, 197});
  count("tokenNorms 197 x 256", tsv_token_norms, norms);

  tsv_channel_moments_args moments = {};
  moments.x = t.floats({1, 197, 256});
  moments.mean = t.output({1, 256});
  moments.variance = t.output({1, 256});
  count("channelMoments 197 x 256", tsv_channel_moments, moments);
}

void moving() {
  constexpr int64_t kTokens = 196, kSlots = 98, kColumns = 256;
  Tensors t;
  tsv_gather_tokens_args gather = {};
  gather.x = t.floats({1, kTokens, kColumns});
  gather.indices = t.integers({1, kSlots}, [](int64_t i) { return 2 * i; });
  gather.tokens = t.output({1, kSlots, kColumns});
  count("gatherTokens 98 of 196 x 256", tsv_gather_tokens, gather);

  tsv_gather_channels_args pick = {};
  pick.x = gather.x;
  pick.indices = t.integers({128}, [](int64_t i) { return 2 * i; });
  pick.tokens = t.output({1, kTokens, 128});
  count("gatherChannels 196 x 128 of 256", tsv_gather_channels, pick);

  // Slots of one token and of three take turns.
  const auto first_of = [](int64_t slot) { return 2 * slot - slot % 2; };
  tsv_token_map map = {};
  map.rows = 1;
  map.input_length = kTokens;
  map.output_lengths = t.integers({1}, [](int64_t) { return kSlots; });
  map.offsets = t.integers({kSlots + 1}, first_of);
  map.members = t.integers({kTokens}, [](int64_t i) { return i; });
  map.assignment = t.integers({kTokens}, [&](int64_t i) {
    int64_t slot = 0;
    while (first_of(slot + 1) <= i) ++slot;
    return slot;
  });
  tsv_merge_tokens_args merge = {};
  merge.x = t.floats({1, kTokens, kColumns});
  merge.map = &map;
  merge.tokens = t.output({1, kSlots, kColumns});
  merge.sizes = t.output({1, kSlots});
  count("mergeTokens 196 to 98 x 256", tsv_merge_tokens, merge);

  tsv_restore_tokens_args restore = {};
  restore.y = t.floats({1, kSlots, kColumns});
  restore.map = &map;
  restore.tokens = t.output({1, kTokens, kColumns});
  count("restoreTokens 98 to 196 x 256", tsv_restore_tokens, restore);
  restore.weights = t.scores({1, kTokens});
  restore.residual = t.floats({1, kTokens, kColumns});
  count("restoreTokens weighted 98 to 196 x 256", tsv_restore_tokens, restore);

  tsv_rotate_keys_args rotate = {};
  rotate.k = t.floats({1, 2, 128, 64});
  rotate.from = t.integers({128}, [](int64_t i) { return 3 * i; });
  rotate.to = t.integers({128}, [](int64_t i) { return i; });
  rotate.base = 10000;
  rotate.keys = t.output({1, 2, 128, 64});
  count("rotateKeys 2 x 128 x 64", tsv_rotate_keys, rotate);
}

void similarity() {
  constexpr int64_t kTokens = 197, kColumns = 96;
  Tensors t;
  const tsv_tensor* const x = t.floats({1, kTokens, kColumns});
  tsv_similarity_argmax_args nearest = {};
  nearest.a = x;
  nearest.b = t.floats({1, kTokens, kColumns});
  nearest.k = 1;
  nearest.indices = t.output({1, kTokens, 1}, TSV_INT32);
  nearest.values = t.output({1, kTokens, 1});
  count("similarityArgmax 197 x 197 x 96", tsv_similarity_argmax, nearest);
  nearest.k = 5;
  nearest.indices = t.output({1, kTokens, 5}, TSV_INT32);
  nearest.values = t.output({1, kTokens, 5});
  count("similarityArgmax 5 of 197 x 197 x 96", tsv_similarity_argmax, nearest);
  tsv_similarity_argmax_args earlier = nearest;
  earlier.k = 1;
  earlier.indices = t.output({1, kTokens, 1}, TSV_INT32);
  earlier.values = t.output({1, kTokens, 1});
  earlier.candidates = TSV_CANDIDATES_EARLIER;
  count("similarityArgmax 197 x 96, earlier", tsv_similarity_argmax, earlier);

  tsv_similarity_reduce_args reduce = {};
  reduce.x = x;
  reduce.function = TSV_SIMILARITY_GAUSSIAN;
  reduce.parameter = 0.5;
  reduce.similarity = t.output({1, kTokens});
  count("similarityReduce 197 x 96", tsv_similarity_reduce, reduce);
  reduce.function = TSV_SIMILARITY_SQUARE;
  count("similarityReduce 197 x 96, square", tsv_similarity_reduce, reduce);

  tsv_knn_density_args density = {};
  density.x = x;
  density.k = 5;
  density.metric = TSV_METRIC_L2;
  density.density = t.output({1, kTokens});
  density.separation = t.output({1, kTokens});
  count("knnDensity 197 x 96", tsv_knn_density, density);

  tsv_paired_similarity_args paired = {};
  paired.a = x;
  paired.b = nearest.b;
  paired.similarity = t.output({1, kTokens});
  count("pairedSimilarity 197 x 96", tsv_paired_similarity, paired);

  tsv_bipartite_match_args match = {};
  match.metric = x;
  match.threshold = NAN;
  match.r = 16;
  match.seed = -1;
  match.output_lengths = t.output({1}, TSV_INT32);
  match.offsets = t.output({kTokens + 1}, TSV_INT32);
  match.members = t.output({kTokens}, TSV_INT32);
  match.assignment = t.output({1, kTokens}, TSV_INT32);
  count("bipartiteMatch 197 x 96", tsv_bipartite_match, match);
}

void diversity() {
  Tensors t;
  const tsv_tensor* const x = t.floats({1, 128, 64});
  tsv_farthest_point_args farthest = {};
  farthest.x = x;
  farthest.count = 16;
  farthest.start = -1;
  farthest.metric = TSV_METRIC_L2;
  farthest.indices = t.output({1, 16}, TSV_INT32);
  count("farthestPoint 16 of 128 x 64", tsv_farthest_point, farthest);

  tsv_dpp_greedy_args dpp = {};
  dpp.x = x;
  dpp.relevance = t.scores({1, 128});
  dpp.count = 16;
  dpp.indices = t.output({1, 16}, TSV_INT32);
  count("dppGreedy 16 of 128 x 64", tsv_dpp_greedy, dpp);
}

void products() {
  Tensors t;
  tsv_matmul_args product = {};
  product.a = t.floats({1, 64, 96});
  product.b = t.floats({1, 96, 80});
  product.bias = t.floats({80});
  product.activation = TSV_ACTIVATION_GELU;
  product.out = t.output({1, 64, 80});
  count("matmul 64 x 96 x 80", tsv_matmul, product);

  tsv_layer_norm_args norm = {};
  norm.x = t.floats({1, 197, 256});
  norm.weight = t.floats({256});
  norm.bias = t.floats({256});
  norm.epsilon = 1e-5;
  norm.tokens = t.output({1, 197, 256});
  count("layerNorm 197 x 256", tsv_layer_norm, norm);
}

// The clock decides how long tsv_measure_ceiling() takes, so these are called by themselves.
void ceilings() {
  const tsv::Kernels& table = tsv::kernels();
  alignas(64) static float memory[8192];
  counted_call([&] {
    table.fma_peak({int64_t(table.shape.lanes) << 12, 0.999f, 0.001f, memory});
    table.read_peak({memory, 8192, memory});
    table.copy_peak({memory, 4096, memory + 4096});
  });
  printf("%s\tceilings\n", tsv_isa_name(table.shape.isa));
}

}  // namespace

int main() {
  tsv_set_threads(1);
  for (int32_t kernel = 0; tsv_kernel_name(kernel) != nullptr; ++kernel) {
    printf("kernel\t%s\n", tsv_kernel_name(kernel));
  }
  for (int32_t isa = TSV_ISA_SCALAR; isa <= TSV_ISA_AVX512; ++isa) {
    if (tsv_set_isa(isa) != TSV_OK) continue;
    attention();
    selection();
    moving();
    similarity();
    diversity();
    products();
    ceilings();
  }
}
