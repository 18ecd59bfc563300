#include "context.h"

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace cudasim {
namespace {

// The process that called cuInit: a fork has none of its threads.
std::atomic<int64_t> initialized_process{0};
thread_local bool in_host_function = false;

int64_t this_process() {
#if defined(__unix__) || defined(__APPLE__)
  return getpid();
#else
  return 1;
#endif
}

// Objects that threads may still use while static objects are destroyed.
template <class T>
T& lasting() {
  static T* const object = new T;
  return *object;
}

}  // namespace

Handles<Context, HandleKind::kContext>& contexts() {
  return lasting<Handles<Context, HandleKind::kContext>>();
}
Handles<Stream, HandleKind::kStream>& streams() { return lasting<Handles<Stream, HandleKind::kStream>>(); }
Handles<Event, HandleKind::kEvent>& events() { return lasting<Handles<Event, HandleKind::kEvent>>(); }
Handles<LoadedModule, HandleKind::kModule>& modules() {
  return lasting<Handles<LoadedModule, HandleKind::kModule>>();
}
Handles<Function, HandleKind::kFunction>& functions() {
  return lasting<Handles<Function, HandleKind::kFunction>>();
}
Handles<Pool, HandleKind::kPool>& pools() { return lasting<Handles<Pool, HandleKind::kPool>>(); }

Result ready() {
  if (initialized_process.load() != this_process()) return kNotInitialized;
  return in_host_function ? kNotPermitted : kSuccess;
}

void set_initialized() { initialized_process = this_process(); }

std::vector<std::shared_ptr<Context>>& context_stack() {
  thread_local std::vector<std::shared_ptr<Context>> stack;
  return stack;
}

HostFunctionScope::HostFunctionScope() { in_host_function = true; }
HostFunctionScope::~HostFunctionScope() { in_host_function = false; }

Context::Context(Device& device) : device_(device) {}

void Context::fail(Result error) {
  int none = kSuccess;
  if (!failure_.compare_exchange_strong(none, error)) return;
  none = kSuccess;
  device_.failure.compare_exchange_strong(none, error);
}

std::shared_ptr<Stream> Context::create_stream(bool blocking) {
  auto stream = std::make_shared<Stream>(shared_from_this(), blocking);
  const std::lock_guard<std::mutex> lock(mutex_);
  streams_.push_back(stream);
  return stream;
}

std::shared_ptr<Stream> Context::find_stream(Handle handle) {
  const auto number = reinterpret_cast<uintptr_t>(handle);
  if (number > kPerThreadStream) return streams().find(handle);
  const std::lock_guard<std::mutex> lock(mutex_);
  std::shared_ptr<Stream>& stream =
      number == kPerThreadStream ? per_thread_[std::this_thread::get_id()] : legacy_;
  if (!stream) stream = std::make_shared<Stream>(shared_from_this(), number == kPerThreadStream);
  return stream;
}

Ticket Context::enqueue(const std::shared_ptr<Stream>& stream, std::function<Result()> operation,
                        std::vector<Ticket> after) {
  const std::lock_guard<std::mutex> lock(mutex_);  // or two streams could each miss the other's operation
  if (stream == legacy_) {
    for (const auto& other : per_thread_) after.push_back(other.second->last());
    for (const auto& weak : streams_) {
      const std::shared_ptr<Stream> other = weak.lock();
      if (other && other->blocking()) after.push_back(other->last());
    }
  } else if (stream->blocking() && legacy_) {
    after.push_back(legacy_->last());
  }
  return stream->enqueue(std::move(operation), std::move(after));
}

void Context::synchronize() {
  std::vector<Ticket> tickets;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (legacy_) tickets.push_back(legacy_->last());
    for (const auto& other : per_thread_) tickets.push_back(other.second->last());
    std::vector<std::weak_ptr<Stream>> living;
    for (const auto& weak : streams_) {
      if (const std::shared_ptr<Stream> stream = weak.lock()) {
        tickets.push_back(stream->last());
        living.push_back(weak);
      }
    }
    streams_ = std::move(living);
  }
  for (const Ticket& ticket : tickets) ticket.wait();
}

void Context::destroy() {
  destroyed_ = true;
  const auto ours = [this](const auto& object) { return object.context.get() == this; };
  std::vector<std::shared_ptr<Stream>> ending =
      streams().take_if([this](const Stream& stream) { return stream.context().get() == this; });
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (legacy_) ending.push_back(std::move(legacy_));
    for (auto& entry : per_thread_) ending.push_back(std::move(entry.second));
    per_thread_.clear();
  }
  for (const auto& stream : ending) {
    stream->last().wait();
    stream->close();
  }
  events().take_if(ours);
  for (const auto& module : modules().take_if(ours)) unload(*module);
  device_.release_all(*this);
}

void unload(LoadedModule& loaded) {
  for (const auto& entry : loaded.functions) functions().take(entry.second);
  const std::lock_guard<std::mutex> working(loaded.context->device().work);
  loaded.module->unload(loaded.context->device().memory);
}

}  // namespace cudasim
