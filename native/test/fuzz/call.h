// The arguments of one call, made from bytes: right, nearly right, or wrong. A recipe (recipes.h) says for
// each operation which tensors and numbers to make.
#ifndef TOKENSIEVE_TEST_FUZZ_CALL_H
#define TOKENSIEVE_TEST_FUZZ_CALL_H
#include <float.h>
#include <math.h>

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "fuzz/tensor.h"

namespace fuzz {

using Shape = std::vector<int64_t>;

constexpr int64_t kLargest = 65;  // of the dimensions of most calls: every loop has its tail

// How the results of two instruction sets must agree.
enum class Agreement {
  kBytes,
  kEqual,  // or both NaN
  kNear,
  kNone
};

// An error of `magnitude` at element i, times 16u for the roundings of its sums, and 1e-5 of the result, is
// near. With a magnitude that is NaN it must only be NaN in both or in neither; with an infinite one,
// anything may come.
using Magnitude = std::function<double(int64_t i)>;

// The magnitude of a sum by its terms. Each counts for something: products under 1e-38 lose their digits.
class Terms {
 public:
  void add(double term) {
    term = fabs(term);
    if (term <= DBL_MAX) {
      sum_ += term + 0x1p-128;
    } else {
      unusual_ = true;
    }
  }
  // Past 1e37 floats may overflow in one order of summing and not in another.
  double magnitude() const { return sum_ > 1e37 ? double(INFINITY) : unusual_ ? double(NAN) : sum_; }

 private:
  double sum_ = 0;
  bool unusual_ = false;  // a term is infinite or NaN
};

struct Output {
  Agreement agreement;
  Magnitude magnitude;              // with kNear
  std::function<int64_t()> filled;  // how many elements hold results; none: all
  const Tensor* tensor = nullptr;
};

class Call {
 public:
  // `largest`: of the sizes drawn.
  Call(Bytes bytes, int64_t largest);

  // ---- Decisions

  // Of a dimension.
  int64_t size();
  int64_t below(int64_t n) { return bytes_.below(n); }
  bool one_in(int64_t n) { return bytes_.one_in(n); }
  // From `low` to `high`, mostly.
  int64_t number(int64_t low, int64_t high);
  // One of an enumeration's values, 0 to `last`, mostly.
  int32_t choice(int32_t last);
  // From -4 to 4, or unusual now and then.
  double real();
  int32_t float_type() { return int32_t(below(3)); }
  int32_t any_type() { return int32_t(below(6)); }
  int32_t integer_type() { return one_in(2) ? TSV_INT64 : TSV_INT32; }
  // `count` as a dimension of an output, where it may be wild.
  static int64_t room(int64_t count) { return count < 0 || count > 300 ? 1 : count; }

  // ---- Tensors that are read

  const tsv_tensor* input(Shape shape, int32_t dtype) { return make(shape, dtype, Tensor::Layout::kDense); }
  const tsv_tensor* strided(Shape shape, int32_t dtype) {
    return make(shape, dtype, Tensor::Layout::kShared);
  }
  const tsv_tensor* optional(Shape shape, int32_t dtype) { return one_in(2) ? input(shape, dtype) : nullptr; }
  // int32 values.
  const tsv_tensor* list(const std::vector<int32_t>& values);
  // Integers from `low` to `high`, mostly.
  const tsv_tensor* integers(Shape shape, int32_t dtype, int64_t low, int64_t high);
  // Numbers from 0, mostly.
  const tsv_tensor* magnitudes(Shape shape, int32_t dtype);
  // Nothing, or uint8 [rows,n] or [n].
  const tsv_tensor* mask(int64_t rows, int64_t n);
  // Nothing, or int32 [rows] from 0 to n.
  const tsv_tensor* lengths(int64_t rows, int64_t n);
  // Slots of a few members each, in every row. Its fields stay where they are.
  tsv_token_map* map(int64_t rows, int64_t n);
  // Of all rows, and of the longest.
  int64_t slots_of(const tsv_token_map* map) const;
  int64_t longest_of(const tsv_token_map* map) const;

  // ---- Tensors that are written

  // Every instruction set writes the same bytes; in the first `filled` elements, where that is given.
  tsv_tensor* exact(Shape shape, int32_t dtype, std::function<int64_t()> filled = nullptr);
  // The same numbers.
  tsv_tensor* equal(Shape shape, int32_t dtype);
  // They agree within the error of sums of this magnitude.
  tsv_tensor* near(Shape shape, int32_t dtype, Magnitude magnitude,
                   Tensor::Layout layout = Tensor::Layout::kDense);
  // Each may choose differently; checked by check_result() instead.
  tsv_tensor* chosen(Shape shape, int32_t dtype);
  // After each call that succeeds.
  void check_result(std::function<void()> check) { checks_.push_back(std::move(check)); }

  // ---- Looking at them afterwards

  // The tensor behind a descriptor that this call made; NULL for NULL.
  const Tensor* find(const tsv_tensor* tensor) const;
  double value(const tsv_tensor* tensor, int64_t i) const { return find(tensor)->number(i); }
  // The greatest magnitude of its elements, 0 for NULL.
  double greatest(const tsv_tensor* tensor) const { return tensor == nullptr ? 0 : find(tensor)->greatest(); }

  const std::vector<Output>& outputs() const { return outputs_; }
  const std::vector<std::function<void()>>& checks() const { return checks_; }
  // The size to give as the arguments' own: now and then that of an older or newer caller.
  uint32_t arguments_size(size_t known);

  void remember();
  void restore();
  bool unchanged() const;
  bool inputs_unchanged() const;

 private:
  std::vector<int64_t> lengths_of(const tsv_token_map* map) const;
  tsv_tensor* make(Shape shape, int32_t dtype, Tensor::Layout layout);
  tsv_tensor* output(Shape shape, int32_t dtype, Tensor::Layout layout, Output what);
  bool careless(int64_t one_in) { return careless_ && bytes_.one_in(one_in); }

  Bytes bytes_;
  int64_t largest_;
  bool careless_;        // makes mistakes
  bool shares_ = false;  // an output lies where another tensor does
  int long_dimensions_ = 0;
  std::deque<Tensor> tensors_;
  std::deque<tsv_token_map> maps_;
  std::vector<Output> outputs_;
  std::vector<std::function<void()>> checks_;
};

}  // namespace fuzz
#endif
