#include "runtime/thread_pool.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace tsv {
namespace {

// How long a thread looks for new work before it sleeps: waking one costs tens of microseconds, and a layer's
// scores over 197 tokens take only a few hundred.
constexpr int kSpins = 4000;

inline void relax() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

class Pool {
 public:
  void run(int64_t count, tsv_task task, void* state) {
    std::unique_lock<std::mutex> region(region_, std::try_to_lock);
    if (count <= 1 || threads_ <= 1 || !region.owns_lock()) {
      for (int64_t i = 0; i < count; ++i) task(state, i);
      return;
    }
    start_workers();
    task_ = task;
    state_ = state;
    count_ = count;
    next_.store(0, std::memory_order_relaxed);
    open_.store(true);
    {
      std::lock_guard<std::mutex> lock(sleep_);
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    take_tasks();
    // No task is left to take. Close the region, then wait for those who are inside; a worker that wakes
    // later finds it closed and touches nothing. Both sides are sequentially consistent, so one of them sees
    // the other.
    open_.store(false);
    for (int spin = 0; inside_.load() != 0; ++spin) {
      if (spin < kSpins) {
        relax();
      } else {
        std::this_thread::yield();
      }
    }
  }

  int size() const { return threads_; }

  void resize(int count) {
    std::lock_guard<std::mutex> region(region_);
    stop_workers();
    threads_ = count;
  }

 private:
  void start_workers() {
    try {
      while (int(workers_.size()) < threads_ - 1) {
        const uint64_t seen = generation_.load(std::memory_order_relaxed);
        workers_.emplace_back([this, seen] { work(seen); });
      }
    } catch (const std::exception&) {
      threads_ = int(workers_.size()) + 1;  // the system gives no more: the ones there are do the work
    }
  }

  void stop_workers() {
    {
      std::lock_guard<std::mutex> lock(sleep_);
      stopping_ = true;
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    stopping_ = false;
  }

  void work(uint64_t seen) {
    for (;;) {
      for (int spin = 0; spin < kSpins && generation_.load(std::memory_order_acquire) == seen; ++spin)
        relax();
      if (generation_.load(std::memory_order_acquire) == seen) {
        std::unique_lock<std::mutex> lock(sleep_);
        wake_.wait(lock, [&] { return generation_.load(std::memory_order_relaxed) != seen; });
      }
      seen = generation_.load(std::memory_order_acquire);
      if (stopping_.load()) return;
      inside_.fetch_add(1);
      if (open_.load()) take_tasks();
      inside_.fetch_sub(1);
    }
  }

  void take_tasks() {
    for (int64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < count_;) task_(state_, i);
  }

  std::mutex region_;  // held by the caller whose tasks are running
  std::mutex sleep_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
  std::atomic<uint64_t> generation_{0};
  std::atomic<int64_t> next_{0};
  std::atomic<int> inside_{0};     // workers that may be running tasks
  std::atomic<bool> open_{false};  // whether there is a region to join
  std::atomic<bool> stopping_{false};
  tsv_task task_ = nullptr;
  void* state_ = nullptr;
  int64_t count_ = 0;
  std::atomic<int> threads_{
      int(std::thread::hardware_concurrency() > 0 ? std::thread::hardware_concurrency() : 1)};
};

// Never destroyed: threads may still sleep in it while the process ends.
std::atomic<Pool*> the_pool{nullptr};

Pool& pool() {
  Pool* found = the_pool.load(std::memory_order_acquire);
  if (found == nullptr) {
    Pool* made = new Pool;
    if (the_pool.compare_exchange_strong(found, made)) {
#if defined(__unix__) || defined(__APPLE__)
      // A child of fork() has none of the threads: it starts a pool of its own.
      static const int registered = pthread_atfork(nullptr, nullptr, [] { the_pool.store(nullptr); });
      (void)registered;
#endif
      return *made;
    }
    delete made;
  }
  return *found;
}

tsv_parallel_for lent_parallel_for = nullptr;
void* lent_user = nullptr;

}  // namespace

void run_tasks(int64_t count, tsv_task task, void* state) {
  if (lent_parallel_for != nullptr) {
    lent_parallel_for(lent_user, count, task, state);
  } else {
    pool().run(count, task, state);
  }
}

int threads() { return pool().size(); }
void set_threads(int count) { pool().resize(count); }

void set_executor(tsv_parallel_for parallel_for, void* user) {
  lent_parallel_for = parallel_for;
  lent_user = user;
}

}  // namespace tsv
