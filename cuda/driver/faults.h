// What kernels find wrong in data that lies on the device: one record for each stream, in device memory, read
// and cleared in stream order by whoever waits for the stream next.
#ifndef TOKENSIEVE_CUDA_FAULTS_H
#define TOKENSIEVE_CUDA_FAULTS_H
#include <mutex>
#include <unordered_map>
#include <vector>

#include "cuda/driver/driver_api.h"
#include "cuda/kernels/cuda_kernels.h"

namespace tsv {
namespace cuda {

class Call;

class Faults {
 public:
  // The record of the call's stream, for a kernel; NULL when the call has failed.
  FaultRecord* record(Call& call);
  // Kernels that may report are now on the call's stream.
  void expect(Call& call);

  // Enqueues the reading of the call's stream's record, and its clearing. NULL when nothing can have been
  // reported, or the call has failed.
  const FaultRecord* read(Call& call);
  // When the stream has come so far: what was read fails the call if there is a fault, and is handed back.
  void finish(Call& call, const FaultRecord* reading);

  // The stream is about to end.
  void forget(Call& call);

 private:
  struct Stream {
    FaultRecord* record;
    bool expected;  // since it was last read
  };
  FaultRecord* take_reading(Call& call);

  std::mutex mutex_;
  std::unordered_map<CUstream, Stream> streams_;
  std::vector<FaultRecord*> readings_;  // pinned, and free
};

}  // namespace cuda
}  // namespace tsv
#endif
