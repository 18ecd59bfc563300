// The relations between arguments, checked in one place. The first failure is kept; what follows it works on
// empty views and does no harm, so an operation reads as a list of what it needs.
#ifndef TOKENSIEVE_ABI_CHECK_H
#define TOKENSIEVE_ABI_CHECK_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <initializer_list>

#include "kernels/kernels.h"
#include "tokensieve.h"

namespace tsv {

constexpr int kMaxRank = 4;

// Sets of element types.
constexpr uint32_t kFloat32 = 1u << TSV_FLOAT32;
constexpr uint32_t kFloats = kFloat32 | 1u << TSV_FLOAT16 | 1u << TSV_BFLOAT16;
constexpr uint32_t kInt32 = 1u << TSV_INT32;
constexpr uint32_t kIntegers = kInt32 | 1u << TSV_INT64;
constexpr uint32_t kUint8 = 1u << TSV_UINT8;
constexpr uint32_t kAnyType = 0x3f;

inline int64_t bytes_of(int32_t dtype) {
  switch (dtype) {
    case TSV_FLOAT16:
    case TSV_BFLOAT16:
      return 2;
    case TSV_INT64:
      return 8;
    case TSV_UINT8:
      return 1;
    default:
      return 4;
  }
}

// A checked tensor. Empty (no data, every dim 0) when the argument was absent or wrong.
struct View {
  char* data = nullptr;
  int32_t dtype = TSV_FLOAT32;
  int rank = 0;
  int64_t dim[kMaxRank] = {};
  int64_t stride[kMaxRank] = {};
  bool on_device = false;  // `data` is a device pointer: nothing here may read it

  bool present() const { return rank > 0; }
  int64_t count() const {
    int64_t n = rank > 0 ? 1 : 0;
    for (int i = 0; i < rank; ++i) n *= dim[i];
    return n;
  }
  int64_t item_bytes() const { return bytes_of(dtype); }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data);
  }
  // The matrix that the last two dimensions make at (i, j) of those before them.
  Rows rows(int64_t i = 0, int64_t j = 0) const {
    const int64_t at = rank == 4 ? i * stride[0] + j * stride[1] : rank == 3 ? i * stride[0] : 0;
    return {data + at * item_bytes(), dtype, rank >= 2 ? stride[rank - 2] : 0};
  }
  int64_t integer(int64_t i) const { return dtype == TSV_INT64 ? as<int64_t>()[i] : as<int32_t>()[i]; }
};

// Whether an operation has a form for tensors on a device.
enum class Devices { kCpu, kCpuAndCuda };

class Check {
 public:
  explicit Check(tsv_context* context, Devices devices = Devices::kCpu);

  // Whether the tensors lie on a device, and on which. All do, or none does, but for arguments that only say
  // what to do with the others (masks, lengths, indices, maps, ...): those may stay on the host, and are
  // checked there.
  bool on_device() const { return device_type_ == TSV_CUDA; }
  int32_t device() const { return device_id_; }

  // There is nothing to do: an argument is wrong or, after no_overlap(), checking was all that was asked.
  bool failed() const { return error_->status != TSV_OK || checked_; }
  tsv_status status() const { return tsv_status(error_->status); }

  // A tensor that must be there / may be absent, of one of the types and a rank from `low` to `high`. Without
  // `strided`, it must be dense; with it, only its last dimension must.
  View input(const tsv_tensor* tensor, int32_t argument, uint32_t types, int low, int high,
             bool strided = false);
  View optional(const tsv_tensor* tensor, int32_t argument, uint32_t types, int low, int high);
  // A tensor to write, with exactly these dims.
  View output(tsv_tensor* tensor, int32_t argument, uint32_t types, std::initializer_list<int64_t> dims,
              bool strided = false);
  View optional_output(tsv_tensor* tensor, int32_t argument, uint32_t types,
                       std::initializer_list<int64_t> dims);

  // A mask [rows,n] or [n], or nothing.
  View mask(const tsv_tensor* tensor, int32_t argument, int64_t rows, int64_t n);
  // Lengths [rows], each from 0 to n, or nothing.
  View lengths(const tsv_tensor* tensor, int64_t rows, int64_t n);

  // A struct whose `size` is set, and no newer than the library, which knows `known` bytes of it.
  bool size(int32_t argument, uint32_t size, size_t known);
  void same(const View& view, int32_t argument, int dimension, int64_t expected, const char* what);
  void range(int32_t argument, int64_t value, int64_t low, int64_t high);
  void that(bool condition, int32_t argument, tsv_status status, const char* expected, double got);
  // Each element of an integer tensor from `low` to `high`; kernels guard themselves against those on a
  // device.
  void elements(const View& view, int32_t argument, int64_t low, int64_t high);
  // No output shares memory with an input or another output. Last, when every view is known.
  void no_overlap();

  void fail(int32_t argument, tsv_status status, const char* got, const char* format, ...)
#if defined(__GNUC__)
      __attribute__((format(printf, 5, 6)))
#endif
      ;

 private:
  View read(const tsv_tensor* tensor, int32_t argument, uint32_t types, int low, int high, bool strided);
  void remember(const View& view, int32_t argument, bool output);
  bool place(const tsv_tensor& tensor, int32_t argument, bool output);

  struct Extent {
    const char* begin;
    const char* end;
    int32_t argument;
    bool output;
    bool on_device;
  };
  static constexpr int kMaxExtents = 24;
  Extent extents_[kMaxExtents];
  int extent_count_ = 0;
  tsv_error* error_;
  tsv_error unheard_;  // for a call without a context to report to
  Devices devices_;
  int32_t device_type_ = 0;  // of the first tensor that had to say; 0 before
  int32_t device_id_ = 0;
  int32_t placed_by_ = TSV_ARG_NONE;
  bool check_only_ = false;
  bool checked_ = false;
};

// The caller's struct, cut or filled to the size that this library knows.
template <class Arguments>
Arguments read_arguments(Check& check, const Arguments* given) {
  Arguments known;
  memset(&known, 0, sizeof known);
  if (given == nullptr) {
    check.fail(TSV_ARG_ARGUMENTS, TSV_E_ABI, "NULL", "a struct");
  } else if (check.size(TSV_ARG_ARGUMENTS, given->size, sizeof known)) {
    memcpy(&known, given, given->size);
  }
  return known;
}

// mask (and lengths) of one row as one answer a token: 0 free, 1 keep, 2 drop.
class TokenMask {
 public:
  TokenMask(const View& mask, const View& lengths, int64_t row, int64_t n)
      : mask_(!mask.present()  ? nullptr
              : mask.rank == 2 ? mask.as<uint8_t>() + row * n
                               : mask.as<uint8_t>()),
        length_(lengths.present() ? lengths.as<int32_t>()[row] : n) {}
  int operator[](int64_t i) const { return i >= length_ ? 2 : mask_ == nullptr ? 0 : mask_[i]; }

 private:
  const uint8_t* mask_;
  int64_t length_;
};

}  // namespace tsv
#endif
