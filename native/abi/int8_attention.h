// Attention scores with precision 'fast': the product of queries and keys in bytes, where the processor
// multiplies them (kernels/int8_kernels.h). Rows of which bytes make nothing (their sum of exponentials is 0,
// overflows or is not a number) are computed exactly, by attention_block.
#ifndef TOKENSIEVE_ABI_INT8_ATTENTION_H
#define TOKENSIEVE_ABI_INT8_ATTENTION_H
#include <vector>

#include "abi/attention_block.h"
#include "kernels/int8_kernels.h"
#include "runtime/workspace.h"

namespace tsv {

// The keys of one head as bytes, with what belongs to them, in one piece of memory.
struct Int8Head {
  float *centre = nullptr, *gain = nullptr, *inverse = nullptr, *key_norm, *scales;
  int32_t* starts;
  int8_t* panels;

  static size_t bytes(int64_t keys, int64_t depth);
  Int8Head(char* memory, int64_t keys, int64_t depth);

  // The keys that the bytes stand for, [keys][depth]; NaN where they were not finite.
  void unpack(int64_t keys, int64_t depth, float* rows) const;
};

class Int8Attention {
 public:
  // Whether a call is for this: the exact path has a soft cap, factors of distances and the entropy.
  static bool applies(const AttentionProblem& p);
  static int64_t parts(int64_t units, int64_t unit_rows);

  Int8Attention(const AttentionProblem& p, int64_t parts, int64_t task_rows);
  // For keys to be packed into memory that stays.
  Int8Attention(const AttentionProblem& p, char* heads) : Int8Attention(p, 1, 1) { heads_ = heads; }

  // Working memory of the whole call: keys that tasks share.
  size_t bytes() const;
  void prepare(tsv_context* context, const std::vector<BatchRows>& rows, char* memory);
  void pack_heads(tsv_context* context, const std::vector<BatchRows>& rows);

  // Rows first..last-1 of a unit, as attention_block. False: out of memory.
  bool run_task(tsv_context* context, const BatchRows& rows, int64_t unit, int64_t first, int64_t last,
                float* columns, int64_t columns_stride) const;

 private:
  friend struct Int8Task;

  void sample(const std::vector<BatchRows>& rows);
  void balance(const BatchRows& rows, int64_t unit, const Int8Head& head) const;
  void pack(const BatchRows& rows, int64_t unit, int64_t first, int64_t last, const Int8Head& head) const;

  const AttentionProblem& p_;
  BlockPlan exact_;
  const bool shared_;
  int64_t block_rows_;    // at most
  int64_t tile_columns_;  // at most; all keys when they fit
  bool one_block_;        // a task: keys are packed as they are needed
  char* heads_ = nullptr;
  std::vector<std::vector<int32_t>> key_sample_;  // of each batch item
};

}  // namespace tsv
#endif
