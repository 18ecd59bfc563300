// Runs the tests of the driver double: cudasim_tests LIBRARY [PART OF A NAME ...]. Each runs in a process of
// its own, since the library reads its environment once and a failed device stays failed.
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

namespace test {

Driver cu;

std::vector<ClientTest>& client_tests() {
  static std::vector<ClientTest> tests;
  return tests;
}

namespace {

template <class Function>
bool bind(void* library, const char* name, Function* function) {
  *function = reinterpret_cast<Function>(dlsym(library, name));
  if (*function == nullptr) fprintf(stderr, "%s\n", dlerror());
  return *function != nullptr;
}

// In the child: the library, the one test, its checks as the exit status.
int run_alone(const char* library, const ClientTest& test) {
  if (!open_driver(library)) return 2;
  where = test.name;
  test.run();
  return finish(test.name);
}

bool succeeds_alone(const char* program, const char* library, const ClientTest& test) {
  const pid_t child = fork();
  if (child == 0) {
    for (const char* variable : test.environment) putenv(const_cast<char*>(variable));
    setenv("CUDASIM_TESTS_ALONE", test.name, 1);
    execl(program, program, library, test.name, nullptr);
    _exit(127);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

bool open_driver(const char* path) {
  void* const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    fprintf(stderr, "%s\n", dlerror());
    return false;
  }
  bool all = true;
#define CUDASIM_BIND(name, symbol, version, parameters) all = bind(library, #symbol, &cu.symbol) && all;
  CUDASIM_FOR_EACH_ENTRY_POINT(CUDASIM_BIND)
#undef CUDASIM_BIND
  all = bind(library, "cudasim_version", &cu.version) && all;
  all = bind(library, "cudasim_last_fault", &cu.last_fault) && all;
  all = bind(library, "cudasim_live", &cu.live) && all;
  all = bind(library, "cudasim_fail", &cu.fail) && all;
  all = bind(library, "cudasim_passed", &cu.passed) && all;
  return bind(library, "cudasim_counters", &cu.counters) && all;
}

}  // namespace test

int main(int count, char** arguments) {
  if (count < 2) {
    fprintf(stderr, "usage: %s LIBRARY [PART OF A NAME ...]\n", arguments[0]);
    return 2;
  }
  const char* const alone = getenv("CUDASIM_TESTS_ALONE");
  for (const test::ClientTest& each : test::client_tests()) {
    if (alone != nullptr) {
      if (strcmp(alone, each.name) == 0) return test::run_alone(arguments[1], each);
      continue;
    }
    bool chosen = count < 3;
    for (int i = 2; i < count; ++i) chosen |= strstr(each.name, arguments[i]) != nullptr;
    if (!chosen) continue;
    test::where = each.name;
    CHECK(test::succeeds_alone(arguments[0], arguments[1], each));
  }
  return test::finish("cudasim_tests");
}
