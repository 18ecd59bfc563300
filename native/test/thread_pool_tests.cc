// The pool under what hosts do to it: many callers at once, resizing under way, cancelling, forking. Made to
// run under ThreadSanitizer.
#include <atomic>
#include <thread>
#include <vector>

#include "runtime/thread_pool.h"
#if defined(__unix__) || defined(__APPLE__)
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "harness.h"

namespace {

tsv_context context_with(const volatile int32_t* cancelled) {
  tsv_context context = {};
  context.size = sizeof context;
  context.cancelled = cancelled;
  return context;
}

// True when each task ran once and what the tasks wrote is there when the call returns.
bool each_task_runs_once(int64_t count) {
  const tsv_context context = context_with(nullptr);
  std::vector<int> ran(size_t(count), 0);
  tsv::parallel_for(&context, count, [&](int64_t i) { ran[size_t(i)] += 1; });
  for (int times : ran) {
    if (times != 1) return false;
  }
  return true;
}

void test_counts() {
  for (int threads : {1, 2, 3, 8}) {
    tsv::set_threads(threads);
    CHECK(tsv::threads() == threads);
    for (int64_t count : {0, 1, 2, 3, 7, 64, 1000}) {
      test::where = std::to_string(threads) + " threads, " + std::to_string(count) + " tasks";
      for (int round = 0; round < 20; ++round) CHECK(each_task_runs_once(count));
    }
  }
}

// Other threads of the host that call operations of their own, while one changes the number of threads.
void test_many_callers() {
  test::where = "many callers";
  tsv::set_threads(4);
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 6; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) wrong += each_task_runs_once(1 + round % 50) ? 0 : 1;
    });
  }
  for (int round = 0; round < 50; ++round) tsv::set_threads(1 + round % 5);
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
}

// Once the flag is up no task begins; those before it have run.
void test_cancelling() {
  test::where = "cancelling";
  tsv::set_threads(3);
  for (int round = 0; round < 50; ++round) {
    volatile int32_t cancelled = 0;
    const tsv_context context = context_with(&cancelled);
    std::atomic<int> ran{0};
    std::thread host;
    std::atomic<bool> begun{false};
    if (round % 2 == 1) {
      host = std::thread([&] {
        while (!begun) std::this_thread::yield();
        __atomic_store_n(&cancelled, 1, __ATOMIC_RELAXED);
      });
    }
    tsv::parallel_for(&context, 100000, [&](int64_t i) {
      begun = true;
      ++ran;
      if (round % 2 == 0 && i == 10) __atomic_store_n(&cancelled, 1, __ATOMIC_RELAXED);
      while (round % 2 == 1 && !tsv::cancelled(&context)) std::this_thread::yield();
    });
    if (host.joinable()) host.join();
    CHECK(tsv::cancelled(&context));
    CHECK(ran >= 1 && ran < 100000);
  }
}

// ThreadSanitizer knows no threads that start in the child of a process that has some.
#if (defined(__unix__) || defined(__APPLE__)) && !defined(__SANITIZE_THREAD__)
#define TEST_FORK 1
// A child of fork() has none of its parent's threads and still computes.
void test_fork() {
  test::where = "fork";
  tsv::set_threads(4);
  CHECK(each_task_runs_once(100));
  for (int round = 0; round < 5; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      bool right = true;
      for (int i = 0; i < 20; ++i) right = right && each_task_runs_once(100);
      tsv::set_threads(2);
      _exit(right && each_task_runs_once(100) ? 0 : 1);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(each_task_runs_once(100));
  }
}
#endif

}  // namespace

int main() {
  test_counts();
  test_many_callers();
  test_cancelling();
#ifdef TEST_FORK
  test_fork();
#endif
  return test::finish("thread pool");
}
