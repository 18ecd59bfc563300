#include <math.h>
#include <stdio.h>

#include <algorithm>
#include <atomic>

#include "abi/check.h"
#include "abi/rotary.h"
#include "abi/token_rows.h"
#include "cuda/driver/plans.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

using namespace tsv;

namespace {

Positions read_positions(Check& check, const tsv_tensor* tensor, int32_t argument, const View& k,
                         int64_t sections) {
  const int lead = sections > 0 ? 1 : 0;
  Positions p;
  p.view = check.input(tensor, argument, kIntegers, lead + 1, lead + 3);
  if (check.failed()) return p;
  const View& v = p.view;
  const int rank = v.rank - lead;
  const int64_t *dim = v.dim + lead, batch = k.dim[0], heads = k.dim[1];
  p.tokens = k.dim[2];
  const bool fits = dim[rank - 1] == p.tokens && (rank < 2 || dim[0] == batch) &&
                    (rank < 3 || dim[1] == heads) && (lead == 0 || v.dim[0] == sections);
  check.that(fits, argument, TSV_E_SHAPE,
             lead == 0 ? "of the dims [N], [B,N] or [B,Hkv,N] of k"
                       : "of the dims [S,N], [S,B,N] or [S,B,Hkv,N] of k and its sections",
             double(v.count()));
  check.elements(v, argument, INT32_MIN, INT32_MAX);
  p.heads = rank == 3 ? heads : 1;
  p.rows = rank == 1 ? 1 : batch * p.heads;
  p.of_section = p.rows * p.tokens;
  return p;
}

// What an angle in radians is in units of 2^-64 of a turn, without whole turns.
uint64_t turn_of(double angle) {
  constexpr double kTurn = 6.283185307179586;
  const double turns = angle / kTurn, fraction = turns - floor(turns);
  return fraction < 1.0 ? uint64_t(ldexp(fraction, 64)) : 0;
}

void check_frequencies(Check& check, const View& frequencies, int64_t pairs) {
  if (!frequencies.present()) return;
  check.same(frequencies, TSV_ARG_FREQUENCIES, 0, pairs, "half of options.rotaryDim");
  for (int64_t i = 0; i < pairs && !frequencies.on_device && !check.failed(); ++i) {
    check.that(std::isfinite(frequencies.as<float>()[i]), TSV_ARG_FREQUENCIES, TSV_E_RANGE, "finite numbers",
               double(frequencies.as<float>()[i]));
  }
}

void check_sections(Check& check, const View& sections, int64_t pairs) {
  if (!sections.present()) return;
  check.elements(sections, TSV_ARG_SECTIONS, 0, pairs);
  if (check.failed() || sections.on_device) return;
  int64_t sum = 0;
  for (int64_t s = 0; s < sections.dim[0]; ++s) sum += sections.as<int32_t>()[s];
  char expected[64];
  snprintf(expected, sizeof expected, "sections that add up to %lld", static_cast<long long>(pairs));
  check.that(sum == pairs, TSV_ARG_SECTIONS, TSV_E_RANGE, expected, double(sum));
}

}  // namespace

tsv_status tsv_rotate_keys(tsv_context* context, const tsv_rotate_keys_args* arguments) {
  Check check(context, Devices::kCpuAndCuda);
  const tsv_rotate_keys_args a = read_arguments(check, arguments);
  const View k = check.input(a.k, TSV_ARG_K, kFloats, 4, 4, true);
  const View frequencies = check.optional(a.frequencies, TSV_ARG_FREQUENCIES, kFloat32, 1, 1);
  const View sections = check.optional(a.sections, TSV_ARG_SECTIONS, kInt32, 1, 1);
  const int64_t batch = k.dim[0], heads = k.dim[1], n = k.dim[2], columns = k.dim[3];
  const int64_t rotary = a.rotary_dim == 0 ? columns : a.rotary_dim;
  check.range(TSV_ARG_ROTARY_DIM, rotary, 0, columns);
  check.that(rotary % 2 == 0, TSV_ARG_ROTARY_DIM, TSV_E_RANGE, "an even integer", double(rotary));
  check.that(a.base > 0 && std::isfinite(a.base), TSV_ARG_BASE, TSV_E_RANGE, "a finite number above 0",
             a.base);
  const int64_t pairs = rotary / 2;
  check_frequencies(check, frequencies, pairs);
  check_sections(check, sections, pairs);
  const int64_t section_count = sections.present() ? sections.dim[0] : 0;
  const Positions from = read_positions(check, a.from, TSV_ARG_FROM, k, section_count);
  const Positions to = read_positions(check, a.to, TSV_ARG_TO, k, section_count);
  const View lengths = check.lengths(a.lengths, batch, n);
  if (check.failed()) return check.status();
  const View keys = check.output(a.keys, TSV_ARG_OUT, 1u << k.dtype, {batch, heads, n, columns}, true);
  check.no_overlap();
  if (check.failed()) return check.status();

  if (k.count() == 0) return TSV_OK;

  const int64_t parts = std::max<int64_t>(1, section_count);
  Workspace workspace(WorkspaceSize().add<uint64_t>(size_t(pairs)).add<int32_t>(size_t(parts)).bytes());
  if (!workspace.ok()) {
    check.fail(TSV_ARG_K, TSV_E_MEMORY, "none", "followed by working memory");
    return check.status();
  }
  uint64_t* turns = workspace.take<uint64_t>(size_t(pairs));
  int32_t* section_ends = workspace.take<int32_t>(size_t(parts));
  for (int64_t i = 0; i < pairs && !frequencies.on_device; ++i) {
    turns[i] = turn_of(frequencies.present() ? double(frequencies.as<float>()[i])
                                             : pow(a.base, -2.0 * double(i) / double(rotary)));
  }
  section_ends[0] = int32_t(pairs);
  for (int64_t s = 0, end = 0; s < section_count && !sections.on_device; ++s) {
    section_ends[s] = int32_t(end += sections.as<int32_t>()[s]);
  }
  if (check.on_device()) {
    return cuda::rotate_keys(
        context, check,
        {k, keys, from, to, lengths, frequencies, sections, pairs, parts, a.interleaved != 0,
         frequencies.on_device ? nullptr : turns, sections.on_device ? nullptr : section_ends});
  }

  // Heads that share positions are turned together, in tasks of about 32 K elements.
  constexpr int64_t kElements = 1 << 15;
  TokenRows tokens;
  tokens.heads = from.by_head() || to.by_head() ? heads : 1;
  tokens.rows = batch * tokens.heads;
  tokens.n = n;
  tokens.lengths = lengths;
  const int64_t together = tokens.heads == 1 ? heads : 1;
  const int64_t step = std::max<int64_t>(1, kElements / std::max<int64_t>(1, columns * together));
  std::atomic<bool> starved{false};
  for_pieces_of_rows(context, tokens, step, [&](int64_t row, int64_t first, int64_t count) {
    const size_t shift_count = size_t(count * parts), floats = rotate_keys_scratch(pairs) / sizeof(float);
    Workspace memory(WorkspaceSize().add<int64_t>(shift_count).add<float>(floats).bytes());
    if (!memory.ok()) {
      starved = true;
      return;
    }
    const int64_t b = row / tokens.heads, head = row % tokens.heads;
    int64_t* shifts = memory.take<int64_t>(shift_count);
    for (int64_t i = 0; i < count; ++i) {
      const bool padding = first + i >= tokens.length_of(row);
      for (int64_t s = 0; s < parts; ++s) {
        shifts[i * parts + s] = padding ? 0 : to.at(s, b, head, first + i) - from.at(s, b, head, first + i);
      }
    }
    const auto rows_from = [&](const View& x) {
      Rows rows = x.rows(b, head);
      rows.data = static_cast<const char*>(rows.data) + first * rows.stride * x.item_bytes();
      return rows;
    };
    const Rows out = rows_from(keys);
    kernels().rotate_keys({rows_from(k), k.stride[1], together, count, columns, pairs, a.interleaved != 0,
                           turns, section_ends, parts, shifts, memory.take<float>(floats),
                           const_cast<void*>(out.data), out.stride, keys.stride[1]});
  });
  if (starved) check.fail(TSV_ARG_K, TSV_E_MEMORY, "none", "followed by working memory");
  return starved ? check.status() : cancelled(context) ? TSV_E_CANCELLED : TSV_OK;
}
