#include "abi/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

namespace tsv {
namespace {

const char* const kTypeNames[] = {"float32", "float16", "bfloat16", "int32", "int64", "uint8"};

// Arguments that say what to do with the tensors: they may lie on the host when those do not.
bool may_stay_on_host(int32_t argument) {
  switch (argument) {
    case TSV_ARG_MASK:
    case TSV_ARG_QUERY_MASK:
    case TSV_ARG_A_MASK:
    case TSV_ARG_B_MASK:
    case TSV_ARG_LENGTHS:
    case TSV_ARG_BIAS:
    case TSV_ARG_SCALE:
    case TSV_ARG_LSE:
    case TSV_ARG_QUERIES:
    case TSV_ARG_SEGMENTS:
    case TSV_ARG_INDICES:
    case TSV_ARG_RAGGED_OFFSETS:
    case TSV_ARG_MAP_OFFSETS:
    case TSV_ARG_MAP_MEMBERS:
    case TSV_ARG_MAP_WEIGHTS:
    case TSV_ARG_MAP_ASSIGNMENT:
    case TSV_ARG_MAP_OUTPUT_LENGTHS:
    case TSV_ARG_WEIGHTS:
    case TSV_ARG_WEIGHT:
    case TSV_ARG_FROM:
    case TSV_ARG_TO:
    case TSV_ARG_FREQUENCIES:
    case TSV_ARG_SECTIONS:
    case TSV_ARG_RELEVANCE:
    case TSV_ARG_DISTANCE_SCALE:
    case TSV_ARG_POSITIONS:
    case TSV_ARG_QUERY_POSITIONS:
      return true;
    default:
      return false;
  }
}

// More elements than this can not be addressed; far fewer can be had.
constexpr int64_t kMaxCount = int64_t(1) << 40;

void print_types(uint32_t types, char* text, size_t length) {
  size_t used = 0;
  for (int t = 0; t < 6; ++t) {
    if (!((types >> t) & 1)) continue;
    const bool last = (types >> (t + 1)) == 0;
    used += size_t(snprintf(text + used, length - used, "%s%s",
                            used == 0 ? ""
                            : last    ? " or "
                                      : ", ",
                            kTypeNames[t]));
  }
}

void print_shape(const int64_t* dims, int rank, char* text, size_t length) {
  size_t used = size_t(snprintf(text, length, "["));
  for (int i = 0; i < rank && used < length; ++i) {
    used += size_t(snprintf(text + used, length - used, "%s%" PRId64, i == 0 ? "" : ",", dims[i]));
  }
  if (used < length) snprintf(text + used, length - used, "]");
}

}  // namespace

Check::Check(tsv_context* context, Devices devices) : error_(&unheard_), devices_(devices) {
  memset(error_, 0, sizeof *error_);
  // Without a context, or with one that may end before its error, there is no place to say what is wrong.
  if (context == nullptr || context->size < sizeof *context) {
    error_->status = TSV_E_ABI;
    return;
  }
  error_ = &context->error;
  memset(error_, 0, sizeof *error_);
  if (size(TSV_ARG_CONTEXT, context->size, sizeof *context)) check_only_ = context->check_only != 0;
}

void Check::fail(int32_t argument, tsv_status status, const char* got, const char* format, ...) {
  if (failed()) return;
  error_->status = status;
  error_->argument = argument;
  snprintf(error_->got, sizeof error_->got, "%s", got);
  va_list values;
  va_start(values, format);
  vsnprintf(error_->expected, sizeof error_->expected, format, values);
  va_end(values);
}

View Check::read(const tsv_tensor* tensor, int32_t argument, uint32_t types, int low, int high,
                 bool strided) {
  View view;
  if (tensor->dtype < 0 || tensor->dtype > 5 || !((types >> tensor->dtype) & 1)) {
    char names[64];
    print_types(types, names, sizeof names);
    fail(argument, TSV_E_TYPE,
         tensor->dtype < 0 || tensor->dtype > 5 ? "an unknown type" : kTypeNames[tensor->dtype],
         "a tensor of type %s", names);
    return view;
  }
  const int rank = tensor->ndim;
  const auto wrong_shape = [&](const char* format, auto... values) {
    char got[64];
    print_shape(tensor->shape, rank < 0 ? 0 : rank > 8 ? 8 : rank, got, sizeof got);
    fail(argument, TSV_E_SHAPE, got, format, values...);
  };
  if (rank < low || rank > high) {
    if (low == high) {
      wrong_shape("a tensor with %d dimension%s", low, low == 1 ? "" : "s");
    } else {
      wrong_shape("a tensor with %d to %d dimensions", low, high);
    }
    return view;
  }
  int64_t count = 1, dense = 1;
  View found;
  for (int i = rank - 1; i >= 0; --i) {
    const int64_t dim = tensor->shape[i], stride = tensor->strides != nullptr ? tensor->strides[i] : dense;
    if (dim < 0 || dim > INT32_MAX || (dim > 0 && count > kMaxCount / dim)) {
      wrong_shape("a tensor whose dims are from 0 to %d, of fewer than 2^40 elements", INT32_MAX);
      return view;
    }
    if ((strided ? i == rank - 1 : true) && dim > 1 && stride != dense) {
      wrong_shape("%s", strided ? "dense in its last dimension" : "dense, without strides");
      return view;
    }
    if (stride < 0 || stride > kMaxCount) {
      wrong_shape("a tensor with strides from 0 to 2^40");
      return view;
    }
    found.dim[i] = dim;
    found.stride[i] = stride;
    count *= dim;
    dense *= dim > 0 ? dim : 1;
  }
  if (count > 0 && tensor->data == nullptr) {
    fail(argument, TSV_E_SHAPE, "NULL", "a tensor with data");
    return view;
  }
  found.data = static_cast<char*>(tensor->data) + (tensor->data != nullptr ? tensor->byte_offset : 0);
  found.dtype = tensor->dtype;
  found.rank = rank;
  found.on_device = tensor->device_type == TSV_CUDA;
  return found;
}

// Whether a tensor lies where this call's tensors do. The first one that is not free to stay on the host
// decides.
bool Check::place(const tsv_tensor& tensor, int32_t argument, bool output) {
  if (failed()) return false;
  if (tensor.device_type != TSV_CPU && (tensor.device_type != TSV_CUDA || devices_ == Devices::kCpu)) {
    fail(argument, TSV_E_DEVICE, "another device", "a tensor on the CPU");
    return false;
  }
  const bool free = !output && may_stay_on_host(argument);
  if (device_type_ == 0 && !free) {
    device_type_ = tensor.device_type;
    device_id_ = tensor.device_id;
    placed_by_ = argument;
  }
  if (free && tensor.device_type == TSV_CPU) return true;
  if (tensor.device_type == device_type_ && (device_type_ == TSV_CPU || tensor.device_id == device_id_))
    return true;
  char got[64];
  if (tensor.device_type == TSV_CPU) {
    snprintf(got, sizeof got, "the CPU");
  } else {
    snprintf(got, sizeof got, "CUDA device %d", int(tensor.device_id));
  }
  if (device_type_ == TSV_CUDA) {
    fail(argument, TSV_E_DEVICE, got, "on CUDA device %d, as %s", int(device_id_),
         tsv_argument_path(placed_by_));
  } else {
    fail(argument, TSV_E_DEVICE, got, "on the CPU%s%s", device_type_ == 0 ? "" : ", as ",
         device_type_ == 0 ? "" : tsv_argument_path(placed_by_));
  }
  return false;
}

void Check::remember(const View& view, int32_t argument, bool output) {
  if (view.count() == 0 || extent_count_ == kMaxExtents) return;
  int64_t last = 0;
  for (int i = 0; i < view.rank; ++i) last += (view.dim[i] - 1) * view.stride[i];
  extents_[extent_count_++] = {view.data, view.data + (last + 1) * view.item_bytes(), argument, output,
                               view.on_device};
}

View Check::input(const tsv_tensor* tensor, int32_t argument, uint32_t types, int low, int high,
                  bool strided) {
  if (tensor == nullptr) {
    fail(argument, TSV_E_TYPE, "nothing", "a tensor");
    return View();
  }
  if (!place(*tensor, argument, false)) return View();
  const View view = read(tensor, argument, types, low, high, strided);
  remember(view, argument, false);
  return view;
}

View Check::optional(const tsv_tensor* tensor, int32_t argument, uint32_t types, int low, int high) {
  return tensor == nullptr ? View() : input(tensor, argument, types, low, high);
}

View Check::output(tsv_tensor* tensor, int32_t argument, uint32_t types, std::initializer_list<int64_t> dims,
                   bool strided) {
  if (tensor == nullptr) {
    fail(argument, TSV_E_TYPE, "nothing", "a tensor");
    return View();
  }
  if (failed() || !place(*tensor, argument, true)) return View();
  const View view = read(tensor, argument, types, int(dims.size()), int(dims.size()), strided);
  if (failed()) return View();
  if (memcmp(view.dim, dims.begin(), dims.size() * sizeof(int64_t)) != 0) {
    char expected[64], got[64];
    print_shape(dims.begin(), int(dims.size()), expected, sizeof expected);
    print_shape(view.dim, view.rank, got, sizeof got);
    fail(argument, TSV_E_SHAPE, got, "of shape %s", expected);
    return View();
  }
  remember(view, argument, true);
  return view;
}

View Check::optional_output(tsv_tensor* tensor, int32_t argument, uint32_t types,
                            std::initializer_list<int64_t> dims) {
  return tensor == nullptr ? View() : output(tensor, argument, types, dims);
}

View Check::mask(const tsv_tensor* tensor, int32_t argument, int64_t rows, int64_t n) {
  const View view = optional(tensor, argument, kUint8, 1, 2);
  if (!view.present() || failed()) return View();
  const bool fits = view.rank == 1 ? view.dim[0] == n : view.dim[0] == rows && view.dim[1] == n;
  if (!fits) {
    char got[64];
    print_shape(view.dim, view.rank, got, sizeof got);
    fail(argument, TSV_E_SHAPE, got, "of shape [%" PRId64 ",%" PRId64 "] or [%" PRId64 "]", rows, n, n);
  }
  elements(view, argument, 0, 2);
  return failed() ? View() : view;
}

View Check::lengths(const tsv_tensor* tensor, int64_t rows, int64_t n) {
  const View view = optional(tensor, TSV_ARG_LENGTHS, kInt32, 1, 1);
  if (!view.present() || failed()) return View();
  same(view, TSV_ARG_LENGTHS, 0, rows, "the batch");
  elements(view, TSV_ARG_LENGTHS, 0, n);
  return failed() ? View() : view;
}

bool Check::size(int32_t argument, uint32_t size, size_t known) {
  if (size > 0 && size <= known) return true;
  char got[32];
  snprintf(got, sizeof got, "%" PRIu32 " bytes", size);
  fail(argument, TSV_E_ABI, got, "a struct with its size set, at most %zu bytes in tokensieve %s", known,
       TSV_VERSION);
  return false;
}

void Check::same(const View& view, int32_t argument, int dimension, int64_t expected, const char* what) {
  if (failed() || view.dim[dimension] == expected) return;
  char got[64];
  print_shape(view.dim, view.rank, got, sizeof got);
  fail(argument, TSV_E_SHAPE, got, "a tensor with %" PRId64 " in dimension %d, as %s", expected, dimension,
       what);
}

void Check::range(int32_t argument, int64_t value, int64_t low, int64_t high) {
  if (failed() || (value >= low && value <= high)) return;
  char got[32];
  snprintf(got, sizeof got, "%" PRId64, value);
  fail(argument, TSV_E_RANGE, got, "an integer from %" PRId64 " to %" PRId64, low, high);
}

void Check::that(bool condition, int32_t argument, tsv_status status, const char* expected, double got) {
  if (failed() || condition) return;
  char text[32];
  snprintf(text, sizeof text, "%.17g", got);
  for (int digits = 1; digits < 17; ++digits) {  // the shortest text that reads back as the number
    char shorter[32];
    double back;
    snprintf(shorter, sizeof shorter, "%.*g", digits, got);
    if (sscanf(shorter, "%lf", &back) == 1 && back == got) {
      memcpy(text, shorter, sizeof text);
      break;
    }
  }
  fail(argument, status, text, "%s", expected);
}

void Check::elements(const View& view, int32_t argument, int64_t low, int64_t high) {
  if (failed() || !view.present() || view.on_device) return;
  const int64_t count = view.count();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t value = view.dtype == TSV_UINT8 ? view.as<uint8_t>()[i] : view.integer(i);
    if (value >= low && value <= high) continue;
    char got[64];
    snprintf(got, sizeof got, "%" PRId64 " at element %" PRId64, value, i);
    fail(argument, TSV_E_RANGE, got, "integers from %" PRId64 " to %" PRId64, low, high);
    return;
  }
}

void Check::no_overlap() {
  for (int i = 0; i < extent_count_ && !failed(); ++i) {
    for (int j = 0; j < extent_count_; ++j) {
      const Extent &a = extents_[i], &b = extents_[j];
      if (!a.output || i == j || a.on_device != b.on_device || a.begin >= b.end || b.begin >= a.end) continue;
      char got[64];
      snprintf(got, sizeof got, "memory of %s", tsv_argument_path(b.argument));
      fail(a.argument, TSV_E_OVERLAP, got, "memory of its own");
      break;
    }
  }
  checked_ = check_only_;
}

}  // namespace tsv
