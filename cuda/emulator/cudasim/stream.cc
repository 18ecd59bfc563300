#include "stream.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "context.h"
#include "settings.h"

namespace cudasim {
namespace {

// One mutex for the queues of all streams: operations are long, queues are short.
struct Shared {
  std::mutex mutex;
  std::condition_variable changed;
  int workers = 0;
  uint64_t streams = 0;
  bool ending = false;
};

Shared& shared() {
  static Shared* const shared = new Shared;  // threads may outlive static objects
  return *shared;
}

// splitmix64
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

uint64_t stream_seed() {
  Shared& all = shared();
  const std::lock_guard<std::mutex> lock(all.mutex);
  ++all.streams;
  return settings().seed != 0 ? mix(settings().seed ^ mix(all.streams)) | 1 : 0;
}

}  // namespace

bool Ticket::done() const {
  if (!stream) return true;
  const std::lock_guard<std::mutex> lock(shared().mutex);
  return stream->done_ >= number;
}

void Ticket::wait() const {
  if (!stream) return;
  std::unique_lock<std::mutex> lock(shared().mutex);
  shared().changed.wait(lock, [this] { return stream->done_ >= number; });
}

Stream::Stream(std::shared_ptr<Context> context, bool blocking)
    : context_(std::move(context)), blocking_(blocking), seed_(stream_seed()) {}

Ticket Stream::enqueue(std::function<Result()> operation, std::vector<Ticket> after) {
  Shared& all = shared();
  const std::lock_guard<std::mutex> lock(all.mutex);
  if (all.ending) return {};
  operations_.push_back({std::move(operation), std::move(after)});
  ++enqueued_;
  if (!working_) {
    working_ = true;
    ++all.workers;
    std::thread([self = shared_from_this()]() mutable {
      self->work();
      self.reset();  // may be the last reference, and must go while the process still waits for this thread
      Shared& left = shared();
      const std::lock_guard<std::mutex> end(left.mutex);
      --left.workers;
      left.changed.notify_all();
    }).detach();
  }
  all.changed.notify_all();
  return {shared_from_this(), enqueued_};
}

Ticket Stream::last() {
  const std::lock_guard<std::mutex> lock(shared().mutex);
  return {shared_from_this(), enqueued_};
}

void Stream::close() {
  const std::lock_guard<std::mutex> lock(shared().mutex);
  closed_ = true;
  shared().changed.notify_all();
}

void Stream::work() {
  Shared& all = shared();
  std::unique_lock<std::mutex> lock(all.mutex);
  for (;;) {
    all.changed.wait(lock, [&] { return !operations_.empty() || closed_ || all.ending; });
    if (operations_.empty()) {
      working_ = false;
      return;
    }
    Operation operation = std::move(operations_.front());
    operations_.pop_front();
    for (const Ticket& ticket : operation.after)
      all.changed.wait(lock, [&] { return !ticket.stream || ticket.stream->done_ >= ticket.number; });
    const bool passed_over = all.ending;
    lock.unlock();
    if (!passed_over) run(operation);
    operation = {};  // lets go of what it held before anybody hears that it is done
    lock.lock();
    ++done_;
    all.changed.notify_all();
  }
}

void Stream::run(const Operation& operation) {
  // Now and then: that is enough for a missing wait to show, and tests of many small calls stay short.
  const uint64_t drawn = mix(seed_ ^ done_);
  if (seed_ != 0 && drawn % 8 == 0)
    std::this_thread::sleep_for(std::chrono::microseconds((drawn >> 32) % 300));
  if (context_->failure() != kSuccess) return;
  const Result result = operation.run();
  if (result != kSuccess) context_->fail(result);
}

void end_streams() {
  Shared& all = shared();
  std::unique_lock<std::mutex> lock(all.mutex);
  all.ending = true;
  all.changed.notify_all();
  all.changed.wait(lock, [&] { return all.workers == 0; });
}

}  // namespace cudasim
