// Every operation of the C interface with arguments that are right, nearly right, and wrong: whatever comes,
// the call returns a status, a failed one has written nothing, and AddressSanitizer sees no access outside
// the tensors, each of which is an allocation of its own size.
#include <math.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "abi/check.h"
#include "harness.h"
#include "tokensieve.h"

using test::Random;

namespace {

constexpr int kCallsAnOperation = 3000;

// A tensor with memory of exactly its size. The contents are such that every branch on values is met.
class FuzzTensor {
 public:
  FuzzTensor(Random& random, std::vector<int64_t> shape, int32_t dtype) : shape_(std::move(shape)) {
    int64_t count = 1;
    for (int64_t dim : shape_) count *= dim;
    data_ = std::make_unique<test::Buffer<char>>(count * tsv::bytes_of(dtype));
    char* at = data_->data();
    for (int64_t i = 0; i < count; ++i, at += tsv::bytes_of(dtype)) put(random, at, dtype);
    tensor_ = {data_->data(), TSV_CPU, 0, int32_t(shape_.size()), dtype, shape_.data(), nullptr, 0};
  }
  tsv_tensor* get() { return &tensor_; }
  // int32 contents, where they fit what the tensor has become.
  void fill(const std::vector<int32_t>& values) {
    const size_t bytes = values.size() * sizeof(int32_t);
    if (bytes > 0 && tensor_.dtype == TSV_INT32 && data_->size() == int64_t(bytes))
      memcpy(data_->data(), values.data(), bytes);
  }
  // float32 contents, where it has become nothing else: their magnitudes, and 1 for infinities.
  void make_not_negative() {
    for (char* at = data_->data(); tensor_.dtype == TSV_FLOAT32 && at + sizeof(float) <= data_->end();
         at += sizeof(float)) {
      float x;
      memcpy(&x, at, sizeof x);
      x = std::isinf(x) ? 1.0f : fabsf(x);
      memcpy(at, &x, sizeof x);
    }
  }
  // Floats without their signs.
  void clear_signs() {
    const int64_t item = tsv::bytes_of(tensor_.dtype);
    for (int64_t last = item - 1; last < data_->size(); last += item) {
      (*data_)[last] = char((*data_)[last] & 0x7f);
    }
  }
  void remember() { before_.assign(data_->begin(), data_->end()); }
  bool unchanged() const { return std::equal(before_.begin(), before_.end(), data_->data()); }

 private:
  static void put(Random& random, char* at, int32_t dtype) {
    const float unusual[] = {NAN, INFINITY, -INFINITY, -0.0f, 1e30f, -1e-40f};
    const float number = random.below(20) == 0 ? unusual[random.below(6)] : random.number();
    uint32_t bits;
    memcpy(&bits, &number, 4);
    const int64_t whole = random.below(30) == 0 ? int64_t(random.bits()) : random.below(9);
    const uint16_t half = uint16_t(dtype == TSV_FLOAT16 ? random.bits() : bits >> 16);
    const int32_t integer = int32_t(whole);
    const uint8_t mask = uint8_t(random.below(100) == 0 ? 7 : random.below(3));
    const void* from = dtype == TSV_FLOAT32 ? static_cast<const void*>(&number)
                       : dtype == TSV_INT32 ? static_cast<const void*>(&integer)
                       : dtype == TSV_INT64 ? static_cast<const void*>(&whole)
                       : dtype == TSV_UINT8 ? static_cast<const void*>(&mask)
                                            : static_cast<const void*>(&half);
    memcpy(at, from, size_t(tsv::bytes_of(dtype)));
  }

  std::vector<int64_t> shape_;
  std::unique_ptr<test::Buffer<char>> data_;
  std::vector<char> before_;
  tsv_tensor tensor_;
};

// Makes the arguments of one call; what it made can be asked afterwards whether it was written.
class Maker {
 public:
  explicit Maker(int64_t seed) : random(seed), careless_(random.below(3) == 0) {}

  int64_t size() { return kSizes[random.below(8)]; }
  // True now and then.
  bool maybe(int64_t one_in) { return random.below(one_in) == 0; }

  int32_t float_type() { return int32_t(random.below(3)); }

  tsv_tensor* tensor(std::vector<int64_t> shape, int32_t dtype) {
    if (careless_ && maybe(12)) return nullptr;
    if (careless_ && maybe(12)) shape.push_back(2);
    if (careless_ && maybe(12) && !shape.empty()) shape.pop_back();
    if (careless_ && maybe(6) && !shape.empty()) shape[size_t(random.below(int64_t(shape.size())))] = size();
    if (careless_ && maybe(12)) dtype = int32_t(random.below(6));
    made_.push_back(std::make_unique<FuzzTensor>(random, std::move(shape), dtype));
    tsv_tensor* t = made_.back()->get();
    const int32_t other = int32_t(random.below(12)) - 3;
    const bool fits = other < 0 || other > 5 || tsv::bytes_of(other) <= tsv::bytes_of(dtype);
    if (careless_ && maybe(40) && fits) t->dtype = other;
    if (careless_ && maybe(40)) t->device_type = TSV_CUDA;
    if (careless_ && maybe(40)) t->data = nullptr;
    return t;
  }
  tsv_tensor* numbers(const std::vector<int32_t>& values) {
    tsv_tensor* t = tensor({int64_t(values.size())}, TSV_INT32);
    if (t != nullptr) made_.back()->fill(values);
    return t;
  }
  // Mostly finite numbers from 0.
  tsv_tensor* not_negative(std::vector<int64_t> shape) {
    tsv_tensor* t = tensor(std::move(shape), TSV_FLOAT32);
    if (t != nullptr && !maybe(4)) made_.back()->make_not_negative();
    return t;
  }
  // A tensor of floats without their signs.
  tsv_tensor* magnitudes(std::vector<int64_t> shape, int32_t dtype) {
    tsv_tensor* t = tensor(std::move(shape), dtype);
    if (t != nullptr) made_.back()->clear_signs();
    return t;
  }
  tsv_tensor* optional(std::vector<int64_t> shape, int32_t dtype) {
    return maybe(2) ? nullptr : tensor(std::move(shape), dtype);
  }
  // A number in what is allowed, mostly.
  int64_t number(int64_t low, int64_t high) {
    const int64_t wild[] = {-1, INT64_MIN, INT64_MAX, high + 1, low - 1, 1 << 30};
    if (careless_ && maybe(8)) return wild[random.below(6)];
    return high <= low ? low : low + random.below(high - low + 1);
  }
  int32_t choice(int32_t last) {
    return careless_ && maybe(12) ? int32_t(random.bits()) : int32_t(random.below(last + 1));
  }
  void remember() {
    for (const auto& tensor : made_) tensor->remember();
  }
  bool unchanged() const {
    for (const auto& tensor : made_) {
      if (!tensor->unchanged()) return false;
    }
    return true;
  }

  Random random;

 private:
  static constexpr int64_t kSizes[] = {0, 1, 2, 3, 5, 8, 17, 33};
  bool careless_;
  std::vector<std::unique_ptr<FuzzTensor>> made_;
};

// ---- One maker an operation

tsv_token_norms_args make_token_norms(Maker& m) {
  tsv_token_norms_args a = {};
  const int64_t rows = m.size(), n = m.size(), columns = m.size();
  a.x = m.tensor({rows, n, columns}, m.float_type());
  a.mask = m.optional(m.maybe(2) ? std::vector<int64_t>{n} : std::vector<int64_t>{rows, n}, TSV_UINT8);
  a.lengths = m.maybe(6) ? m.tensor({rows}, TSV_INT32) : nullptr;
  a.p = int32_t(m.number(1, 2));
  a.norms = m.tensor({rows, n}, TSV_FLOAT32);
  return a;
}

tsv_paired_similarity_args make_paired_similarity(Maker& m) {
  tsv_paired_similarity_args a = {};
  const int64_t rows = m.size(), n = m.size(), columns = m.size();
  a.a = m.tensor({rows, n, columns}, m.float_type());
  a.b = m.tensor({rows, n, columns}, m.float_type());
  a.mask = m.optional(m.maybe(2) ? std::vector<int64_t>{n} : std::vector<int64_t>{rows, n}, TSV_UINT8);
  a.lengths = m.maybe(6) ? m.tensor({rows}, TSV_INT32) : nullptr;
  a.metric = m.choice(TSV_METRIC_L2);
  a.similarity = m.tensor({rows, n}, TSV_FLOAT32);
  return a;
}

tsv_gather_tokens_args make_gather_tokens(Maker& m) {
  tsv_gather_tokens_args a = {};
  const int64_t rows = m.size(), n = 9, columns = m.size(), count = m.size();
  const int32_t dtype = int32_t(m.random.below(6));
  a.x = m.tensor({rows, n, columns}, dtype);
  const bool ragged = m.maybe(3);
  a.indices = m.tensor(ragged ? std::vector<int64_t>{count} : std::vector<int64_t>{rows, count},
                       m.maybe(2) ? TSV_INT32 : TSV_INT64);
  if (ragged) a.offsets = m.tensor({rows + 1}, TSV_INT32);
  a.packed = m.choice(1);
  a.tokens = m.tensor({rows, count, columns}, dtype);
  return a;
}

tsv_rotate_keys_args make_rotate_keys(Maker& m) {
  tsv_rotate_keys_args a = {};
  const int64_t batch = m.random.below(3), heads = m.random.below(3), n = m.size(), pairs = m.size();
  const int32_t dtype = m.float_type();
  a.k = m.tensor({batch, heads, n, 2 * pairs}, dtype);
  const bool sections = m.maybe(4);
  const auto positions = [&] {
    std::vector<int64_t> shape = sections ? std::vector<int64_t>{2} : std::vector<int64_t>{};
    const int64_t rank = m.random.below(3);
    if (rank > 0) shape.push_back(batch);
    if (rank > 1) shape.push_back(heads);
    shape.push_back(n);
    return m.tensor(shape, m.maybe(2) ? TSV_INT32 : TSV_INT64);
  };
  a.from = positions();
  a.to = positions();
  a.frequencies = m.maybe(4) ? m.tensor({pairs}, TSV_FLOAT32) : nullptr;
  if (sections) a.sections = m.numbers({int32_t(pairs / 3), int32_t(pairs - pairs / 3)});
  a.lengths = m.maybe(6) ? m.tensor({batch}, TSV_INT32) : nullptr;
  a.base = m.maybe(20) ? double(m.random.number()) : 10000;
  a.rotary_dim = m.maybe(4) && !sections && a.frequencies == nullptr ? 2 * (m.number(0, pairs) % 500) : 0;
  a.interleaved = m.choice(1);
  a.keys = m.tensor({batch, heads, n, 2 * pairs}, dtype);
  return a;
}

tsv_top_k_args make_top_k(Maker& m) {
  tsv_top_k_args a = {};
  const int64_t rows = m.size(), n = m.size(), k = m.number(0, n);
  const int32_t dtype = m.float_type();
  a.x = m.tensor({rows, n}, dtype);
  a.mask = m.optional(m.maybe(2) ? std::vector<int64_t>{n} : std::vector<int64_t>{rows, n}, TSV_UINT8);
  a.lengths = m.maybe(4) ? m.tensor({rows}, TSV_INT32) : nullptr;
  a.segment_offsets = m.maybe(6) ? m.tensor({2}, TSV_INT64) : nullptr;
  a.k = k;
  a.largest = m.choice(1);
  a.order = m.choice(TSV_ORDER_VALUE);
  const int64_t room = k < 0 || k > 40 ? 1 : k;
  a.indices = m.tensor({rows, room}, TSV_INT32);
  a.values = m.optional({rows, room}, dtype);
  return a;
}

tsv_attention_args make_attention(Maker& m, bool output) {
  tsv_attention_args a = {};
  const int64_t batch = m.random.below(3), kv_heads = 1 + m.random.below(2),
                heads = kv_heads * (1 + m.random.below(3));
  const int64_t queries = m.size(), keys = m.size(), depth = m.size(), value_depth = m.size();
  const int32_t dtype = m.float_type();
  a.q = m.tensor({batch, heads, queries, depth}, dtype);
  a.k = m.tensor({batch, kv_heads, keys, depth}, dtype);
  a.value_norms = output ? 0 : m.choice(1);
  if (output || a.value_norms != 0 || m.maybe(6)) a.v = m.tensor({batch, kv_heads, keys, value_depth}, dtype);
  a.mask = m.optional(m.maybe(2) ? std::vector<int64_t>{keys} : std::vector<int64_t>{batch, keys}, TSV_UINT8);
  a.query_mask = m.maybe(4) ? m.tensor({batch, queries}, TSV_UINT8) : nullptr;
  a.lengths = m.maybe(6) ? m.tensor({batch}, TSV_INT32) : nullptr;
  a.bias = m.maybe(3) ? m.tensor({batch, keys}, TSV_FLOAT32) : nullptr;
  a.scale = m.maybe(3) ? double(m.random.number()) : NAN;
  a.softcap = m.maybe(4) ? 5 : 0;
  a.window = m.maybe(3) ? m.number(0, keys + 1) : 0;
  a.causal = m.choice(1);
  a.queries = m.choice(TSV_QUERIES_LIST);
  int64_t chosen = a.queries == TSV_QUERIES_ALL ? queries : 1;
  if (a.queries == TSV_QUERIES_LAST) a.query_count = chosen = m.number(0, queries);
  if (a.queries == TSV_QUERIES_LIST) {
    chosen = m.size();
    a.query_list = m.tensor({chosen}, m.maybe(2) ? TSV_INT32 : TSV_INT64);
  }
  a.keys = m.choice(TSV_KEYS_LAST);
  int64_t scored = keys;
  if (a.keys != TSV_KEYS_ALL) a.key_count = scored = m.number(0, keys);
  if (chosen < 0 || chosen > 40) chosen = 2;
  if (scored < 0 || scored > 40) scored = 2;
  a.lse = m.maybe(6) ? m.tensor({batch, heads, chosen}, TSV_FLOAT32) : nullptr;
  a.pool_kernel = m.maybe(4) ? m.number(0, 7) : 0;
  a.pool_mode = m.choice(TSV_POOL_MAX);
  a.reduce = m.choice(TSV_REDUCE_OBSERVED);
  a.heads = m.choice(TSV_HEADS_GROUP_MAX);
  a.precision = m.choice(TSV_PRECISION_FAST);
  const std::vector<int64_t> per_head = {batch, heads, scored}, per_group = {batch, kv_heads, scored};
  const std::vector<int64_t> per_item = {batch, scored};
  const auto& shape = a.heads == TSV_HEADS_NONE ? per_head : a.heads > TSV_HEADS_NONE ? per_group : per_item;
  a.scores = output && m.maybe(2) ? nullptr : m.tensor(shape, TSV_FLOAT32);
  a.lse_out = m.optional({batch, heads, output ? queries : chosen}, TSV_FLOAT32);
  a.entropy = m.optional({batch, heads, chosen}, TSV_FLOAT32);
  if (output) a.output = m.tensor({batch, heads, queries, value_depth}, dtype);
  return a;
}
tsv_attention_args make_attention_scores(Maker& m) { return make_attention(m, false); }
tsv_attention_args make_attention_output(Maker& m) { return make_attention(m, true); }

tsv_select_threshold_args make_select_threshold(Maker& m) {
  tsv_select_threshold_args a = {};
  const int64_t rows = m.size(), n = m.size();
  a.x = m.tensor({rows, n}, m.float_type());
  a.mask = m.optional(m.maybe(2) ? std::vector<int64_t>{n} : std::vector<int64_t>{rows, n}, TSV_UINT8);
  a.lengths = m.maybe(6) ? m.tensor({rows}, TSV_INT32) : nullptr;
  a.rule = m.choice(TSV_RULE_MASS);
  a.parameter = m.maybe(10) ? NAN : fabs(double(m.random.number()));
  a.ddof = m.choice(1);
  a.min = m.number(-1, n);
  a.max = m.maybe(2) ? -1 : m.number(a.min < 0 || a.min > n ? 0 : a.min, n);
  a.indices = m.tensor({rows * n}, TSV_INT32);
  a.offsets = m.tensor({rows + 1}, TSV_INT32);
  return a;
}

tsv_similarity_argmax_args make_similarity_argmax(Maker& m) {
  tsv_similarity_argmax_args a = {};
  const int64_t batch = m.size(), rows = m.size(), columns = m.size(), channels = m.size();
  a.a = m.tensor({batch, rows, channels}, m.float_type());
  a.b = m.tensor({batch, columns, channels}, m.float_type());
  a.a_mask =
      m.optional(m.maybe(2) ? std::vector<int64_t>{rows} : std::vector<int64_t>{batch, rows}, TSV_UINT8);
  a.b_mask = m.maybe(3) ? m.optional({columns}, TSV_UINT8) : nullptr;
  a.lengths = m.maybe(6) ? m.tensor({batch}, TSV_INT32) : nullptr;
  a.k = m.maybe(2) ? 1 : m.number(1, columns);
  a.metric = m.choice(TSV_METRIC_L2);
  a.precision = m.choice(TSV_PRECISION_FAST);
  const int64_t k = std::clamp<int64_t>(a.k, 0, columns);
  a.indices = m.tensor({batch, rows, k}, TSV_INT32);
  a.values = m.tensor({batch, rows, k}, TSV_FLOAT32);
  return a;
}

tsv_sample_cdf_args make_sample_cdf(Maker& m) {
  tsv_sample_cdf_args a = {};
  const int64_t rows = m.size(), n = m.size();
  a.scores = m.magnitudes({rows, n}, m.float_type());
  a.mask = m.maybe(3)
               ? m.tensor(m.maybe(2) ? std::vector<int64_t>{n} : std::vector<int64_t>{rows, n}, TSV_UINT8)
               : nullptr;
  a.lengths = m.maybe(6) ? m.tensor({rows}, TSV_INT32) : nullptr;
  a.count = m.number(0, n);
  a.indices = m.tensor({rows * (a.count < 0 || a.count > n ? 1 : a.count)}, TSV_INT32);
  a.offsets = m.tensor({rows + 1}, TSV_INT32);
  return a;
}

tsv_pool_scores_args make_pool_scores(Maker& m) {
  tsv_pool_scores_args a = {};
  const int64_t rows = m.size(), n = m.size();
  a.x = m.tensor({rows, n}, m.float_type());
  a.mask = m.optional(m.maybe(2) ? std::vector<int64_t>{n} : std::vector<int64_t>{rows, n}, TSV_UINT8);
  a.lengths = m.maybe(6) ? m.tensor({rows}, TSV_INT32) : nullptr;
  a.kernel = m.maybe(10) ? INT32_MAX : m.number(0, 40) | 1;
  a.mode = m.choice(TSV_POOL_MAX);
  a.scores = m.tensor({rows, n}, TSV_FLOAT32);
  return a;
}

tsv_similarity_reduce_args make_similarity_reduce(Maker& m) {
  tsv_similarity_reduce_args a = {};
  const int64_t batch = m.size(), n = m.size();
  a.x = m.tensor({batch, n, m.size()}, m.float_type());
  a.mask = m.optional(m.maybe(2) ? std::vector<int64_t>{n} : std::vector<int64_t>{batch, n}, TSV_UINT8);
  a.lengths = m.maybe(6) ? m.tensor({batch}, TSV_INT32) : nullptr;
  a.function = m.choice(TSV_SIMILARITY_COUNT_ABOVE);
  a.parameter = m.maybe(20) ? NAN : double(fabsf(m.random.number()));
  a.metric = m.choice(TSV_METRIC_L2);
  a.without_self = m.choice(1);
  a.similarity = m.tensor({batch, n}, TSV_FLOAT32);
  return a;
}

tsv_knn_density_args make_knn_density(Maker& m) {
  tsv_knn_density_args a = {};
  const int64_t batch = m.size(), n = m.size();
  a.x = m.tensor({batch, n, m.size()}, m.float_type());
  a.mask = m.maybe(4) ? m.tensor({n}, TSV_UINT8) : nullptr;
  a.lengths = m.maybe(6) ? m.tensor({batch}, TSV_INT32) : nullptr;
  a.k = m.number(1, m.maybe(2) ? 2 : n);
  a.metric = m.maybe(2) ? TSV_METRIC_L2 : m.choice(TSV_METRIC_L2);
  a.density = m.tensor({batch, n}, TSV_FLOAT32);
  a.separation = m.tensor({batch, n}, TSV_FLOAT32);
  return a;
}

tsv_bipartite_match_args make_bipartite_match(Maker& m) {
  tsv_bipartite_match_args a = {};
  const int64_t batch = m.size(), height = 1 + m.random.below(4), width = 1 + m.random.below(5);
  a.partition = m.choice(TSV_PARTITION_EVERY);
  const int64_t n = a.partition == TSV_PARTITION_GRID ? height * width : m.size();
  a.metric = m.tensor({batch, n, m.size()}, m.float_type());
  a.mask = m.optional(m.maybe(2) ? std::vector<int64_t>{n} : std::vector<int64_t>{batch, n}, TSV_UINT8);
  a.lengths = m.maybe(6) ? m.tensor({batch}, TSV_INT32) : nullptr;
  a.threshold = m.maybe(2) ? NAN : double(m.random.number());
  a.r = m.number(0, n);
  a.grid[0] = m.number(height, height), a.grid[1] = m.number(width, width);
  a.stride[0] = m.number(1, height), a.stride[1] = m.number(1, width);
  a.seed = m.maybe(2) && a.partition == TSV_PARTITION_GRID ? -1 : m.number(0, 100);
  a.every = m.number(1, n + 1);
  a.output_lengths = m.tensor({batch}, TSV_INT32);
  a.offsets = m.tensor({batch * n + 1}, TSV_INT32);
  a.members = m.tensor({batch * n}, TSV_INT32);
  a.assignment = m.tensor({batch, n}, TSV_INT32);
  return a;
}

// A map of two slots a row with two members each, or of random numbers, which are seldom a map.
tsv_token_map make_map(Maker& m, int64_t rows, int64_t n) {
  const bool wild = m.maybe(10);
  const int64_t slots = rows * 2;
  const auto list = [&](int64_t count, int64_t from, int64_t past, int64_t step) {
    std::vector<int32_t> values;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t drawn = past > from ? from + m.random.below(past - from) : from;
      values.push_back(int32_t(wild ? m.random.below(9) - 1 : step > 0 ? i * step : drawn));
    }
    return values;
  };
  tsv_token_map map = {};
  map.rows = rows;
  map.input_length = n;
  map.output_lengths = m.numbers(list(rows, 2, 3, 0));
  map.offsets = m.numbers(list(slots + 1, 0, 0, 2));
  map.members = m.numbers(list(slots * 2, 0, n, 0));
  map.assignment = m.numbers(list(rows * n, -1, 2, 0));
  map.weights = m.optional({slots * 2}, TSV_FLOAT32);
  return map;
}

tsv_merge_tokens_args make_merge_tokens(Maker& m, tsv_token_map* map) {
  tsv_merge_tokens_args a = {};
  const int64_t rows = m.size(), n = m.size(), columns = m.size();
  const int32_t dtype = m.float_type();
  *map = make_map(m, rows, n);
  a.x = m.tensor({rows, n, columns}, dtype);
  a.map = m.maybe(50) ? nullptr : map;
  a.weights = m.optional({rows, n}, TSV_FLOAT32);
  a.reduce = m.choice(TSV_MERGE_NORM);
  a.packed = m.choice(1);
  const int64_t longest = rows > 0 ? 2 : 0;
  a.tokens = m.tensor(
      a.packed ? std::vector<int64_t>{rows * 2, columns} : std::vector<int64_t>{rows, longest, columns},
      dtype);
  a.sizes =
      m.tensor(a.packed ? std::vector<int64_t>{rows * 2} : std::vector<int64_t>{rows, longest}, TSV_FLOAT32);
  return a;
}

tsv_restore_tokens_args make_restore_tokens(Maker& m, tsv_token_map* map) {
  tsv_restore_tokens_args a = {};
  const int64_t rows = m.size(), n = m.size(), columns = m.size();
  const int32_t dtype = m.float_type();
  *map = make_map(m, rows, n);
  a.y = m.tensor({rows, rows > 0 ? 2 : 0, columns}, dtype);
  a.map = m.maybe(50) ? nullptr : map;
  a.dropped = m.choice(TSV_DROPPED_TENSOR);
  if (a.dropped == TSV_DROPPED_TENSOR || m.maybe(10)) a.dropped_tokens = m.tensor({rows, n, columns}, dtype);
  a.tokens = m.tensor({rows, n, columns}, dtype);
  return a;
}

tsv_matmul_args make_matmul(Maker& m) {
  tsv_matmul_args a = {};
  const int64_t groups = m.random.below(3), rows = m.size(), columns = m.size(), depth = m.size();
  const int32_t dtype = m.float_type();
  a.transpose_b = m.choice(1);
  a.a = m.tensor({groups, rows, depth}, dtype);
  const int64_t shared = m.maybe(2) ? 1 : groups;
  a.b = m.tensor(a.transpose_b ? std::vector<int64_t>{shared, columns, depth}
                               : std::vector<int64_t>{shared, depth, columns},
                 dtype);
  a.bias = m.optional({columns}, TSV_FLOAT32);
  a.activation = m.choice(TSV_ACTIVATION_TANH);
  a.out = m.tensor({groups, rows, columns}, dtype);
  return a;
}

tsv_farthest_point_args make_farthest_point(Maker& m) {
  tsv_farthest_point_args a = {};
  const int64_t items = m.size(), n = m.size(), columns = m.size();
  a.x = m.tensor({items, n, columns}, m.float_type());
  if (m.maybe(4)) a.mask = m.tensor({items, n}, TSV_UINT8);
  if (m.maybe(4)) a.lengths = m.tensor({items}, TSV_INT32);
  a.count = m.number(0, n);
  a.start = m.maybe(2) ? -1 : m.number(0, n - 1);
  a.metric = m.maybe(2) ? TSV_METRIC_COSINE : m.choice(TSV_METRIC_L2);
  a.indices = m.tensor({items, a.count > 0 && a.count <= n ? a.count : 0}, TSV_INT32);
  return a;
}

tsv_dpp_greedy_args make_dpp_greedy(Maker& m) {
  tsv_dpp_greedy_args a = {};
  const int64_t items = m.size(), n = m.size(), columns = m.size();
  a.x = m.tensor({items, n, columns}, m.float_type());
  a.relevance = m.not_negative({items, n});
  if (m.maybe(4)) a.mask = m.tensor({items, n}, TSV_UINT8);
  if (m.maybe(4)) a.lengths = m.tensor({items}, TSV_INT32);
  a.count = m.number(0, n);
  a.indices = m.tensor({items, a.count > 0 && a.count <= n ? a.count : 0}, TSV_INT32);
  return a;
}

// ---- Calling

template <class Arguments>
void call(const char* name, int64_t seed, Maker& m, tsv_status (*operation)(tsv_context*, const Arguments*),
          Arguments arguments, long* succeeded) {
  arguments.size = sizeof arguments;
  m.remember();
  tsv_context context = {};
  context.size = sizeof context;
  context.check_only = 1;
  test::where = std::string(name) + ", seed " + std::to_string(seed);
  const tsv_status checked = operation(&context, &arguments);
  CHECK(m.unchanged());
  context.check_only = 0;
  const tsv_status status = operation(&context, &arguments);
  CHECK(status == checked);
  CHECK(status >= TSV_OK && status <= TSV_E_ABI);
  CHECK(context.error.status == status);
  CHECK(memchr(context.error.expected, 0, sizeof context.error.expected) != nullptr);
  CHECK(memchr(context.error.got, 0, sizeof context.error.got) != nullptr);
  if (status == TSV_OK) {
    ++*succeeded;
  } else {
    CHECK(m.unchanged());
    CHECK(context.error.argument > TSV_ARG_NONE && tsv_argument_path(context.error.argument)[0] != 0);
  }
}

template <class Arguments>
void fuzz(const char* name, tsv_status (*operation)(tsv_context*, const Arguments*),
          Arguments (*make)(Maker&)) {
  long succeeded = 0;
  for (int64_t seed = 0; seed < kCallsAnOperation; ++seed) {
    Maker m(seed);
    call(name, seed, m, operation, make(m), &succeeded);
  }
  printf("%-18s %ld of %d calls succeeded\n", name, succeeded, kCallsAnOperation);
  CHECK(succeeded > kCallsAnOperation / 20);
}

template <class Arguments>
void fuzz_map(const char* name, tsv_status (*operation)(tsv_context*, const Arguments*),
              Arguments (*make)(Maker&, tsv_token_map*)) {
  long succeeded = 0;
  for (int64_t seed = 0; seed < kCallsAnOperation; ++seed) {
    Maker m(seed);
    tsv_token_map map;
    call(name, seed, m, operation, make(m, &map), &succeeded);
  }
  printf("%-18s %ld of %d calls succeeded\n", name, succeeded, kCallsAnOperation);
  CHECK(succeeded > kCallsAnOperation / 20);
}

}  // namespace

int main() {
  for (int32_t isa = TSV_ISA_SCALAR; isa <= TSV_ISA_AVX512; ++isa) {
    if (tsv_set_isa(isa) != TSV_OK) continue;
    printf("%s\n", tsv_isa_name(isa));
    fuzz("token_norms", tsv_token_norms, make_token_norms);
    fuzz("paired_similarity", tsv_paired_similarity, make_paired_similarity);
    fuzz("gather_tokens", tsv_gather_tokens, make_gather_tokens);
    fuzz("rotate_keys", tsv_rotate_keys, make_rotate_keys);
    fuzz("top_k", tsv_top_k, make_top_k);
    fuzz("select_threshold", tsv_select_threshold, make_select_threshold);
    fuzz("similarity_argmax", tsv_similarity_argmax, make_similarity_argmax);
    fuzz("similarity_reduce", tsv_similarity_reduce, make_similarity_reduce);
    fuzz("knn_density", tsv_knn_density, make_knn_density);
    fuzz("sample_cdf", tsv_sample_cdf, make_sample_cdf);
    fuzz("pool_scores", tsv_pool_scores, make_pool_scores);
    fuzz("bipartite_match", tsv_bipartite_match, make_bipartite_match);
    fuzz("farthest_point", tsv_farthest_point, make_farthest_point);
    fuzz("dpp_greedy", tsv_dpp_greedy, make_dpp_greedy);
    fuzz("attention_scores", tsv_attention_scores, make_attention_scores);
    fuzz("attention", tsv_attention, make_attention_output);
    fuzz("matmul", tsv_matmul, make_matmul);
    fuzz_map("merge_tokens", tsv_merge_tokens, make_merge_tokens);
    fuzz_map("restore_tokens", tsv_restore_tokens, make_restore_tokens);
  }
  return test::finish("fuzz");
}
