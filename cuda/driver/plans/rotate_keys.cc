#include "cuda/driver/plans.h"
#include "cuda/driver/queue.h"

namespace tsv {
namespace cuda {
namespace {

PositionArguments positions(Queue& queue, const Positions& p) {
  return {queue.on_device(p.view),     p.rows, p.of_section, p.tokens, int32_t(p.heads),
          int32_t(p.view.item_bytes())};
}

// Whether elements 2i and 2i + 1 of every row can be read as one.
bool pairs_aligned(const View& x) {
  uint64_t all = uint64_t(reinterpret_cast<uintptr_t>(x.data)) / uint64_t(x.item_bytes());
  for (int i = 0; i < 3; ++i) all |= uint64_t(x.stride[i]);
  return all % 2 == 0;
}

}  // namespace

tsv_status rotate_keys(tsv_context* context, const Check& check, const Rotary& r) {
  Queue queue(context, check);
  constexpr int kThreads = 256, kWarps = kThreads / 32;
  const bool ready = r.turns != nullptr && r.section_ends != nullptr;
  const uint64_t* turns =
      r.turns != nullptr ? queue.upload(r.turns, r.pairs) : queue.scratch<uint64_t>(r.pairs);
  const int32_t* section_ends =
      r.section_ends != nullptr ? queue.upload(r.section_ends, r.parts) : queue.scratch<int32_t>(r.parts);
  if (!ready) {
    const RotaryTurnsArguments arguments = {
        r.turns == nullptr ? queue.on_device<float>(r.frequencies) : nullptr,
        r.section_ends == nullptr ? queue.on_device<int32_t>(r.sections) : nullptr,
        const_cast<uint64_t*>(turns),
        const_cast<int32_t*>(section_ends),
        queue.fault(),
        r.pairs,
        r.parts};
    queue.launch(Kernel::rotary_turns, {1}, kThreads, 0, arguments);
  }
  const int64_t batch = r.k.dim[0], heads = r.k.dim[1], n = r.k.dim[2];
  const int64_t apart = r.from.by_head() || r.to.by_head() ? heads : 1;
  const RotateKeysArguments arguments = {matrix(queue, r.k),
                                         matrix(queue, r.keys),
                                         positions(queue, r.from),
                                         positions(queue, r.to),
                                         turns,
                                         section_ends,
                                         queue.on_device<int32_t>(r.lengths),
                                         queue.fault(),
                                         batch,
                                         apart,
                                         n,
                                         r.k.dim[3],
                                         r.pairs,
                                         r.parts,
                                         r.interleaved,
                                         pairs_aligned(r.k) && pairs_aligned(r.keys)};
  const Kernel kernel =
      by_type(r.k.dtype, Kernel::rotate_keys_f32, Kernel::rotate_keys_f16, Kernel::rotate_keys_bf16);
  queue.launch(kernel, {blocks(batch * apart * n, kWarps)}, kThreads, 0, arguments);
  return queue.status();
}

}  // namespace cuda
}  // namespace tsv
