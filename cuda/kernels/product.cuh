// Products of rows with rows, C[64,64] += A[64,depth] B[64,depth]^T, and of rows with columns, A B, by a
// block of 128 threads; what becomes of C is the caller's, in registers.
//
// A warp has 16 rows and all 64 columns, so that a maximum or a sum along a row stays within a warp. A and B
// come through shared memory in steps of 64 bytes a row, 16 floats or 32 elements of 16 bits: two stages of 8
// KB, of which one is filled by cp.async while the other is multiplied (sm_80 and up; sm_75 loads and
// stores). Pieces of 16 bytes are swizzled (mma.cuh), so that neither ldmatrix nor 16-byte loads meet a bank
// twice.
//
//   16 bits   mma.m16n8k16, on sm_75 two m16n8k8 of float16: a lane has 2 rows and 16 columns. A step of 16
//             costs 5 ldmatrix and 8 mma.
//   float32   FMA: a lane has 8 rows and 4 columns, and 4 elements of depth cost 12 loads of 16 bytes and 128
//             FMA. bfloat16 on sm_75, and types that differ, are widened on their way to shared memory.
//
// Each element of C is one chain of sums in order of depth: it depends on nothing but its row and column.
#pragma once
#include "common.cuh"
#include "mma.cuh"

namespace tsv {
namespace cuda {

constexpr int kProductThreads = 128;
constexpr int kProductPieces = 4;  // of 16 bytes, in a row of a stage

struct ProductStage {
  uint4 a[kProductTile * kProductPieces];
  uint4 b[kProductTile * kProductPieces];
};

// C by FMA. With kRows a column of B is a row of its stage, else a row of B is.
template <bool kRows>
struct FmaTile {
  using Element = float;
  static constexpr int kRowCount = 8, kColumnCount = 4;  // of a lane
  static constexpr int kRowLanes = 16;                   // that share a row, all with one upper half
  static constexpr int kDepth = 16;                      // of a step
  float sums[kRowCount][kColumnCount];

  __device__ static int row(int r) { return warp() * 16 + 2 * r + (lane() >> 4); }
  __device__ static int column(int c) { return kRows ? (lane() & 15) + 16 * c : (lane() & 15) * 4 + c; }
  __device__ float value(int r, int c) const { return sums[r][c]; }

  __device__ void clear() {
#pragma unroll
    for (int r = 0; r < kRowCount; ++r) {
#pragma unroll
      for (int c = 0; c < kColumnCount; ++c) sums[r][c] = 0.0f;
    }
  }

  __device__ void multiply(const ProductStage& stage) {
    const auto* a = reinterpret_cast<const float4*>(stage.a);
    const auto* b = reinterpret_cast<const float4*>(stage.b);
#pragma unroll
    for (int piece = 0; piece < kProductPieces; ++piece) {
      float factor[4][kColumnCount];  // by depth
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float4 four =
            kRows ? b[swizzled<kProductPieces>(column(i), piece)] : b[(4 * piece + i) * 16 + (lane() & 15)];
        const float elements[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
        for (int e = 0; e < 4; ++e) factor[kRows ? e : i][kRows ? i : e] = elements[e];
      }
#pragma unroll
      for (int r = 0; r < kRowCount; ++r) {
        const float4 four = a[swizzled<kProductPieces>(row(r), piece)];
        const float elements[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
        for (int e = 0; e < 4; ++e) {
#pragma unroll
          for (int c = 0; c < kColumnCount; ++c) sums[r][c] = fmaf(elements[e], factor[e][c], sums[r][c]);
        }
      }
    }
  }
};

// C on tensor cores.
template <class T, bool kRows>
struct MmaTile {
  using Element = T;
  static constexpr int kRowCount = 2, kColumnCount = 16, kRowLanes = 4, kDepth = 32;
  FragmentC sums[kColumnCount / 2];

  __device__ static int row(int r) { return warp() * 16 + fragment_row() + 8 * r; }
  __device__ static int column(int c) { return 8 * (c / 2) + fragment_column() + c % 2; }
  __device__ float value(int r, int c) const { return sums[c / 2].r[2 * r + c % 2]; }

  __device__ void clear() {
#pragma unroll
    for (FragmentC& sum : sums) {
#pragma unroll
      for (float& x : sum.r) x = 0.0f;
    }
  }

  __device__ void multiply(ProductStage& stage) {
    const Tile<T, kProductPieces> a = {stage.a};
#pragma unroll
    for (int step = 0; step < kDepth / 16; ++step) {
      FragmentA rows;
      a.load(rows, warp() * 16, step);
#pragma unroll
      for (int pair = 0; pair < kColumnCount / 4; ++pair) {
        FragmentB first, second;
        if (kRows) {
          Tile<T, kProductPieces>{stage.b}.load(first, second, 16 * pair, step);
        } else {
          Tile<T, 2 * kProductPieces>{stage.b}.load_transposed(first, second, 16 * step, pair);
        }
        mma<T>(sums[2 * pair], rows, first);
        mma<T>(sums[2 * pair + 1], rows, second);
      }
    }
  }
};

template <class T, bool kRows, bool kTensorCores = kHasMma<T>>
struct ProductTileOf {
  using Type = FmaTile<kRows>;
};
template <class T, bool kRows>
struct ProductTileOf<T, kRows, true> {
  using Type = MmaTile<T, kRows>;
};
// The tile for elements of type T: FMA for what tensor cores do not take.
template <class T, bool kRows = true>
using ProductTile = typename ProductTileOf<T, kRows>::Type;

// Multiplies `tiles` pairs of tiles, each `steps` deep: load(stage, tile, step) fills a stage by copy16() or
// by stores, and use(product, tile) gets each C.
template <class Product, class Load, class Use>
__device__ inline void for_each_product(ProductStage (&stages)[2], int tiles, int steps, const Load& load,
                                        const Use& use) {
  if (tiles == 0) return;
  load(stages[0], 0, 0);
  commit_copies();
  Product product;
  product.clear();
  int filled = 0;
  for (int tile = 0, step = 0; tile < tiles;) {
    const int next_step = step + 1 == steps ? 0 : step + 1, next_tile = tile + (next_step == 0);
    wait_copies<0>();
    __syncthreads();  // the stage is full, and the other one is no longer read
    if (next_tile < tiles) {
      load(stages[filled ^ 1], next_tile, next_step);
      commit_copies();
    }
    product.multiply(stages[filled]);
    if (next_step == 0) {
      use(product, tile);
      product.clear();
    }
    tile = next_tile;
    step = next_step;
    filled ^= 1;
  }
}

// ---- Filling a stage ----

// 16 bytes of elements, from memory that is aligned to as many elements and holds them all.
template <class Element, class T>
__device__ inline void copy_piece(uint4* to, const T* from) {
  if constexpr (sizeof(Element) == sizeof(T)) {
    copy16(to, from);
  } else {
    const uint2 four = *reinterpret_cast<const uint2*>(from);
    const T* narrow = reinterpret_cast<const T*>(&four);
    float* wide = reinterpret_cast<float*>(to);
    *reinterpret_cast<float4*>(wide) =
        make_float4(to_float(narrow[0]), to_float(narrow[1]), to_float(narrow[2]), to_float(narrow[3]));
  }
}

// A step of 64 rows that lie whole and aligned, `stride` elements apart: 4 threads a row, 64 bytes in a row.
template <class Product, class T>
__device__ inline void copy_rows(uint4 (&to)[kProductTile * kProductPieces], const T* from, int64_t stride) {
  constexpr int kElements = 16 / sizeof(typename Product::Element);
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const int at = int(threadIdx.x) + i * kProductThreads, row = at / kProductPieces,
              piece = at % kProductPieces;
    copy_piece<typename Product::Element>(&to[swizzled<kProductPieces>(row, piece)],
                                          from + row * stride + piece * kElements);
  }
}

}  // namespace cuda
}  // namespace tsv
