// Work on a stream that a failure may have been armed for.
#ifndef TOKENSIEVE_CUDASIM_WORK_H
#define TOKENSIEVE_CUDASIM_WORK_H
#include <functional>
#include <memory>
#include <string>

#include "failures.h"
#include "stream.h"

namespace cudasim {

// Enqueues an operation, unless the point fails: an error that ends contexts strikes when the stream gets
// there, any other is returned. `ticket`, if given, takes the operation's.
Result enqueue_work(const std::shared_ptr<Stream>& stream, FailurePoint point, const std::string& what,
                    std::function<Result()> operation, Ticket* ticket = nullptr);

}  // namespace cudasim
#endif
