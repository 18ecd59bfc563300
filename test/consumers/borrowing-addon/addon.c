/* An addon that calls the library of the package that JavaScript has loaded, and links nothing. */
#include <stdlib.h>
#include <tokensieve_node.h>

/* What an environment borrowed. */
typedef struct borrowed {
  const tsv_api* api;
} borrowed;

static void forget(napi_env env, void* data, void* hint) {
  (void)env;
  (void)hint;
  free(data);
}

static const tsv_api* api_of(napi_env env) {
  borrowed* mine = NULL;
  if (napi_get_instance_data(env, (void**)&mine) == napi_ok && mine != NULL && mine->api != NULL)
    return mine->api;
  napi_throw_error(env, NULL, "call useTokensieve(nativeApi()) first");
  return NULL;
}

/* useTokensieve(nativeApi()) */
static napi_value use_tokensieve(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  borrowed* mine = NULL;
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok ||
      napi_get_instance_data(env, (void**)&mine) != napi_ok || mine == NULL) {
    return NULL;
  }
  mine->api = tsv_api_from_external(env, argument); /* on failure NULL, with an exception pending */
  return NULL;
}

/* norms(x: Float32Array, channels): the norm of each token of x [tokens, channels]. */
static napi_value norms(napi_env env, napi_callback_info info) {
  const tsv_api* api = api_of(env);
  napi_value arguments[2], buffer, result = NULL;
  size_t count = 2, length = 0;
  napi_typedarray_type type;
  int64_t shape[2];
  tsv_tensor x, out;
  tsv_token_norms_args call;
  tsv_context context;
  char message[sizeof context.error.expected + sizeof context.error.got + 32];
  if (api == NULL) return NULL;
  memset(&x, 0, sizeof x);
  memset(&out, 0, sizeof out);
  memset(&call, 0, sizeof call);
  memset(&context, 0, sizeof context);
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok ||
      napi_get_typedarray_info(env, arguments[0], &type, &length, &x.data, NULL, NULL) != napi_ok ||
      type != napi_float32_array || napi_get_value_int64(env, arguments[1], &shape[1]) != napi_ok ||
      shape[1] <= 0) {
    napi_throw_type_error(env, NULL, "norms() takes a Float32Array and a number of channels");
    return NULL;
  }
  shape[0] = (int64_t)length / shape[1];
  if (napi_create_arraybuffer(env, (size_t)shape[0] * sizeof(float), &out.data, &buffer) != napi_ok ||
      napi_create_typedarray(env, napi_float32_array, (size_t)shape[0], buffer, 0, &result) != napi_ok) {
    return NULL;
  }
  x.device_type = out.device_type = TSV_CPU;
  x.dtype = out.dtype = TSV_FLOAT32;
  x.shape = out.shape = shape;
  x.ndim = 2;
  out.ndim = 1;
  call.size = sizeof call;
  call.x = &x;
  call.p = 2;
  call.norms = &out;
  context.size = sizeof context;
  if (api->token_norms(&context, &call) == TSV_OK) return result;
  snprintf(message, sizeof message, "%s must be %s; got %s", api->argument_path(context.error.argument),
           context.error.expected, context.error.got);
  napi_throw_error(env, NULL, message);
  return NULL;
}

/* threads(): how many an operation uses, of the one pool there is. */
static napi_value threads(napi_env env, napi_callback_info info) {
  const tsv_api* api = api_of(env);
  napi_value result = NULL;
  (void)info;
  if (api != NULL) napi_create_int32(env, api->threads(), &result);
  return result;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"useTokensieve", NULL, use_tokensieve, NULL, NULL, NULL, napi_default, NULL},
      {"norms", NULL, norms, NULL, NULL, NULL, napi_default, NULL},
      {"threads", NULL, threads, NULL, NULL, NULL, napi_default, NULL},
  };
  napi_set_instance_data(env, calloc(1, sizeof(borrowed)), forget, NULL);
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  return exports;
}
