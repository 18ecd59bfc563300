// out = activation(a b + bias): a [groups][M][K], b [K][N] or its transpose [N][K], one or a group each.
//
// A block of 128 threads makes 64 x 64 of one product, whole in depth (product.cuh); blocks of a column of
// tiles come after each other, so that those at work together read the same b. Equal types of 16 bits go
// through tensor cores, all others through FMA in float32. Edges are filled up with zeros in shared memory:
// by the copies where rows are aligned to 16 bytes, 4 or 8 threads a row of 64 or 128 bytes; else element by
// element, 16 or 32 threads a row. The result goes through shared memory too, a row of 64 elements after the
// other, so that 32 lanes write next to each other.
//
// 2 M N K flops; (M K + K N) reads of which a block of tiles reads each 64th part, M N written. Tensor cores'
// peak, or float32's, is the limit from K of a few hundred on, the bandwidth of memory below that. Model for
// an H100 (989 TFLOP/s in 16 bits, 67 in float32, 3.35 TB/s): 577 x 1024 by 1024 x 4096 takes 4.9 us in 16
// bits by flops and 4.3 us by bytes, 72 us in float32. 16.1 KB of shared memory a block.
#include <type_traits>

#include "product.cuh"

namespace tsv {
namespace cuda {

__device__ inline float activate(float x, int32_t activation) {
  switch (activation) {
    case TSV_ACTIVATION_GELU:
      return 0.5f * x * (1.0f + erff(x * 0.707106781f));
    case TSV_ACTIVATION_GELU_TANH:
      return 0.5f * x * (1.0f + tanhf(0.797884561f * fmaf(0.044715f, x * x * x, x)));
    case TSV_ACTIVATION_RELU:
      return x < 0.0f ? 0.0f : x;  // a NaN stays
    case TSV_ACTIVATION_TANH:
      return tanhf(x);
    default:
      return x;
  }
}

// Elements of one type, or of a type that only the call knows.
template <class T>
struct Elements {
  using Element = T;
  const T* data;
  __device__ Elements(const void* from, int32_t) : data(static_cast<const T*>(from)) {}
  __device__ float at(int64_t i) const { return to_float(data[i]); }
};
struct AnyType {};
template <>
struct Elements<AnyType> {
  const void* data;
  int32_t dtype;
  __device__ Elements(const void* from, int32_t type) : data(from), dtype(type) {}
  __device__ float at(int64_t i) const {
    switch (dtype) {
      case TSV_FLOAT16:
        return to_float(static_cast<const __half*>(data)[i]);
      case TSV_BFLOAT16:
        return to_float(static_cast<const __nv_bfloat16*>(data)[i]);
      default:
        return static_cast<const float*>(data)[i];
    }
  }
};

// A matrix that a stage is filled from: `rows` by `columns`, dense.
template <class T>
struct Matrix {
  Elements<T> elements;
  int64_t first;  // element of its first row
  int64_t rows;
  int32_t columns;
  bool aligned;  // every row begins at a multiple of 16 bytes
};

template <class T>
__device__ inline Matrix<T> make_matrix(const void* data, int32_t dtype, int64_t first, int64_t rows,
                                        int32_t columns) {
  const Elements<T> elements(data, dtype);
  bool aligned = false;
  if constexpr (!std::is_same<T, AnyType>::value) {
    aligned = aligned16(elements.data + first) && columns % Chunk<T>::kCount == 0;
  }
  return {elements, first, rows, columns, aligned};
}

// kRows by 16 kPieces bytes of a matrix from (row, column) on, swizzled where kSwizzled, zeros past its ends.
template <class Element, int kRows, int kPieces, bool kSwizzled, class T>
__device__ inline void fill(uint4* to, const Matrix<T>& m, int64_t row, int32_t column) {
  constexpr int kCount = 16 / sizeof(Element), kWidth = kPieces * kCount;
  const auto place = [](int r, int piece) {
    return kSwizzled ? swizzled<kPieces>(r, piece) : r * kPieces + piece;
  };
  if constexpr (std::is_same<T, Element>::value) {
    if (m.aligned) {
#pragma unroll
      for (int i = 0; i < kRows * kPieces / kProductThreads; ++i) {
        const int at = int(threadIdx.x) + i * kProductThreads, r = at / kPieces, piece = at % kPieces;
        const bool inside = row + r < m.rows && column + piece * kCount < m.columns;
        const T* from = m.elements.data + m.first;
        if (inside) from += (row + r) * m.columns + column + piece * kCount;
        copy16(&to[place(r, piece)], from, inside ? 16 : 0);
      }
      return;
    }
  }
#pragma unroll 2
  for (int i = 0; i < kRows * kWidth / kProductThreads; ++i) {
    const int at = int(threadIdx.x) + i * kProductThreads, r = at / kWidth, c = at % kWidth;
    const bool inside = row + r < m.rows && column + c < m.columns;
    const float x = inside ? m.elements.at(m.first + (row + r) * m.columns + column + c) : 0.0f;
    reinterpret_cast<Element*>(&to[place(r, c / kCount)])[c % kCount] = from_float<Element>(x);
  }
}

template <class T>
__device__ inline void store(const MatmulArguments& a, int64_t at, float x) {
  static_cast<T*>(a.out)[at] = from_float<T>(x);
}
template <>
__device__ inline void store<AnyType>(const MatmulArguments& a, int64_t at, float x) {
  switch (a.a_dtype) {
    case TSV_FLOAT16:
      return store<__half>(a, at, x);
    case TSV_BFLOAT16:
      return store<__nv_bfloat16>(a, at, x);
    default:
      return store<float>(a, at, x);
  }
}

// Where element (row, column) of a block's result lies until it is written: lanes that hold 8 rows write
// pairs of it to 4 groups of banks at a time.
__device__ inline int result_place(int row, int column) {
  return row * kProductTile + (column ^ ((row & 3) << 3));
}

template <class T, class Product, bool kTransposed>
__device__ inline void multiply(const MatmulArguments& a, ProductStage (&stages)[2]) {
  using Element = typename Product::Element;
  constexpr int kDepth = Product::kDepth, kColumnPieces = kProductTile * sizeof(Element) / 16;
  const int64_t row_tiles = (a.rows + kProductTile - 1) / kProductTile, group = blockIdx.y;
  const int64_t row = blockIdx.x % row_tiles * kProductTile;
  const int32_t column = int32_t(blockIdx.x / row_tiles) * kProductTile;
  const auto left = make_matrix<T>(a.a, a.a_dtype, group * a.rows * a.depth, a.rows, a.depth);
  const auto right = make_matrix<T>(a.b, a.b_dtype, group * a.b_stride, kTransposed ? a.columns : a.depth,
                                    kTransposed ? a.depth : a.columns);
  const int steps = a.depth <= kDepth ? 1 : (a.depth + kDepth - 1) / kDepth;
  for_each_product<Product>(
      stages, 1, steps,
      [&](ProductStage& stage, int, int step) {
        fill<Element, kProductTile, kProductPieces, true>(stage.a, left, row, step * kDepth);
        if (kTransposed) {
          fill<Element, kProductTile, kProductPieces, true>(stage.b, right, column, step * kDepth);
        } else {
          fill<Element, kDepth, kColumnPieces, sizeof(Element) == 2>(stage.b, right, step * kDepth, column);
        }
      },
      [&](const Product& product, int) {
        __syncthreads();  // the stages are no longer read
        float* result = reinterpret_cast<float*>(stages);
#pragma unroll
        for (int r = 0; r < Product::kRowCount; ++r) {
#pragma unroll
          for (int c = 0; c < Product::kColumnCount; ++c) {
            result[result_place(Product::row(r), Product::column(c))] = product.value(r, c);
          }
        }
        __syncwarp();
        for (int r = warp() * 16; r < warp() * 16 + 16 && row + r < a.rows; ++r) {
#pragma unroll
          for (int half = 0; half < 2; ++half) {
            const int32_t c = half * kWarp + lane();
            if (column + c >= a.columns) continue;
            float x = result[result_place(r, c)];
            if (a.bias != nullptr) x += a.bias[column + c];
            store<T>(a, (group * a.rows + row + r) * a.columns + column + c, activate(x, a.activation));
          }
        }
      });
}

template <class T, class Tiles>
__device__ inline void matmul(const MatmulArguments& a) {
  __shared__ ProductStage stages[2];
  static_assert(sizeof stages >= kProductTile * kProductTile * sizeof(float), "a result fits the stages");
  if (a.transposed != 0) {
    multiply<T, ProductTile<Tiles, true>, true>(a, stages);
  } else {
    multiply<T, ProductTile<Tiles, false>, false>(a, stages);
  }
}

}  // namespace cuda
}  // namespace tsv

using namespace tsv::cuda;

#define TSV_MATMUL(suffix, T, Tiles, blocks) \
  extern "C" __global__ void __launch_bounds__(kProductThreads, blocks) \
      tsv_matmul_##suffix(const MatmulArguments a) { \
    matmul<T, Tiles>(a); \
  }
TSV_MATMUL(f32, float, float, 2)
TSV_MATMUL(f16, __half, __half, 3)
TSV_MATMUL(bf16, __nv_bfloat16, __nv_bfloat16, 3)
TSV_MATMUL(mixed, AnyType, float, 3)
