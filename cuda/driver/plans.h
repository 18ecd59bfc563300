// How each operation runs on the device: checked arguments in, kernels enqueued on the context's stream.
// Called by the function of the same name in native/abi/.
#ifndef TOKENSIEVE_CUDA_PLANS_H
#define TOKENSIEVE_CUDA_PLANS_H
#include "abi/attention_problem.h"
#include "abi/bipartite_partition.h"
#include "abi/candidate_columns.h"
#include "abi/check.h"
#include "abi/greedy_choice.h"
#include "abi/rotary.h"
#include "abi/rows_of_scores.h"
#include "abi/token_map.h"
#include "abi/token_rows.h"
#include "tokensieve.h"

namespace tsv {
namespace cuda {

tsv_status token_norms(tsv_context* context, const Check& check, const tsv_token_norms_args& a, const View& x,
                       const TokenRows& tokens, const View& norms);
tsv_status layer_norm(tsv_context* context, const Check& check, double epsilon, const View& x,
                      const TokenRows& tokens, const View& weight, const View& bias, const View& out);
tsv_status channel_moments(tsv_context* context, const Check& check, int32_t ddof, const View& x,
                           const TokenRows& tokens, const View& mean, const View& variance);
// `offsets` of `segments` pieces of a row; absent for whole rows.
tsv_status top_k(tsv_context* context, const Check& check, const tsv_top_k_args& a, const RowsOfScores& rows,
                 const View& offsets, int64_t segments, const View& indices, const View& values);
tsv_status select_threshold(tsv_context* context, const Check& check, const tsv_select_threshold_args& a,
                            const RowsOfScores& rows, const View& indices, const View& offsets);
tsv_status sample_cdf(tsv_context* context, const Check& check, const tsv_sample_cdf_args& a,
                      const RowsOfScores& rows, const View& indices, const View& offsets);
tsv_status gather_tokens(tsv_context* context, const Check& check, bool packed, const View& x,
                         const View& indices, const View& offsets, const View& tokens, const View& lengths);
tsv_status gather_channels(tsv_context* context, const Check& check, const View& x, const View& indices,
                           const View& tokens);
tsv_status merge_tokens(tsv_context* context, const Check& check, const tsv_merge_tokens_args& a,
                        const View& x, const MapView& map, const View& weights, const View& tokens,
                        const View& sizes, const View& row_offsets);
tsv_status restore_tokens(tsv_context* context, const Check& check, bool nearest, const View& y,
                          const MapView& map, const View& dropped, const TokenWeights& weights,
                          const View& residual, const View& tokens);
tsv_status pool_scores(tsv_context* context, const Check& check, const tsv_pool_scores_args& a,
                       const RowsOfScores& rows, const View& scores);
tsv_status paired_similarity(tsv_context* context, const Check& check, int32_t metric, const View& a,
                             const View& b, const TokenRows& tokens, const View& similarity);
tsv_status rotate_keys(tsv_context* context, const Check& check, const Rotary& rotary);

// a [G,M,K], b [1 or G,K,N] or [..,N,K], out [G,M,N]: where b is one, G is 1 unless there is nothing to do.
tsv_status matmul(tsv_context* context, const Check& check, const tsv_matmul_args& a, const View& left,
                  const View& right, const View& bias, const View& out);

struct SimilarityArgmaxViews {
  View a, b, a_mask, b_mask, lengths, indices, values;
  Candidates candidates;
};
tsv_status similarity_argmax(tsv_context* context, const Check& check, const tsv_similarity_argmax_args& a,
                             const SimilarityArgmaxViews& views);

// product_parameter: the parameter as float32 products take it.
tsv_status similarity_reduce(tsv_context* context, const Check& check, const tsv_similarity_reduce_args& a,
                             float product_parameter, const View& x, const View& mask, const View& lengths,
                             const View& similarity);

tsv_status knn_density(tsv_context* context, const Check& check, const tsv_knn_density_args& a, const View& x,
                       const View& mask, const View& lengths, const View& density, const View& separation);

struct BipartiteMatchViews {
  View metric, mask, lengths, output_lengths, offsets, members, assignment;
};
// With the sides that the host has chosen, each of whose arrays lies whole, item after item.
tsv_status bipartite_match(tsv_context* context, const Check& check, const tsv_bipartite_match_args& a,
                           const BipartiteMatchViews& views, const tsv::BipartiteSides* sides);
// The same where only the device has the mask or the lengths; `destination` as mark_destinations() fills it.
tsv_status bipartite_match_by_mask(tsv_context* context, const Check& check,
                                   const tsv_bipartite_match_args& a, const BipartiteMatchViews& views,
                                   const uint8_t* destination);

tsv_status farthest_point(tsv_context* context, const Check& check, const tsv_farthest_point_args& a,
                          const GreedyChoice& choice);

tsv_status dpp_greedy(tsv_context* context, const Check& check, const GreedyChoice& choice,
                      const View& relevance);

tsv_status attention(tsv_context* context, const Check& check, const AttentionProblem& p);

}  // namespace cuda
}  // namespace tsv
#endif
