#include "node/device_work.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "node/arguments.h"
#include "node/call.h"

namespace tsv_node {
namespace {

// Somebody who waits for what is on a stream now, and perhaps for a copy of it. The copy is made on the
// device when it is asked for, so that what the stream does next cannot change it, and travels on a stream of
// its own, so that it need not wait for that.
struct Waiting {
  int32_t device = 0;
  tsv_context context = {};
  void* event = nullptr;
  void* copy = nullptr;  // NULL: no download
  void* copies = nullptr;
  ArrayView to = {};
  napi_ref held = nullptr;  // an array: the callback, and the array that a copy goes to
};

// What one JavaScript environment (the main thread, or a worker) has on devices. Its thread waits for
// streams, in the order in which it was asked to, so that the event loop does not. When the environment ends,
// what it asked for is waited for, and its memory and streams go.
class DeviceWork {
 public:
  explicit DeviceWork(napi_env env) : env_(env) {
    napi_value name;
    napi_create_string_utf8(env, "tokensieve", NAPI_AUTO_LENGTH, &name);
    napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this,
                                    complete_on_loop, &completed_);
    napi_unref_threadsafe_function(env, completed_);
    napi_add_env_cleanup_hook(
        env, [](void* self) { static_cast<DeviceWork*>(self)->close(); }, this);
  }

  void opened(int32_t device, void* stream) { streams_[stream].device = device; }
  void allocated(void* stream, void* pointer) { streams_[stream].memory.insert(pointer); }
  void released(void* stream, void* pointer) { streams_[stream].memory.erase(pointer); }
  void close_stream(tsv_context* context, void* stream);
  // The stream on which copies of `stream` travel.
  tsv_status copies_of(tsv_context* context, void* stream, void** copies);

  // Takes over `waiting`, unless the system gives no thread.
  bool wait(std::unique_ptr<Waiting>& waiting);

 private:
  struct Stream {
    int32_t device = 0;
    void* copies = nullptr;
    std::unordered_set<void*> memory;
  };

  static void complete_on_loop(napi_env env, napi_value, void* self, void* waiting) {
    if (env != nullptr) static_cast<DeviceWork*>(self)->complete(static_cast<Waiting*>(waiting));
  }
  void complete(Waiting* waiting);
  void work();
  void close();

  napi_env env_;
  napi_threadsafe_function completed_ = nullptr;
  // Touched on the environment's own thread only.
  std::unordered_map<void*, Stream> streams_;
  std::unordered_map<Waiting*, std::unique_ptr<Waiting>> waiting_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_, idle_;
  std::deque<Waiting*> queue_;
  std::unordered_map<void*, int> awaited_;  // streams, and how many wait for each
  bool closed_ = false;
};

// Waiting ends the event, so it is done even when nobody wants to know any more.
void run(Waiting* waiting, bool wanted) {
  tsv_context* const context = &waiting->context;
  tsv_status status = tsv_cuda_wait(context, waiting->device, waiting->event);
  if (waiting->copy != nullptr) {
    tsv_context travel = {};
    travel.size = sizeof travel;
    // After a failure the copy may still be under way on its own stream.
    travel.stream = status == TSV_OK ? waiting->copies : context->stream;
    if (status == TSV_OK && wanted) {
      status =
          tsv_cuda_download(&travel, waiting->device, waiting->to.data, waiting->copy, waiting->to.bytes);
      context->error = travel.error;
    }
    tsv_cuda_release(&travel, waiting->device, waiting->copy);
  }
  if (status != TSV_OK && context->error.status == TSV_OK) context->error.status = status;
}

bool DeviceWork::wait(std::unique_ptr<Waiting>& waiting) {
  if (!thread_.joinable()) {
    try {
      thread_ = std::thread([this] { work(); });
    } catch (const std::exception&) {
      return false;
    }
  }
  Waiting* raw = waiting.get();
  waiting_.emplace(raw, std::move(waiting));
  if (waiting_.size() == 1) napi_ref_threadsafe_function(env_, completed_);
  std::lock_guard<std::mutex> lock(mutex_);
  queue_.push_back(raw);
  ++awaited_[raw->context.stream];
  changed_.notify_one();
  return true;
}

void DeviceWork::work() {
  for (;;) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Waiting* next = queue_.front();
    queue_.pop_front();
    const bool wanted = !closed_;
    lock.unlock();
    run(next, wanted);
    lock.lock();
    if (--awaited_[next->context.stream] == 0) awaited_.erase(next->context.stream);
    idle_.notify_all();
    if (!closed_) napi_call_threadsafe_function(completed_, next, napi_tsfn_nonblocking);
  }
}

void DeviceWork::complete(Waiting* waiting) {
  const auto found = waiting_.find(waiting);
  const std::unique_ptr<Waiting> owned = std::move(found->second);
  waiting_.erase(found);
  if (waiting_.empty()) napi_unref_threadsafe_function(env_, completed_);

  napi_handle_scope scope;
  napi_open_handle_scope(env_, &scope);
  napi_value held, callback, receiver, result = outcome(env_, owned->context);
  napi_get_undefined(env_, &receiver);
  napi_get_reference_value(env_, owned->held, &held);
  napi_get_element(env_, held, 0, &callback);
  napi_delete_reference(env_, owned->held);
  napi_call_function(env_, receiver, callback, 1, &result, nullptr);
  napi_close_handle_scope(env_, scope);
}

void DeviceWork::close_stream(tsv_context* context, void* stream) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  const Stream owned = std::move(found->second);
  streams_.erase(found);
  {
    std::unique_lock<std::mutex> lock(mutex_);
    idle_.wait(lock, [this, stream] { return awaited_.count(stream) == 0; });
  }
  context->stream = stream;
  // A device that has failed may refuse to release; closing its stream then says so.
  for (void* pointer : owned.memory) tsv_cuda_release(context, owned.device, pointer);
  tsv_cuda_close_stream(context, owned.device);
  if (owned.copies == nullptr) return;
  context->stream = owned.copies;
  tsv_cuda_close_stream(context, owned.device);
}

tsv_status DeviceWork::copies_of(tsv_context* context, void* stream, void** copies) {
  Stream& owned = streams_[stream];
  tsv_status status = TSV_OK;
  if (owned.copies == nullptr) status = tsv_cuda_open_stream(context, owned.device, &owned.copies);
  *copies = owned.copies;
  return status;
}

void DeviceWork::close() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  waiting_.clear();
  while (!streams_.empty()) {
    tsv_context context = {};
    context.size = sizeof context;
    close_stream(&context, streams_.begin()->first);
  }
}

// A call of one of the functions: the device, the stream, and numbers or arrays after them.
class Request {
 public:
  Request(napi_env env, napi_callback_info info) : env_(env) {
    void* data;
    napi_get_cb_info(env, info, &count_, values_, nullptr, &data);
    work_ = static_cast<DeviceWork*>(data);
    context_.size = sizeof context_;
    context_.stream = pointer(1);
  }

  napi_env env() const { return env_; }
  DeviceWork& work() const { return *work_; }
  tsv_context* context() { return &context_; }
  int32_t device() const { return int32_t(number(0)); }
  void* stream() const { return context_.stream; }
  napi_value value(size_t i) const { return values_[i]; }
  bool has(size_t i) const { return i < count_; }
  void* pointer(size_t i) const { return address(number(i)); }
  double number(size_t i) const {
    double number = 0;
    if (i < count_) napi_get_value_double(env_, values_[i], &number);
    return number;
  }
  // What a typed array holds: nothing when it is none, or its memory is gone.
  ArrayView array(size_t i) const {
    ArrayView view = {};
    if (i >= count_ || !view_array(env_, values_[i], &view)) view.bytes = 0;
    return view;
  }

  // What JavaScript gets: what went wrong, or undefined.
  napi_value result(tsv_status status) {
    if (status != TSV_OK && context_.error.status == TSV_OK) context_.error.status = status;
    return outcome(env_, context_);
  }
  // What went wrong, or a number.
  napi_value result_number(tsv_status status, double made) {
    if (status != TSV_OK) return result(status);
    napi_value number;
    napi_create_double(env_, made, &number);
    return number;
  }
  // What went wrong, or a pointer as a number.
  napi_value result(tsv_status status, const void* made) {
    return result_number(status, double(reinterpret_cast<uintptr_t>(made)));
  }

 private:
  napi_env env_;
  DeviceWork* work_ = nullptr;
  napi_value values_[6] = {};
  size_t count_ = 6;
  tsv_context context_ = {};
};

// cudaOpen(device): a stream
napi_value open(napi_env env, napi_callback_info info) {
  Request request(env, info);
  void* stream = nullptr;
  const tsv_status status = tsv_cuda_open_stream(request.context(), request.device(), &stream);
  if (status == TSV_OK) request.work().opened(request.device(), stream);
  return request.result(status, stream);
}

// cudaClose(device, stream): waits for it, and hands back all of its memory
napi_value close(napi_env env, napi_callback_info info) {
  Request request(env, info);
  request.work().close_stream(request.context(), request.stream());
  return request.result(TSV_OK);
}

// cudaAllocate(device, stream, bytes): a pointer
napi_value allocate(napi_env env, napi_callback_info info) {
  Request request(env, info);
  void* pointer = nullptr;
  const tsv_status status =
      tsv_cuda_allocate(request.context(), request.device(), uint64_t(request.number(2)), &pointer);
  if (status == TSV_OK) request.work().allocated(request.stream(), pointer);
  return request.result(status, pointer);
}

// cudaRelease(device, stream, pointer)
napi_value release(napi_env env, napi_callback_info info) {
  Request request(env, info);
  request.work().released(request.stream(), request.pointer(2));
  return request.result(tsv_cuda_release(request.context(), request.device(), request.pointer(2)));
}

// cudaUpload(device, stream, pointer, bytes, array): 'detached' when the array no longer has so many bytes
napi_value upload(napi_env env, napi_callback_info info) {
  Request request(env, info);
  const uint64_t bytes = uint64_t(request.number(3));
  const ArrayView from = request.array(4);
  if (from.bytes < bytes) {
    napi_value detached;
    napi_create_string_utf8(env, "detached", NAPI_AUTO_LENGTH, &detached);
    return detached;
  }
  return request.result(
      tsv_cuda_upload(request.context(), request.device(), request.pointer(2), from.data, bytes));
}

// cudaDownload(device, stream, pointer, array): waits
napi_value download(napi_env env, napi_callback_info info) {
  Request request(env, info);
  const ArrayView to = request.array(3);
  return request.result(
      tsv_cuda_download(request.context(), request.device(), to.data, request.pointer(2), to.bytes));
}

// cudaClear(device, stream, pointer, bytes)
napi_value clear(napi_env env, napi_callback_info info) {
  Request request(env, info);
  return request.result(
      tsv_cuda_clear(request.context(), request.device(), request.pointer(2), uint64_t(request.number(3))));
}

// cudaFollow(device, stream, other): what the stream gets from now on comes after what the other has now
napi_value follow(napi_env env, napi_callback_info info) {
  Request request(env, info);
  return request.result(tsv_cuda_follow(request.context(), request.device(), request.pointer(2)));
}

// cudaSynchronize(device, stream)
napi_value synchronize(napi_env env, napi_callback_info info) {
  Request request(env, info);
  return request.result(tsv_cuda_synchronize(request.context(), request.device()));
}

// cudaMark(device, stream): a mark on the stream
napi_value mark(napi_env env, napi_callback_info info) {
  Request request(env, info);
  void* made = nullptr;
  const tsv_status status = tsv_cuda_mark(request.context(), request.device(), &made);
  return request.result(status, made);
}

// cudaElapsed(device, stream, begin, end): seconds between two marks, which end
napi_value elapsed(napi_env env, napi_callback_info info) {
  Request request(env, info);
  double seconds = 0;
  const tsv_status status =
      tsv_cuda_elapsed(request.context(), request.device(), request.pointer(2), request.pointer(3), &seconds);
  return request.result_number(status, seconds);
}

// cudaCeiling(device, stream, ceiling, size): flops or bytes a second, one sample
napi_value ceiling(napi_env env, napi_callback_info info) {
  Request request(env, info);
  double rate = 0;
  const tsv_status status = tsv_cuda_measure_ceiling(
      request.context(), request.device(), int32_t(request.number(2)), int64_t(request.number(3)), &rate);
  return request.result_number(status, rate);
}

// A copy on the device of what its stream has made at `from` by then.
tsv_status snapshot(Request& request, const void* from, Waiting* waiting) {
  tsv_context* const context = request.context();
  const int32_t device = request.device();
  const size_t bytes = waiting->to.bytes;
  if (bytes == 0) return TSV_OK;
  tsv_status status = request.work().copies_of(context, request.stream(), &waiting->copies);
  if (status == TSV_OK) status = tsv_cuda_allocate(context, device, bytes, &waiting->copy);
  if (status == TSV_OK) status = tsv_cuda_copy(context, device, waiting->copy, from, bytes);
  return status;
}

// cudaWhenDone(device, stream, callback, [pointer, array]): calls back when what is on the stream now has
// run, the array then being a copy of what lay at the pointer.
napi_value when_done(napi_env env, napi_callback_info info) {
  Request request(env, info);
  std::unique_ptr<Waiting> waiting(new (std::nothrow) Waiting);
  if (waiting == nullptr) return request.result(TSV_E_MEMORY);
  waiting->device = request.device();
  waiting->context.size = sizeof waiting->context;
  waiting->context.stream = request.stream();
  tsv_status status = TSV_OK;
  const bool is_download = request.has(4);
  if (is_download) {
    waiting->to = request.array(4);
    status = snapshot(request, request.pointer(3), waiting.get());
  }
  if (status == TSV_OK) status = tsv_cuda_record(request.context(), request.device(), &waiting->event);
  if (status != TSV_OK) {
    // On its own stream, where the copy may still be under way.
    if (waiting->copy != nullptr) tsv_cuda_release(&waiting->context, waiting->device, waiting->copy);
    return request.result(status);
  }

  napi_value held;
  napi_create_array_with_length(env, 2, &held);
  napi_set_element(env, held, 0, request.value(2));
  if (is_download) napi_set_element(env, held, 1, request.value(4));
  napi_create_reference(env, held, 1, &waiting->held);
  const napi_ref reference = waiting->held;
  if (request.work().wait(waiting)) return request.result(TSV_OK);
  napi_delete_reference(env, reference);
  run(waiting.get(), false);
  return request.result(TSV_E_MEMORY);
}

// cudaDescribe(): { available, emulated, driver, devices: [{ name, architecture }], reason }
napi_value describe(napi_env env, napi_callback_info) {
  tsv_cuda_info info = {};
  info.size = sizeof info;
  tsv_cuda_describe(&info);
  napi_value result, value, devices;
  napi_create_object(env, &result);
  const auto set = [&](napi_value object, const char* name, napi_value property) {
    napi_set_named_property(env, object, name, property);
  };
  napi_get_boolean(env, info.available != 0, &value);
  set(result, "available", value);
  napi_get_boolean(env, info.emulated != 0, &value);
  set(result, "emulated", value);
  napi_create_int32(env, info.driver_version, &value);
  set(result, "driver", value);
  napi_create_string_utf8(env, info.reason, NAPI_AUTO_LENGTH, &value);
  set(result, "reason", value);
  napi_create_array(env, &devices);
  for (int32_t i = 0; i < info.device_count; ++i) {
    char name[128] = "";
    int32_t architecture = 0;
    if (tsv_cuda_device(i, name, sizeof name, &architecture) != TSV_OK) continue;
    napi_value device;
    napi_create_object(env, &device);
    napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &value);
    set(device, "name", value);
    napi_create_int32(env, architecture, &value);
    set(device, "architecture", value);
    napi_set_element(env, devices, uint32_t(i), device);
  }
  set(result, "devices", devices);
  return result;
}

}  // namespace

void add_device_work(napi_env env, napi_value exports) {
  auto* const work = new DeviceWork(env);
  napi_add_finalizer(
      env, exports, work, [](napi_env, void* data, void*) { delete static_cast<DeviceWork*>(data); }, nullptr,
      nullptr);
  const auto add = [&](const char* name, napi_callback callback) {
    napi_value function;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, work, &function);
    napi_set_named_property(env, exports, name, function);
  };
  add("cudaDescribe", describe);
  add("cudaOpen", open);
  add("cudaClose", close);
  add("cudaAllocate", allocate);
  add("cudaRelease", release);
  add("cudaUpload", upload);
  add("cudaDownload", download);
  add("cudaClear", clear);
  add("cudaFollow", follow);
  add("cudaSynchronize", synchronize);
  add("cudaWhenDone", when_done);
  add("cudaMark", mark);
  add("cudaElapsed", elapsed);
  add("cudaCeiling", ceiling);
}

}  // namespace tsv_node
