// A row moved as bytes: what gathering, restoring and merging do to most of theirs.
//
// An output that no cache will hold is written past the caches: a line is then not read before it is
// overwritten, which is a third of what a copy moves. On Zen 4 rows of 16 KB go 1.9 times as fast so (53 GB/s
// of read and written together), but an output that fits a cache a third slower. Only whole lines go that
// way; the ends of a row share theirs with its neighbours.
#ifndef TOKENSIEVE_KERNELS_COPY_ROW_H
#define TOKENSIEVE_KERNELS_COPY_ROW_H
#include <stdint.h>
#include <string.h>

namespace {

template <class V>
inline void copy_row(const char* from, size_t bytes, [[maybe_unused]] bool streamed, char* out) {
  if constexpr (V::kStreams) {
    constexpr size_t kLine = 64;
    if (streamed && bytes >= 4 * kLine) {
      const size_t head = (kLine - reinterpret_cast<uintptr_t>(out) % kLine) % kLine;
      const size_t end = head + (bytes - head) / kLine * kLine;
      memcpy(out, from, head);
      for (size_t at = head; at < end; at += V::kLanes * sizeof(float)) {
        V::stream(reinterpret_cast<float*>(out + at), V::load(reinterpret_cast<const float*>(from + at)));
      }
      out += end, from += end, bytes -= end;
    }
  }
  memcpy(out, from, bytes);
}

// After the rows of a call.
template <class V>
inline void end_rows([[maybe_unused]] bool streamed) {
  if constexpr (V::kStreams) {
    if (streamed) V::stream_end();
  }
}

}  // namespace
#endif
