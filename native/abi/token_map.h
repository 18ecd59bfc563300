// A TokenMap as the C interface takes it, checked in one pass over what the operation reads of it.
#ifndef TOKENSIEVE_ABI_TOKEN_MAP_H
#define TOKENSIEVE_ABI_TOKEN_MAP_H
#include "abi/check.h"

namespace tsv {

struct MapView {
  View output_lengths, offsets, members, weights, assignment;
  int64_t rows = 0;
  int64_t input_length = 0;
  int64_t slots = 0;    // of a map on a device, those that its offsets have room for
  int64_t longest = 0;  // the slots of the longest row; 0 for a map on a device

  // The host can not read it: kernels guard themselves against what it says.
  bool on_device() const { return output_lengths.on_device; }
  int64_t length(int64_t row) const { return output_lengths.as<int32_t>()[row]; }
};

// Rows, input length and output lengths.
MapView read_map(Check& check, const tsv_token_map* map);

// The map fits tokens of this many rows and of this length.
void check_map_fits(Check& check, const MapView& map, int64_t rows, int64_t n);

// What merging reads: slots of at least one member each, members that are tokens.
void read_slots(Check& check, const tsv_token_map* map, MapView* view);

// What restoring reads: the slot that owns each token.
void read_assignment(Check& check, const tsv_token_map* map, MapView* view);

// A number for each token, float32 [R,N], or [B,N] for each batch item of the R rows.
struct TokenWeights {
  View values;
  int64_t rows_an_item = 1;

  // Those of a row of n tokens, or NULL.
  const float* of_row(int64_t row, int64_t n) const {
    return values.present() ? values.as<float>() + row / rows_an_item * n : nullptr;
  }
};

// Weights, or nothing.
TokenWeights read_token_weights(Check& check, const tsv_tensor* tensor, int64_t rows, int64_t n);

}  // namespace tsv
#endif
