#include "samples.h"

#include <math.h>

#include "emulator_tests.h"
#include "sample_kernels.h"
#include "simd/half.h"

namespace test {
namespace {

using Data = std::vector<uint8_t>;

template <class T>
const T* as(const Data& data) {
  return reinterpret_cast<const T*>(data.data());
}

bool reversed(const Data& in, const Data& out) {
  bool right = true;
  for (int i = 0; i < 256; ++i)
    right &= as<uint32_t>(out)[i] == as<uint32_t>(in)[i / 128 * 128 + 127 - i % 128];
  return right;
}

bool copied(const Data& in, const Data& out) { return in == out; }

bool summed(const Data& in, const Data& out) {
  bool right = true;
  for (int block = 0; block < 2; ++block) {
    double sum = 0;
    for (int i = 0; i < 128; ++i) sum += double(as<float>(in)[128 * block + i]);
    right &= fabs(sum - double(as<float>(out)[block])) < 1e-4;
  }
  return right;
}

bool counted(const Data& in, const Data& out) {
  uint32_t counts[16] = {};
  for (int i = 0; i < 256; ++i) ++counts[as<uint32_t>(in)[i] & 15];
  return memcmp(counts, out.data(), sizeof counts) == 0;
}

bool streamed(const Data& in, const Data& out) {
  bool right = true;
  for (int i = 0; i < 256; ++i) {
    float sum = 0;
    for (int row = 0; row < 5; ++row)
      for (int column = 0; column < 4; ++column)
        sum += as<float>(in)[(i / 128 * 5 + row) * 512 + i % 128 + 128 * column];
    right &= sum == as<float>(out)[i];
  }
  return right;
}

bool multiplied(const Data& in, const Data& out) {
  const uint16_t *a = as<uint16_t>(in), *b = a + 256;
  bool right = true;
  for (int m = 0; m < 16; ++m) {
    for (int n = 0; n < 8; ++n) {
      double sum = 0;
      for (int k = 0; k < 16; ++k)
        sum += double(bfloat16_to_float(a[16 * m + k])) * double(bfloat16_to_float(b[16 * n + k]));
      right &= fabs(sum - double(as<float>(out)[8 * m + n])) < 1e-5 * (1 + fabs(sum));
    }
  }
  return right;
}

bool shifted(const Data& in, const Data& out) {
  bool right = true;
  for (int i = 0; i < 64; ++i) right &= as<uint32_t>(out)[i] == as<uint32_t>(in)[i / 32 * 32 + (i + 1) % 32];
  return right;
}

bool looked_up(const Data& in, const Data& out) {
  bool right = true;
  const uint32_t* values = as<uint32_t>(in);
  for (int i = 0; i < 32; ++i)
    right &= as<uint32_t>(out)[i] == values[8 * i + 5] + values[8 * i + int(values[0] & 7)];
  return right;
}

// Numbers from -1 to 1 as floats, or as bfloat16 where the sample multiplies those.
Data make_input(const Sample& sample) {
  Data in(sample.in_bytes);
  Random random(1);
  for (size_t at = 0; at < in.size(); at += 4) {
    uint32_t word = bits_of(random.number());
    if (sample.second > 0)
      word = float_to_bfloat16(random.number()) | uint32_t(float_to_bfloat16(random.number())) << 16;
    memcpy(&in[at], &word, 4);
  }
  return in;
}

}  // namespace

const std::vector<Sample> kSamples = {
    {"reverse", kReverse, 2, 128, 1024, 1024, 0, 0, false, reversed},
    {"copy16", kCopy16, 2, 128, 4096, 4096, 0, 0, false, copied},
    {"block_sum", kBlockSum, 2, 128, 1024, 8, 0, 0, false, summed},
    {"histogram", kHistogram, 2, 128, 1024, 64, 0, 0, true, counted},
    {"stream_rows", kStreamRows, 2, 128, 20480, 1024, 5, 0, false, streamed},
    {"tile_product", kTileProduct, 1, 32, 768, 512, 0, 512, false, multiplied},
    {"warp_shift", kWarpShift, 1, 64, 256, 256, 0, 0, false, shifted},
    {"local_lookup", kLocalLookup, 1, 32, 1024, 128, 5, 0, false, looked_up},
};

const Sample& sample(const std::string& name) {
  for (const Sample& each : kSamples)
    if (each.name == name) return each;
  abort();
}

Outcome run(const Sample& sample, const std::string& text, const tsv_sim::LaunchConfig& options,
            size_t uploaded) {
  Outcome outcome;
  const std::unique_ptr<tsv_sim::Module> module = tsv_sim::parse_module(kPtxHeader + text, &outcome.error);
  if (!module) return outcome;
  tsv_sim::DeviceMemory memory;
  if (!module->load(memory)) return outcome;
  const Data input = make_input(sample);
  Data output(sample.out_bytes);
  const uint64_t in = memory.allocate(sample.in_bytes), out = memory.allocate(sample.out_bytes);
  const uint64_t second = in + sample.second;
  memory.write(in, input.data(), std::min(uploaded, input.size()));
  if (sample.clear_out) memory.fill(out, "", 1, sample.out_bytes);

  tsv_sim::LaunchConfig config = options;
  config.grid[0] = sample.blocks;
  config.block[0] = sample.threads;
  const void* numbered[] = {&in, &out, &sample.number};
  const void* with_second[] = {&in, &second, &out};
  outcome.done =
      tsv_sim::launch(*module->find(sample.name), config, sample.second > 0 ? with_second : numbered, memory,
                      &outcome.counters, &outcome.fault);
  uint64_t uninitialised = 0;
  memory.read(output.data(), out, output.size(), &uninitialised);
  outcome.right = outcome.done && uninitialised == 0 && sample.right(input, output);
  return outcome;
}

}  // namespace test
