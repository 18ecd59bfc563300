/* TokenSieve for other Node addons: borrows the library that JavaScript has loaded, its threads included.
 *
 *     const { nativeApi } = require('tokensieve');
 *     require('./build/Release/my_addon.node').useTokensieve(nativeApi());
 *
 * and in the addon, which needs this folder among its include_dirs and links nothing,
 *
 *     const tsv_api* api = tsv_api_from_external(env, argument);
 *     if (api == NULL) return NULL;
 *
 * The table is good for as long as the environment (main thread or worker) it came from: keep one for each,
 * such as in its instance data. Needs NAPI_VERSION 8.
 */
#ifndef TOKENSIEVE_NODE_H
#define TOKENSIEVE_NODE_H

#include <node_api.h>

#include "tokensieve.h"

/* The type tag of nativeApi()'s External, whose data is a const tsv_api*. */
#define TSV_API_TAG_LOWER 0x9d1c6f0be85a4372u
#define TSV_API_TAG_UPPER 0x7473765f61706900u /* "tsv_api" */

/* The table in an External that nativeApi() made, once tsv_check_api() finds it to fit this header. Otherwise
 * NULL, with an exception pending: a TypeError ERR_TOKENSIEVE_TYPE for any other value, an Error
 * ERR_TOKENSIEVE_ABI for a library of another version. */
static inline const tsv_api* tsv_api_from_external(napi_env env, napi_value value) {
  static const napi_type_tag tag = {TSV_API_TAG_LOWER, TSV_API_TAG_UPPER};
  napi_valuetype type;
  bool tagged = false;
  void* api = NULL;
  tsv_error error;
  char message[sizeof error.expected + sizeof error.got + 32];
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_external ||
      napi_check_object_type_tag(env, value, &tag, &tagged) != napi_ok || !tagged ||
      napi_get_value_external(env, value, &api) != napi_ok) {
    napi_throw_type_error(env, "ERR_TOKENSIEVE_TYPE",
                          "the value must be what tokensieve's nativeApi() returns");
    return NULL;
  }
  if (tsv_check_api((const tsv_api*)api, &error) == TSV_OK) return (const tsv_api*)api;
  snprintf(message, sizeof message, "nativeApi() must be %s; got %s", error.expected, error.got);
  napi_throw_error(env, "ERR_TOKENSIEVE_ABI", message);
  return NULL;
}

#endif
