// The container of compiled kernels: what is found in a good one, and that no damaged one is read past its
// end.
#include <algorithm>
#include <string>
#include <vector>

#include "cuda/driver/image.h"
#include "harness.h"

using tsv::cuda::Code;
using tsv::cuda::Image;

namespace {

struct Module {
  const char* name;
  uint32_t form, architecture;
  std::string bytes;
};

template <class T>
void put(std::string* text, size_t at, T value) {
  memcpy(&(*text)[at], &value, sizeof value);
}

constexpr size_t kHeader = 32, kEntry = 64;
constexpr const char* kKernel = "tsv_thing_f32";

// A container as scripts/cuda-container.mjs packs it.
std::string pack(const std::vector<Module>& modules) {
  std::string packed(kHeader + (modules.size() + 1) * kEntry, '\0');
  size_t at = kHeader;
  for (const Module& module : modules) {
    packed.resize((packed.size() + 15) / 16 * 16);
    packed.replace(at, strlen(module.name), module.name);
    put(&packed, at + 40, module.form);
    put(&packed, at + 44, module.architecture);
    put(&packed, at + 48, uint64_t(packed.size()));
    put(&packed, at + 56, uint64_t(module.bytes.size()));
    packed += module.bytes;
    at += kEntry;
  }
  packed.replace(at, strlen(kKernel), kKernel);
  put(&packed, at + 56, uint32_t(104));
  packed.replace(0, 8, "TSVCUDA1");
  put(&packed, 8, uint32_t(13000));
  put(&packed, 12, uint32_t(modules.size()));
  put(&packed, 16, uint32_t(1));
  put(&packed, 24, uint64_t(packed.size()));
  return packed;
}

std::string good() {
  const std::string end(1, '\0');
  return pack({{"thing", 0, 75, "ptx 75" + end},
               {"thing", 0, 80, "ptx 80" + end},
               {"thing", 1, 75, "cubin 75"},
               {"thing", 1, 80, "cubin 80"},
               {"thing", 1, 86, "cubin 86"},
               {"thing", 1, 90, "cubin 90"},
               {"other", 1, 89, "other"}});
}

// In a block of the heap that ends where the container does.
class Copy {
 public:
  explicit Copy(const std::string& text) : buffer_(int64_t(text.size())), image_(read(text)) {}
  const Image& operator*() const { return image_; }
  const Image* operator->() const { return &image_; }

 private:
  Image read(const std::string& text) {
    std::copy(text.begin(), text.end(), buffer_.begin());
    return Image(buffer_.data(), text.size());
  }
  test::Buffer<char> buffer_;
  Image image_;
};

std::string text_of(const Code& code) {
  return code.data == nullptr ? "none" : std::string(static_cast<const char*>(code.data), code.bytes);
}

void test_choice() {
  test::where = "the code for an architecture";
  const Copy image(good());
  CHECK(image->problem() == nullptr);
  CHECK(image->driver_version() == 13000);
  const struct {
    int32_t device;
    const char* cubin;
    const char* ptx;
  } cases[] = {{70, "none", "none"},       {75, "cubin 75", "ptx 75"}, {80, "cubin 80", "ptx 80"},
               {86, "cubin 86", "ptx 80"}, {87, "cubin 86", "ptx 80"}, {90, "cubin 90", "ptx 80"},
               {100, "none", "ptx 80"},    {121, "none", "ptx 80"}};
  for (const auto& c : cases) {
    CHECK(text_of(image->cubin("thing", c.device)) == c.cubin);
    CHECK(strncmp(text_of(image->ptx("thing", c.device)).c_str(), c.ptx, strlen(c.ptx)) == 0);
  }
  CHECK(image->cubin("thin", 80).data == nullptr);
  CHECK(image->ptx("other", 89).data == nullptr);
  CHECK(image->argument_bytes(kKernel) == 104);
  CHECK(image->argument_bytes("tsv_thing") == -1);
}

void test_absent() {
  test::where = "no container";
  const Image image(nullptr, 0);
  CHECK(image.problem() != nullptr && strstr(image.problem(), "npm run build:cuda") != nullptr);
  CHECK(image.driver_version() == 0);
  CHECK(image.cubin("thing", 80).data == nullptr && image.ptx("thing", 80).data == nullptr);
  CHECK(image.argument_bytes(kKernel) == -1);
}

// Everything that can be asked, so that AddressSanitizer sees what a bad container leads to.
void ask_all(const Image& image) {
  for (const char* module : {"thing", "other", ""}) {
    for (const int32_t architecture : {0, 75, 80, 90, 1000}) {
      for (const Code& code : {image.cubin(module, architecture), image.ptx(module, architecture)}) {
        const std::string whole = text_of(code);
        CHECK(whole.size() == code.bytes || code.data == nullptr);
      }
    }
  }
  image.argument_bytes(kKernel);
}

void test_damaged() {
  const std::string whole = good();
  test::where = "a container cut off";
  for (size_t length = 0; length < whole.size(); ++length) {
    const Copy image(whole.substr(0, length));
    CHECK_THAT(image->problem() != nullptr, "%zu bytes are taken for a container", length);
    ask_all(*image);
  }
  const auto refused = [&](const char* what, size_t at, auto value) {
    test::where = what;
    std::string damaged = whole;
    put(&damaged, at, value);
    const Copy image(damaged);
    CHECK(image->problem() != nullptr);
    ask_all(*image);
  };
  refused("another magic", 7, '2');
  refused("more modules than bytes", 12, UINT32_MAX);
  refused("more kernels than bytes", 16, UINT32_MAX);
  refused("another length", 24, uint64_t(whole.size() + 1));
  refused("no name", kHeader, '\0');
  refused("a third form", kHeader + 40, uint32_t(2));
  refused("an architecture of no kind", kHeader + 44, UINT32_MAX);
  refused("code in the tables", kHeader + 48, uint64_t(0));
  refused("code past the end", kHeader + 48, uint64_t(whole.size() + 1));
  refused("an offset that wraps", kHeader + 48, UINT64_MAX);
  refused("more code than there is", kHeader + 56, uint64_t(whole.size()));
  refused("a length that wraps", kHeader + 56, UINT64_MAX);
  refused("PTX without its end", kHeader + 56, uint64_t(6));
  refused("PTX of no length", kHeader + 56, uint64_t(0));

  test::where = "a name without an end";
  std::string endless = whole;
  std::fill_n(endless.begin() + kHeader, 40, 'x');
  CHECK(Copy(endless)->problem() != nullptr);

  test::where = "bytes changed at random";
  test::Random random(5);
  for (int i = 0; i < 20000; ++i) {
    std::string damaged = whole;
    for (int64_t n = random.below(4); n >= 0; --n)
      damaged[size_t(random.below(int64_t(whole.size())))] = char(random.bits() >> 32);
    ask_all(*Copy(damaged));
  }
}

}  // namespace

int main() {
  test_choice();
  test_absent();
  test_damaged();
  return test::finish("cuda_image_tests");
}
