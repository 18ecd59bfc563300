// place[i][0..k-1] = the k columns with the greatest products a_i . b_j, and those products, best first: the
// neighbours of each token. Equal products go to the lower column; one that is NaN is never among them, and
// places that nothing was found for are -1.
//
// The microkernel of tile.h over the packed columns; its sums never reach memory as a matrix. Each row keeps
// a heap of its best so far, the worst on top, and a vector of products costs one comparison with that: a
// column that enters costs log2 k steps, and of columns in no order k (1 + ln(columns / k)) a row enter.
// Columns come in ascending order and only a strictly greater product replaces, so the lowest index stays. 2
// flops per (row, column, k); the limit is the FMA peak, but for columns that come from worst to best.
//
// The columns that fill up the last panel must give NaN. candidate_columns.h as for similarity_argmax.h.
#ifndef TOKENSIEVE_KERNELS_SIMILARITY_TOP_K_H
#define TOKENSIEVE_KERNELS_SIMILARITY_TOP_K_H
#include <math.h>

#include "kernels/candidate_columns.h"
#include "kernels/kernels.h"

namespace {

// The best of one row: a heap by value, and by column where values are equal, of which the top is the worst.
struct BestHeap {
  float* value;
  int32_t* column;

  inline bool worse(float v, int32_t c, int64_t than) const {
    return v < value[than] || (v == value[than] && c > column[than]);
  }
  inline void put(int64_t at, float v, int32_t c) const {
    value[at] = v;
    column[at] = c;
  }
  // Lets an element rise from the end of a heap that it makes one larger.
  inline void rise(int64_t at, float v, int32_t c) const {
    while (at > 0) {
      const int64_t parent = (at - 1) / 2;
      if (!worse(v, c, parent)) break;
      put(at, value[parent], column[parent]);
      at = parent;
    }
    put(at, v, c);
  }
  // Lets an element sink from the top of a heap of `count`, in place of the one there.
  inline void sink(int64_t count, float v, int32_t c) const {
    int64_t at = 0;
    for (int64_t child = 1; child < count; child = 2 * at + 1) {
      if (child + 1 < count && worse(value[child + 1], column[child + 1], child)) ++child;
      if (worse(v, c, child)) break;
      put(at, value[child], column[child]);
      at = child;
    }
    put(at, v, c);
  }
  // From a heap to the best first.
  void sort(int64_t count) const {
    for (int64_t last = count - 1; last > 0; --last) {
      const float v = value[last];
      const int32_t c = column[last];
      put(last, value[0], column[0]);
      sink(last, v, c);
    }
  }
};

template <class V>
struct TopKEpilogue {
  float* best;
  int32_t* place;
  int32_t* found;
  int64_t k;
  int32_t column;
  template <int kVectors>
  inline void operator()(int r, typename V::F (&sums)[kVectors]) const {
    const float worst = found[r] == k ? best[r * k] : -INFINITY;
    TSV_UNROLL for (int v = 0; v < kVectors; ++v) {
      const bool full = found[r] == k;
      const unsigned in = full ? V::bits(V::greater(sums[v], V::set(worst))) : 1;
      if (in != 0) enter(r, sums[v], column + v * V::kLanes);
    }
  }
  void enter(int r, typename V::F sums, int32_t first) const {
    const BestHeap heap = {best + r * k, place + r * k};
    alignas(64) float value[V::kLanes];
    V::store(value, sums);
    const unsigned nan = V::bits(V::nan(sums));
    for (int lane = 0; lane < V::kLanes; ++lane) {
      if ((nan >> lane & 1) != 0) continue;
      if (found[r] < k) {
        heap.rise(found[r]++, value[lane], first + lane);
      } else if (value[lane] > heap.value[0]) {
        heap.sink(k, value[lane], first + lane);
      }
    }
  }
};

template <class V>
void similarity_top_k(const tsv::SimilarityTopK& a) {
  for (int64_t i = 0; i < a.rows; ++i) a.found[i] = 0;
  product_of_candidates<V>(a, [&](int64_t row, int64_t column) {
    return TopKEpilogue<V>{a.best + row * a.k, a.place + row * a.k, a.found + row, a.k, int32_t(column)};
  });
  for (int64_t i = 0; i < a.rows; ++i) {
    BestHeap{a.best + i * a.k, a.place + i * a.k}.sort(a.found[i]);
    for (int64_t n = a.found[i]; n < a.k; ++n) {
      a.best[i * a.k + n] = NAN;
      a.place[i * a.k + n] = -1;
    }
  }
}

}  // namespace
#endif
