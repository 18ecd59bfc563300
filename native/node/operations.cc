// One adapter an operation: the slots and numbers of lib/ops/<operation>.ts, in the order given there, as the
// C struct.
#include "node/arguments.h"

namespace tsv_node {
namespace {

tsv_status token_norms(tsv_context* context, Arguments& a) {
  tsv_token_norms_args c = {};
  c.size = sizeof c;
  c.x = a.input(0);
  c.mask = a.input(1);
  c.lengths = a.input(2);
  c.p = a.small(0);
  c.norms = a.output(0);
  return tsv_token_norms(context, &c);
}

tsv_status layer_norm(tsv_context* context, Arguments& a) {
  tsv_layer_norm_args c = {};
  c.size = sizeof c;
  c.x = a.input(0);
  c.weight = a.input(1);
  c.bias = a.input(2);
  c.epsilon = a.number(0);
  c.tokens = a.output(0);
  return tsv_layer_norm(context, &c);
}

tsv_status channel_moments(tsv_context* context, Arguments& a) {
  tsv_channel_moments_args c = {};
  c.size = sizeof c;
  c.x = a.input(0);
  c.mask = a.input(1);
  c.lengths = a.input(2);
  c.ddof = a.small(0);
  c.mean = a.output(0);
  c.variance = a.output(1);
  return tsv_channel_moments(context, &c);
}

tsv_status sample_cdf(tsv_context* context, Arguments& a) {
  tsv_sample_cdf_args c = {};
  c.size = sizeof c;
  c.scores = a.input(0);
  c.mask = a.input(1);
  c.lengths = a.input(2);
  c.count = a.integer(0);
  c.indices = a.output(0);
  c.offsets = a.output(1);
  return tsv_sample_cdf(context, &c);
}

tsv_status pool_scores(tsv_context* context, Arguments& a) {
  tsv_pool_scores_args c = {};
  c.size = sizeof c;
  c.x = a.input(0);
  c.mask = a.input(1);
  c.lengths = a.input(2);
  c.kernel = a.integer(0);
  c.mode = a.small(1);
  c.scores = a.output(0);
  return tsv_pool_scores(context, &c);
}

tsv_status paired_similarity(tsv_context* context, Arguments& a) {
  tsv_paired_similarity_args c = {};
  c.size = sizeof c;
  c.a = a.input(0);
  c.b = a.input(1);
  c.mask = a.input(2);
  c.lengths = a.input(3);
  c.metric = a.small(0);
  c.similarity = a.output(0);
  return tsv_paired_similarity(context, &c);
}

tsv_status gather_tokens(tsv_context* context, Arguments& a) {
  tsv_gather_tokens_args c = {};
  c.size = sizeof c;
  c.x = a.input(0);
  c.indices = a.input(1);
  c.offsets = a.input(2);
  c.packed = a.small(0);
  c.tokens = a.output(0);
  c.lengths = a.output(1);
  return tsv_gather_tokens(context, &c);
}

tsv_status gather_channels(tsv_context* context, Arguments& a) {
  tsv_gather_channels_args c = {};
  c.size = sizeof c;
  c.x = a.input(0);
  c.indices = a.input(1);
  c.tokens = a.output(0);
  return tsv_gather_channels(context, &c);
}

tsv_status rotate_keys(tsv_context* context, Arguments& a) {
  tsv_rotate_keys_args c = {};
  c.size = sizeof c;
  c.k = a.input(0);
  c.from = a.input(1);
  c.to = a.input(2);
  c.frequencies = a.input(3);
  c.sections = a.input(4);
  c.lengths = a.input(5);
  c.base = a.number(0);
  c.rotary_dim = a.integer(1);
  c.interleaved = a.small(2);
  c.keys = a.output(0);
  return tsv_rotate_keys(context, &c);
}

tsv_status top_k(tsv_context* context, Arguments& a) {
  tsv_top_k_args c = {};
  c.size = sizeof c;
  c.x = a.input(0);
  c.mask = a.input(1);
  c.lengths = a.input(2);
  c.segment_offsets = a.input(3);
  c.k = a.integer(0);
  c.largest = a.small(1);
  c.order = a.small(2);
  c.indices = a.output(0);
  c.values = a.output(1);
  return tsv_top_k(context, &c);
}

tsv_attention_args attention_arguments(Arguments& a) {
  tsv_attention_args c = {};
  c.size = sizeof c;
  c.q = a.input(0);
  c.k = a.input(1);
  c.v = a.input(2);
  c.mask = a.input(3);
  c.query_mask = a.input(4);
  c.lengths = a.input(5);
  c.bias = a.input(6);
  c.lse = a.input(7);
  c.query_list = a.input(8);
  c.packed_keys = a.input(9);
  c.distance_scale = a.input(10);
  c.positions = a.input(11);
  c.query_positions = a.input(12);
  c.scale = a.number(0);
  c.softcap = a.number(1);
  c.window = a.integer(2);
  c.query_count = a.integer(3);
  c.key_count = a.integer(4);
  c.pool_kernel = a.integer(5);
  c.causal = a.small(6);
  c.queries = a.small(7);
  c.keys = a.small(8);
  c.reduce = a.small(9);
  c.heads = a.small(10);
  c.pool_mode = a.small(11);
  c.precision = a.small(12);
  c.value_norms = a.small(13);
  c.scores = a.output(0);
  c.lse_out = a.output(1);
  c.entropy = a.output(2);
  return c;
}

tsv_status attention_scores(tsv_context* context, Arguments& a) {
  const tsv_attention_args c = attention_arguments(a);
  return tsv_attention_scores(context, &c);
}

tsv_status attention(tsv_context* context, Arguments& a) {
  tsv_attention_args c = attention_arguments(a);
  c.output = a.output(3);
  return tsv_attention(context, &c);
}

tsv_status pack_keys(tsv_context* context, Arguments& a) {
  tsv_pack_keys_args c = {};
  c.size = sizeof c;
  c.k = a.input(0);
  c.mask = a.input(1);
  c.lengths = a.input(2);
  c.queries = a.input(3);
  c.packed = a.output(0);
  return tsv_pack_keys(context, &c);
}

tsv_status matmul(tsv_context* context, Arguments& a) {
  tsv_matmul_args c = {};
  c.size = sizeof c;
  c.a = a.input(0);
  c.b = a.input(1);
  c.bias = a.input(2);
  c.activation = a.small(0);
  c.transpose_b = a.small(1);
  c.out = a.output(0);
  return tsv_matmul(context, &c);
}

// A map in the five slots from `i` on.
tsv_token_map token_map(const Arguments& a, int i, int rows, int input_length) {
  return {a.integer(rows), a.integer(input_length), a.input(i),    a.input(i + 1),
          a.input(i + 2),  a.input(i + 3),          a.input(i + 4)};
}

tsv_status merge_tokens(tsv_context* context, Arguments& a) {
  const tsv_token_map map = token_map(a, 1, 0, 1);
  tsv_merge_tokens_args c = {};
  c.size = sizeof c;
  c.x = a.input(0);
  c.map = &map;
  c.weights = a.input(6);
  c.reduce = a.small(2);
  c.packed = a.small(3);
  c.tokens = a.output(0);
  c.sizes = a.output(1);
  c.row_offsets = a.output(2);
  return tsv_merge_tokens(context, &c);
}

tsv_status restore_tokens(tsv_context* context, Arguments& a) {
  const tsv_token_map map = token_map(a, 1, 0, 1);
  tsv_restore_tokens_args c = {};
  c.size = sizeof c;
  c.y = a.input(0);
  c.map = &map;
  c.dropped_tokens = a.input(6);
  c.weights = a.input(7);
  c.residual = a.input(8);
  c.dropped = a.small(2);
  c.tokens = a.output(0);
  return tsv_restore_tokens(context, &c);
}

tsv_status similarity_argmax(tsv_context* context, Arguments& a) {
  tsv_similarity_argmax_args c = {};
  c.size = sizeof c;
  c.a = a.input(0);
  c.b = a.input(1);
  c.a_mask = a.input(2);
  c.b_mask = a.input(3);
  c.lengths = a.input(4);
  c.scale = a.input(5);
  c.bias = a.input(6);
  c.k = a.integer(0);
  c.metric = a.small(1);
  c.precision = a.small(2);
  c.candidates = a.small(3);
  c.indices = a.output(0);
  c.values = a.output(1);
  return tsv_similarity_argmax(context, &c);
}

tsv_status similarity_reduce(tsv_context* context, Arguments& a) {
  tsv_similarity_reduce_args c = {};
  c.size = sizeof c;
  c.x = a.input(0);
  c.mask = a.input(1);
  c.lengths = a.input(2);
  c.function = a.small(0);
  c.parameter = a.number(1);
  c.metric = a.small(2);
  c.without_self = a.small(3);
  c.similarity = a.output(0);
  return tsv_similarity_reduce(context, &c);
}

tsv_status knn_density(tsv_context* context, Arguments& a) {
  tsv_knn_density_args c = {};
  c.size = sizeof c;
  c.x = a.input(0);
  c.mask = a.input(1);
  c.lengths = a.input(2);
  c.k = a.integer(0);
  c.metric = a.small(1);
  c.density = a.output(0);
  c.separation = a.output(1);
  return tsv_knn_density(context, &c);
}

tsv_status bipartite_match(tsv_context* context, Arguments& a) {
  tsv_bipartite_match_args c = {};
  c.size = sizeof c;
  c.metric = a.input(0);
  c.mask = a.input(1);
  c.lengths = a.input(2);
  c.partition = a.small(0);
  c.r = a.integer(1);
  c.threshold = a.number(2);
  c.grid[0] = a.integer(3);
  c.grid[1] = a.integer(4);
  c.stride[0] = a.integer(5);
  c.stride[1] = a.integer(6);
  c.seed = a.integer(7);
  c.every = a.integer(8);
  c.output_lengths = a.output(0);
  c.offsets = a.output(1);
  c.members = a.output(2);
  c.assignment = a.output(3);
  if (const tsv_tensor* longest = a.output(4)) c.longest = static_cast<int64_t*>(longest->data);
  return tsv_bipartite_match(context, &c);
}

tsv_status farthest_point(tsv_context* context, Arguments& a) {
  tsv_farthest_point_args c = {};
  c.size = sizeof c;
  c.x = a.input(0);
  c.mask = a.input(1);
  c.lengths = a.input(2);
  c.count = a.integer(0);
  c.start = a.integer(1);
  c.metric = a.small(2);
  c.indices = a.output(0);
  return tsv_farthest_point(context, &c);
}

tsv_status dpp_greedy(tsv_context* context, Arguments& a) {
  tsv_dpp_greedy_args c = {};
  c.size = sizeof c;
  c.x = a.input(0);
  c.relevance = a.input(1);
  c.mask = a.input(2);
  c.lengths = a.input(3);
  c.count = a.integer(0);
  c.indices = a.output(0);
  return tsv_dpp_greedy(context, &c);
}

tsv_status select_threshold(tsv_context* context, Arguments& a) {
  tsv_select_threshold_args c = {};
  c.size = sizeof c;
  c.x = a.input(0);
  c.mask = a.input(1);
  c.lengths = a.input(2);
  c.rule = a.small(0);
  c.parameter = a.number(1);
  c.ddof = a.small(2);
  c.min = a.integer(3);
  c.max = a.integer(4);
  c.indices = a.output(0);
  c.offsets = a.output(1);
  return tsv_select_threshold(context, &c);
}

}  // namespace

const Operation kOperations[] = {
    // name, inputs, outputs, numbers, adapter, deciding
    {"tokenNorms", 3, 1, 1, token_norms},
    {"layerNorm", 3, 1, 1, layer_norm},
    {"channelMoments", 3, 2, 1, channel_moments},
    {"sampleCdf", 3, 2, 1, sample_cdf, 1},
    {"poolScores", 3, 1, 2, pool_scores},
    {"pairedSimilarity", 4, 1, 1, paired_similarity},
    {"gatherTokens", 3, 2, 1, gather_tokens},
    {"gatherChannels", 2, 1, 0, gather_channels},
    {"rotateKeys", 6, 1, 3, rotate_keys},
    {"topK", 4, 2, 3, top_k, 1},
    {"attentionScores", 13, 3, 14, attention_scores},
    {"attention", 13, 4, 14, attention},
    {"packKeys", 4, 1, 0, pack_keys},
    {"matmul", 3, 1, 2, matmul},
    {"mergeTokens", 7, 3, 4, merge_tokens},
    {"restoreTokens", 9, 1, 3, restore_tokens},
    {"similarityArgmax", 7, 2, 4, similarity_argmax, 3},
    {"similarityReduce", 3, 1, 4, similarity_reduce},
    {"knnDensity", 3, 2, 2, knn_density, 1 | 8},
    {"bipartiteMatch", 3, 5, 9, bipartite_match, 1},
    {"farthestPoint", 3, 1, 3, farthest_point, 1},
    {"dppGreedy", 4, 1, 1, dpp_greedy, 3},
    {"selectThreshold", 3, 2, 5, select_threshold, 1},
};
const int kOperationCount = int(sizeof kOperations / sizeof *kOperations);

}  // namespace tsv_node
