// Products of small tiles on tensor cores, and the copies that feed them: thin wrappers of PTX instructions.
// Sources are sections of the PTX ISA, version 9.0, by name.
//
// One product is C[16,8] += A[16,16] B[16,8], of float16 or bfloat16 in float32, by a warp of which every
// lane holds a few elements of each matrix (a fragment). With lane = 4 g + t ("Matrix Fragments for
// mma.m16n8k16 with floating point type"):
//
//     A, 4 registers of 2 elements: rows g, g+8, g, g+8; columns 2t, 2t+1, plus 8 in the last two
//     B, 2 registers of 2 elements: column g; rows 2t, 2t+1, plus 8 in the second
//     C, 4 floats: row g, columns 2t and 2t+1; row g+8, columns 2t and 2t+1
//
// sm_75 has a product of depth 8, of float16 only, whose fragments are the halves of these: two of them make
// one of depth 16. Its bfloat16 has no tensor-core form: kHasMma<T> says which.
//
// ldmatrix brings such fragments from shared memory, 8 rows of 16 bytes a matrix, each row at the address
// that one lane gives. The rows of a matrix must lie in 8 different groups of 4 banks, or the instruction
// takes several passes: swizzled() is where to keep a tile's pieces of 16 bytes so that they do.
//
// Tensor cores align the products of a step to the largest and cut what falls off (Fasi, Higham, Mikaitis and
// Pranesh, 2021), so that each step of depth 16 may lose the last bit of its sum: over D elements at most
// about (D/16 + 1) 2^-23 of the sum of absolute products, where FMA in order may lose D 2^-24.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <stdint.h>

namespace tsv {
namespace cuda {

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
constexpr bool kAmpere = true;  // cp.async, products of depth 16 and of bfloat16
#else
constexpr bool kAmpere = false;
#endif

template <class T>
constexpr bool kHasMma = false;
template <>
constexpr bool kHasMma<__half> = true;
template <>
constexpr bool kHasMma<__nv_bfloat16> = kAmpere;

struct FragmentA {
  uint32_t r[4];
};
struct FragmentB {
  uint32_t r[2];
};
struct FragmentC {
  float r[4];
};

// Of this lane in the fragments above: its row of C (the second half lies 8 below) and its column of B; its
// first column of C and A and its first row of B.
__device__ inline int fragment_row() { return int(threadIdx.x & 31) >> 2; }
__device__ inline int fragment_column() { return (int(threadIdx.x) & 3) * 2; }

// ---- Products ("Multiply-and-Accumulate Instruction: mma") ----

template <class T>
__device__ inline void mma(FragmentC& c, const FragmentA& a, const FragmentB& b);

template <>
__device__ inline void mma<__half>(FragmentC& c, const FragmentA& a, const FragmentB& b) {
#if __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c.r[0]), "+f"(c.r[1]), "+f"(c.r[2]), "+f"(c.r[3])
      : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "r"(b.r[0]), "r"(b.r[1]));
#else
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
        : "+f"(c.r[0]), "+f"(c.r[1]), "+f"(c.r[2]), "+f"(c.r[3])
        : "r"(a.r[2 * half]), "r"(a.r[2 * half + 1]), "r"(b.r[half]));
  }
#endif
}

#if __CUDA_ARCH__ >= 800
template <>
__device__ inline void mma<__nv_bfloat16>(FragmentC& c, const FragmentA& a, const FragmentB& b) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c.r[0]), "+f"(c.r[1]), "+f"(c.r[2]), "+f"(c.r[3])
      : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "r"(b.r[0]), "r"(b.r[1]));
}
#endif

// ---- Fragments from shared memory ("Warp-level matrix load instruction: ldmatrix") ----

__device__ inline uint32_t shared_address(const void* pointer) {
  return uint32_t(__cvta_generic_to_shared(pointer));
}

// Four 8x8 matrices of 16-bit elements to r[0..3]: lane 8 i + j gives the address of row j of matrix i. Lane
// 4 g + t gets elements 2t and 2t+1 of row g, or with kTransposed elements of column g in rows 2t and 2t+1.
template <bool kTransposed>
__device__ inline void load_matrices(uint32_t (&r)[4], const void* row) {
  if (kTransposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
  }
}

// Two of them: lanes 0 to 15 give addresses.
template <bool kTransposed>
__device__ inline void load_matrices(uint32_t (&r)[2], const void* row) {
  if (kTransposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(shared_address(row))
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(shared_address(row))
                 : "memory");
  }
}

// Where piece `piece` of 16 bytes of row `row` lies in a tile of rows of kPieces of them, counted in pieces:
// rows follow each other without a gap, and within a row the pieces change places so that any 8 consecutive
// rows have the same piece in 8 different groups of 4 banks. With kPieces = 2^s odd the row itself moves the
// bits of the group from s on, and the exclusive or the s bits below.
template <int kPieces>
__device__ inline int swizzled(int row, int piece) {
  constexpr int kBits = kPieces % 8 == 0 ? 3 : kPieces % 4 == 0 ? 2 : kPieces % 2 == 0 ? 1 : 0;
  return row * kPieces + (piece ^ ((row >> (3 - kBits)) & ((1 << kBits) - 1)));
}

// A tile of rows of kPieces * 8 elements of 16 bits, swizzled. Its elements are read as fragments:
template <class T, int kPieces>
struct Tile {
  uint4* pieces;

  __device__ uint4* at(int row, int piece) const { return pieces + swizzled<kPieces>(row, piece); }

  // A: rows row.. of 16, columns 16 step.. of 16.
  __device__ void load(FragmentA& a, int row, int step) const {
    const int l = int(threadIdx.x) & 31;
    load_matrices<false>(a.r, at(row + (l & 15), 2 * step + (l >> 4)));
  }
  // B of which a column is a row of the tile (its transpose lies here): rows row.. of 16 give two B of 8
  // columns each, of depth 16 from 16 step on.
  __device__ void load(FragmentB& first, FragmentB& second, int row, int step) const {
    const int l = int(threadIdx.x) & 31;
    uint32_t r[4];
    load_matrices<false>(r, at(row + (l & 7) + (l >> 4) * 8, 2 * step + ((l >> 3) & 1)));
    first.r[0] = r[0], first.r[1] = r[1], second.r[0] = r[2], second.r[1] = r[3];
  }
  // B of which a row is a row of the tile: depth is rows row.. of 16; pieces 2 pair and 2 pair + 1 give two B
  // of 8 columns each.
  __device__ void load_transposed(FragmentB& first, FragmentB& second, int row, int pair) const {
    const int l = int(threadIdx.x) & 31;
    uint32_t r[4];
    load_matrices<true>(r, at(row + (l & 15), 2 * pair + (l >> 4)));
    first.r[0] = r[0], first.r[1] = r[1], second.r[0] = r[2], second.r[1] = r[3];
  }
};

// ---- Copies to shared memory ("Non-bulk copy: cp.async") ----

// 8 elements of 16 bits of which `count` are read and the rest are zero, from any address: the copies of rows
// that are not aligned. Never asynchronous.
__device__ inline void copy_elements(void* to, const uint16_t* from, int count) {
  uint32_t r[4];
#pragma unroll
  for (int pair = 0; pair < 4; ++pair) {
    const uint32_t low = 2 * pair < count ? from[2 * pair] : 0;
    const uint32_t high = 2 * pair + 1 < count ? from[2 * pair + 1] : 0;
    r[pair] = low | high << 16;
  }
  *static_cast<uint4*>(to) = make_uint4(r[0], r[1], r[2], r[3]);
}

// 16 bytes to shared memory, of which the first `bytes` come from global memory and the rest are zero;
// nothing is read where bytes is 0. Both addresses at multiples of 16. On sm_80 and up the copy is
// asynchronous: the data is there after commit_copies(), wait_copies() and a barrier; on sm_75 it is a load
// and a store. `bytes` is a multiple of 2.
__device__ inline void copy16(void* to, const void* from, int bytes = 16) {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from),
               "r"(bytes)
               : "memory");
#else
  if (bytes == 16) {
    *static_cast<uint4*>(to) = *static_cast<const uint4*>(from);
  } else {
    copy_elements(to, static_cast<const uint16_t*>(from), bytes / 2);
  }
#endif
}

// Ends a group of copies of this thread.
__device__ inline void commit_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits until at most kPending of this thread's latest groups are under way. Other threads see the data after
// a barrier.
template <int kPending>
__device__ inline void wait_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#endif
}

}  // namespace cuda
}  // namespace tsv
