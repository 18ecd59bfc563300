#include "fuzz/call.h"

#include <math.h>

#include <algorithm>
#include <numeric>

namespace fuzz {

Call::Call(Bytes bytes, int64_t largest) : bytes_(bytes), largest_(largest), careless_(bytes_.one_in(3)) {}

int64_t Call::size() {
  static const int64_t sizes[] = {2, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 130, 257, 0};
  const int64_t size = std::min(sizes[below(18)], largest_);
  // A few long dimensions do; the product of many takes long.
  return size > 9 && ++long_dimensions_ > 2 ? size % 10 : size;
}

int64_t Call::number(int64_t low, int64_t high) {
  const int64_t wild[] = {-1, INT64_MIN, INT64_MAX, high + 1, low - 1, 1 << 30};
  if (careless(8)) return wild[below(6)];
  return high <= low ? low : low + below(high - low + 1);
}

int32_t Call::choice(int32_t last) {
  if (careless(12)) return int32_t(bytes_.word());
  return int32_t(below(last + 1));
}

double Call::real() {
  static const double unusual[] = {NAN, INFINITY, -INFINITY, 0, 1e-300, 1e300, 1e30};
  if (one_in(24)) return unusual[below(7)];
  return (double(bytes_.byte()) - 128) / 32;
}

tsv_tensor* Call::make(Shape shape, int32_t dtype, Tensor::Layout layout) {
  if (careless(16)) return nullptr;
  if (careless(16)) shape.push_back(2);
  if (careless(16) && !shape.empty()) shape.pop_back();
  if (careless(12) && !shape.empty()) shape[size_t(below(int64_t(shape.size())))] = size();
  if (careless(16)) dtype = any_type();
  tensors_.emplace_back(bytes_, std::move(shape), dtype, layout);
  if (careless(16)) tensors_.back().spoil(bytes_);
  return tensors_.back().get();
}

const tsv_tensor* Call::list(const std::vector<int32_t>& values) {
  const size_t before = tensors_.size();
  tsv_tensor* made = make({int64_t(values.size())}, TSV_INT32, Tensor::Layout::kDense);
  if (tensors_.size() == before) return made;
  Tensor& tensor = tensors_.back();
  const bool as_wanted = tensor.dtype() == TSV_INT32 && tensor.count() == int64_t(values.size());
  for (size_t i = 0; as_wanted && i < values.size(); ++i) tensor.set(int64_t(i), values[i]);
  return made;
}

const tsv_tensor* Call::integers(Shape shape, int32_t dtype, int64_t low, int64_t high) {
  tsv_tensor* made = make(std::move(shape), dtype, Tensor::Layout::kDense);
  if (made == nullptr || high < low) return made;
  Tensor& tensor = tensors_.back();
  if (tensor.dtype() != TSV_INT32 && tensor.dtype() != TSV_INT64) return made;
  for (int64_t i = 0; i < tensor.count(); ++i) {
    if (careless(64)) continue;
    tensor.set(i, int32_t(double(low) + fmod(fabs(tensor.number(i)), double(high - low + 1))));
  }
  return made;
}

const tsv_tensor* Call::magnitudes(Shape shape, int32_t dtype) {
  tsv_tensor* made = make(std::move(shape), dtype, Tensor::Layout::kDense);
  if (made != nullptr && !careless(6)) tensors_.back().drop_signs();
  return made;
}

const tsv_tensor* Call::mask(int64_t rows, int64_t n) {
  const bool each = one_in(2);
  return optional(each ? Shape{rows, n} : Shape{n}, TSV_UINT8);
}

const tsv_tensor* Call::lengths(int64_t rows, int64_t n) {
  return one_in(4) ? integers({rows}, TSV_INT32, 0, n) : nullptr;
}

tsv_token_map* Call::map(int64_t rows, int64_t n) {
  std::vector<int32_t> lengths, offsets = {0}, members, owners;
  const bool wild = careless(6);
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t slots = n > 0 ? below(std::min<int64_t>(n, 9) + 1) : 0;
    lengths.push_back(int32_t(slots));
    for (int64_t s = 0; s < slots; ++s) {
      for (int64_t m = below(4); m >= 0; --m) members.push_back(int32_t(below(n)));
      offsets.push_back(int32_t(members.size()));
    }
    for (int64_t i = 0; i < n; ++i) owners.push_back(int32_t(below(slots + 1) - 1));
  }
  for (std::vector<int32_t>* values : {&lengths, &offsets, &members, &owners}) {
    if (wild && !values->empty()) (*values)[size_t(below(int64_t(values->size())))] = int32_t(bytes_.word());
  }
  maps_.emplace_back();
  tsv_token_map& map = maps_.back();
  map.rows = number(rows, rows);
  map.input_length = number(n, n);
  map.output_lengths = list(lengths);
  map.offsets = list(offsets);
  map.members = list(members);
  map.assignment = list(owners);
  map.weights = optional({int64_t(members.size())}, TSV_FLOAT32);
  return &map;
}

std::vector<int64_t> Call::lengths_of(const tsv_token_map* map) const {
  std::vector<int64_t> lengths;
  const Tensor* tensor = find(map->output_lengths);
  if (tensor == nullptr || tensor->dtype() != TSV_INT32) return lengths;
  for (int64_t r = 0; r < tensor->count(); ++r) lengths.push_back(int64_t(tensor->number(r)));
  return lengths;
}

int64_t Call::slots_of(const tsv_token_map* map) const {
  const std::vector<int64_t> lengths = lengths_of(map);
  return std::accumulate(lengths.begin(), lengths.end(), int64_t(0));
}

int64_t Call::longest_of(const tsv_token_map* map) const {
  const std::vector<int64_t> lengths = lengths_of(map);
  return lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
}

tsv_tensor* Call::output(Shape shape, int32_t dtype, Tensor::Layout layout, Output what) {
  tsv_tensor* made = make(std::move(shape), dtype, layout);
  if (made == nullptr) return nullptr;
  what.tensor = &tensors_.back();
  outputs_.push_back(std::move(what));
  if (careless(12)) {
    Tensor& other = tensors_[size_t(below(int64_t(tensors_.size())))];
    if (&other != &tensors_.back() && other.bytes() - other.offset() >= tensors_.back().bytes()) {
      made->data = other.memory() + other.offset();
      made->byte_offset = 0;
      shares_ = true;
    }
  }
  return made;
}

tsv_tensor* Call::exact(Shape shape, int32_t dtype, std::function<int64_t()> filled) {
  return output(std::move(shape), dtype, Tensor::Layout::kDense,
                {Agreement::kBytes, nullptr, std::move(filled)});
}

tsv_tensor* Call::equal(Shape shape, int32_t dtype) {
  return output(std::move(shape), dtype, Tensor::Layout::kDense, {Agreement::kEqual, nullptr, nullptr});
}

tsv_tensor* Call::near(Shape shape, int32_t dtype, Magnitude magnitude, Tensor::Layout layout) {
  return output(std::move(shape), dtype, layout, {Agreement::kNear, std::move(magnitude), nullptr});
}

tsv_tensor* Call::chosen(Shape shape, int32_t dtype) {
  return output(std::move(shape), dtype, Tensor::Layout::kDense, {Agreement::kNone, nullptr, nullptr});
}

const Tensor* Call::find(const tsv_tensor* tensor) const {
  for (const Tensor& made : tensors_) {
    if (const_cast<Tensor&>(made).get() == tensor) return &made;
  }
  return nullptr;
}

uint32_t Call::arguments_size(size_t known) {
  if (careless(16)) return uint32_t(8 * below(int64_t(known) / 8 + 1));  // its fields end at multiples of 8
  if (careless(32)) return uint32_t(known) + 1 + bytes_.byte();
  return uint32_t(known);
}

void Call::remember() {
  for (Tensor& tensor : tensors_) tensor.remember();
}

void Call::restore() {
  for (Tensor& tensor : tensors_) tensor.restore();
}

bool Call::unchanged() const {
  return std::all_of(tensors_.begin(), tensors_.end(), [](const Tensor& t) { return t.unchanged(); });
}

bool Call::inputs_unchanged() const {
  return shares_ || std::all_of(tensors_.begin(), tensors_.end(), [this](const Tensor& t) {
           return t.unchanged() || std::any_of(outputs_.begin(), outputs_.end(),
                                               [&](const Output& output) { return output.tensor == &t; });
         });
}

}  // namespace fuzz
