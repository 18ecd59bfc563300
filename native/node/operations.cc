// One adapter an operation: the slots and numbers of lib/ops/<operation>.ts, in the order given there, as the
// C struct.
#include "node/arguments.h"

namespace tsv_node {
namespace {

tsv_status token_norms(tsv_context* context, Arguments& a) {
  tsv_token_norms_args c = {};
  c.size = sizeof c;
  c.x = a.input(0);
  c.p = a.small(0);
  c.norms = a.output(0);
  return tsv_token_norms(context, &c);
}

tsv_status gather_tokens(tsv_context* context, Arguments& a) {
  tsv_gather_tokens_args c = {};
  c.size = sizeof c;
  c.x = a.input(0);
  c.indices = a.input(1);
  c.offsets = a.input(2);
  c.packed = a.small(0);
  c.tokens = a.output(0);
  return tsv_gather_tokens(context, &c);
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

}  // namespace

const Operation kOperations[] = {
    // name, inputs, outputs, numbers
    {"tokenNorms", 1, 1, 1, token_norms},
    {"gatherTokens", 3, 1, 1, gather_tokens},
    {"topK", 4, 2, 3, top_k},
};
const int kOperationCount = int(sizeof kOperations / sizeof *kOperations);

}  // namespace tsv_node
