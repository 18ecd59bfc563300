// Rows of any float type to float32, scaled, all or each by itself: what every product reads its left side
// from. One load, one multiplication and one store an element; the limit is memory.
#ifndef TOKENSIEVE_KERNELS_LOAD_ROWS_H
#define TOKENSIEVE_KERNELS_LOAD_ROWS_H
#include "kernels/kernels.h"

namespace {

// A vector of elements of one stored type: the first n of them, or all.
template <class V, int kType>
struct Stored;

template <class V>
struct Stored<V, TSV_FLOAT32> {
  using Element = float;
  static inline typename V::F load(const float* p) { return V::load(p); }
  static inline typename V::F load(const float* p, int n) { return V::load(p, n); }
  static inline void store(float* p, typename V::F x, int n) { V::store(p, x, n); }
};

template <class V>
struct Stored<V, TSV_FLOAT16> {
  using Element = uint16_t;
  static inline typename V::F load(const uint16_t* p) { return V::load_float16(p); }
  static inline typename V::F load(const uint16_t* p, int n) { return V::load_float16(p, n); }
  static inline void store(uint16_t* p, typename V::F x, int n) { V::store_float16(p, x, n); }
};

template <class V>
struct Stored<V, TSV_BFLOAT16> {
  using Element = uint16_t;
  static inline typename V::F load(const uint16_t* p) { return V::load_bfloat16(p); }
  static inline typename V::F load(const uint16_t* p, int n) { return V::load_bfloat16(p, n); }
  static inline void store(uint16_t* p, typename V::F x, int n) { V::store_bfloat16(p, x, n); }
};

// Runs body<type>(arguments) for the element type that the data has.
#define TSV_DISPATCH_TYPE(dtype, body, ...) \
  switch (dtype) { \
    case TSV_FLOAT16: \
      return body<V, TSV_FLOAT16>(__VA_ARGS__); \
    case TSV_BFLOAT16: \
      return body<V, TSV_BFLOAT16>(__VA_ARGS__); \
    default: \
      return body<V, TSV_FLOAT32>(__VA_ARGS__); \
  }

// A row of which no hardware prefetcher knows that it comes next.
template <class V, class Element>
inline void fetch_row(const Element* row, int64_t columns) {
  for (int64_t c = 0; c < columns; c += 64 / int64_t(sizeof(Element))) V::prefetch(row + c);
}

// The block after this one is fetched while this one is worked on: between two loads lie tens of
// microseconds, after which the hardware's prefetchers have forgotten the stream.
template <class V, class Element>
inline void fetch_next_rows(const Element* last_row, const tsv::LoadRows& a) {
  const char* next = reinterpret_cast<const char*>(last_row + a.source.stride);
  const int64_t row_bytes = a.columns * int64_t(sizeof(Element)),
                stride_bytes = a.source.stride * int64_t(sizeof(Element));
  for (int64_t i = 0; i < a.count; ++i) {
    for (int64_t byte = 0; byte < row_bytes; byte += 64) V::prefetch(next + i * stride_bytes + byte);
  }
}

template <class V, int kType>
void load_rows_of(const tsv::LoadRows& a) {
  using S = Stored<V, kType>;
  const auto* source = static_cast<const typename S::Element*>(a.source.data);
  for (int64_t i = 0; i < a.count; ++i) {
    const typename V::F scale = V::set(a.row_scale != nullptr ? a.scale * a.row_scale[i] : a.scale);
    const auto* row = source + (a.index != nullptr ? a.index[i] : a.first + i) * a.source.stride;
    float* out = a.out + i * a.out_stride;
    int64_t c = 0;
    for (; c + V::kLanes <= a.columns; c += V::kLanes) V::store(out + c, V::mul(S::load(row + c), scale));
    if (c < a.columns) {
      const int rest = int(a.columns - c);
      V::store(out + c, V::mul(S::load(row + c, rest), scale), rest);
    }
    if (i + 1 == a.count && a.index == nullptr) fetch_next_rows<V>(row, a);
  }
}

template <class V>
void load_rows(const tsv::LoadRows& a) {
  TSV_DISPATCH_TYPE(a.source.dtype, load_rows_of, a);
}

}  // namespace
#endif
