// Runs the sample kernels, whole or changed.
#ifndef TOKENSIEVE_EMULATOR_SAMPLES_H
#define TOKENSIEVE_EMULATOR_SAMPLES_H
#include <stdint.h>

#include <string>
#include <vector>

#include "emulator.h"

namespace test {

// A kernel of (in, out), (in, out, number), or with two inputs (in, in + second, out).
struct Sample {
  const char* name;
  const char* text;
  uint32_t blocks, threads;
  size_t in_bytes, out_bytes;
  int number;
  size_t second;   // where the second input begins in `in`; 0 for none
  bool clear_out;  // before the launch
  // Whether `out` is right.
  bool (*right)(const std::vector<uint8_t>& in, const std::vector<uint8_t>& out);
};

extern const std::vector<Sample> kSamples;
const Sample& sample(const std::string& name);

struct Outcome {
  std::string error;  // of the parser
  bool done = false;  // the launch came to its end
  bool right = false;
  tsv_sim::Fault fault;
  tsv_sim::Counters counters;
};

// Runs `text`, the sample's or one made from it. `uploaded` bytes of the input are initialised, or all.
Outcome run(const Sample& sample, const std::string& text, const tsv_sim::LaunchConfig& options = {},
            size_t uploaded = SIZE_MAX);

}  // namespace test
#endif
