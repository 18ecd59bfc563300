// For libFuzzer: the first byte chooses the operation, the others make its call.
#include <stdlib.h>

#include "fuzz/run.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto& operations = fuzz::operations();
  const fuzz::Operation& operation = operations[data[0] % operations.size()];
  test::where = operation.name;
  fuzz::run_everywhere(operation.prepare(fuzz::Bytes(data + 1, size - 1), fuzz::kLargest));
  if (test::counts.failed > 0) abort();
  return 0;
}
