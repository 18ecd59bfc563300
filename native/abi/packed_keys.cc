#include "abi/packed_keys.h"

#include <algorithm>
#include <new>
#include <vector>

#include "abi/int8_attention.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

namespace tsv {
namespace {

constexpr uint64_t kMagic = 0x737965'6b20'565354ull;  // "TSV keys"
constexpr int32_t kLayout = 1;                        // changes with the layout of what follows

struct Header {
  uint64_t magic;
  int32_t layout;
  KeyFormat format;
  int64_t batch, key_heads, keys, depth;
};
static_assert(sizeof(Header) <= kAlignment, "the header fills one line");

// Past this a product of dims might not fit 64 bits.
constexpr int64_t kMostDim = int64_t(1) << 31, kMostBytes = int64_t(1) << 46;

bool sane(int64_t batch, int64_t key_heads, int64_t keys, int64_t depth) {
  double bytes = 64;
  for (int64_t dim : {batch, key_heads, keys, depth}) {
    if (dim < 0 || dim > kMostDim) return false;
    bytes *= double(std::max<int64_t>(dim, 64));
  }
  return bytes <= double(kMostBytes);
}

KeyFormat format_here() { return int8_kernels() != nullptr ? KeyFormat::kBytes : KeyFormat::kRows; }

tsv_status pack(tsv_context* context, const AttentionProblem& p, const PackedKeys& packed) {
  const Header header = {kMagic,           kLayout,     packed.format, packed.batch,
                         packed.key_heads, packed.keys, packed.depth};
  memset(packed.memory, 0, packed.bytes());
  memcpy(packed.memory, &header, sizeof header);
  std::vector<BatchRows> rows(static_cast<size_t>(p.batch));
  for (int64_t b = 0; b < p.batch; ++b) {
    const TokenMask mask(p.mask, p.lengths, b, p.keys);
    for (int64_t j = 0; j < p.keys; ++j) packed.hidden(b)[j] = mask[j] == 2 ? 2 : 0;
    rows[size_t(b)].hidden = packed.hidden(b);
    for (int64_t i = 0; i < p.queries; ++i) rows[size_t(b)].query.push_back(int32_t(i));
  }
  if (packed.format == KeyFormat::kBytes) {
    Int8Attention(p, packed.head(0, 0)).pack_heads(context, rows);
  } else {
    parallel_for(context, p.batch * p.key_heads, [&](int64_t unit) {
      const int64_t b = unit / p.key_heads, key_head = unit % p.key_heads;
      kernels().load_rows({p.k.rows(b, key_head), nullptr, 0, p.keys, p.depth, 1.0f,
                           reinterpret_cast<float*>(packed.head(b, key_head)), p.depth});
    });
  }
  return cancelled(context) ? TSV_E_CANCELLED : TSV_OK;
}

}  // namespace

uint8_t* PackedKeys::hidden(int64_t b) const {
  return reinterpret_cast<uint8_t*>(memory + kAlignment) + b * keys;
}

size_t PackedKeys::head_bytes() const {
  if (format == KeyFormat::kBytes) return Int8Head::bytes(keys, depth);
  return size_t(keys * depth) * sizeof(float);
}

char* PackedKeys::head(int64_t b, int64_t key_head) const {
  return memory + kAlignment + aligned(size_t(batch * keys)) +
         size_t(b * key_heads + key_head) * head_bytes();
}

size_t PackedKeys::bytes() const {
  return kAlignment + aligned(size_t(batch * keys)) + size_t(batch * key_heads) * head_bytes();
}

View PackedKeys::rows() const {
  View view;
  view.data = head(0, 0);
  view.rank = 4;
  const int64_t dims[] = {batch, key_heads, keys, depth};
  int64_t stride = 1;
  for (int d = 3; d >= 0; --d) {
    view.dim[d] = dims[d];
    view.stride[d] = stride;
    stride *= dims[d];
  }
  return view;
}

PackedKeys read_packed_keys(Check& check, const tsv_tensor* tensor) {
  const View bytes = check.input(tensor, TSV_ARG_K, kUint8, 1, 1);
  PackedKeys packed;
  if (!bytes.present()) return packed;
  Header header = {};
  const bool whole = bytes.dim[0] >= int64_t(kAlignment);
  if (whole) memcpy(&header, bytes.data, sizeof header);  // once: another thread may write
  const bool known = whole && header.magic == kMagic && header.layout == kLayout &&
                     (header.format == KeyFormat::kRows || header.format == KeyFormat::kBytes) &&
                     sane(header.batch, header.key_heads, header.keys, header.depth);
  check.that(known, TSV_ARG_K, TSV_E_RANGE, "what packKeys made, of this version", double(bytes.dim[0]));
  check.that(reinterpret_cast<uintptr_t>(bytes.data) % alignof(float) == 0, TSV_ARG_K, TSV_E_RANGE,
             "packed keys at a multiple of 4 bytes", double(reinterpret_cast<uintptr_t>(bytes.data) % 4));
  if (check.failed()) return packed;
  packed = {header.format, header.batch, header.key_heads, header.keys, header.depth, bytes.data};
  check.that(packed.bytes() <= size_t(bytes.dim[0]), TSV_ARG_K, TSV_E_SHAPE, "as long as its header says",
             double(bytes.dim[0]));
  return packed;
}

}  // namespace tsv

int64_t tsv_packed_keys_bytes(int64_t batch, int64_t key_heads, int64_t keys, int64_t depth) {
  if (!tsv::sane(batch, key_heads, keys, depth)) return -1;
  tsv::PackedKeys packed = {tsv::format_here(), batch, key_heads, keys, depth, nullptr};
  return int64_t(packed.bytes());
}

tsv_status tsv_pack_keys(tsv_context* context, const tsv_pack_keys_args* arguments) {
  tsv::Check check(context, tsv::Devices::kCpuAndCuda);
  try {
    const tsv_pack_keys_args a = tsv::read_arguments(check, arguments);
    if (check.failed()) return check.status();
    tsv::AttentionProblem p;
    p.k = check.input(a.k, TSV_ARG_K, tsv::kFloats, 4, 4, true);
    if (check.on_device()) {
      check.fail(TSV_ARG_K, TSV_E_DEVICE, "a tensor on a CUDA device",
                 "on the CPU: a GPU reads keys where they lie, so give it k itself");
    }
    p.batch = p.k.dim[0], p.key_heads = p.k.dim[1], p.keys = p.k.dim[2], p.depth = p.k.dim[3];
    check.that(p.depth > 0 && tsv::sane(p.batch, p.key_heads, p.keys, p.depth), TSV_ARG_K, TSV_E_SHAPE,
               "a tensor with at least one channel a head", double(p.depth));
    p.heads = p.key_heads;
    if (a.queries != nullptr) {
      p.q = check.input(a.queries, TSV_ARG_QUERIES, tsv::kFloats, 4, 4, true);
      check.same(p.q, TSV_ARG_QUERIES, 0, p.batch, "the batch of k");
      check.same(p.q, TSV_ARG_QUERIES, 3, p.depth, "the head dim of k");
      p.heads = p.q.dim[1], p.queries = p.q.dim[2];
      const bool divides = p.key_heads > 0 ? p.heads % p.key_heads == 0 : p.heads == 0;
      check.that(divides, TSV_ARG_QUERIES, TSV_E_SHAPE, "a tensor whose heads are a multiple of those of k",
                 double(p.heads));
    }
    if (check.failed()) return check.status();
    p.group = p.key_heads > 0 ? p.heads / p.key_heads : 1;
    p.mask = check.mask(a.mask, TSV_ARG_MASK, p.batch, p.keys);
    p.lengths = check.lengths(a.lengths, p.batch, p.keys);
    tsv::PackedKeys packed = {tsv::format_here(), p.batch, p.key_heads, p.keys, p.depth, nullptr};
    const int64_t room = a.packed != nullptr && a.packed->ndim == 1 ? a.packed->shape[0] : 0;
    const tsv::View out = check.output(a.packed, TSV_ARG_OUT_PACKED, tsv::kUint8, {room});
    check.that(size_t(room) >= packed.bytes(), TSV_ARG_OUT_PACKED, TSV_E_SHAPE,
               "as long as tsv_packed_keys_bytes says", double(room));
    check.that(reinterpret_cast<uintptr_t>(out.data) % alignof(float) == 0, TSV_ARG_OUT_PACKED, TSV_E_RANGE,
               "memory at a multiple of 4 bytes", double(reinterpret_cast<uintptr_t>(out.data) % 4));
    check.no_overlap();
    if (check.failed()) return check.status();
    packed.memory = out.data;
    return tsv::pack(context, p, packed);
  } catch (const std::bad_alloc&) {
    check.fail(TSV_ARG_K, TSV_E_MEMORY, "too little", "followed by working memory");
    return TSV_E_MEMORY;
  }
}
