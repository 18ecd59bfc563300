// Working memory of kernels: one block per thread, grown when needed and kept up to a limit, so that a call
// of a hundred microseconds does not spend them on page faults.
#ifndef TOKENSIEVE_RUNTIME_WORKSPACE_H
#define TOKENSIEVE_RUNTIME_WORKSPACE_H
#include <stddef.h>
#include <stdint.h>

namespace tsv {

constexpr size_t kAlignment = 64;

inline size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

class Workspace {
 public:
  // Memory that lives while this object does, NULL when it cannot be had.
  explicit Workspace(size_t bytes);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  bool ok() const { return start_ != nullptr; }

  // The next `count` elements, aligned to a cache line.
  template <class T>
  T* take(size_t count) {
    T* taken = reinterpret_cast<T*>(start_ + used_);
    used_ += aligned(count * sizeof(T));
    return taken;
  }

 private:
  char* start_;
  size_t used_ = 0;
  bool kept_;
};

// Adds up what a Workspace must hold.
class WorkspaceSize {
 public:
  template <class T>
  WorkspaceSize& add(size_t count) {
    bytes_ += aligned(count * sizeof(T));
    return *this;
  }
  size_t bytes() const { return bytes_ + kAlignment; }

 private:
  size_t bytes_ = 0;
};

}  // namespace tsv
#endif
