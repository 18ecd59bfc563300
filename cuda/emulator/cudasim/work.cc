#include "work.h"

#include "context.h"
#include "faults.h"

namespace cudasim {

Result enqueue_work(const std::shared_ptr<Stream>& stream, FailurePoint point, const std::string& what,
                    std::function<Result()> operation, Ticket* ticket) {
  const Result failure = pass(point);
  if (failure != kSuccess && !is_sticky(failure)) return failure;
  if (failure != kSuccess)
    operation = [failure, what] { return report_fault(failure, what + " was to fail"); };
  const Ticket enqueued = stream->context()->enqueue(stream, std::move(operation));
  if (ticket != nullptr) *ticket = enqueued;
  return enqueued.stream ? kSuccess : kDeinitialized;
}

}  // namespace cudasim
