// An addon with a copy of the library of its own, linked into it.
#include <napi.h>
#include <tokensieve.h>

#include <cmath>
#include <string>
#include <vector>

namespace {

tsv_tensor tensor(void* data, int32_t dtype, int32_t ndim, const int64_t* shape) {
  tsv_tensor t = {};
  t.data = data;
  t.device_type = TSV_CPU;
  t.dtype = dtype;
  t.ndim = ndim;
  t.shape = shape;
  return t;
}

// mostAttended(q, k, heads, channels, count): the tokens that receive most attention, of one sequence. q and
// k are [heads, tokens, channels].
Napi::Value most_attended(const Napi::CallbackInfo& info) {
  auto q = info[0].As<Napi::Float32Array>(), k = info[1].As<Napi::Float32Array>();
  const int64_t heads = info[2].ToNumber(), channels = info[3].ToNumber(), count = info[4].ToNumber();
  const int64_t tokens = int64_t(k.ElementLength()) / (heads * channels);
  const int64_t query_shape[] = {1, heads, int64_t(q.ElementLength()) / (heads * channels), channels};
  const int64_t key_shape[] = {1, heads, tokens, channels}, score_shape[] = {1, tokens},
                index_shape[] = {1, count};

  const tsv_tensor queries = tensor(q.Data(), TSV_FLOAT32, 4, query_shape);
  const tsv_tensor keys = tensor(k.Data(), TSV_FLOAT32, 4, key_shape);
  std::vector<float> memory(static_cast<size_t>(tokens));
  tsv_tensor scores = tensor(memory.data(), TSV_FLOAT32, 2, score_shape);
  auto chosen = Napi::Int32Array::New(info.Env(), static_cast<size_t>(count));
  tsv_tensor indices = tensor(chosen.Data(), TSV_INT32, 2, index_shape);

  tsv_attention_args attention = {};
  attention.size = sizeof attention;
  attention.q = &queries;
  attention.k = &keys;
  attention.scale = std::nan("");  // 1/sqrt(channels)
  attention.scores = &scores;
  tsv_top_k_args top_k = {};
  top_k.size = sizeof top_k;
  top_k.x = &scores;
  top_k.k = count;
  top_k.largest = 1;
  top_k.indices = &indices;

  tsv_context context = {};
  context.size = sizeof context;
  if (tsv_attention_scores(&context, &attention) != TSV_OK || tsv_top_k(&context, &top_k) != TSV_OK) {
    throw Napi::RangeError::New(info.Env(), std::string(tsv_argument_path(context.error.argument)) +
                                                " must be " + context.error.expected + "; got " +
                                                context.error.got);
  }
  return chosen;
}

// setThreads(count): those of this copy.
Napi::Value set_threads(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), tsv_set_threads(info[0].ToNumber()) == TSV_OK);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports["mostAttended"] = Napi::Function::New(env, most_attended);
  exports["setThreads"] = Napi::Function::New(env, set_threads);
  return exports;
}

}  // namespace

NODE_API_MODULE(static_addon, init)
