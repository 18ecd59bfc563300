// Builds the table of one instruction set out of the shared algorithms. Included once in each of tables/*.cc.
#ifndef TOKENSIEVE_KERNELS_TABLE_H
#define TOKENSIEVE_KERNELS_TABLE_H
#include "kernels/attention.h"
#include "kernels/attention_distance.h"
#include "kernels/attention_few.h"
#include "kernels/attention_scores.h"
#include "kernels/ceilings.h"
#include "kernels/channel_moments.h"
#include "kernels/dpp_greedy.h"
#include "kernels/farthest_point.h"
#include "kernels/gather_channels.h"
#include "kernels/gather_tokens.h"
#include "kernels/kernels.h"
#include "kernels/layer_norm.h"
#include "kernels/load_rows.h"
#include "kernels/matmul.h"
#include "kernels/merge_tokens.h"
#include "kernels/nearest_denser.h"
#include "kernels/pack_panels.h"
#include "kernels/paired_similarity.h"
#include "kernels/pool_scores.h"
#include "kernels/restore_tokens.h"
#include "kernels/restore_weighted.h"
#include "kernels/rotate_keys.h"
#include "kernels/sample_cdf.h"
#include "kernels/select_threshold.h"
#include "kernels/similarity_argmax.h"
#include "kernels/similarity_reduce.h"
#include "kernels/similarity_top_k.h"
#include "kernels/token_norms.h"
#include "kernels/top_k.h"
#include "kernels/unit_rows.h"

namespace {

template <class V>
constexpr tsv::Kernels make_kernels(int32_t isa) {
  return {{isa, V::kLanes, V::kTileRows, V::kTileVectors * V::kLanes},
#define TSV_KERNEL_ENTRY(name, Arguments) name<V>,
          TSV_FOR_EACH_KERNEL(TSV_KERNEL_ENTRY)
#undef TSV_KERNEL_ENTRY
  };
}

}  // namespace
#endif
