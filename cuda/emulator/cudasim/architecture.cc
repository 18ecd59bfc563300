#include "architecture.h"

namespace cudasim {
namespace {

// Limits: CUDA C++ Programming Guide, "Technical Specifications per Compute Capability". Sizes and clocks:
// the products' data sheets.
constexpr Architecture kArchitectures[] = {
    {75, "T4", 40, 1590000, 5001000, 256, 4 << 20, 64 << 10, 64 << 10, 0, 1024, 16},
    {80, "A100", 108, 1410000, 1215000, 5120, 40 << 20, 164 << 10, 163 << 10, 1 << 10, 2048, 32},
    {86, "A40", 84, 1740000, 7251000, 384, 6 << 20, 100 << 10, 99 << 10, 1 << 10, 1536, 16},
    {89, "L40", 142, 2490000, 9001000, 384, 96 << 20, 100 << 10, 99 << 10, 1 << 10, 1536, 24},
    {90, "H100", 132, 1980000, 2619000, 5120, 50 << 20, 228 << 10, 227 << 10, 1 << 10, 2048, 32},
    {100, "B200", 148, 1965000, 3996000, 8192, 126 << 20, 228 << 10, 227 << 10, 1 << 10, 2048, 32},
    {120, "RTX 5090", 170, 2407000, 14001000, 512, 96 << 20, 100 << 10, 99 << 10, 1 << 10, 1536, 24},
};

}  // namespace

const Architecture* find_architecture(int number) {
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.number == number) return &architecture;
  }
  return nullptr;
}

std::string architecture_numbers() {
  std::string numbers;
  for (const Architecture& architecture : kArchitectures)
    numbers += (numbers.empty() ? "" : ", ") + std::to_string(architecture.number);
  return numbers;
}

}  // namespace cudasim
