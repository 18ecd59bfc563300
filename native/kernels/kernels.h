// The kernels: one list, and the arguments of each. A kernel in the list has a place in the table of every
// instruction set, a test on each of them, and a line in the benchmarks; one that is not in the list does not
// exist.
//
// Kernels trust their arguments: every relation has been checked in native/abi/. They allocate nothing, know
// nothing of threads, and include C headers only: their objects are built with instruction-set flags, and an
// inline function of a C++ header that slipped in could become everybody's copy.
#ifndef TOKENSIEVE_KERNELS_KERNELS_H
#define TOKENSIEVE_KERNELS_KERNELS_H
#include <stddef.h>
#include <stdint.h>

#include "tokensieve.h"

namespace tsv {

// A matrix of rows as a caller holds it.
struct Rows {
  const void* data;
  int32_t dtype;   // tsv_dtype: float32, float16 or bfloat16
  int64_t stride;  // elements from row to row; the elements of a row are adjacent
};

// out[i][c] = scale * source[index ? index[i] : first + i][c], as float32
struct LoadRows {
  Rows source;
  const int32_t* index;
  int64_t first;
  int64_t count;
  int64_t columns;
  float scale;
  float* out;
  int64_t out_stride;
};

// out[i] = p == 2 ? sqrt(sum_c source[first + i][c]^2) : sum_c |source[first + i][c]|
struct TokenNorms {
  Rows source;
  int64_t first;
  int64_t count;
  int64_t columns;
  int32_t p;
  float* out;
};

// out[i] = source[index[i]], rows of `row_bytes` bytes
struct GatherTokens {
  const char* source;
  const int32_t* index;
  int64_t count;
  int64_t row_bytes;
  char* out;
};

// Panels for the microkernel out of rows `first` on of the source: see pack_panels.h.
struct PackPanels {
  Rows source;
  const int32_t* index;       // source row of each place, or NULL for the place itself
  const uint8_t* mask;        // by place: 2 packs zeros; or NULL
  const float* column_scale;  // key panels: by place, multiplies the column; or NULL
  int64_t first;
  int64_t columns;  // key panels: places; value panels: elements of a row
  int64_t depth;    // key panels: elements of a row; value panels: places
  float* panels;
};

// x = x * factor + term in registers, `count` times or a few more
struct FmaPeak {
  int64_t count;
  float factor;
  float term;
  float* sum;  // of the results
};

struct ReadPeak {
  const float* source;
  int64_t count;
  float* sum;
};

struct CopyPeak {
  const float* source;
  int64_t count;
  float* out;
};

// The k best of source[0..count-1]: higher value first (lower with largest = false), then lower index.
// mask: 1 always among them, 2 never, and never from `length` on; NULL: all free. The others are at least k.
struct TopK {
  const void* source;
  int32_t dtype;  // float32, float16 or bfloat16
  bool largest;
  bool by_value;  // in order of value; else of index
  int64_t count;
  const uint8_t* mask;
  int64_t length;
  int64_t k;
  int32_t first;     // added to every index
  void* scratch;     // top_k_scratch() bytes, aligned to a vector
  int32_t* indices;  // k
  void* values;      // k of the source's type, or NULL
};

// Places for n elements and for what a vector writes past them.
static inline int64_t top_k_room(int64_t n) { return (n + 15) / 16 * 16 + 32; }
static inline size_t top_k_scratch(int64_t count, int64_t k) {
  return size_t(2 * top_k_room(count) + (4 << 11) + 6 * top_k_room(k)) * sizeof(uint32_t);
}

// What each instruction set offers, beside the kernels: the size of its matrix tile, which decides the
// blocking.
struct KernelShape {
  int32_t isa;
  int32_t lanes;        // floats in a vector
  int32_t tile_rows;    // rows of the product that one microkernel call makes
  int32_t panel_width;  // its columns: two vectors
};

#define TSV_FOR_EACH_KERNEL(X)     \
  X(fma_peak, FmaPeak)             \
  X(read_peak, ReadPeak)           \
  X(copy_peak, CopyPeak)           \
  X(load_rows, LoadRows)           \
  X(token_norms, TokenNorms)       \
  X(gather_tokens, GatherTokens)   \
  X(pack_key_panels, PackPanels)   \
  X(pack_value_panels, PackPanels) \
  X(top_k, TopK)

struct Kernels {
  KernelShape shape;
#define TSV_KERNEL_MEMBER(name, Arguments) void (*name)(const Arguments&);
  TSV_FOR_EACH_KERNEL(TSV_KERNEL_MEMBER)
#undef TSV_KERNEL_MEMBER
};

// One table for each instruction set, made in native/kernels/tables/. The tables are all that leaves those
// objects.
extern "C" {
extern const Kernels tsv_kernels_scalar;
extern const Kernels tsv_kernels_neon;
extern const Kernels tsv_kernels_avx2;
extern const Kernels tsv_kernels_avx512;
}

}  // namespace tsv
#endif
