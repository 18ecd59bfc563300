// A host that lends its own threads by tsv_set_executor: results to the bit those of the library's pool, from
// one caller or several, and from inside the host's own tasks. Made to run under ThreadSanitizer too.
#include <math.h>
#include <string.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "harness.h"
#include "tokensieve.h"

namespace {

// What a host has: threads that wait for work of any kind. Its parallel_for may be called from anywhere, one
// of these threads included, for it takes part in the work itself and waits only for what others have begun.
class HostPool {
 public:
  explicit HostPool(int threads) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this] {
        for (std::shared_ptr<Loop> loop; (loop = next()) != nullptr;) loop->help();
      });
    }
  }
  ~HostPool() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      closing_ = true;
    }
    ready_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  static void parallel_for(void* user, int64_t count, tsv_task task, void* state) {
    static_cast<HostPool*>(user)->run(count, task, state);
  }

  void run(int64_t count, tsv_task task, void* state) {
    ++regions;
    tasks += count;
    const auto loop = std::make_shared<Loop>();
    loop->count = count;
    loop->task = task;
    loop->state = state;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      for (size_t i = 0; i < threads_.size(); ++i) queue_.push_back(loop);
    }
    ready_.notify_all();
    loop->help();
    while (loop->done.load() < count) std::this_thread::yield();
  }

  std::atomic<int64_t> regions{0}, tasks{0};

 private:
  struct Loop {
    int64_t count;
    tsv_task task;
    void* state;
    std::atomic<int64_t> next{0}, done{0};
    void help() {
      for (int64_t i; (i = next.fetch_add(1)) < count;) {
        task(state, i);
        done.fetch_add(1);
      }
    }
  };

  std::shared_ptr<Loop> next() {
    std::unique_lock<std::mutex> lock(mutex_);
    ready_.wait(lock, [this] { return closing_ || !queue_.empty(); });
    if (queue_.empty()) return nullptr;
    const auto loop = queue_.front();
    queue_.pop_front();
    return loop;
  }

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::shared_ptr<Loop>> queue_;
  std::vector<std::thread> threads_;
  bool closing_ = false;
};

tsv_tensor tensor(const std::vector<float>& data, int32_t ndim, const int64_t* shape) {
  tsv_tensor t = {};
  t.data = const_cast<float*>(data.data());
  t.device_type = TSV_CPU;
  t.dtype = TSV_FLOAT32;
  t.ndim = ndim;
  t.shape = shape;
  return t;
}

std::vector<float> numbers(size_t count) {
  std::vector<float> data(count);
  for (size_t i = 0; i < count; ++i) data[i] = sinf(float(i * i % 10007));
  return data;
}

// Attention scores and their log-sum-exp: two phases of tasks, and sums over what the tasks of the first
// found.
std::vector<float> compute() {
  constexpr int64_t kBatch = 2, kHeads = 3, kTokens = 150, kChannels = 32;
  const int64_t shape[] = {kBatch, kHeads, kTokens, kChannels}, lse_shape[] = {kBatch, kHeads, kTokens},
                score_shape[] = {kBatch, kTokens};
  const std::vector<float> q = numbers(size_t(kBatch * kHeads * kTokens * kChannels));
  std::vector<float> scores(size_t(kBatch * kTokens)), lse(size_t(kBatch * kHeads * kTokens));
  const tsv_tensor query = tensor(q, 4, shape);
  tsv_tensor score = tensor(scores, 2, score_shape), sum = tensor(lse, 3, lse_shape);
  tsv_attention_args arguments = {};
  arguments.size = sizeof arguments;
  arguments.q = arguments.k = &query;
  arguments.scale = NAN;
  arguments.scores = &score;
  arguments.lse_out = &sum;
  tsv_context context = {};
  context.size = sizeof context;
  const tsv_status status = tsv_attention_scores(&context, &arguments);
  scores.insert(scores.end(), lse.begin(), lse.end());
  return status == TSV_OK ? scores : std::vector<float>();
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return !a.empty() && a.size() == b.size() && memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void test_same_bits(const std::vector<float>& expected) {
  int64_t tasks = 0;
  for (int threads : {0, 1, 2, 7}) {
    test::where = "lent " + std::to_string(threads) + " threads";
    HostPool host(threads);
    tsv_set_executor(HostPool::parallel_for, &host);
    CHECK(same_bits(compute(), expected));
    tsv_set_executor(nullptr, nullptr);
    CHECK(host.regions > 0 && host.tasks > host.regions);
    CHECK(tasks == 0 || host.tasks == tasks);  // cut by shape alone
    tasks = host.tasks;
    CHECK(same_bits(compute(), expected));  // the library's own again
    CHECK(host.tasks == tasks);
  }
}

// Operations of several threads of the host at once, and those that the host's own tasks call.
void test_callers(const std::vector<float>& expected) {
  HostPool host(3);
  std::atomic<int> right{0};
  struct State {
    const std::vector<float>& expected;
    std::atomic<int>& right;
  } state{expected, right};
  const tsv_task call = [](void* opaque, int64_t) {
    State& s = *static_cast<State*>(opaque);
    s.right += same_bits(compute(), s.expected) ? 1 : 0;
  };
  tsv_set_executor(HostPool::parallel_for, &host);

  test::where = "callers at once";
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) callers.emplace_back([&] { call(&state, 0); });
  for (std::thread& caller : callers) caller.join();
  CHECK(right == 4);

  test::where = "calls from the host's tasks";
  right = 0;
  host.run(12, call, &state);
  CHECK(right == 12);
  tsv_set_executor(nullptr, nullptr);
}

}  // namespace

int main() {
  tsv_set_threads(3);
  const std::vector<float> expected = compute();
  test_same_bits(expected);
  test_callers(expected);
  return test::finish("executor");
}
