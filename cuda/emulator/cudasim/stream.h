// Streams: a queue of operations and one thread that runs them in order, so that the host really goes on
// meanwhile. A device's operations take turns, whatever their streams.
#ifndef TOKENSIEVE_CUDASIM_STREAM_H
#define TOKENSIEVE_CUDASIM_STREAM_H
#include <stdint.h>

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "types.h"

namespace cudasim {

class Context;
class Stream;

// The state of a stream after its first `number` operations; without a stream, always reached.
struct Ticket {
  std::shared_ptr<Stream> stream;
  uint64_t number = 0;

  bool done() const;
  void wait() const;
};

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(std::shared_ptr<Context> context, bool blocking);

  // Adds an operation, which runs when those before it and those in `after` are done. A result other than
  // success fails the context, whose operations from then on are passed over: they count as done.
  Ticket enqueue(std::function<Result()> operation, std::vector<Ticket> after = {});
  // Everything enqueued so far.
  Ticket last();
  // No operation follows: the thread ends when it has run what there is.
  void close();

  const std::shared_ptr<Context>& context() const { return context_; }
  // Waits for the legacy default stream, and it for this one.
  bool blocking() const { return blocking_; }

 private:
  friend struct Ticket;
  struct Operation {
    std::function<Result()> run;
    std::vector<Ticket> after;
  };
  void work();
  void run(const Operation& operation);

  const std::shared_ptr<Context> context_;
  const bool blocking_;
  const uint64_t seed_;  // draws pauses before some operations; 0: none
  // Under the streams' mutex
  std::deque<Operation> operations_;
  uint64_t enqueued_ = 0, done_ = 0;
  bool working_ = false, closed_ = false;
};

// Passes over all that is queued, and waits for the threads of all streams to end. No stream works
// afterwards.
void end_streams();

}  // namespace cudasim
#endif
