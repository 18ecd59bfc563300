#include "fuzz/tensor.h"

#include <math.h>

#include <algorithm>

#include "abi/check.h"
#include "simd/half.h"

namespace fuzz {
namespace {

enum Contents { kNumbers, kTies, kUnusual, kConstant, kZeros, kDenormals, kWide, kRaw, kContents };

float float_of(Contents contents, test::Random& random, float constant) {
  static const float unusual[] = {NAN, INFINITY, -INFINITY, -0.0f, 3e38f, -1e30f, 1e-40f, 1e-30f};
  switch (contents) {
    case kTies:
      return float(random.below(5)) - 2.0f;
    case kUnusual:
      return random.below(10) == 0 ? unusual[random.below(8)] : random.number();
    case kConstant:
      return constant;
    case kZeros:
      return random.below(2) == 0 ? 0.0f : -0.0f;
    case kDenormals:
      return ldexpf(random.number(), -127 - int(random.below(20)));
    case kWide:
      return ldexpf(random.number(), int(random.below(60)) - 30);
    default:
      return random.number();
  }
}

void put(int32_t dtype, char* at, float x) {
  const uint16_t half = dtype == TSV_FLOAT16 ? float_to_float16(x) : float_to_bfloat16(x);
  if (dtype == TSV_FLOAT32) {
    memcpy(at, &x, 4);
  } else {
    memcpy(at, &half, 2);
  }
}

void put_integer(int32_t dtype, char* at, int64_t x) {
  if (dtype == TSV_INT64) {
    memcpy(at, &x, 8);
  } else if (dtype == TSV_INT32) {
    const int32_t word = int32_t(x);
    memcpy(at, &word, 4);
  } else {
    *at = char(x);
  }
}

bool is_float(int32_t dtype) { return dtype <= TSV_BFLOAT16; }

}  // namespace

void fill(Bytes& bytes, int32_t dtype, void* elements, int64_t count) {
  if (count == 0) return;
  const Contents contents = Contents(bytes.below(kContents));
  test::Random random(bytes.word());
  const float constant = random.number();
  char* at = static_cast<char*>(elements);
  const int64_t step = tsv::bytes_of(dtype);
  if (contents == kRaw && is_float(dtype)) {
    for (int64_t i = 0; i < count * step; ++i) at[i] = char(bytes.byte());
    return;
  }
  for (int64_t i = 0; i < count; ++i, at += step) {
    if (is_float(dtype)) {
      put(dtype, at, float_of(contents, random, constant));
    } else if (dtype == TSV_UINT8) {
      put_integer(dtype, at, contents == kRaw ? bytes.byte() % 4 : contents == kZeros ? 0 : random.below(3));
    } else {
      put_integer(dtype, at, contents == kRaw ? int64_t(random.bits()) : random.below(9));
    }
  }
}

double number_at(const void* elements, int32_t dtype, int64_t index) {
  const char* at = static_cast<const char*>(elements) + index * tsv::bytes_of(dtype);
  float single;
  uint16_t half;
  int32_t word;
  int64_t wide;
  switch (dtype) {
    case TSV_FLOAT32:
      memcpy(&single, at, 4);
      return double(single);
    case TSV_FLOAT16:
    case TSV_BFLOAT16:
      memcpy(&half, at, 2);
      return double(dtype == TSV_FLOAT16 ? float16_to_float(half) : bfloat16_to_float(half));
    case TSV_INT32:
      memcpy(&word, at, 4);
      return double(word);
    case TSV_INT64:
      memcpy(&wide, at, 8);
      return double(wide);
    default:
      return double(uint8_t(*at));
  }
}

Tensor::Tensor(Bytes& bytes, std::vector<int64_t> shape, int32_t dtype, Layout layout)
    : shape_(std::move(shape)), strides_(shape_.size()), dtype_(dtype) {
  const int rank = int(shape_.size());
  const bool gaps = layout != Layout::kDense && bytes.one_in(2);
  int64_t stride = 1;
  // The last dimension is dense; those before it take turns at being the outermost.
  std::vector<int> order;
  for (int i = rank - 1; i >= 0; --i) order.push_back(i);
  if (gaps && rank > 2) std::swap(order[1], order[1 + size_t(bytes.below(rank - 1))]);
  for (int i : order) {
    const bool shared = layout == Layout::kShared && gaps && i < rank - 1 && bytes.one_in(6);
    strides_[size_t(i)] = shared ? 0 : stride;
    if (!shared) stride *= std::max<int64_t>(shape_[size_t(i)], 1);
    if (gaps) stride += bytes.below(3);
    count_ *= shape_[size_t(i)];
  }
  const int64_t item = tsv::bytes_of(dtype), length = count_ > 0 ? place(count_ - 1) + 1 : 0;
  offset_ = bytes.one_in(3) ? (1 + bytes.below(4)) * item : 0;
  memory_ = std::make_unique<test::Buffer<char>>(offset_ + length * item);
  fill(bytes, dtype, memory_->data() + offset_, length);
  told_shape_ = shape_;
  told_strides_ = strides_;
  const bool told = gaps || bytes.one_in(3);
  tensor_ = {
      memory_->data(),  TSV_CPU, 0, rank, dtype, told_shape_.data(), told ? told_strides_.data() : nullptr,
      uint64_t(offset_)};
}

int64_t Tensor::place(int64_t i) const {
  int64_t at = 0;
  for (size_t d = shape_.size(); d-- > 0; i /= std::max<int64_t>(shape_[d], 1)) {
    at += i % std::max<int64_t>(shape_[d], 1) * strides_[d];
  }
  return at;
}

void Tensor::set(int64_t i, int32_t value) {
  put_integer(dtype_, memory_->data() + offset_ + place(i) * tsv::bytes_of(dtype_), value);
}

void Tensor::drop_signs() {
  if (!is_float(dtype_)) return;
  const int64_t item = tsv::bytes_of(dtype_);  // whose last byte has the sign
  for (int64_t at = offset_ + item - 1; at < memory_->size(); at += item) (*memory_)[at] &= 0x7f;
}

double Tensor::greatest() const {
  double most = 0;
  for (int64_t i = 0; i < count_; ++i) {
    const double x = fabs(number(i));
    most = x != x ? double(INFINITY) : std::max(most, x);
  }
  return most;
}

void Tensor::spoil(Bytes& bytes) {
  static const int64_t dims[] = {-1, int64_t(1) << 31, INT64_MIN, INT64_MAX};
  const size_t rank = shape_.size();
  const size_t d = rank > 0 ? size_t(bytes.below(int64_t(rank))) : 0;
  switch (bytes.below(6)) {
    case 0:
      tensor_.dtype = int32_t(bytes.one_in(2) ? int64_t(bytes.word()) : 6 + bytes.below(3));
      if (tensor_.dtype >= 0 && tensor_.dtype < 6) tensor_.dtype = -1;
      break;
    case 1:
      tensor_.device_type = bytes.one_in(2) ? TSV_CUDA : int32_t(bytes.byte()) + 2;
      break;
    case 2:
      if (count_ > 0) tensor_.data = nullptr;
      break;
    case 3:
      if (rank > 0) told_shape_[d] = dims[bytes.below(4)];
      break;
    case 4:
      if (rank == 0) break;
      told_strides_[d] = bytes.one_in(2) ? -1 : INT64_MAX;
      tensor_.strides = told_strides_.data();
      break;
    default:
      told_shape_.assign(9, 1);
      told_strides_.assign(9, 1);
      tensor_.shape = told_shape_.data();
      tensor_.strides = tensor_.strides == nullptr ? nullptr : told_strides_.data();
      tensor_.ndim = bytes.one_in(2) ? 9 : bytes.one_in(2) ? INT32_MIN : INT32_MAX;
  }
}

}  // namespace fuzz
