// Operations called at once from several threads of a host, each with its own context, while another changes
// the number of threads and raises flags of cancellation; over the library's pool and over a host's. Results
// are those of the same calls made alone. Made to run under ThreadSanitizer.
#include <array>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "fuzz/run.h"

namespace {

constexpr int kHosts = 4;
constexpr int kCallsOfOperation = 3;  // for each host
constexpr int kRounds = 6;
constexpr int64_t kLargest = 257;  // of their dimensions: many are cut into several tasks

// One call, and what it gives.
struct Known {
  const char* name;
  fuzz::Prepared prepared;
  fuzz::Outputs expected;
};

// Calls that succeed, of every operation.
std::vector<Known> make_calls(int64_t host) {
  std::vector<Known> calls;
  for (const fuzz::Operation& operation : fuzz::operations()) {
    int found = 0;
    for (int64_t seed = host * 1000; found < kCallsOfOperation && seed < (host + 1) * 1000; ++seed) {
      test::Random random(seed);
      std::array<uint8_t, 256> bytes;
      for (uint8_t& byte : bytes) byte = uint8_t(random.bits() >> 32);
      Known known = {operation.name, operation.prepare({bytes.data(), bytes.size()}, kLargest), {}};
      tsv_context context = fuzz::new_context();
      if (known.prepared.invoke(&context) != TSV_OK) continue;
      known.expected = fuzz::read_outputs(*known.prepared.call);
      calls.push_back(std::move(known));
      ++found;
    }
    test::where = operation.name;
    CHECK(found == kCallsOfOperation);
  }
  return calls;
}

struct Tally {
  std::atomic<long> right{0}, wrong{0}, cancelled{0};
};

void make_call(const Known& known, volatile int32_t* flag, Tally* tally) {
  __atomic_store_n(flag, 0, __ATOMIC_RELAXED);
  tsv_context context = fuzz::new_context();
  context.cancelled = flag;
  known.prepared.call->restore();
  const tsv_status status = known.prepared.invoke(&context);
  if (status == TSV_E_CANCELLED && known.prepared.call->inputs_unchanged()) {
    ++tally->cancelled;
  } else if (status == TSV_OK && fuzz::read_outputs(*known.prepared.call) == known.expected) {
    ++tally->right;
  } else {
    ++tally->wrong;
    fprintf(stderr, "%s: status %d\n", known.name, int(status));
  }
}

// All hosts at once; meanwhile this thread does what may be done to running operations.
void run_hosts(const std::vector<std::vector<Known>>& calls, Tally* tally) {
  std::vector<std::thread> hosts;
  std::array<volatile int32_t, kHosts> flags = {};
  std::atomic<int> running{kHosts};
  for (int host = 0; host < kHosts; ++host) {
    hosts.emplace_back([&, host] {
      const std::vector<Known>& own = calls[size_t(host)];
      for (size_t i = 0; i < kRounds * own.size(); ++i) {
        // Each begins elsewhere, so that different operations meet.
        make_call(own[(i + size_t(host) * own.size() / kHosts) % own.size()], &flags[size_t(host)], tally);
      }
      --running;
    });
  }
  for (int turn = 0; running > 0; ++turn) {
    tsv_set_threads(1 + turn % 4);
    std::this_thread::sleep_for(std::chrono::microseconds(200 + turn * 37 % 900));
    __atomic_store_n(&flags[size_t(turn % kHosts)], 1, __ATOMIC_RELAXED);
  }
  for (std::thread& host : hosts) host.join();
}

// A host's executor: every second task on a thread of its own.
void lent(void*, int64_t count, tsv_task task, void* state) {
  std::thread other([=] {
    for (int64_t i = 1; i < count; i += 2) task(state, i);
  });
  for (int64_t i = 0; i < count; i += 2) task(state, i);
  other.join();
}

}  // namespace

int main() {
  Tally tally;
  for (int32_t isa = TSV_ISA_SCALAR; isa <= TSV_ISA_AVX512; ++isa) {
    if (tsv_set_isa(isa) != TSV_OK) continue;
    tsv_set_threads(1);
    std::vector<std::vector<Known>> calls;
    for (int host = 0; host < kHosts; ++host) calls.push_back(make_calls(host));
    for (const tsv_parallel_for executor : {tsv_parallel_for(nullptr), tsv_parallel_for(lent)}) {
      tsv_set_executor(executor, nullptr);
      run_hosts(calls, &tally);
      tsv_set_executor(nullptr, nullptr);
    }
  }
  test::where = "calls at once";
  CHECK(tally.wrong == 0);
  CHECK(tally.right > 0);
  CHECK(tally.cancelled > 0);
  printf("%ld calls right, %ld cancelled, %ld wrong\n", tally.right.load(), tally.cancelled.load(),
         tally.wrong.load());
  return test::finish("concurrency");
}
