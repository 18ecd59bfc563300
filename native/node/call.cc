#include "node/call.h"

#include <string.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <unordered_map>
#include <vector>

#include "node/arguments.h"

namespace tsv_node {
namespace {

constexpr size_t kMaxArguments = 4 + kMaxSlots;

napi_value undefined(napi_env env) {
  napi_value value = nullptr;
  napi_get_undefined(env, &value);
  return value;
}

}  // namespace

napi_value outcome(napi_env env, const tsv_context& context) {
  if (context.error.status == TSV_OK) return undefined(env);
  napi_value list, item;
  napi_create_array_with_length(env, 4, &list);
  napi_create_int32(env, context.error.status, &item);
  napi_set_element(env, list, 0, item);
  const char* texts[] = {tsv_argument_path(context.error.argument), context.error.expected,
                         context.error.got};
  for (uint32_t i = 0; i < 3; ++i) {
    napi_create_string_utf8(env, texts[i], NAPI_AUTO_LENGTH, &item);
    napi_set_element(env, list, i + 1, item);
  }
  return list;
}

namespace {

void execute(tsv_context* context, Arguments* arguments) {
  const tsv_status status = arguments->operation->run(context, *arguments);
  if (status != TSV_OK && context->error.status == TSV_OK) context->error.status = status;
}

struct FreeBytes {
  void operator()(char* bytes) const { ::operator delete[](bytes, std::align_val_t(64)); }
};
using Bytes = std::unique_ptr<char[], FreeBytes>;

Bytes allocate(size_t bytes) {
  return Bytes(
      static_cast<char*>(::operator new[](bytes > 0 ? bytes : 1, std::align_val_t(64), std::nothrow)));
}

// Copies of a call's arrays that stand in their place, by slot.
struct Copies {
  Bytes bytes[kMaxSlots];
  bool output[kMaxSlots] = {};

  // False, with an exception pending, when there is no memory for it.
  bool take(napi_env env, const Operation& operation, int i, Slot* slot) {
    bytes[i] = allocate(slot->bytes);
    if (bytes[i] == nullptr) {
      napi_throw_error(env, "ERR_TOKENSIEVE_MEMORY", "no memory for a copy of an argument");
      return false;
    }
    output[i] = i >= operation.inputs;
    if (!output[i]) memcpy(bytes[i].get(), slot->tensor.data, slot->bytes);
    slot->tensor.data = bytes[i].get();
    return true;
  }
};

// A call under way. It owns copies of inputs and of outputs, and keeps the JavaScript arrays it uses in place
// alive.
struct Call {
  std::shared_ptr<Environment> environment;
  uint32_t id = 0;
  volatile int32_t cancelled = 0;
  tsv_context context = {};
  Arguments arguments;
  Copies copies;
  napi_ref held = nullptr;  // an array: the callback, then the arrays by slot
};

}  // namespace

// Calls of one environment. The event loop stays alive while there are any; when the environment ends first,
// its calls are cancelled and waited for, since they write into memory that goes with it.
class Environment : public std::enable_shared_from_this<Environment> {
 public:
  explicit Environment(napi_env env) : env_(env) {
    napi_value name;
    napi_create_string_utf8(env, "tokensieve", NAPI_AUTO_LENGTH, &name);
    napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this,
                                    complete_on_loop, &completed_);
    napi_unref_threadsafe_function(env, completed_);
    napi_add_env_cleanup_hook(
        env, [](void* self) { static_cast<Environment*>(self)->close(); }, this);
  }

  uint32_t begin(std::unique_ptr<Call> call);
  void cancel(uint32_t id) {
    const auto found = calls_.find(id);
    if (found != calls_.end()) found->second->cancelled = 1;
  }

  // From a thread of the package, when a call has run.
  void finished(Call* call) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!closed_) napi_call_threadsafe_function(completed_, call, napi_tsfn_nonblocking);
    --running_;
    idle_.notify_all();
  }

 private:
  static void complete_on_loop(napi_env env, napi_value, void* self, void* call) {
    if (env != nullptr) static_cast<Environment*>(self)->complete(static_cast<Call*>(call));
  }
  void complete(Call* call);
  void close();

  napi_env env_;
  napi_threadsafe_function completed_ = nullptr;
  std::unordered_map<uint32_t, std::unique_ptr<Call>> calls_;  // touched on the environment's own thread only
  uint32_t next_id_ = 0;
  std::mutex mutex_;
  std::condition_variable idle_;
  int running_ = 0;  // or queued
  bool closed_ = false;
};

namespace {

// The thread that runs asynchronous calls, in the order they came; each spreads over the pool. Never
// destroyed: it may still wait for work while the process ends.
class Runner {
 public:
  bool submit(Call* call) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!started_) {
      try {
        std::thread([this] { work(); }).detach();
      } catch (const std::exception&) {
        return false;
      }
      started_ = true;
    }
    queue_.push_back(call);
    ready_.notify_one();
    return true;
  }

  // Takes out what an environment has in the queue; returns how many calls those were.
  int withdraw(const Environment* environment) {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto kept = std::remove_if(queue_.begin(), queue_.end(), [environment](const Call* call) {
      return call->environment.get() == environment;
    });
    const int withdrawn = int(queue_.end() - kept);
    queue_.erase(kept, queue_.end());
    return withdrawn;
  }

 private:
  void work() {
    for (;;) {
      std::unique_lock<std::mutex> lock(mutex_);
      ready_.wait(lock, [this] { return !queue_.empty(); });
      Call* call = queue_.front();
      queue_.pop_front();
      lock.unlock();
      if (call->cancelled != 0) {
        call->context.error.status = TSV_E_CANCELLED;
      } else {
        execute(&call->context, &call->arguments);
      }
      // Of its own: the call, and with it the environment, may be gone before finished() returns.
      const std::shared_ptr<Environment> environment = call->environment;
      environment->finished(call);
    }
  }

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Call*> queue_;
  bool started_ = false;
};

Runner& runner() {
  static Runner* const one = new Runner;
  return *one;
}

}  // namespace

uint32_t Environment::begin(std::unique_ptr<Call> call) {
  Call* raw = call.get();
  raw->environment = shared_from_this();
  do {
    raw->id = ++next_id_;
  } while (calls_.count(raw->id) != 0);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ++running_;
  }
  if (!runner().submit(raw)) {
    std::lock_guard<std::mutex> lock(mutex_);
    --running_;
    return 0;
  }
  calls_.emplace(raw->id, std::move(call));
  if (calls_.size() == 1) napi_ref_threadsafe_function(env_, completed_);
  return raw->id;
}

// Waits for the call that runs, and for none in the queue: before those there may be any number of calls of
// environments that go on.
void Environment::close() {
  for (auto& entry : calls_) entry.second->cancelled = 1;
  const int withdrawn = runner().withdraw(this);
  std::unique_lock<std::mutex> lock(mutex_);
  running_ -= withdrawn;
  closed_ = true;
  idle_.wait(lock, [this] { return running_ == 0; });
  calls_.clear();
}

namespace {

// Copies outputs into the arrays that are to have them: all, or none when the memory of one is gone.
bool hand_over(napi_env env, const napi_value* arrays, const Arguments& arguments, const Copies& copies) {
  ArrayView views[kMaxSlots];
  const int slots = arguments.operation->slots();
  for (int i = 0; i < slots; ++i) {
    if (!copies.output[i]) continue;
    if (!view_array(env, arrays[i], &views[i]) || views[i].bytes < arguments.slots[i].bytes) return false;
  }
  for (int i = 0; i < slots; ++i) {
    if (copies.output[i]) memcpy(views[i].data, copies.bytes[i].get(), arguments.slots[i].bytes);
  }
  return true;
}

}  // namespace

void Environment::complete(Call* call) {
  const auto found = calls_.find(call->id);
  const std::unique_ptr<Call> owned = std::move(found->second);
  calls_.erase(found);
  if (calls_.empty()) napi_unref_threadsafe_function(env_, completed_);

  napi_handle_scope scope;
  napi_open_handle_scope(env_, &scope);
  napi_value held, callback, receiver = undefined(env_), result = outcome(env_, owned->context);
  napi_get_reference_value(env_, owned->held, &held);
  napi_get_element(env_, held, 0, &callback);
  napi_value arrays[kMaxSlots];
  for (int i = 0; i < owned->arguments.operation->slots(); ++i)
    napi_get_element(env_, held, uint32_t(i) + 1, &arrays[i]);
  if (owned->context.error.status == TSV_OK && !hand_over(env_, arrays, owned->arguments, owned->copies))
    napi_create_string_utf8(env_, "detached", NAPI_AUTO_LENGTH, &result);
  napi_delete_reference(env_, owned->held);
  napi_call_function(env_, receiver, callback, 1, &result, nullptr);
  napi_close_handle_scope(env_, scope);
}

Environment* make_environment(napi_env env) {
  auto* owner = new std::shared_ptr<Environment>(std::make_shared<Environment>(env));
  napi_set_instance_data(
      env, owner,
      [](napi_env, void* data, void*) { delete static_cast<std::shared_ptr<Environment>*>(data); }, nullptr);
  return owner->get();
}

namespace {

// Whether a slot shares memory with an output: copies would hide that from the check that refuses it.
bool overlaps_output(const Arguments& arguments, int slot) {
  const Operation& operation = *arguments.operation;
  const auto begin = [&](int i) { return static_cast<const char*>(arguments.slots[i].tensor.data); };
  for (int i = 0; i < operation.slots(); ++i) {
    if (i == slot || !arguments.slots[i].present || (i < operation.inputs && slot < operation.inputs))
      continue;
    if (begin(i) < begin(slot) + arguments.slots[slot].bytes &&
        begin(slot) < begin(i) + arguments.slots[i].bytes)
      return true;
  }
  return false;
}

// At once. What other threads could change meanwhile, and would lead the call astray, is copied first.
napi_value call_now(napi_env env, napi_callback_info info, bool check_only) {
  size_t argc = kMaxArguments;
  napi_value argv[kMaxArguments];
  napi_get_cb_info(env, info, &argc, argv, nullptr, nullptr);
  Arguments arguments;
  if (!read_call(env, argc, argv, &arguments)) return nullptr;
  const Operation& operation = *arguments.operation;
  bool apart[kMaxSlots];
  for (int i = 0; i < operation.slots(); ++i) {
    const Slot& slot = arguments.slots[i];
    apart[i] = slot.present && slot.shared && operation.decides(i, slot.tensor.dtype) &&
               !overlaps_output(arguments, i);
  }
  Copies copies;
  for (int i = 0; i < operation.slots(); ++i) {
    if (apart[i] && !copies.take(env, operation, i, &arguments.slots[i])) return nullptr;
  }
  tsv_context context = {};
  context.size = sizeof context;
  context.check_only = check_only;
  context.stream = arguments.stream;
  execute(&context, &arguments);
  if (!check_only && context.error.status == TSV_OK) hand_over(env, argv + 2, arguments, copies);
  return outcome(env, context);
}

}  // namespace

napi_value run_sync(napi_env env, napi_callback_info info) { return call_now(env, info, false); }

napi_value check_sync(napi_env env, napi_callback_info info) { return call_now(env, info, true); }

napi_value time_run(napi_env env, napi_callback_info info) {
  size_t argc = kMaxArguments;
  napi_value argv[kMaxArguments];
  napi_get_cb_info(env, info, &argc, argv, nullptr, nullptr);
  uint32_t count = 0;
  if (argc < 2 || napi_get_value_uint32(env, argv[0], &count) != napi_ok || count == 0) {
    napi_throw_error(env, "ERR_TOKENSIEVE_INTERNAL",
                     "timeRun() takes a number of calls and what run() takes");
    return nullptr;
  }
  Arguments arguments;
  if (!read_call(env, argc - 1, argv + 1, &arguments)) return nullptr;
  const auto begin = std::chrono::steady_clock::now();
  for (uint32_t i = 0; i < count; ++i) {
    tsv_context context = {};
    context.size = sizeof context;
    context.stream = arguments.stream;
    execute(&context, &arguments);
    if (context.error.status != TSV_OK) return outcome(env, context);
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  napi_value result;
  napi_create_double(env, seconds.count() / count, &result);
  return result;
}

napi_value start_async(napi_env env, napi_callback_info info) {
  size_t argc = kMaxArguments;
  napi_value argv[kMaxArguments];
  void* data;
  napi_get_cb_info(env, info, &argc, argv, nullptr, &data);
  uint32_t copied = 0;
  if (argc < 4 || napi_get_value_uint32(env, argv[2], &copied) != napi_ok) {
    napi_throw_error(env, "ERR_TOKENSIEVE_INTERNAL",
                     "start() takes an operation, a header, bits, a callback and arrays");
    return nullptr;
  }
  const napi_value callback = argv[3];
  memmove(argv + 2, argv + 4, (argc - 4) * sizeof *argv);
  argc -= 2;

  std::unique_ptr<Call> call(new (std::nothrow) Call);
  if (call == nullptr) {
    napi_throw_error(env, "ERR_TOKENSIEVE_MEMORY", "no memory for a call");
    return nullptr;
  }
  if (!read_call(env, argc, argv, &call->arguments)) return nullptr;
  const Operation& operation = *call->arguments.operation;
  for (int i = 0; i < operation.slots(); ++i) {
    Slot& slot = call->arguments.slots[i];
    if (!slot.present) continue;
    const bool apart = i < operation.inputs ? !slot.shared || operation.decides(i, slot.tensor.dtype)
                                            : ((copied >> (i - operation.inputs)) & 1) != 0;
    if (apart && !call->copies.take(env, operation, i, &slot)) return nullptr;
  }

  napi_value held;
  napi_create_array_with_length(env, size_t(operation.slots()) + 1, &held);
  napi_set_element(env, held, 0, callback);
  for (int i = 0; i < operation.slots(); ++i) napi_set_element(env, held, uint32_t(i) + 1, argv[2 + i]);
  napi_create_reference(env, held, 1, &call->held);
  call->context.size = sizeof call->context;
  call->context.cancelled = &call->cancelled;

  const napi_ref reference = call->held;
  const uint32_t id = static_cast<Environment*>(data)->begin(std::move(call));
  if (id == 0) {
    napi_delete_reference(env, reference);
    napi_throw_error(env, "ERR_TOKENSIEVE_MEMORY", "the system gives no thread for asynchronous calls");
    return nullptr;
  }
  napi_value result;
  napi_create_uint32(env, id, &result);
  return result;
}

napi_value cancel_async(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  void* data;
  uint32_t id = 0;
  napi_get_cb_info(env, info, &argc, argv, nullptr, &data);
  if (argc == 1 && napi_get_value_uint32(env, argv[0], &id) == napi_ok)
    static_cast<Environment*>(data)->cancel(id);
  return undefined(env);
}

}  // namespace tsv_node
