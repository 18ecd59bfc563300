// A tensor made from bytes, in memory of exactly its size.
#ifndef TOKENSIEVE_TEST_FUZZ_TENSOR_H
#define TOKENSIEVE_TEST_FUZZ_TENSOR_H
#include <memory>
#include <vector>

#include "fuzz/bytes.h"
#include "harness.h"
#include "tokensieve.h"

namespace fuzz {

// Fills `count` elements: numbers, ties, zeros, denormals, wide magnitudes, infinities and NaN, or the bytes
// themselves. Integers are small, mostly; masks are.
void fill(Bytes& bytes, int32_t dtype, void* elements, int64_t count);

// An element as a double.
double number_at(const void* elements, int32_t dtype, int64_t index);

class Tensor {
 public:
  enum class Layout { kDense, kStrided, kShared };  // kShared: strided, and elements may lie in one place

  Tensor(Bytes& bytes, std::vector<int64_t> shape, int32_t dtype, Layout layout);
  Tensor(const Tensor&) = delete;
  Tensor& operator=(const Tensor&) = delete;

  tsv_tensor* get() { return &tensor_; }
  // Makes the descriptor wrong in a way that no operation may miss.
  void spoil(Bytes& bytes);

  int32_t dtype() const { return dtype_; }
  int64_t count() const { return count_; }
  // Element i in row-major order.
  double number(int64_t i) const { return number_at(elements(), dtype_, place(i)); }
  void set(int64_t i, int32_t value);
  void drop_signs();  // of floats
  // The greatest magnitude of an element; infinite when one is NaN.
  double greatest() const;

  void remember() { before_.assign(memory_->begin(), memory_->end()); }
  void restore() { std::copy(before_.begin(), before_.end(), memory_->begin()); }
  bool unchanged() const { return std::equal(before_.begin(), before_.end(), memory_->data()); }
  std::vector<char> contents() const { return {memory_->data(), memory_->data() + memory_->size()}; }
  int64_t bytes() const { return memory_->size(); }
  char* memory() { return memory_->data(); }
  // Where element i lies, counted in elements from the first.
  int64_t place(int64_t i) const;
  const char* elements() const { return memory_->data() + offset_; }
  int64_t offset() const { return offset_; }

 private:
  std::vector<int64_t> shape_, strides_;
  std::vector<int64_t> told_shape_, told_strides_;  // what the descriptor points to
  int32_t dtype_;
  int64_t count_ = 1;
  int64_t offset_ = 0;  // in bytes
  std::unique_ptr<test::Buffer<char>> memory_;
  std::vector<char> before_;
  tsv_tensor tensor_;
};

}  // namespace fuzz
#endif
