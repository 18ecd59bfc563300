// A row moved as bytes by a warp, in the widest words that all rows are aligned to: 16 bytes a lane, so that
// a request is 512 contiguous bytes, 16 sectors, and four of them are under way at a time.
#pragma once
#include "common.cuh"

namespace tsv {
namespace cuda {

// What a warp moves of a row: long rows are shared out.
constexpr int64_t kRowPiece = 2048;

template <class Word>
__device__ inline void copy_words(const char* from, int64_t bytes, char* to) {
  constexpr int kAtOnce = 4;
  const auto* source = reinterpret_cast<const Word*>(from);
  auto* out = reinterpret_cast<Word*>(to);
  const int words = int(bytes / int64_t(sizeof(Word)));
  for (int first = lane(); first < words; first += kAtOnce * kWarp) {
    Word word[kAtOnce];
#pragma unroll
    for (int w = 0; w < kAtOnce; ++w) {
      const int at = first + w * kWarp;
      if (at < words) word[w] = from != nullptr ? source[at] : Word{};
    }
#pragma unroll
    for (int w = 0; w < kAtOnce; ++w) {
      const int at = first + w * kWarp;
      if (at < words) out[at] = word[w];
    }
  }
}

// Piece `piece` of a row; zeros from NULL. `word` divides the row and every address.
__device__ inline void copy_piece(const char* from, int64_t row_bytes, int64_t piece, int32_t word,
                                  char* to) {
  const int64_t first = piece * kRowPiece, left = row_bytes - first;
  const int64_t bytes = left < kRowPiece ? left : kRowPiece;
  const char* source = from != nullptr ? from + first : nullptr;
  switch (word) {
    case 16:
      return copy_words<uint4>(source, bytes, to + first);
    case 8:
      return copy_words<uint2>(source, bytes, to + first);
    case 4:
      return copy_words<uint32_t>(source, bytes, to + first);
    case 2:
      return copy_words<uint16_t>(source, bytes, to + first);
    default:
      return copy_words<uint8_t>(source, bytes, to + first);
  }
}

}  // namespace cuda
}  // namespace tsv
