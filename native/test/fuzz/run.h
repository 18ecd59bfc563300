// A call made from bytes, run on every instruction set of this machine.
#ifndef TOKENSIEVE_TEST_FUZZ_RUN_H
#define TOKENSIEVE_TEST_FUZZ_RUN_H
#include <string.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/call.h"

namespace fuzz {

using Invoke = std::function<tsv_status(tsv_context*)>;
using Outputs = std::vector<std::vector<char>>;

// A call that is ready to be made, again and again.
struct Prepared {
  std::unique_ptr<Call> call;
  Invoke invoke;  // keeps the arguments
};

// An operation by name, and its call made from bytes; `largest` of its dimensions.
struct Operation {
  const char* name;
  Prepared (*prepare)(Bytes bytes, int64_t largest);
};
const std::vector<Operation>& operations();

tsv_context new_context();

// The elements of the outputs that hold results.
Outputs read_outputs(const Call& call);

// Makes the call on each instruction set, and with tasks in the opposite order, and checks that all agree and
// what holds for any: checking alone writes nothing and finds the same, a failure writes nothing and says
// what is wrong, inputs stay as they are. True when the call succeeded.
bool run_everywhere(const Prepared& prepared);

// The arguments in memory of exactly the size that they say they have.
template <class Arguments>
class ExactArguments {
 public:
  ExactArguments(const Arguments& arguments, uint32_t size) : memory_(std::max<int64_t>(size, 4)) {
    memcpy(memory_.data(), &arguments, std::min(size_t(size), sizeof arguments));
    memcpy(memory_.data(), &size, sizeof size);
  }
  const Arguments* get() const { return reinterpret_cast<const Arguments*>(memory_.data()); }

 private:
  test::Buffer<char> memory_;
};

template <class Arguments>
Prepared prepare(Bytes bytes, int64_t largest, tsv_status (*operation)(tsv_context*, const Arguments*),
                 void (*recipe)(Call&, Arguments&)) {
  auto call = std::make_unique<Call>(bytes, largest);
  const auto arguments = std::make_shared<Arguments>();  // what the recipe says of outputs refers to it
  recipe(*call, *arguments);
  const auto exact =
      std::make_shared<ExactArguments<Arguments>>(*arguments, call->arguments_size(sizeof(Arguments)));
  call->remember();
  return {std::move(call),
          [operation, arguments, exact](tsv_context* context) { return operation(context, exact->get()); }};
}

}  // namespace fuzz
#endif
