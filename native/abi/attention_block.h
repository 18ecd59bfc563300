// One block of query rows against all the keys that they see: the kernels of attention_scores.h and
// attention.h in order. Which rows make a block, and how the keys are cut into tiles, follows from the shape
// alone.
#ifndef TOKENSIEVE_ABI_ATTENTION_BLOCK_H
#define TOKENSIEVE_ABI_ATTENTION_BLOCK_H
#include <vector>

#include "abi/attention_distance.h"
#include "abi/attention_problem.h"
#include "runtime/workspace.h"

namespace tsv {

// The strip of a block: about two thirds of a 1 MB L2 cache where rows can be chosen, more for blocks of few
// rows and many keys; past kStripMost the keys are cut into tiles and QK^T is computed twice, once for the
// sums.
constexpr int64_t kStripBytes = 640 << 10;
constexpr int64_t kStripMost = 2 << 20;
constexpr int64_t kWindowStripMost = 4608 << 10;
constexpr int64_t kWindowRows =
    64;  // a window of so few queries is one block, and its keys are packed as they come
constexpr int64_t kFewRows = 8;    // as many as packing keys is not worth its while for
constexpr int64_t kKeyStep = 128;  // tiles begin at multiples, and values are packed in such chunks

// How the rows of one task are worked on.
struct BlockPlan {
  int64_t rows;          // at most, a block
  int64_t tile_rows;     // of a microkernel call: a block is some of the even groups of at most so many
  int64_t tile_columns;  // at most, a tile; all keys when they fit
  bool window;           // one block a task
  bool few;              // rows: keys and values are read as they lie
  int64_t strip_stride;

  BlockPlan(const KernelShape& shape, int64_t task_rows, int64_t keys);

  // Whether a task packs the keys and values of its head before it starts, or the tasks of a head share them.
  bool packs_heads() const { return !window && !few; }

  // A task's rows in even groups of at most tile_rows, and the groups spread evenly over blocks: no block
  // ends in a microkernel call of one or two rows.
  int64_t blocks(int64_t task_rows) const;
  int64_t first_row(int64_t task_rows, int64_t block) const;
};

// The query rows that take part in one batch item, and what every head of it shares.
struct BatchRows {
  std::vector<int32_t> query;
  std::vector<int32_t> slot;       // place in lse_out and entropy
  std::vector<float> times;        // how often the row counts in the scores: 0 when it was not chosen
  const float* bias = nullptr;     // [keys, padded], in units of log2(e); kHidden for masked keys and padding
  const float* no_bias = nullptr;  // as long, zeros
  const uint8_t* hidden = nullptr;  // [keys], 2 for masked keys
  double counted = 0;               // the sum of times
  bool adjacent = true;             // each query follows the one before
  std::vector<double> seen;         // with 'observed': how many counted queries see each key
  RowDistances distances;           // with factors of distances
};

// Working memory of one task.
struct BlockScratch {
  float *queries, *strip, *row_max, *max, *sum, *weighted, *known, *running, *row_scale, *row_weight,
      *key_panels, *value_panels, *out;
  int32_t *visible, *row_index, *row_position;
  double *total_max, *total_sum, *total_weighted;

  static size_t bytes(const AttentionProblem& p, const KernelShape& shape, const BlockPlan& plan,
                      bool shared_panels);
  BlockScratch(Workspace& workspace, const AttentionProblem& p, const KernelShape& shape,
               const BlockPlan& plan, bool shared_panels);
};

// Keys and values of one key head in panels: shared, or packed by the task for itself.
struct HeadPanels {
  float* keys = nullptr;          // NULL: pack panel by panel
  const float* values = nullptr;  // NULL where no output is wanted
  bool keys_to_pack = false;      // this block reads the keys for the first time, and fills the panels
  bool last_block = false;        // nobody reads them after this block
};

void pack_keys(const AttentionProblem& p, const BatchRows& rows, int64_t b, int64_t key_head, int64_t first,
               int64_t count, float* panels);
void pack_values(const AttentionProblem& p, const BatchRows& rows, int64_t b, int64_t key_head, int64_t first,
                 int64_t count, float* panels);

// Rows first..last-1 of the key head's rows (query head major); `columns` has a partial of `columns_stride` a
// query head.
void attention_block(const AttentionProblem& p, const BatchRows& rows, const BlockPlan& plan, int64_t b,
                     int64_t key_head, int64_t first, int64_t last, const HeadPanels& panels,
                     BlockScratch& scratch, float* columns, int64_t columns_stride);

inline int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

}  // namespace tsv
#endif
