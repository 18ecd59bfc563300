// Pinned host memory between the host's arrays and a device: what is copied into it can travel while the
// host's own memory is free to change.
#ifndef TOKENSIEVE_CUDA_STAGING_H
#define TOKENSIEVE_CUDA_STAGING_H
#include <stddef.h>
#include <stdint.h>

#include <mutex>
#include <vector>

#include "cuda/driver/driver_api.h"

namespace tsv {
namespace cuda {

class Call;

// Blocks of pinned memory in turn: each is used again when the event behind its copies has come.
class Staging {
 public:
  static constexpr size_t kBlockBytes = 256 << 10;
  struct Block {
    char* data;
    CUevent event;
  };

  // A block that nothing uses, in place of an empty one; `data` is NULL when the call has failed.
  Block take(Call& call);
  // To be used again when what the call's stream has now is done.
  void give_back(Call& call, const Block& block);

 private:
  static constexpr size_t kMostInFlight = 32;
  std::mutex mutex_;
  std::vector<Block> in_flight_;  // the oldest first
};

// Bytes of the host's that go to the device in a call's stream order, through as few blocks as they fill.
class Upload {
 public:
  explicit Upload(Call& call) : call_(call) {}
  ~Upload() { finish(); }
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  // `from` may change as soon as this returns.
  bool copy(void* to, const void* from, size_t bytes);
  // Hands its block back.
  void finish();

 private:
  Call& call_;
  Staging::Block block_ = {nullptr, nullptr};
  size_t used_ = 0;
};

}  // namespace cuda
}  // namespace tsv
#endif
