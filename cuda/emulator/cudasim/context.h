// Contexts: whom streams, events, modules and memory belong to, and what fails as one.
#ifndef TOKENSIEVE_CUDASIM_CONTEXT_H
#define TOKENSIEVE_CUDASIM_CONTEXT_H
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "../emulator.h"
#include "device.h"
#include "handles.h"
#include "stream.h"

namespace cudasim {

class Context : public std::enable_shared_from_this<Context> {
 public:
  explicit Context(Device& device);

  Device& device() const { return device_; }
  Handle handle = nullptr;

  // The error that every call answers with from now on; the first one stays.
  void fail(Result error);
  Result failure() const { return Result(failure_.load()); }

  std::shared_ptr<Stream> create_stream(bool blocking);
  // The stream of a handle, the default ones included; null for one that is unknown.
  std::shared_ptr<Stream> find_stream(Handle handle);
  // Adds an operation to a stream, after what the rules of the default stream put before it.
  Ticket enqueue(const std::shared_ptr<Stream>& stream, std::function<Result()> operation,
                 std::vector<Ticket> after = {});
  // Waits for all streams.
  void synchronize();

  // Ends its streams, and takes away all that belongs to it.
  void destroy();
  bool destroyed() const { return destroyed_; }

 private:
  Device& device_;
  std::atomic<int> failure_{kSuccess};
  std::atomic<bool> destroyed_{false};
  std::mutex mutex_;
  std::shared_ptr<Stream> legacy_;
  std::map<std::thread::id, std::shared_ptr<Stream>> per_thread_;
  std::vector<std::weak_ptr<Stream>> streams_;  // the created ones
};

struct Event {
  std::shared_ptr<Context> context;
  bool timed = true;
  std::mutex mutex;
  Ticket ticket;                                 // of the last record
  std::shared_ptr<std::atomic<int64_t>> moment;  // nanoseconds, when that record was reached; null before one
};

struct LoadedModule;

struct Function {
  std::weak_ptr<LoadedModule> module;
  const tsv_sim::Kernel* kernel = nullptr;
  std::atomic<int> most_dynamic_shared{0};  // bytes
};

struct LoadedModule {
  std::shared_ptr<Context> context;
  std::unique_ptr<tsv_sim::Module> module;
  std::mutex mutex;
  std::map<std::string, Handle> functions;
};

// Forgets the module's functions and frees its variables; nothing may be running.
void unload(LoadedModule& loaded);

Handles<Context, HandleKind::kContext>& contexts();
Handles<Stream, HandleKind::kStream>& streams();
Handles<Event, HandleKind::kEvent>& events();
Handles<LoadedModule, HandleKind::kModule>& modules();
Handles<Function, HandleKind::kFunction>& functions();
Handles<Pool, HandleKind::kPool>& pools();

// Whether cuInit has been called, this is the process that called it, and no host function is running:
// else the error to return.
Result ready();
void set_initialized();

// The calling thread's stack of contexts.
std::vector<std::shared_ptr<Context>>& context_stack();

// Marks the thread that runs a host function, which may not call the driver.
struct HostFunctionScope {
  HostFunctionScope();
  ~HostFunctionScope();
};

// Runs an entry point in the thread's current context: no context, a destroyed and a failed one are told
// before.
template <class Body>
Result in_context(Body body) {
  if (const Result result = ready()) return result;
  if (context_stack().empty()) return kInvalidContext;
  const std::shared_ptr<Context> context = context_stack().back();
  if (context->destroyed()) return kContextIsDestroyed;
  if (const Result failure = context->failure()) return failure;
  return body(*context);
}

// The same for what gives something back: that is done even in a failed context, as far as the client's
// account goes.
template <class Body>
Result giving_back(Body body) {
  if (const Result result = ready()) return result;
  if (context_stack().empty()) return kInvalidContext;
  const std::shared_ptr<Context> context = context_stack().back();
  if (context->destroyed()) return kContextIsDestroyed;
  const Result failure = context->failure();
  const Result result = body(*context);
  return failure != kSuccess ? failure : result;
}

}  // namespace cudasim
#endif
