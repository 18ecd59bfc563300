// What an attention call asks for, checked: shared by tsv_attention_scores and tsv_attention.
#ifndef TOKENSIEVE_ABI_ATTENTION_PROBLEM_H
#define TOKENSIEVE_ABI_ATTENTION_PROBLEM_H
#include <vector>

#include "abi/check.h"
#include "abi/packed_keys.h"

namespace tsv {

struct AttentionProblem {
  int64_t batch = 0, heads = 0, key_heads = 0, queries = 0, keys = 0, depth = 0, value_depth = 0;
  int64_t group = 1;  // query heads to a key head
  View q, k, v, mask, query_mask, lengths, bias, lse;
  View distance_scale, positions, query_positions;
  View scores, lse_out, entropy, output;
  PackedKeys packed;  // in place of k, which has its dims alone where they are bytes

  double scale = 1;
  float soft_cap = 0;  // in units of log2(e)
  bool causal = false;
  int64_t window = 0;
  int32_t reduce = 0, head_reduce = 0, pool_mode = 0;
  int64_t pool_kernel = 0;
  int32_t precision = TSV_PRECISION_EXACT;
  bool value_norms = false;
  bool with_output = false;  // attention: every query is computed

  // The queries that are scored, in the order given: so many from first_chosen on, or those of a list.
  View query_list;
  int64_t first_chosen = 0, chosen_count = 0;
  std::vector<int32_t> chosen;           // one by one, where the host can read them
  int64_t first_scored = 0, scored = 0;  // the keys that are

  bool keys_are_bytes() const { return packed.present() && packed.format == KeyFormat::kBytes; }
  // The keys that a query sees: [first, last).
  void visible(int64_t query, int32_t range[2]) const;
  bool all_visible() const { return !causal && window == 0; }
  // Where keys and queries stand, for distance_scale.
  int32_t key_position(int64_t b, int64_t key) const;
  int32_t query_position(int64_t b, int64_t query) const;
  // Whether a query takes part.
  bool active(int64_t b, int64_t query) const;
  // Rows of the score tensor that a batch item has.
  int64_t score_rows() const;
};

// Reads and checks everything. `with_output` for tsv_attention.
AttentionProblem read_attention(Check& check, const tsv_attention_args& a, bool with_output);

}  // namespace tsv
#endif
