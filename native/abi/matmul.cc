// A task is a block of rows by a block of columns of one product, whole in depth; b is packed once, first,
// and shared by the blocks of rows, or by the task for itself where there is only one.
#include <algorithm>
#include <atomic>

#include "abi/check.h"
#include "cuda/driver/plans.h"
#include "runtime/dispatch.h"
#include "runtime/thread_pool.h"
#include "runtime/workspace.h"

namespace tsv {
namespace {

constexpr int64_t kDepthStep = 256;  // a panel of two AVX-512 vectors by 256 is 32 KB
constexpr int64_t kRowStep = 112;    // rows that meet a panel while it is in cache
constexpr int64_t kColumnStep = 256;

int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }
int64_t steps(int64_t n, int64_t step) { return (n + step - 1) / step; }

struct MatmulPlan {
  View a, b, bias, out;
  int64_t groups, rows, depth, columns;
  int32_t activation;
  bool transposed;

  bool one_b() const { return b.dim[0] == 1; }
  // So few rows that b is better read where it lies.
  bool in_place() const {
    const KernelShape& shape = kernels().shape;
    return !transposed && b.dtype == TSV_FLOAT32 && columns % shape.lanes == 0 && rows <= 2 * shape.tile_rows;
  }
  int64_t padded_columns() const { return round_up(columns, kernels().shape.panel_width); }

  // Columns first..first+count-1 of one step of b, packed.
  void pack(int64_t group, int64_t k, int64_t first, int64_t count, float* panels) const {
    const int64_t here = std::min(kDepthStep, depth - k);
    PackPanels pack = {};
    pack.source = b.rows(one_b() ? 0 : group);
    pack.columns = count;
    pack.depth = here;
    pack.panels = panels;
    const int64_t skipped = (transposed ? k : first) * b.item_bytes();
    pack.source.data = static_cast<const char*>(pack.source.data) + skipped;
    pack.first = transposed ? first : k;
    transposed ? kernels().pack_key_panels(pack) : kernels().pack_value_panels(pack);
  }
};

tsv_status run(tsv_context* context, const MatmulPlan& plan) {
  const int64_t row_blocks = steps(plan.rows, kRowStep), column_blocks = steps(plan.columns, kColumnStep);
  const int64_t tasks = plan.groups * row_blocks * column_blocks;
  if (tasks == 0) return TSV_OK;
  const int64_t depth_steps = std::max<int64_t>(steps(plan.depth, kDepthStep), 1);
  const bool in_place = plan.in_place();
  const bool shared = !in_place && (row_blocks > 1 || (plan.groups > 1 && plan.one_b()));
  const int64_t padded = column_blocks * round_up(kColumnStep, kernels().shape.panel_width);
  const int64_t shared_groups = plan.one_b() ? 1 : plan.groups;
  const size_t shared_floats = shared ? size_t(shared_groups * padded * plan.depth) : 0;
  Workspace whole(WorkspaceSize().add<float>(shared_floats).bytes());
  if (!whole.ok()) return TSV_E_MEMORY;
  float* panels = whole.take<float>(shared_floats);
  const int64_t block_floats = padded / column_blocks;  // per k
  if (shared) {
    parallel_for(context, shared_groups * depth_steps * column_blocks, [&](int64_t task) {
      const int64_t block = task % column_blocks, step = task / column_blocks % depth_steps;
      const int64_t group = task / column_blocks / depth_steps, first = block * kColumnStep;
      plan.pack(group, step * kDepthStep, first, std::min(kColumnStep, plan.columns - first),
                panels + ((group * column_blocks + block) * plan.depth + step * kDepthStep) * block_floats);
    });
  }

  const bool convert_a = plan.a.dtype != TSV_FLOAT32, convert_out = plan.out.dtype != TSV_FLOAT32;
  std::atomic<bool> out_of_memory{false};
  parallel_for(context, tasks, [&](int64_t task) {
    const int64_t block = task % column_blocks, row_block = task / column_blocks % row_blocks;
    const int64_t group = task / column_blocks / row_blocks, first = block * kColumnStep;
    const int64_t columns = std::min(kColumnStep, plan.columns - first);
    const int64_t row = plan.rows * row_block / row_blocks,
                  rows = plan.rows * (row_block + 1) / row_blocks - row;
    const size_t own_panels = shared || in_place ? 0 : size_t(block_floats * kDepthStep);
    Workspace workspace(WorkspaceSize()
                            .add<float>(own_panels)
                            .add<float>(convert_a ? size_t(kRowStep * kDepthStep) : 0)
                            .add<float>(convert_out ? size_t(kRowStep * kColumnStep) : 0)
                            .bytes());
    if (!workspace.ok()) {
      out_of_memory = true;
      return;
    }
    float* packed = workspace.take<float>(own_panels);
    float* left = workspace.take<float>(convert_a ? size_t(kRowStep * kDepthStep) : 0);
    float* result = workspace.take<float>(convert_out ? size_t(kRowStep * kColumnStep) : 0);
    const Rows a = plan.a.rows(group), out = plan.out.rows(group);
    const int64_t result_stride = convert_out ? kColumnStep : out.stride;
    if (!convert_out) result = static_cast<float*>(const_cast<void*>(out.data)) + row * out.stride + first;
    for (int64_t step = 0; step < depth_steps; ++step) {
      const int64_t k = step * kDepthStep, here = std::min(kDepthStep, plan.depth - k);
      const float* b = packed;
      if (in_place) {
        const Rows matrix = plan.b.rows(plan.one_b() ? 0 : group);
        b = static_cast<const float*>(matrix.data) + k * matrix.stride + first;
      } else if (shared) {
        b = panels + (((plan.one_b() ? 0 : group) * column_blocks + block) * plan.depth + k) * block_floats;
      } else {
        plan.pack(group, k, first, columns, packed);
      }
      Matmul product = {};
      product.a = static_cast<const float*>(a.data) + row * a.stride + k;
      product.a_stride = a.stride;
      if (convert_a) {
        Rows source = a;
        source.data = static_cast<const char*>(a.data) + k * plan.a.item_bytes();
        kernels().load_rows({source, nullptr, row, rows, here, 1.0f, left, kDepthStep});
        product.a = left;
        product.a_stride = kDepthStep;
      }
      product.rows = rows;
      product.b = b;
      product.b_stride = in_place ? plan.columns : 0;
      product.columns = columns;
      product.depth = here;
      product.first = step == 0;
      product.last = step + 1 == depth_steps;
      product.bias = plan.bias.present() ? plan.bias.as<float>() + first : nullptr;
      product.activation = plan.activation;
      product.out = result;
      product.out_stride = result_stride;
      kernels().matmul(product);
    }
    if (convert_out) {
      char* to = static_cast<char*>(const_cast<void*>(out.data)) +
                 (row * out.stride + first) * plan.out.item_bytes();
      kernels().store_rows({result, kColumnStep, nullptr, nullptr, rows, columns, to, out.dtype, out.stride});
    }
  });
  if (out_of_memory) return TSV_E_MEMORY;
  return cancelled(context) ? TSV_E_CANCELLED : TSV_OK;
}

}  // namespace
}  // namespace tsv

using namespace tsv;

tsv_status tsv_matmul(tsv_context* context, const tsv_matmul_args* arguments) {
  Check check(context, Devices::kCpuAndCuda);
  const tsv_matmul_args given = read_arguments(check, arguments);
  if (check.failed()) return check.status();
  MatmulPlan plan = {};
  plan.a = check.input(given.a, TSV_ARG_A, kFloats, 3, 3);
  plan.b = check.input(given.b, TSV_ARG_B, kFloats, 3, 3);
  plan.transposed = given.transpose_b != 0;
  plan.groups = plan.a.dim[0], plan.rows = plan.a.dim[1], plan.depth = plan.a.dim[2];
  plan.columns = plan.b.dim[plan.transposed ? 1 : 2];
  check.same(plan.b, TSV_ARG_B, plan.transposed ? 2 : 1, plan.depth, "the last dimension of a");
  check.that(plan.one_b() || plan.b.dim[0] == plan.groups, TSV_ARG_B, TSV_E_SHAPE,
             "one matrix, or as many as a has", double(plan.b.dim[0]));
  plan.bias = check.optional(given.bias, TSV_ARG_BIAS, kFloat32, 1, 1);
  if (plan.bias.present()) check.same(plan.bias, TSV_ARG_BIAS, 0, plan.columns, "the columns of b");
  check.range(TSV_ARG_ACTIVATION, given.activation, TSV_ACTIVATION_NONE, TSV_ACTIVATION_TANH);
  plan.activation = given.activation;
  if (check.failed()) return check.status();
  plan.out = check.output(given.out, TSV_ARG_OUT, 1u << plan.a.dtype, {plan.groups, plan.rows, plan.columns});
  check.no_overlap();
  if (check.failed()) return check.status();
  if (plan.one_b()) {  // one product with all rows
    for (View* view : {&plan.a, &plan.out}) view->dim[1] *= view->dim[0], view->dim[0] = 1;
    plan.rows *= plan.groups;
    plan.groups = std::min<int64_t>(plan.groups, 1);
  }
  if (check.on_device()) {
    return cuda::matmul(context, check, given, plan.a, plan.b, plan.bias, plan.out);
  }
  const tsv_status status = run(context, plan);
  if (status == TSV_E_MEMORY) check.fail(TSV_ARG_A, status, "too little", "followed by working memory");
  return status;
}
