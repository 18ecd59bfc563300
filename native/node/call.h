// Running a call: at once on the calling thread, or on the package's own threads with a completion on the
// event loop.
#ifndef TOKENSIEVE_NODE_CALL_H
#define TOKENSIEVE_NODE_CALL_H
#include <node_api.h>

#include "tokensieve.h"

namespace tsv_node {

// What one JavaScript environment (the main thread, or a worker) has under way.
class Environment;
Environment* make_environment(napi_env env);

// undefined when the call with this context succeeded, else [status, argument path, expected, got].
napi_value outcome(napi_env env, const tsv_context& context);

// run(operation, header, ...arrays): what outcome() gives. On device tensors the work is enqueued on the
// header's stream.
napi_value run_sync(napi_env env, napi_callback_info info);

// check(operation, header, ...arrays): as run(), but only checks the arguments.
napi_value check_sync(napi_env env, napi_callback_info info);

// timeRun(count, operation, header, ...arrays): the seconds that one call of the C function takes, without
// the way from JavaScript to it; or what run() returns for a wrong argument.
napi_value time_run(napi_env env, napi_callback_info info);

// start(operation, header, copied outputs as bits, callback, ...arrays): a number for cancel(). The callback
// gets what run() returns. Inputs that could be transferred away are copied now; shared floats are read in
// place. Outputs named in the bits are computed apart and copied when the call has succeeded, so that they
// never show half a result.
napi_value start_async(napi_env env, napi_callback_info info);

// cancel(number): the call ends soon, with status TSV_E_CANCELLED, if it has not already.
napi_value cancel_async(napi_env env, napi_callback_info info);

}  // namespace tsv_node
#endif
