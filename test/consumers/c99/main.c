/* longest_tokens TOKENS CHANNELS COUNT: reads float32 tokens [TOKENS, CHANNELS] from standard input and
 * writes the COUNT of the greatest norm, in their order, to standard output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tokensieve.h>

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

/* x [1,N,C] to tokens [1,K,C] by way of norms [1,N] and indices [1,K]. */
static tsv_status keep_longest(tsv_context* context, const tsv_tensor* x, tsv_tensor* norms,
                               tsv_tensor* indices, tsv_tensor* tokens) {
  tsv_token_norms_args norms_call;
  tsv_top_k_args top_k_call;
  tsv_gather_tokens_args gather_call;
  tsv_status status;
  memset(&norms_call, 0, sizeof norms_call);
  norms_call.size = sizeof norms_call;
  norms_call.x = x;
  norms_call.p = 2;
  norms_call.norms = norms;
  memset(&top_k_call, 0, sizeof top_k_call);
  top_k_call.size = sizeof top_k_call;
  top_k_call.x = norms;
  top_k_call.k = indices->shape[1];
  top_k_call.largest = 1;
  top_k_call.indices = indices;
  memset(&gather_call, 0, sizeof gather_call);
  gather_call.size = sizeof gather_call;
  gather_call.x = x;
  gather_call.indices = indices;
  gather_call.tokens = tokens;
  status = tsv_token_norms(context, &norms_call);
  if (status == TSV_OK) status = tsv_top_k(context, &top_k_call);
  return status == TSV_OK ? tsv_gather_tokens(context, &gather_call) : status;
}

int main(int argc, char** argv) {
  const int64_t n = argc == 4 ? atol(argv[1]) : 0, c = argc == 4 ? atol(argv[2]) : 0;
  const int64_t k = argc == 4 ? atol(argv[3]) : 0;
  const int64_t x_shape[] = {1, n, c}, norms_shape[] = {1, n}, indices_shape[] = {1, k},
                tokens_shape[] = {1, k, c};
  const size_t size = (size_t)(n * c) * sizeof(float), kept = (size_t)(k * c) * sizeof(float);
  char* const memory = calloc(1, size + kept + (size_t)n * sizeof(float) + (size_t)k * sizeof(int32_t) + 1);
  tsv_tensor x, norms, indices, tokens;
  tsv_context context;
  tsv_status status;
  if (memory == NULL || n <= 0 || c <= 0 || k < 0 || fread(memory, size, 1, stdin) != 1) {
    fprintf(stderr, "usage: longest_tokens TOKENS CHANNELS COUNT < float32 tokens\n");
    return EXIT_FAILURE;
  }
  x = tensor(memory, TSV_FLOAT32, 3, x_shape);
  tokens = tensor(memory + size, TSV_FLOAT32, 3, tokens_shape);
  norms = tensor(memory + size + kept, TSV_FLOAT32, 2, norms_shape);
  indices = tensor((float*)norms.data + n, TSV_INT32, 2, indices_shape);
  memset(&context, 0, sizeof context);
  context.size = sizeof context;
  status = keep_longest(&context, &x, &norms, &indices, &tokens);
  if (status == TSV_OK) {
    fwrite(tokens.data, 1, kept, stdout);
  } else {
    fprintf(stderr, "%s must be %s; got %s\n", tsv_argument_path(context.error.argument),
            context.error.expected, context.error.got);
  }
  free(memory);
  return status == TSV_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
