/* The C interface, used from C99 as a host would: calls, bad arguments, structs and tables of other versions.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tokensieve.h"

static long passed, failed;

static void check(int holds, int line, const char* text) {
  if (holds) {
    ++passed;
  } else {
    ++failed;
    fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, line, text);
  }
}
#define CHECK(condition) check((condition) != 0, __LINE__, #condition)

static tsv_context new_context(void) {
  tsv_context context;
  memset(&context, 0, sizeof context);
  context.size = sizeof context;
  return context;
}

static tsv_tensor tensor(void* data, int32_t dtype, int32_t ndim, const int64_t* shape) {
  tsv_tensor t;
  memset(&t, 0, sizeof t);
  t.data = data;
  t.device_type = TSV_CPU;
  t.dtype = dtype;
  t.ndim = ndim;
  t.shape = shape;
  return t;
}

/* ---- The library's own functions */

static void test_library(void) {
  char name[64];
  CHECK(tsv_abi_version() == TSV_ABI_VERSION);
  CHECK(strcmp(tsv_version(), TSV_VERSION) == 0);
  CHECK(strcmp(tsv_argument_path(TSV_ARG_X), "x") == 0);
  CHECK(strcmp(tsv_argument_path(TSV_ARG_MASK), "options.mask") == 0);
  CHECK(strcmp(tsv_argument_path(-1), "") == 0);
  CHECK(strcmp(tsv_argument_path(100000), "") == 0);
  CHECK(strcmp(tsv_isa_name(TSV_ISA_AVX2), "avx2") == 0);
  CHECK(strcmp(tsv_isa_name(17), "unknown") == 0);
  CHECK(tsv_isa_supported(TSV_ISA_SCALAR) == 1);
  CHECK(tsv_isa_supported(17) == 0);
  CHECK(tsv_set_isa(17) == TSV_E_RANGE);
  for (int32_t isa = TSV_ISA_SCALAR; isa <= TSV_ISA_AVX512; ++isa) {
    const int32_t before = tsv_active_isa();
    CHECK(tsv_set_isa(isa) == (tsv_isa_supported(isa) ? TSV_OK : TSV_E_RANGE));
    CHECK(tsv_active_isa() == (tsv_isa_supported(isa) ? isa : before));
  }
  CHECK(tsv_set_threads(0) == TSV_E_RANGE);
  CHECK(tsv_set_threads(1025) == TSV_E_RANGE);
  CHECK(tsv_set_threads(3) == TSV_OK);
  CHECK(tsv_threads() == 3);
  memset(name, 'x', sizeof name);
  tsv_cpu_name(name, 0);
  CHECK(name[0] == 'x');
  tsv_cpu_name(name, 5);
  CHECK(memchr(name, 0, 5) != NULL && name[5] == 'x');
}

/* ---- One operation: norms of [2,3] */

typedef struct norms_call {
  float data[6], out[2];
  int64_t x_shape[2], out_shape[1];
  tsv_tensor x, norms;
  tsv_token_norms_args arguments;
} norms_call;

static void prepare(norms_call* call) {
  const float data[6] = {3, 4, 0, 0, -2, 0};
  memset(call, 0, sizeof *call);
  memcpy(call->data, data, sizeof data);
  call->x_shape[0] = call->out_shape[0] = 2;
  call->x_shape[1] = 3;
  call->out[0] = call->out[1] = -7;
  call->x = tensor(call->data, TSV_FLOAT32, 2, call->x_shape);
  call->norms = tensor(call->out, TSV_FLOAT32, 1, call->out_shape);
  call->arguments.size = sizeof call->arguments;
  call->arguments.x = &call->x;
  call->arguments.p = 2;
  call->arguments.norms = &call->norms;
}

static void test_call(void) {
  tsv_context context = new_context();
  norms_call call;
  prepare(&call);
  CHECK(tsv_token_norms(&context, &call.arguments) == TSV_OK);
  CHECK(context.error.status == TSV_OK);
  CHECK(call.out[0] == 5 && call.out[1] == 2);
  call.arguments.p = 1;
  CHECK(tsv_token_norms(&context, &call.arguments) == TSV_OK);
  CHECK(call.out[0] == 7 && call.out[1] == 2);
}

/* A view by byte_offset, rows apart by strides that the operation does not take, no rows at all. */
static void test_views(void) {
  tsv_context context = new_context();
  norms_call call;
  int64_t strides[2] = {1, 2};
  prepare(&call);
  call.x.byte_offset = 3 * sizeof(float);
  call.x_shape[0] = call.out_shape[0] = 1;
  CHECK(tsv_token_norms(&context, &call.arguments) == TSV_OK);
  CHECK(call.out[0] == 2 && call.out[1] == -7);

  prepare(&call);
  call.x.strides = strides;
  CHECK(tsv_token_norms(&context, &call.arguments) == TSV_E_SHAPE);
  CHECK(call.out[0] == -7);

  prepare(&call);
  call.x_shape[0] = call.out_shape[0] = 0;
  call.x.data = call.norms.data = NULL;
  CHECK(tsv_token_norms(&context, &call.arguments) == TSV_OK);
}

/* ---- Bad arguments: status, argument, text, and nothing written */

static void refuse(norms_call* call, tsv_status status, int32_t argument, int line) {
  tsv_context context = new_context();
  const float before[2] = {call->out[0], call->out[1]};
  check(tsv_token_norms(&context, &call->arguments) == status, line, "status");
  check(context.error.status == (int32_t)status, line, "error.status");
  check(context.error.argument == argument, line, "error.argument");
  check(context.error.expected[0] != 0 &&
            memchr(context.error.expected, 0, sizeof context.error.expected) != NULL,
        line, "error.expected");
  check(context.error.got[0] != 0 && memchr(context.error.got, 0, sizeof context.error.got) != NULL, line,
        "error.got");
  check(memcmp(before, call->out, sizeof before) == 0, line, "nothing written");
}

static void test_bad_arguments(void) {
  norms_call call;
  int64_t shape[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};

  prepare(&call), call.arguments.x = NULL;
  refuse(&call, TSV_E_TYPE, TSV_ARG_X, __LINE__);
  prepare(&call), call.arguments.norms = NULL;
  refuse(&call, TSV_E_TYPE, TSV_ARG_OUT, __LINE__);
  prepare(&call), call.x.dtype = TSV_INT32;
  refuse(&call, TSV_E_TYPE, TSV_ARG_X, __LINE__);
  prepare(&call), call.x.dtype = 99;
  refuse(&call, TSV_E_TYPE, TSV_ARG_X, __LINE__);
  prepare(&call), call.x.dtype = -1;
  refuse(&call, TSV_E_TYPE, TSV_ARG_X, __LINE__);
  prepare(&call), call.x.device_type = 4; /* DLPack's number of OpenCL */
  refuse(&call, TSV_E_DEVICE, TSV_ARG_X, __LINE__);
  prepare(&call), call.x.device_type = TSV_CUDA; /* and norms on the CPU */
  refuse(&call, TSV_E_DEVICE, TSV_ARG_OUT, __LINE__);
  prepare(&call), call.norms.device_type = TSV_CUDA;
  refuse(&call, TSV_E_DEVICE, TSV_ARG_OUT, __LINE__);
  prepare(&call), call.x.data = NULL;
  refuse(&call, TSV_E_SHAPE, TSV_ARG_X, __LINE__);
  prepare(&call), call.x.ndim = 1;
  refuse(&call, TSV_E_SHAPE, TSV_ARG_X, __LINE__);
  prepare(&call), call.x.ndim = -3;
  refuse(&call, TSV_E_SHAPE, TSV_ARG_X, __LINE__);
  prepare(&call), call.x.ndim = 9, call.x.shape = shape;
  refuse(&call, TSV_E_SHAPE, TSV_ARG_X, __LINE__);
  prepare(&call), call.x_shape[0] = -2;
  refuse(&call, TSV_E_SHAPE, TSV_ARG_X, __LINE__);
  prepare(&call), call.x_shape[0] = INT64_MAX;
  refuse(&call, TSV_E_SHAPE, TSV_ARG_X, __LINE__);
  prepare(&call), call.x_shape[0] = call.x_shape[1] = INT32_MAX;
  refuse(&call, TSV_E_SHAPE, TSV_ARG_X, __LINE__);
  prepare(&call), call.out_shape[0] = 3;
  refuse(&call, TSV_E_SHAPE, TSV_ARG_OUT, __LINE__);
  prepare(&call), call.arguments.p = 3;
  refuse(&call, TSV_E_RANGE, TSV_ARG_P, __LINE__);
  prepare(&call), call.norms.data = call.data + 4;
  refuse(&call, TSV_E_OVERLAP, TSV_ARG_OUT, __LINE__);
}

static void test_error_text(void) {
  tsv_context context = new_context();
  norms_call call;
  prepare(&call);
  call.arguments.p = 3;
  CHECK(tsv_token_norms(&context, &call.arguments) == TSV_E_RANGE);
  CHECK(strcmp(tsv_argument_path(context.error.argument), "options.p") == 0);
  CHECK(strcmp(context.error.expected, "an integer from 1 to 2") == 0);
  CHECK(strcmp(context.error.got, "3") == 0);
  /* The next call begins without an error. */
  call.arguments.p = 1;
  CHECK(tsv_token_norms(&context, &call.arguments) == TSV_OK);
  CHECK(context.error.status == TSV_OK && context.error.argument == TSV_ARG_NONE);
}

/* ---- Structs and tables of other versions */

/* What a refusal says. */
static void check_refusal(const tsv_error* error, int32_t argument, const char* expected, const char* got,
                          int line) {
  check(error->status == TSV_E_ABI, line, "error.status");
  check(error->argument == argument, line, "error.argument");
  check(strcmp(error->expected, expected) == 0, line, error->expected);
  check(strcmp(error->got, got) == 0, line, error->got);
}

static void test_argument_sizes(void) {
  tsv_context context = new_context();
  struct {
    norms_call call;
    char newer[16]; /* members that the library does not know would lie behind `call.arguments` */
  } host;
  char expected[128], got[64];
  const unsigned known = (unsigned)sizeof host.call.arguments;
  memset(&host, 0, sizeof host);
  sprintf(expected, "a struct with its size set, at most %u bytes in tokensieve %s", known, TSV_VERSION);

  prepare(&host.call); /* a caller newer than the library */
  host.call.arguments.size = known + 8;
  sprintf(got, "%u bytes", known + 8);
  refuse(&host.call, TSV_E_ABI, TSV_ARG_ARGUMENTS, __LINE__);
  CHECK(tsv_token_norms(&context, &host.call.arguments) == TSV_E_ABI);
  check_refusal(&context.error, TSV_ARG_ARGUMENTS, expected, got, __LINE__);

  prepare(&host.call);
  host.call.arguments.size = UINT32_MAX;
  refuse(&host.call, TSV_E_ABI, TSV_ARG_ARGUMENTS, __LINE__);

  prepare(&host.call); /* one that forgot it */
  host.call.arguments.size = 0;
  refuse(&host.call, TSV_E_ABI, TSV_ARG_ARGUMENTS, __LINE__);
  CHECK(tsv_token_norms(&context, &host.call.arguments) == TSV_E_ABI);
  check_refusal(&context.error, TSV_ARG_ARGUMENTS, expected, "0 bytes", __LINE__);

  CHECK(tsv_token_norms(&context, NULL) == TSV_E_ABI);
  check_refusal(&context.error, TSV_ARG_ARGUMENTS, "a struct", "NULL", __LINE__);

  prepare(&host.call); /* an older caller, to whom `norms` is unknown: absent, whatever lies there */
  host.call.arguments.size = (uint32_t)offsetof(tsv_token_norms_args, norms);
  refuse(&host.call, TSV_E_TYPE, TSV_ARG_OUT, __LINE__);
}

static void test_context_sizes(void) {
  struct {
    tsv_context known;
    void* newer;
  } context;
  norms_call call;
  char expected[128], got[64];
  prepare(&call);
  memset(&context, 0, sizeof context);

  context.known.size = sizeof context; /* of a newer header */
  sprintf(expected, "a struct with its size set, at most %u bytes in tokensieve %s",
          (unsigned)sizeof(tsv_context), TSV_VERSION);
  sprintf(got, "%u bytes", (unsigned)sizeof context);
  CHECK(tsv_token_norms(&context.known, &call.arguments) == TSV_E_ABI);
  check_refusal(&context.known.error, TSV_ARG_CONTEXT, expected, got, __LINE__);
  CHECK(strcmp(tsv_argument_path(TSV_ARG_CONTEXT), "context") == 0);

  memset(&context, 0x5a, sizeof context); /* too small for an error: nothing is written */
  for (uint32_t size = 0; size < sizeof(tsv_context); size += 4) {
    const uint32_t untouched = 0x5a5a5a5au;
    context.known.size = size;
    CHECK(tsv_token_norms(&context.known, &call.arguments) == TSV_E_ABI);
    CHECK(memcmp(&context.known.error.status, &untouched, sizeof untouched) == 0);
  }
  CHECK(tsv_token_norms(NULL, &call.arguments) == TSV_E_ABI);
  CHECK(call.out[0] == -7);
}

static void test_table(void) {
  const tsv_api* const api = tsv_get_api();
  tsv_context context = new_context();
  norms_call call;
  CHECK(api->size == sizeof(tsv_api) && api->abi == TSV_ABI_VERSION);
#define CHECK_FUNCTION(result, name, parameters) CHECK(api->name == tsv_##name);
  TSV_FOR_EACH_FUNCTION(CHECK_FUNCTION)
#undef CHECK_FUNCTION
  prepare(&call);
  CHECK(api->token_norms(&context, &call.arguments) == TSV_OK);
  CHECK(call.out[0] == 5 && call.out[1] == 2);
}

static void test_table_versions(void) {
  struct {
    tsv_api known;
    void (*newer)(void);
  } table;
  tsv_error error;
  char expected[128], got[64];
  const unsigned known = (unsigned)sizeof(tsv_api);
  memset(&table, 0, sizeof table);
  table.known = *tsv_get_api();
  sprintf(expected, "a tokensieve of C interface %u with a table of at least %u bytes, as in version %s",
          TSV_ABI_VERSION, known, TSV_VERSION);

  CHECK(tsv_check_api(&table.known, &error) == TSV_OK);
  CHECK(error.status == TSV_OK);
  table.known.size = sizeof table; /* a newer library, whose table goes on */
  CHECK(tsv_check_api(&table.known, &error) == TSV_OK);

  table.known.size = known - (unsigned)sizeof table.newer; /* an older one, which lacks the last function */
  sprintf(got, "version %s of interface %u with %u bytes", TSV_VERSION, TSV_ABI_VERSION, table.known.size);
  CHECK(tsv_check_api(&table.known, &error) == TSV_E_ABI);
  check_refusal(&error, TSV_ARG_NONE, expected, got, __LINE__);

  for (unsigned abi = 0; abi <= 2; abi += 2) { /* one whose functions may be others */
    table.known.size = sizeof table;
    table.known.abi = abi;
    sprintf(got, "version %s of interface %u with %u bytes", TSV_VERSION, abi, table.known.size);
    CHECK(tsv_check_api(&table.known, &error) == TSV_E_ABI);
    check_refusal(&error, TSV_ARG_NONE, expected, got, __LINE__);
  }
  CHECK(tsv_check_api(NULL, &error) == TSV_E_ABI);
  check_refusal(&error, TSV_ARG_NONE, expected, "NULL", __LINE__);
}

/* ---- Indices from outside */

static void test_indices(void) {
  tsv_context context = new_context();
  float x[4] = {1, 2, 3, 4}, out[4] = {-7, -7, -7, -7};
  int64_t index[2] = {1, 0};
  const int64_t x_shape[3] = {1, 2, 2}, index_shape[2] = {1, 2}, out_shape[3] = {1, 2, 2};
  const int64_t bad[] = {-1, 2, INT64_MAX, INT64_MIN, INT64_C(1) << 32};
  tsv_tensor source = tensor(x, TSV_FLOAT32, 3, x_shape), indices = tensor(index, TSV_INT64, 2, index_shape);
  tsv_tensor tokens = tensor(out, TSV_FLOAT32, 3, out_shape);
  tsv_gather_tokens_args arguments;
  memset(&arguments, 0, sizeof arguments);
  arguments.size = sizeof arguments;
  arguments.x = &source;
  arguments.indices = &indices;
  arguments.tokens = &tokens;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    index[1] = bad[i];
    CHECK(tsv_gather_tokens(&context, &arguments) == TSV_E_RANGE);
    CHECK(context.error.argument == TSV_ARG_INDICES);
    CHECK(out[0] == -7 && out[3] == -7);
  }
  index[1] = 0;
  CHECK(tsv_gather_tokens(&context, &arguments) == TSV_OK);
  CHECK(out[0] == 3 && out[1] == 4 && out[2] == 1 && out[3] == 2);
}

/* ---- Cancelling, and threads of the host's own */

static void run_backwards(void* user, int64_t count, tsv_task task, void* state) {
  ++*(int*)user;
  for (int64_t i = count; i-- > 0;) task(state, i);
}

static void test_cancelled(void) {
  const volatile int32_t raised = 1;
  tsv_context context = new_context();
  norms_call call;
  prepare(&call);
  context.cancelled = &raised;
  CHECK(tsv_token_norms(&context, &call.arguments) == TSV_E_CANCELLED);
}

static void test_executor(void) {
  enum { kRows = 20000, kColumns = 16 };
  static float data[kRows * kColumns], own[kRows], lent[kRows];
  const int64_t x_shape[2] = {kRows, kColumns}, out_shape[1] = {kRows};
  tsv_context context = new_context();
  tsv_tensor x = tensor(data, TSV_FLOAT32, 2, x_shape), norms = tensor(own, TSV_FLOAT32, 1, out_shape);
  tsv_token_norms_args arguments;
  int calls = 0;
  for (int i = 0; i < kRows * kColumns; ++i) data[i] = (float)sin(i);
  memset(&arguments, 0, sizeof arguments);
  arguments.size = sizeof arguments;
  arguments.x = &x;
  arguments.p = 2;
  arguments.norms = &norms;
  CHECK(tsv_token_norms(&context, &arguments) == TSV_OK);
  norms.data = lent;
  tsv_set_executor(run_backwards, &calls);
  CHECK(tsv_token_norms(&context, &arguments) == TSV_OK);
  tsv_set_executor(NULL, NULL);
  CHECK(calls == 1);
  CHECK(memcmp(own, lent, sizeof own) == 0);
  CHECK(tsv_token_norms(&context, &arguments) == TSV_OK);
  CHECK(calls == 1);
}

/* ---- Similarity of tokens that do not lie next to each other */

/* Candidates and weights, which an older caller's struct does not have. */
static void test_candidates(void) {
  const float tokens[4] = {1, 2, 3, 4}, bias[4] = {0, 9, 0, 0}, wrong[4] = {0, INFINITY, 0, 0};
  const int64_t shape[3] = {1, 4, 1}, fewer[3] = {1, 3, 1};
  int32_t indices[4];
  float values[4];
  tsv_context context = new_context();
  tsv_tensor x = tensor((float*)tokens, TSV_FLOAT32, 3, shape),
             y = tensor((float*)tokens, TSV_FLOAT32, 3, fewer);
  tsv_tensor added = tensor((float*)bias, TSV_FLOAT32, 2, shape),
             endless = tensor((float*)wrong, TSV_FLOAT32, 2, shape);
  tsv_tensor index = tensor(indices, TSV_INT32, 3, shape), value = tensor(values, TSV_FLOAT32, 3, shape);
  tsv_similarity_argmax_args a;
  memset(&a, 0, sizeof a);
  a.size = sizeof a, a.a = a.b = &x, a.k = 1, a.metric = TSV_METRIC_DOT, a.indices = &index,
  a.values = &value;
  a.candidates = TSV_CANDIDATES_EARLIER;
  CHECK(tsv_similarity_argmax(&context, &a) == TSV_OK);
  CHECK(indices[0] == -1 && values[0] == -INFINITY);
  for (int i = 1; i < 4; ++i) CHECK(indices[i] == i - 1 && values[i] == (float)(i * (i + 1)));
  a.bias = &added;
  CHECK(tsv_similarity_argmax(&context, &a) == TSV_OK);
  CHECK(indices[3] == 1 && values[3] == 17);
  a.size = (uint32_t)offsetof(tsv_similarity_argmax_args, scale);
  CHECK(tsv_similarity_argmax(&context, &a) == TSV_OK);
  for (int i = 0; i < 4; ++i) CHECK(indices[i] == 3);
  a.size = sizeof a, a.bias = &endless;
  CHECK(tsv_similarity_argmax(&context, &a) == TSV_E_RANGE);
  CHECK(context.error.argument == TSV_ARG_BIAS);
  a.bias = NULL, a.b = &y;
  CHECK(tsv_similarity_argmax(&context, &a) == TSV_E_SHAPE);
  CHECK(context.error.argument == TSV_ARG_CANDIDATES);
  a.b = &x, a.candidates = TSV_CANDIDATES_EARLIER + 1;
  CHECK(tsv_similarity_argmax(&context, &a) == TSV_E_RANGE);
  CHECK(context.error.argument == TSV_ARG_CANDIDATES);
}

static void test_strided_similarity(void) {
  enum { kTokens = 40, kChannels = 5, kGap = 3, kBatch = 2 };
  float dense[kBatch * kTokens * kChannels], apart[kBatch * (kTokens * (kChannels + kGap) + kGap)];
  float values[2][kBatch * kTokens * 2], reduced[2][kBatch * kTokens], density[2][kBatch * kTokens],
      separation[2][kBatch * kTokens];
  int32_t indices[2][kBatch * kTokens * 2];
  const int64_t shape[3] = {kBatch, kTokens, kChannels}, best_shape[3] = {kBatch, kTokens, 2};
  const int64_t strides[3] = {kTokens * (kChannels + kGap) + kGap, kChannels + kGap, 1};
  for (int i = 0; i < kBatch * kTokens * kChannels; ++i) {
    const int item = i / (kTokens * kChannels), token = i / kChannels % kTokens;
    dense[i] = (float)sin(i * i);
    apart[item * strides[0] + token * strides[1] + i % kChannels] = dense[i];
  }
  for (int way = 0; way < 2; ++way) {
    tsv_context context = new_context();
    tsv_tensor x = tensor(way == 0 ? dense : apart, TSV_FLOAT32, 3, shape);
    tsv_tensor index = tensor(indices[way], TSV_INT32, 3, best_shape);
    tsv_tensor value = tensor(values[way], TSV_FLOAT32, 3, best_shape);
    tsv_tensor mean = tensor(reduced[way], TSV_FLOAT32, 2, shape);
    tsv_tensor dense_out = tensor(density[way], TSV_FLOAT32, 2, shape);
    tsv_tensor apart_out = tensor(separation[way], TSV_FLOAT32, 2, shape);
    tsv_similarity_argmax_args argmax;
    tsv_similarity_reduce_args reduce;
    tsv_knn_density_args peaks;
    memset(&argmax, 0, sizeof argmax);
    memset(&reduce, 0, sizeof reduce);
    memset(&peaks, 0, sizeof peaks);
    x.strides = way == 0 ? NULL : strides;
    argmax.size = sizeof argmax, argmax.a = argmax.b = &x, argmax.k = 2;
    argmax.indices = &index, argmax.values = &value;
    reduce.size = sizeof reduce, reduce.x = &x, reduce.similarity = &mean;
    peaks.size = sizeof peaks, peaks.x = &x, peaks.k = 3, peaks.metric = TSV_METRIC_L2;
    peaks.density = &dense_out, peaks.separation = &apart_out;
    CHECK(tsv_similarity_argmax(&context, &argmax) == TSV_OK);
    CHECK(tsv_similarity_reduce(&context, &reduce) == TSV_OK);
    CHECK(tsv_knn_density(&context, &peaks) == TSV_OK);
    peaks.metric = TSV_METRIC_DOT;
    CHECK(tsv_knn_density(&context, &peaks) == TSV_E_RANGE);
    CHECK(context.error.argument == TSV_ARG_SIMILARITY_METRIC);
  }
  for (int i = 0; i < kBatch * kTokens; ++i) CHECK(indices[0][2 * i] == i % kTokens && values[0][2 * i] == 1);
  CHECK(memcmp(indices[0], indices[1], sizeof indices[0]) == 0);
  CHECK(memcmp(values[0], values[1], sizeof values[0]) == 0);
  CHECK(memcmp(reduced[0], reduced[1], sizeof reduced[0]) == 0);
  CHECK(memcmp(density[0], density[1], sizeof density[0]) == 0);
  CHECK(memcmp(separation[0], separation[1], sizeof separation[0]) == 0);
}

/* ---- What benchmarks ask */

static void test_benchmark_support(void) {
  float memory[4096];
  double rate = 0;
  memset(memory, 0, sizeof memory);
  for (int32_t ceiling = TSV_CEILING_FMA; ceiling <= TSV_CEILING_COPY; ++ceiling) {
    CHECK(tsv_measure_ceiling(ceiling, memory, 4096, &rate) == TSV_OK);
    CHECK(rate > 0);
  }
  CHECK(tsv_measure_ceiling(TSV_CEILING_COPY + 1, memory, 4096, &rate) == TSV_E_RANGE);
  CHECK(tsv_measure_ceiling(TSV_CEILING_READ, NULL, 4096, &rate) == TSV_E_SHAPE);
  CHECK(tsv_measure_ceiling(TSV_CEILING_READ, memory, 31, &rate) == TSV_E_SHAPE);
  CHECK(tsv_kernel_name(-1) == NULL);
  CHECK(tsv_kernel_name(0) != NULL);
  CHECK(tsv_kernel_name(10000) == NULL);
}

int main(void) {
  test_library();
  test_call();
  test_views();
  test_bad_arguments();
  test_error_text();
  test_argument_sizes();
  test_context_sizes();
  test_table();
  test_table_versions();
  test_indices();
  test_cancelled();
  test_executor();
  test_strided_similarity();
  test_candidates();
  test_benchmark_support();
  printf("C interface: %ld checks passed, %ld failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
