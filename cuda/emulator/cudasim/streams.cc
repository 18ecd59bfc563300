// Streams, events, host functions.
#include <chrono>

#include "context.h"
#include "entry_points.h"
#include "failures.h"

namespace cudasim {
namespace {

int64_t now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
}

template <class Body>
Result with_stream(Handle handle, Body body) {
  return in_context([&](Context& context) {
    const std::shared_ptr<Stream> stream = context.find_stream(handle);
    return stream ? body(stream) : kInvalidHandle;
  });
}

template <class Body>
Result with_event(Handle handle, Body body) {
  return in_context([&](Context&) {
    const std::shared_ptr<Event> event = events().find(handle);
    if (!event) return kInvalidHandle;
    const std::lock_guard<std::mutex> lock(event->mutex);
    return body(*event);
  });
}

}  // namespace

Result cuStreamCreate(Handle* stream, unsigned flags) { return cuStreamCreateWithPriority(stream, flags, 0); }

Result cuStreamCreateWithPriority(Handle* stream, unsigned flags, int) {
  return in_context([&](Context& context) {
    if (stream == nullptr || (flags & ~unsigned(kStreamNonBlocking)) != 0) return kInvalidValue;
    if (const Result failure = pass(FailurePoint::stream)) return failure;
    *stream = streams().add(context.create_stream((flags & kStreamNonBlocking) == 0));
    return kSuccess;
  });
}

Result cuStreamDestroy_v2(Handle stream) {
  return giving_back([&](Context&) {
    const std::shared_ptr<Stream> found = streams().take(stream);
    if (!found) return kInvalidHandle;
    found->close();
    return kSuccess;
  });
}

Result cuStreamSynchronize(Handle stream) {
  return with_stream(stream, [](const std::shared_ptr<Stream>& found) {
    found->last().wait();
    return found->context()->failure();
  });
}

Result cuStreamQuery(Handle stream) {
  return with_stream(stream, [](const std::shared_ptr<Stream>& found) {
    if (!found->last().done()) return kNotReady;
    return found->context()->failure();
  });
}

Result cuStreamGetCtx(Handle stream, Handle* context) {
  return with_stream(stream, [&](const std::shared_ptr<Stream>& found) {
    if (context == nullptr) return kInvalidValue;
    *context = found->context()->handle;
    return kSuccess;
  });
}

Result cuStreamWaitEvent(Handle stream, Handle event, unsigned flags) {
  return with_stream(stream, [&](const std::shared_ptr<Stream>& found) {
    if (flags != 0) return kInvalidValue;
    return with_event(event, [&](Event& awaited) {
      if (awaited.ticket.stream) found->context()->enqueue(found, [] { return kSuccess; }, {awaited.ticket});
      return kSuccess;
    });
  });
}

Result cuEventCreate(Handle* event, unsigned flags) {
  return in_context([&](Context& context) {
    if (event == nullptr || (flags & ~unsigned(kEventBlockingSync | kEventDisableTiming)) != 0)
      return kInvalidValue;
    if (const Result failure = pass(FailurePoint::event)) return failure;
    auto made = std::make_shared<Event>();
    made->context = context.shared_from_this();
    made->timed = (flags & kEventDisableTiming) == 0;
    *event = events().add(std::move(made));
    return kSuccess;
  });
}

Result cuEventDestroy_v2(Handle event) {
  return giving_back([&](Context&) { return events().take(event) ? kSuccess : kInvalidHandle; });
}

Result cuEventRecord(Handle event, Handle stream) {
  return with_stream(stream, [&](const std::shared_ptr<Stream>& found) {
    return with_event(event, [&](Event& recorded) {
      if (recorded.context != found->context()) return kInvalidHandle;
      recorded.moment = std::make_shared<std::atomic<int64_t>>(0);
      recorded.ticket = found->context()->enqueue(found, [moment = recorded.moment] {
        *moment = now();
        return kSuccess;
      });
      return kSuccess;
    });
  });
}

Result cuEventQuery(Handle event) {
  return with_event(
      event, [](Event& queried) { return queried.ticket.done() ? queried.context->failure() : kNotReady; });
}

Result cuEventSynchronize(Handle event) {
  Ticket ticket;
  const Result result = with_event(event, [&](Event& awaited) {
    ticket = awaited.ticket;
    return kSuccess;
  });
  if (result != kSuccess) return result;
  ticket.wait();
  return in_context([](Context&) { return kSuccess; });  // or what failed meanwhile
}

// Of the host's clock: how long the emulator took, not what a device would.
Result cuEventElapsedTime(float* milliseconds, Handle start, Handle end) {
  const auto moment_of = [](Handle handle, int64_t* moment) {
    return with_event(handle, [&](Event& event) {
      if (!event.timed || !event.moment) return kInvalidHandle;
      if (!event.ticket.done()) return kNotReady;
      *moment = *event.moment;
      return kSuccess;
    });
  };
  if (milliseconds == nullptr) return kInvalidValue;
  int64_t from = 0, to = 0;
  if (const Result result = moment_of(start, &from)) return result;
  if (const Result result = moment_of(end, &to)) return result;
  *milliseconds = float(double(to - from) * 1e-6);
  return kSuccess;
}

// Not called in a context that has failed, as the driver does it.
Result cuLaunchHostFunc(Handle stream, HostFunction function, void* user) {
  return with_stream(stream, [&](const std::shared_ptr<Stream>& found) {
    if (function == nullptr) return kInvalidValue;
    found->context()->enqueue(found, [function, user] {
      const HostFunctionScope scope;
      function(user);
      return kSuccess;
    });
    return kSuccess;
  });
}

}  // namespace cudasim
