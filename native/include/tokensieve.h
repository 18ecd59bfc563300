/* TokenSieve: the C interface. Plain C99, no Node, no C++ types.
 *
 * Every operation has the form
 *
 *     tsv_status tsv_NAME(tsv_context* context, const tsv_NAME_args* arguments);
 *
 * with one struct that holds tensors in, numbers, and tensors out. A tensor pointer that is NULL is absent.
 * Zero the struct, set `size` to its sizeof, fill what is needed. Structs grow at their end only: a smaller
 * `size` (an older caller) leaves the newer members at zero, a larger one (a newer caller) is refused with
 * TSV_E_ABI. When a call fails nothing has been written to its outputs, except after TSV_E_CANCELLED and
 * TSV_E_MEMORY, when they hold unspecified values. Every relation between arguments is checked here and
 * nowhere else.
 */
#ifndef TOKENSIEVE_H
#define TOKENSIEVE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TSV_ABI_VERSION 1u
#define TSV_VERSION "0.1.0"

typedef enum tsv_status {
  TSV_OK = 0,
  TSV_E_TYPE = 1,      /* a tensor has an element type the operation does not take */
  TSV_E_RANGE = 2,     /* a number, or an element of an index tensor, is out of range */
  TSV_E_SHAPE = 3,     /* a shape does not fit */
  TSV_E_OVERLAP = 4,   /* an output shares memory with an input or another output */
  TSV_E_CANCELLED = 5, /* the context's flag was raised */
  TSV_E_MEMORY = 6,    /* working memory could not be had */
  TSV_E_DEVICE = 7, /* a tensor lives on another device than the others, or on one this build does not know */
  TSV_E_ABI = 8,    /* a struct or a table is of another version */
  TSV_E_NO_CUDA = 9, /* no CUDA device can be used, and the error says why */
  TSV_E_CUDA = 10    /* the CUDA device or its driver failed */
} tsv_status;

typedef enum tsv_dtype {
  TSV_FLOAT32 = 0,
  TSV_FLOAT16 = 1,
  TSV_BFLOAT16 = 2,
  TSV_INT32 = 3,
  TSV_INT64 = 4,
  TSV_UINT8 = 5
} tsv_dtype;

typedef enum tsv_device_type { TSV_CPU = 1, TSV_CUDA = 2 } tsv_device_type; /* DLPack's numbers */

/* The fields of a DLTensor. Strides count elements; NULL means row-major without gaps. */
typedef struct tsv_tensor {
  void* data;
  int32_t device_type;
  int32_t device_id;
  int32_t ndim;
  int32_t dtype;
  const int64_t* shape;
  const int64_t* strides;
  uint64_t byte_offset;
} tsv_tensor;

/* Arguments by number, so that a caller can name them in its own words; the text is JavaScript's path. */
#define TSV_FOR_EACH_ARGUMENT(ENTRY) \
  ENTRY(NONE, "") \
  ENTRY(CONTEXT, "context") \
  ENTRY(ARGUMENTS, "arguments") \
  ENTRY(X, "x") \
  ENTRY(A, "a") \
  ENTRY(B, "b") \
  ENTRY(Y, "y") \
  ENTRY(Q, "q") \
  ENTRY(K, "k") \
  ENTRY(V, "v") \
  ENTRY(METRIC, "metric") \
  ENTRY(RELEVANCE, "relevance") \
  ENTRY(INDICES, "indices") \
  ENTRY(RAGGED_OFFSETS, "indices.offsets") \
  ENTRY(MAP, "map") \
  ENTRY(MAP_OFFSETS, "map.offsets") \
  ENTRY(MAP_MEMBERS, "map.members") \
  ENTRY(MAP_WEIGHTS, "map.weights") \
  ENTRY(MAP_ASSIGNMENT, "map.assignment") \
  ENTRY(MAP_OUTPUT_LENGTHS, "map.outputLengths") \
  ENTRY(SCORES, "scores") \
  ENTRY(SAMPLE_COUNT, "count") \
  ENTRY(FROM, "from") \
  ENTRY(TO, "to") \
  ENTRY(BASE, "options.base") \
  ENTRY(FREQUENCIES, "options.frequencies") \
  ENTRY(ROTARY_DIM, "options.rotaryDim") \
  ENTRY(SECTIONS, "options.sections") \
  ENTRY(MASK, "options.mask") \
  ENTRY(QUERY_MASK, "options.queryMask") \
  ENTRY(A_MASK, "options.aMask") \
  ENTRY(B_MASK, "options.bMask") \
  ENTRY(LENGTHS, "options.lengths") \
  ENTRY(BIAS, "options.bias") \
  ENTRY(LSE, "options.lse") \
  ENTRY(VALUES, "options.values") \
  ENTRY(QUERIES, "options.queries") \
  ENTRY(KEYS, "options.keys") \
  ENTRY(SCALE, "options.scale") \
  ENTRY(WINDOW, "options.window") \
  ENTRY(SOFTCAP, "options.softcap") \
  ENTRY(REDUCE, "options.reduce") \
  ENTRY(HEADS, "options.heads") \
  ENTRY(POOL_KERNEL, "options.pool.kernel") \
  ENTRY(POOL_MODE, "options.pool.mode") \
  ENTRY(PRECISION, "options.precision") \
  ENTRY(COUNT_K, "k") \
  ENTRY(OPTIONS_K, "options.k") \
  ENTRY(COUNT, "options.count") \
  ENTRY(START, "options.start") \
  ENTRY(SEGMENTS, "options.segments") \
  ENTRY(ORDER, "options.order") \
  ENTRY(RULE, "rule") \
  ENTRY(MIN, "options.min") \
  ENTRY(MAX, "options.max") \
  ENTRY(P, "options.p") \
  ENTRY(KERNEL, "options.kernel") \
  ENTRY(MODE, "options.mode") \
  ENTRY(SIMILARITY_METRIC, "options.metric") \
  ENTRY(FUNCTION, "options.f") \
  ENTRY(ELU_MARGIN, "options.f.elu") \
  ENTRY(GAUSSIAN_SIGMA, "options.f.gaussian") \
  ENTRY(COUNT_THRESHOLD, "options.f.countAbove") \
  ENTRY(R, "options.r") \
  ENTRY(THRESHOLD, "options.threshold") \
  ENTRY(PARTITION, "options.partition") \
  ENTRY(PARTITION_GRID, "options.partition.grid") \
  ENTRY(PARTITION_STRIDE, "options.partition.stride") \
  ENTRY(PARTITION_SEED, "options.partition.seed") \
  ENTRY(PARTITION_EVERY, "options.partition.every") \
  ENTRY(WEIGHTS, "options.weights") \
  ENTRY(DROPPED, "options.dropped") \
  ENTRY(ACTIVATION, "options.activation") \
  ENTRY(OUT, "options.out") \
  ENTRY(OUT_SCORES, "options.out.scores") \
  ENTRY(OUT_DENSITY, "options.out.density") \
  ENTRY(OUT_SEPARATION, "options.out.separation") \
  ENTRY(OUT_LSE, "options.out.lse") \
  ENTRY(OUT_ENTROPY, "options.out.entropy") \
  ENTRY(OUT_OUTPUT, "options.out.output") \
  ENTRY(OUT_INDICES, "options.out.indices") \
  ENTRY(OUT_VALUES, "options.out.values") \
  ENTRY(OUT_TOKENS, "options.out.tokens") \
  ENTRY(OUT_SIZES, "options.out.sizes") \
  ENTRY(OUT_OFFSETS, "options.out.offsets") \
  ENTRY(OUT_MEMBERS, "options.out.members") \
  ENTRY(OUT_ASSIGNMENT, "options.out.assignment") \
  ENTRY(OUT_OUTPUT_LENGTHS, "options.out.outputLengths") \
  ENTRY(OUT_PACKED, "options.out.packed") \
  ENTRY(OUT_LENGTHS, "options.out.lengths") \
  ENTRY(WEIGHT, "options.weight") \
  ENTRY(EPSILON, "options.epsilon") \
  ENTRY(DDOF, "options.ddof") \
  ENTRY(RESIDUAL, "options.residual") \
  ENTRY(OUT_MEAN, "options.out.mean") \
  ENTRY(OUT_VARIANCE, "options.out.variance") \
  ENTRY(CANDIDATES, "options.candidates") \
  ENTRY(DISTANCE_SCALE, "options.distanceScale") \
  ENTRY(POSITIONS, "options.positions") \
  ENTRY(QUERY_POSITIONS, "options.queryPositions")

typedef enum tsv_argument {
#define TSV_ARGUMENT_ENUM(name, path) TSV_ARG_##name,
  TSV_FOR_EACH_ARGUMENT(TSV_ARGUMENT_ENUM)
#undef TSV_ARGUMENT_ENUM
} tsv_argument;

/* What was wrong: `<path of argument> must be <expected>; got <got>`. With TSV_E_NO_CUDA and TSV_E_CUDA, and
 * with TSV_E_MEMORY of a device, no argument was: `expected` is what happened, in words, and `got` the
 * driver's own name for it or empty. */
typedef struct tsv_error {
  int32_t status;
  int32_t argument;
  char expected[128];
  char got[64];
} tsv_error;

/* A call without a context, or with one of another size, returns TSV_E_ABI. `error` says so when the context
 * is larger than the library's, that is, of a newer header; a smaller one may lack it and is not touched. */
typedef struct tsv_context {
  uint32_t size;                     /* its sizeof */
  const volatile int32_t* cancelled; /* NULL, or a flag read before and between blocks of work */
  tsv_error error;                   /* filled when a call fails */
  int32_t check_only;                /* 1: check the arguments, write nothing */
  void* stream; /* CUDA: the CUstream that work on device tensors is enqueued on; NULL: the default stream */
} tsv_context;

/* ---- The library ---- */

uint32_t tsv_abi_version(void);
const char* tsv_version(void);
const char* tsv_argument_path(int32_t argument);
int64_t tsv_dtype_bytes(int32_t dtype); /* that an element takes */

typedef enum tsv_isa { TSV_ISA_SCALAR = 0, TSV_ISA_NEON = 1, TSV_ISA_AVX2 = 2, TSV_ISA_AVX512 = 3 } tsv_isa;
const char* tsv_isa_name(int32_t isa);
/* 1 when this processor runs the instruction set and the library was built with it. */
int32_t tsv_isa_supported(int32_t isa);
int32_t tsv_active_isa(void);
/* Chooses an instruction set for the whole process, while no operation runs. TSV_E_RANGE when it is not
 * supported. */
tsv_status tsv_set_isa(int32_t isa);
/* The processor's own name, at most `length` bytes with the closing zero. */
void tsv_cpu_name(char* name, size_t length);

int32_t tsv_threads(void);
/* 1..1024 threads, the calling one included. Waits until a running operation ends. */
tsv_status tsv_set_threads(int32_t threads);

/* Lends a host's threads to every operation of the process, in place of the library's own pool, to which NULL
 * goes back. `parallel_for` must call task(state, i) once for each i in 0..count-1, on any threads and in any
 * order, and return when all have returned; results do not depend on how. It is called on the thread that
 * called the operation: on several at once when operations run at once, and on one of the host's own when an
 * operation is called from inside the host's tasks, so it must then find threads or run the tasks itself.
 * Nothing may be thrown through it. A task never calls `parallel_for`, and takes from tens of microseconds to
 * some milliseconds; each thread that ran one keeps up to 64 MB of working memory until it ends. Call this
 * while no operation runs. */
typedef void (*tsv_task)(void* state, int64_t index);
typedef void (*tsv_parallel_for)(void* user, int64_t count, tsv_task task, void* state);
void tsv_set_executor(tsv_parallel_for parallel_for, void* user);

/* ---- Attention ---- */

typedef enum tsv_query_selection {
  TSV_QUERIES_ALL = 0,
  TSV_QUERIES_FIRST,
  TSV_QUERIES_LAST,
  TSV_QUERIES_LIST
} tsv_query_selection;
typedef enum tsv_key_selection { TSV_KEYS_ALL = 0, TSV_KEYS_FIRST, TSV_KEYS_LAST } tsv_key_selection;
typedef enum tsv_score_reduce {
  TSV_REDUCE_MEAN = 0,
  TSV_REDUCE_SUM,
  TSV_REDUCE_MAX,
  TSV_REDUCE_OBSERVED
} tsv_score_reduce;
typedef enum tsv_head_reduce {
  TSV_HEADS_MEAN = 0,
  TSV_HEADS_SUM,
  TSV_HEADS_MAX,
  TSV_HEADS_NONE,
  TSV_HEADS_GROUP_MEAN,
  TSV_HEADS_GROUP_SUM,
  TSV_HEADS_GROUP_MAX
} tsv_head_reduce;
typedef enum tsv_pool_mode { TSV_POOL_AVG = 0, TSV_POOL_MAX = 1 } tsv_pool_mode;
typedef enum tsv_precision { TSV_PRECISION_EXACT = 0, TSV_PRECISION_FAST = 1 } tsv_precision;

/* For tsv_attention_scores and tsv_attention. Shapes: q [B,H,Nq,D], k [B,Hkv,N,D], v [B,Hkv,N,Dv], any
 * strides as long as the last dimension is dense. Per query head: softmax over unmasked keys of softcap(scale
 * q.k) + bias; reduce over the chosen queries; times ||v|| when `value_norms` is set; pool along the scored
 * keys; reduce heads. With `distance_scale` of L numbers, products of a query at p_i with a key at p_j are
 * multiplied by distance_scale[min(|p_i - p_j|, L - 1)] before the soft cap. */
typedef struct tsv_attention_args {
  uint32_t size;
  const tsv_tensor* q;
  const tsv_tensor* k;
  const tsv_tensor* v;          /* tsv_attention: always; tsv_attention_scores: with value_norms */
  const tsv_tensor* mask;       /* uint8 [B,N] or [N]: 2 drops the key */
  const tsv_tensor* query_mask; /* uint8 [B,Nq] or [Nq]: 2 drops the query */
  const tsv_tensor* lengths;    /* int32 [B]: trailing padding of keys, and of queries when Nq = N */
  const tsv_tensor* bias; /* float32 [B,N] or [N], added to the logits; at or under -1e30 it masks the key */
  const tsv_tensor* lse;  /* float32 [B,H,chosen]: when known, one pass is enough */
  const tsv_tensor* query_list; /* int32 or int64 [n], with TSV_QUERIES_LIST */
  double scale;                 /* NaN: 1/sqrt(D) */
  double softcap;               /* 0: none */
  int64_t window;               /* keys a query sees up to and with its own place; 0: all */
  int64_t query_count;          /* with TSV_QUERIES_LAST */
  int64_t key_count;            /* with TSV_KEYS_FIRST or TSV_KEYS_LAST */
  int64_t pool_kernel;          /* odd; 0: no pooling */
  int32_t causal;
  int32_t queries;     /* tsv_query_selection */
  int32_t keys;        /* tsv_key_selection */
  int32_t reduce;      /* tsv_score_reduce */
  int32_t heads;       /* tsv_head_reduce */
  int32_t pool_mode;   /* tsv_pool_mode */
  int32_t precision;   /* tsv_precision; a CUDA device computes both exactly */
  int32_t value_norms; /* multiply by ||v_j|| */
  tsv_tensor* scores;  /* float32 [B,n], [B,H,n] or [B,Hkv,n] by `heads`, n scored keys; may be NULL in
                          tsv_attention */
  tsv_tensor* lse_out; /* float32 [B,H,chosen] or NULL; tsv_attention: [B,H,Nq] */
  tsv_tensor* entropy; /* float32 [B,H,chosen] in nats, or NULL */
  tsv_tensor* output;  /* tsv_attention: [B,H,Nq,Dv], q's type, any strides with a dense last dimension */
  const tsv_tensor*
      packed_keys; /* tsv_attention_scores with TSV_PRECISION_FAST: of tsv_pack_keys, and k NULL */
  const tsv_tensor* distance_scale; /* float32 [L], L from 1, finite; computed exactly at any precision */
  const tsv_tensor* positions; /* int32 or int64 [B,N] or [N], from -2^31 to 2^31 - 1, with distance_scale:
                                  places of the keys; NULL: 0 to N - 1 */
  const tsv_tensor* query_positions; /* [B,Nq] or [Nq]: places of the queries; NULL, for Nq up to N: those of
                                        the last Nq keys */
} tsv_attention_args;
tsv_status tsv_attention_scores(tsv_context* context, const tsv_attention_args* arguments);

/* Keys packed once for many calls of tsv_attention_scores with TSV_PRECISION_FAST: bytes where the
 * instruction set in use multiplies them, float32 elsewhere. A change of the keys asks for packing again.
 * Calls read whichever they are given on any instruction set. */
typedef struct tsv_pack_keys_args {
  uint32_t size;
  const tsv_tensor* k;       /* [B,Hkv,N,D], any strides with a dense last dimension */
  const tsv_tensor* mask;    /* uint8 [B,N] or [N]: 2 drops the key, from every call */
  const tsv_tensor* lengths; /* int32 [B] */
  const tsv_tensor*
      queries;        /* [B,H,n,D]: queries such as will come, by which channels are balanced; or NULL */
  tsv_tensor* packed; /* uint8 [tsv_packed_keys_bytes() or more], at a multiple of 4 bytes */
} tsv_pack_keys_args;
tsv_status tsv_pack_keys(tsv_context* context, const tsv_pack_keys_args* arguments);
/* What packed keys of these dims take with the instruction set in use; -1: more than there can be. */
int64_t tsv_packed_keys_bytes(int64_t batch, int64_t key_heads, int64_t keys, int64_t depth);
tsv_status tsv_attention(tsv_context* context, const tsv_attention_args* arguments);

/* ---- Selection ---- */

typedef enum tsv_order { TSV_ORDER_INDEX = 0, TSV_ORDER_VALUE = 1 } tsv_order;

/* The k best of each row: higher value first (lower first with largest = 0), then lower index; -0 equals +0;
 * NaN last in either direction. */
typedef struct tsv_top_k_args {
  uint32_t size;
  const tsv_tensor* x;       /* [B,N] or [B,H,N], R rows in all; float32, float16 or bfloat16 */
  const tsv_tensor* mask;    /* uint8 [R,N], [B,N] or [N]: 1 always among the k, 2 never */
  const tsv_tensor* lengths; /* int32 [B] */
  const tsv_tensor*
      segment_offsets; /* int32 or int64 [S+1], ascending from 0 to N: k from each; NULL: whole rows */
  int64_t k;
  int32_t largest;
  int32_t order;       /* tsv_order */
  tsv_tensor* indices; /* int32 [R,S*k] */
  tsv_tensor* values;  /* x's type, the same shape, or NULL */
} tsv_top_k_args;
tsv_status tsv_top_k(tsv_context* context, const tsv_top_k_args* arguments);

typedef enum tsv_threshold_rule {
  TSV_RULE_ABOVE = 0,
  TSV_RULE_QUANTILE,
  TSV_RULE_IQR,
  TSV_RULE_MEAN_STD,
  TSV_RULE_MASS
} tsv_threshold_rule;

typedef struct tsv_select_threshold_args {
  uint32_t size;
  const tsv_tensor* x;       /* [B,N] or [B,H,N], R rows in all; float32, float16 or bfloat16 */
  const tsv_tensor* mask;    /* uint8 [R,N], [B,N] or [N]: 1 always in, 2 out of everything */
  const tsv_tensor* lengths; /* int32 [B] */
  double parameter;
  int64_t min;         /* -1: none */
  int64_t max;         /* -1: none */
  int32_t rule;        /* tsv_threshold_rule */
  int32_t ddof;        /* 0 or 1, with TSV_RULE_MEAN_STD */
  tsv_tensor* indices; /* int32 [R*N] of room; the first offsets[R] are filled, ascending within a row, the
                          rest is 0 */
  tsv_tensor* offsets; /* int32 [R+1] */
} tsv_select_threshold_args;
tsv_status tsv_select_threshold(tsv_context* context, const tsv_select_threshold_args* arguments);

/* The tokens that `count` even points along the cumulative sum of a row's scores pick, each once; those
 * masked 1 are always in, and a point less is left for each. Negative scores are refused. */
typedef struct tsv_sample_cdf_args {
  uint32_t size;
  const tsv_tensor* scores;  /* [B,N] or [B,H,N], R rows in all; float32, float16 or bfloat16 */
  const tsv_tensor* mask;    /* uint8 [R,N], [B,N] or [N]: 1 always in, 2 never */
  const tsv_tensor* lengths; /* int32 [B] */
  int64_t count;
  tsv_tensor* indices; /* int32 [R*count] of room; the first offsets[R] are filled, ascending within a row,
                          the rest is 0 */
  tsv_tensor* offsets; /* int32 [R+1] */
} tsv_sample_cdf_args;
tsv_status tsv_sample_cdf(tsv_context* context, const tsv_sample_cdf_args* arguments);

/* Scores smoothed along the last dim, stride 1: TSV_POOL_AVG pads with 0 and divides by the kernel,
 * TSV_POOL_MAX pads with -inf. A dropped token counts as padding and gets 0. */
typedef struct tsv_pool_scores_args {
  uint32_t size;
  const tsv_tensor* x;       /* [B,N] or [B,H,N], R rows in all; float32, float16 or bfloat16 */
  const tsv_tensor* mask;    /* uint8 [R,N], [B,N] or [N]: 2 drops */
  const tsv_tensor* lengths; /* int32 [B] */
  int64_t kernel;            /* odd */
  int32_t mode;              /* tsv_pool_mode */
  tsv_tensor* scores;        /* float32, the dims of x */
} tsv_pool_scores_args;
tsv_status tsv_pool_scores(tsv_context* context, const tsv_pool_scores_args* arguments);

typedef struct tsv_token_norms_args {
  uint32_t size;
  const tsv_tensor* x;       /* [N,C], [B,N,C] or [B,H,N,C], float32, float16 or bfloat16; any strides with a
                                dense last dimension */
  const tsv_tensor* mask;    /* uint8 [R,N], [B,N] or [N], R rows in all: the norm of what is masked 2 is 0 */
  const tsv_tensor* lengths; /* int32 [B] */
  int32_t p;                 /* 1 or 2 */
  tsv_tensor* norms;         /* float32, the dims of x but the last */
} tsv_token_norms_args;
tsv_status tsv_token_norms(tsv_context* context, const tsv_token_norms_args* arguments);

/* (x - mean) / sqrt(variance + epsilon) * weight + bias over the channels of each token, in float32 about the
 * mean; a token without variance becomes the bias, whatever epsilon is. */
typedef struct tsv_layer_norm_args {
  uint32_t size;
  const tsv_tensor* x;      /* [N,C], [B,N,C] or [B,H,N,C], float32, float16 or bfloat16; any strides with a
                               dense last dimension */
  const tsv_tensor* weight; /* float32 [C], or NULL for ones */
  const tsv_tensor* bias;   /* float32 [C], or NULL for zeros */
  double epsilon;           /* from 0 */
  tsv_tensor* tokens;       /* the dims and type of x */
} tsv_layer_norm_args;
tsv_status tsv_layer_norm(tsv_context* context, const tsv_layer_norm_args* arguments);

/* The mean and the variance of each channel over the tokens that are not masked 2, the squared distances to
 * the mean divided by the number of tokens less ddof; 0 and 0 for a row without tokens, and a variance of 0
 * where ddof leaves nothing to divide by. A channel with an element that is not finite has NaN and NaN. */
typedef struct tsv_channel_moments_args {
  uint32_t size;
  const tsv_tensor* x;       /* [N,C], [B,N,C] or [B,H,N,C], float32, float16 or bfloat16; any strides with a
                                dense last dimension */
  const tsv_tensor* mask;    /* uint8 [R,N], [B,N] or [N], R rows in all: 2 leaves the token out */
  const tsv_tensor* lengths; /* int32 [B] */
  int32_t ddof;              /* 0 or 1 */
  tsv_tensor* mean;          /* float32, the dims of x but the one before the last */
  tsv_tensor* variance;      /* likewise */
} tsv_channel_moments_args;
tsv_status tsv_channel_moments(tsv_context* context, const tsv_channel_moments_args* arguments);

/* ---- Moving tokens ---- */

/* Rows of x by index: x [R,N,C]; indices int32 or int64, either [R,K], or ragged [total] with offsets int32
 * [R+1]. tokens: [R,K,C]; ragged: [R,maxM,C] padded with zeros, or packed [total,C].
 *
 * Offsets on a device say nothing to the host: indices are then [room], of which the first offsets[R] count,
 * tokens [R,M,C] for any M that no row passes, or packed [room,C], and what is not filled is zero. */
typedef struct tsv_gather_tokens_args {
  uint32_t size;
  const tsv_tensor* x; /* any type */
  const tsv_tensor* indices;
  const tsv_tensor* offsets;
  int32_t packed;
  tsv_tensor* tokens;
  tsv_tensor* lengths; /* int32 [R], or NULL: the tokens of each row of ragged indices */
} tsv_gather_tokens_args;
tsv_status tsv_gather_tokens(tsv_context* context, const tsv_gather_tokens_args* arguments);

/* Channels of x by index, in the order given: x [R,N,C] to [R,N,K]. */
typedef struct tsv_gather_channels_args {
  uint32_t size;
  const tsv_tensor* x;       /* any type */
  const tsv_tensor* indices; /* int32 or int64 [K], or [B,K] with R a multiple of B */
  tsv_tensor* tokens;        /* x's type */
} tsv_gather_channels_args;
tsv_status tsv_gather_channels(tsv_context* context, const tsv_gather_channels_args* arguments);

/* Keys turned from one rotary position to another: pair i of a token's columns by (to - from) * frequency_i
 * radians. The pairs are (i, i + rotary_dim / 2), or (2i, 2i + 1) when interleaved. With sections, the first
 * sections[0] pairs follow the first row of positions, the next sections[1] the second, and so on. */
typedef struct tsv_rotate_keys_args {
  uint32_t size;
  const tsv_tensor* k;    /* [B,Hkv,N,D], any strides with a dense last dimension */
  const tsv_tensor* from; /* int32 or int64 [N], [B,N] or [B,Hkv,N]; with S sections after a leading S */
  const tsv_tensor* to;   /* likewise, by itself */
  const tsv_tensor* frequencies; /* float32 [rotary_dim / 2]; NULL: base^(-2i / rotary_dim) */
  const tsv_tensor* sections;    /* int32 [S], that add up to rotary_dim / 2; NULL: one */
  const tsv_tensor* lengths;     /* int32 [B]: tokens from there on are copied */
  double base;
  int64_t rotary_dim; /* even; 0: D */
  int32_t interleaved;
  tsv_tensor* keys; /* the dims and type of k, any strides with a dense last dimension */
} tsv_rotate_keys_args;
tsv_status tsv_rotate_keys(tsv_context* context, const tsv_rotate_keys_args* arguments);

/* A TokenMap: CSR over all slots, row after row; slots = the sum of output_lengths. All of its tensors lie in
 * one place. Those on a device may have room for more: offsets for more than slots+1, members and weights for
 * more than offsets[slots]; how many slots a row has at most is then what the tokens have room for. */
typedef struct tsv_token_map {
  int64_t rows;
  int64_t input_length;
  const tsv_tensor* output_lengths; /* int32 [rows] */
  const tsv_tensor* offsets;        /* int32 [slots+1] */
  const tsv_tensor* members;        /* int32 [offsets[slots]], each in 0..input_length-1 */
  const tsv_tensor* weights;        /* float32 like members, or NULL for all ones */
  const tsv_tensor* assignment;     /* int32 [rows*input_length]: the owner slot within the row, -1 none */
} tsv_token_map;

typedef enum tsv_merge_reduce {
  TSV_MERGE_MEAN = 0,
  TSV_MERGE_SUM,
  TSV_MERGE_MAX,
  TSV_MERGE_NORM
} tsv_merge_reduce;

/* x [R,N,C] to tokens [R,maxM,C], zero-padded where rows differ in length, or packed [slots,C]. A slot whose
 * weights add up to 0 becomes zeros, but for TSV_MERGE_SUM and TSV_MERGE_MAX. With a map on a device, tokens
 * are [R,M,C] for any M that no row's slots pass, or packed [room,C], and what is not filled is zero. */
typedef struct tsv_merge_tokens_args {
  uint32_t size;
  const tsv_tensor* x;
  const tsv_token_map* map;
  const tsv_tensor* weights; /* float32 token sizes [R,N], or [B,N] with R a multiple of B; NULL for ones */
  int32_t reduce;            /* tsv_merge_reduce */
  int32_t packed;
  tsv_tensor* tokens;      /* x's type */
  tsv_tensor* sizes;       /* float32 [R,maxM] or [slots] */
  tsv_tensor* row_offsets; /* int32 [R+1], or NULL: the slot that each row begins with */
} tsv_merge_tokens_args;
tsv_status tsv_merge_tokens(tsv_context* context, const tsv_merge_tokens_args* arguments);

typedef enum tsv_dropped { TSV_DROPPED_ZERO = 0, TSV_DROPPED_NEAREST, TSV_DROPPED_TENSOR } tsv_dropped;

/* Every token again: y [R,maxM,C] to [R,N,C], each token a copy of the slot that owns it. With a map on a
 * device, y is [R,M,C] for any M that no row's slots pass. With weights or a residual, y is of a float type
 * and each token residual + weight * copy, in float32 and rounded once; a token that nothing
 * stands for is its residual alone, or zeros. */
typedef struct tsv_restore_tokens_args {
  uint32_t size;
  const tsv_tensor* y;
  const tsv_token_map* map;
  const tsv_tensor* dropped_tokens; /* [R,N,C] of y's type, with TSV_DROPPED_TENSOR */
  int32_t dropped;                  /* tsv_dropped */
  tsv_tensor* tokens;               /* y's type */
  const tsv_tensor* weights;        /* float32 [R,N], or [B,N] with R a multiple of B; NULL for ones */
  const tsv_tensor* residual;       /* [R,N,C] of y's type; NULL for zeros */
} tsv_restore_tokens_args;
tsv_status tsv_restore_tokens(tsv_context* context, const tsv_restore_tokens_args* arguments);

/* ---- Similarity ---- */

typedef enum tsv_similarity_metric {
  TSV_METRIC_COSINE = 0, /* 0 with a zero vector */
  TSV_METRIC_DOT = 1,
  TSV_METRIC_L2 = 2 /* minus the squared distance */
} tsv_similarity_metric;

/* How alike each token of a is to the token of b at the same place. */
typedef struct tsv_paired_similarity_args {
  uint32_t size;
  const tsv_tensor* a;       /* [N,C], [B,N,C] or [B,H,N,C], float32, float16 or bfloat16; any strides with a
                                dense last dimension */
  const tsv_tensor* b;       /* the same dims, any float type */
  const tsv_tensor* mask;    /* uint8 [R,N], [B,N] or [N], R rows in all: 2 gives 0 */
  const tsv_tensor* lengths; /* int32 [B] */
  int32_t metric;            /* tsv_similarity_metric */
  tsv_tensor* similarity;    /* float32, the dims of a but the last */
} tsv_paired_similarity_args;
tsv_status tsv_paired_similarity(tsv_context* context, const tsv_paired_similarity_args* arguments);

/* Which tokens of b a token i of a may choose. All but the first need as many tokens in b as in a. */
typedef enum tsv_candidates {
  TSV_CANDIDATES_ALL = 0,
  TSV_CANDIDATES_OTHERS, /* all but token i */
  TSV_CANDIDATES_LATER,  /* those after token i */
  TSV_CANDIDATES_EARLIER /* those before token i */
} tsv_candidates;

/* For each token of a [B,Na,C] the k tokens of b [B,Nb,C] most like it, best first, equal ones by index; NaN
 * is chosen only when nothing else is left. A dropped token of a has index -1 and value -INFINITY, and so
 * have places that no candidate is left for. What is compared, and the value, is scale similarity + bias. */
typedef struct tsv_similarity_argmax_args {
  uint32_t size;
  const tsv_tensor* a;       /* float32, float16 or bfloat16; any strides with a dense last dimension */
  const tsv_tensor* b;       /* the same, of any float type */
  const tsv_tensor* a_mask;  /* uint8 [B,Na] or [Na]: 2 drops */
  const tsv_tensor* b_mask;  /* uint8 [B,Nb] or [Nb]: 2 is no candidate */
  const tsv_tensor* lengths; /* int32 [B]: tokens of b */
  int64_t
      k; /* from 1 to the tokens of b; with TSV_CANDIDATES_ALL to those that are candidates, in every item */
  int32_t metric;          /* tsv_similarity_metric */
  int32_t precision;       /* tsv_precision; TSV_PRECISION_FAST is computed exactly */
  tsv_tensor* indices;     /* int32 [B,Na,k] */
  tsv_tensor* values;      /* float32 [B,Na,k] */
  const tsv_tensor* scale; /* float32 [B,Nb] or [Nb], finite for candidates; NULL: 1 */
  const tsv_tensor* bias;  /* the same; NULL: 0 */
  int32_t candidates;      /* tsv_candidates */
} tsv_similarity_argmax_args;
tsv_status tsv_similarity_argmax(tsv_context* context, const tsv_similarity_argmax_args* arguments);

typedef enum tsv_similarity_function {
  TSV_SIMILARITY_MEAN = 0,    /* s */
  TSV_SIMILARITY_ELU,         /* s - m where s > m, else exp(s - m) - 1 */
  TSV_SIMILARITY_GAUSSIAN,    /* exp(-((1 - s) / sigma)^2 / 2) */
  TSV_SIMILARITY_COUNT_ABOVE, /* 1 where s > t, summed; the others are averaged */
  TSV_SIMILARITY_SQUARE       /* s^2 */
} tsv_similarity_function;

/* For each token of x [B,N,C] the mean, over the tokens not dropped, of a function of its similarity with
 * them; 0 for a dropped token, and over no token at all. */
typedef struct tsv_similarity_reduce_args {
  uint32_t size;
  const tsv_tensor* x;       /* float32, float16 or bfloat16; any strides with a dense last dimension */
  const tsv_tensor* mask;    /* uint8 [B,N] or [N]: 2 drops */
  const tsv_tensor* lengths; /* int32 [B] */
  double parameter;          /* m, sigma from 1e-18 to 1e18, or t */
  int32_t function;          /* tsv_similarity_function */
  int32_t metric;            /* tsv_similarity_metric */
  int32_t without_self;      /* 1: over the other tokens */
  tsv_tensor* similarity;    /* float32 [B,N] */
} tsv_similarity_reduce_args;
tsv_status tsv_similarity_reduce(tsv_context* context, const tsv_similarity_reduce_args* arguments);

/* Density peaks (Rodriguez and Laio, 2014) from k nearest neighbours (Du et al., 2016): d_ij = |x_i - x_j| /
 * sqrt(C), or 1 - cosine; density = exp(-mean of d^2 to the k nearest, itself included); separation = the
 * least d to a token of higher density (of equal ones the lower index is denser), or for one that has none
 * the greatest in its batch item. Both are 0 for a dropped token. A token that is not finite is nobody's
 * neighbour while there are others, and its separation is NaN. */
typedef struct tsv_knn_density_args {
  uint32_t size;
  const tsv_tensor* x;    /* [B,N,C], float32, float16 or bfloat16; any strides with a dense last dimension */
  const tsv_tensor* mask; /* uint8 [B,N] or [N]: 2 drops */
  const tsv_tensor* lengths; /* int32 [B] */
  int64_t k;                 /* from 1 to the tokens of every item that has any */
  int32_t metric;            /* TSV_METRIC_COSINE or TSV_METRIC_L2 */
  tsv_tensor* density;       /* float32 [B,N] */
  tsv_tensor* separation;    /* float32 [B,N] */
} tsv_knn_density_args;
tsv_status tsv_knn_density(tsv_context* context, const tsv_knn_density_args* arguments);

/* ---- Diverse choices ---- */

/* Of tokens x [B,N,C], `count` by their distance from those chosen: greedy k-centre, farthest-point sampling.
 * First the tokens of mask 1 by index, then `start`, then again and again the token whose nearest chosen one
 * is farthest; ties go to the lower index, a token that is not finite is far from nothing and comes last. */
typedef struct tsv_farthest_point_args {
  uint32_t size;
  const tsv_tensor* x;       /* float32, float16 or bfloat16 */
  const tsv_tensor* mask;    /* uint8 [B,N] or [N]: 1 is chosen first, 2 never */
  const tsv_tensor* lengths; /* int32 [B] */
  int64_t count;             /* from the tokens of mask 1 to those not dropped, in every item */
  int64_t start;       /* a token not dropped in any item; -1: the one whose nearest neighbour is farthest */
  int32_t metric;      /* TSV_METRIC_COSINE (the distance is 1 - cosine) or TSV_METRIC_L2 */
  tsv_tensor* indices; /* int32 [B,count], in the order of choice */
} tsv_farthest_point_args;
tsv_status tsv_farthest_point(tsv_context* context, const tsv_farthest_point_args* arguments);

/* Of tokens x [B,N,C], `count` by greedy MAP inference for a determinantal point process (Chen et al., 2018)
 * with the kernel diag(relevance) cosines diag(relevance). First the tokens of mask 1 by index, then the
 * greatest gain in the determinant while there is one, then by relevance; ties go to the lower index. What is
 * left of a token beside the chosen ones counts as 0 up to 2^-40 of it. A token of which relevance is NaN or
 * x not finite comes last. */
typedef struct tsv_dpp_greedy_args {
  uint32_t size;
  const tsv_tensor* x;         /* float32, float16 or bfloat16 */
  const tsv_tensor* relevance; /* float32 [B,N], of finite numbers from 0 or NaN where not dropped */
  const tsv_tensor* mask;      /* uint8 [B,N] or [N]: 1 is chosen first, 2 never */
  const tsv_tensor* lengths;   /* int32 [B] */
  int64_t count;               /* from the tokens of mask 1 to those not dropped, in every item */
  tsv_tensor* indices;         /* int32 [B,count], in the order of choice */
} tsv_dpp_greedy_args;
tsv_status tsv_dpp_greedy(tsv_context* context, const tsv_dpp_greedy_args* arguments);

/* ---- Matching ---- */

typedef enum tsv_partition {
  TSV_PARTITION_ALTERNATE = 0,
  TSV_PARTITION_GRID,
  TSV_PARTITION_RANDOM,
  TSV_PARTITION_EVERY
} tsv_partition;

/* Bipartite soft matching (Bolya et al., 2023): metric [B,N,C] to the arrays of a TokenMap. Random choices
 * are those of SplitMix64: TSV_PARTITION_GRID starts it at `seed` and draws the destination of each block in
 * turn, alike for every item; TSV_PARTITION_RANDOM draws a seed for each item from one started at `seed`, and
 * with it the sources by a Fisher-Yates shuffle of the item's free tokens. A number below n is the upper half
 * of a draw times n, shifted right by 32. */
typedef struct tsv_bipartite_match_args {
  uint32_t size;
  const tsv_tensor* metric;  /* float32, float16 or bfloat16 */
  const tsv_tensor* mask;    /* uint8 [B,N] or [N] */
  const tsv_tensor* lengths; /* int32 [B] */
  double threshold;          /* NaN: none */
  int64_t r;                 /* sources to merge; clamped */
  int64_t grid[2];
  int64_t stride[2];
  int64_t seed; /* -1: none (TSV_PARTITION_GRID: the first cell of each block) */
  int64_t every;
  int32_t partition;          /* tsv_partition */
  tsv_tensor* output_lengths; /* int32 [B] */
  tsv_tensor* offsets;        /* int32 [B*N+1] of room; slots+1 filled */
  tsv_tensor* members;        /* int32 [B*N] of room; offsets[slots] filled */
  tsv_tensor* assignment;     /* int32 [B,N] */
  int64_t* longest; /* NULL, or where the host's memory gets, before the call returns, the slots of the
                       longest row; on a device what no row passes: N where a threshold, or a mask or lengths
                       on the device, leaves it open */
} tsv_bipartite_match_args;
tsv_status tsv_bipartite_match(tsv_context* context, const tsv_bipartite_match_args* arguments);

/* ---- Dense products ---- */

typedef enum tsv_activation {
  TSV_ACTIVATION_NONE = 0,
  TSV_ACTIVATION_GELU,
  TSV_ACTIVATION_GELU_TANH,
  TSV_ACTIVATION_RELU,
  TSV_ACTIVATION_TANH
} tsv_activation;

/* out = activation(a b + bias): a [G,M,K], b [G,K,N] or [1,K,N] (transpose_b: [..,N,K]), bias float32 [N]. */
typedef struct tsv_matmul_args {
  uint32_t size;
  const tsv_tensor* a;
  const tsv_tensor* b;
  const tsv_tensor* bias;
  int32_t activation; /* tsv_activation */
  int32_t transpose_b;
  tsv_tensor* out; /* a's type, [G,M,N] */
} tsv_matmul_args;
tsv_status tsv_matmul(tsv_context* context, const tsv_matmul_args* arguments);

/* ---- CUDA ---- */

/* Operations whose tensors have device_type TSV_CUDA run on that device, on the context's stream: they check
 * their arguments, enqueue and return. What they find wrong in data that lies on the device, such as an index
 * out of range, the next call below that waits for the stream reports as the error of its own context. The
 * driver is loaded when first needed; nothing is linked. Each device's primary context is used and the
 * thread's current one is left as it was. */
typedef struct tsv_cuda_info {
  uint32_t size;
  int32_t available;      /* 1: there is a device that can be used */
  int32_t emulated;       /* 1: the driver is libcudasim, which runs kernels on the CPU */
  int32_t driver_version; /* as CUDA counts, such as 13000; 0: no driver */
  int32_t device_count;
  char reason[192]; /* why none is available */
} tsv_cuda_info;
tsv_status tsv_cuda_describe(tsv_cuda_info* info);
/* A device's name, at most `length` bytes with the closing zero, and its architecture, such as 90. */
tsv_status tsv_cuda_device(int32_t device, char* name, size_t length, int32_t* architecture);

/* Everything from here on works on context->stream of `device` and fails with TSV_E_NO_CUDA, TSV_E_MEMORY or
 * TSV_E_CUDA. */
tsv_status tsv_cuda_open_stream(tsv_context* context, int32_t device, void** stream);
tsv_status tsv_cuda_close_stream(tsv_context* context, int32_t device); /* waits for it first */
/* Device memory in stream order, at a multiple of 256 bytes. */
tsv_status tsv_cuda_allocate(tsv_context* context, int32_t device, uint64_t bytes, void** pointer);
tsv_status tsv_cuda_release(tsv_context* context, int32_t device, void* pointer);
/* Copies to and from the host. `from` may change as soon as the upload returns; the download waits. */
tsv_status tsv_cuda_upload(tsv_context* context, int32_t device, void* to, const void* from, uint64_t bytes);
tsv_status tsv_cuda_download(tsv_context* context, int32_t device, void* to, const void* from,
                             uint64_t bytes);
/* From one place on the device to another. */
tsv_status tsv_cuda_copy(tsv_context* context, int32_t device, void* to, const void* from, uint64_t bytes);
tsv_status tsv_cuda_clear(tsv_context* context, int32_t device, void* pointer, uint64_t bytes);
tsv_status tsv_cuda_synchronize(tsv_context* context, int32_t device);
/* What is on the stream now, as an event that any thread may wait for, once: the wait ends it. */
tsv_status tsv_cuda_record(tsv_context* context, int32_t device, void** event);
tsv_status tsv_cuda_wait(tsv_context* context, int32_t device, void* event);
/* What the stream gets from now on runs after what `other` has now. */
tsv_status tsv_cuda_follow(tsv_context* context, int32_t device, void* other);

/* Marks on the stream, and the seconds by the device's clock between two: waits for the second, and ends
 * both. */
tsv_status tsv_cuda_mark(tsv_context* context, int32_t device, void** mark);
tsv_status tsv_cuda_elapsed(tsv_context* context, int32_t device, void* begin, void* end, double* seconds);

typedef enum tsv_cuda_ceiling {
  TSV_CUDA_CEILING_COPY = 0, /* bytes read and written; `size` bytes are copied */
  TSV_CUDA_CEILING_MATRIX,   /* flops of mma.sync on float16; `size` rounds of eight products a warp */
  TSV_CUDA_CEILING_FMA       /* flops of float32 multiply-adds; `size` rounds of sixteen a thread */
} tsv_cuda_ceiling;
/* What the device can do at most a second: one sample, by the device's clock. TSV_E_RANGE for an unknown
 * ceiling or a size not from 1 to 2^31 - 1. */
tsv_status tsv_cuda_measure_ceiling(tsv_context* context, int32_t device, int32_t ceiling, int64_t size,
                                    double* rate);

/* ---- For benchmarks ---- */

typedef enum tsv_ceiling { TSV_CEILING_FMA = 0, TSV_CEILING_READ, TSV_CEILING_COPY } tsv_ceiling;

/* What the processor can do at most with the active instruction set on tsv_threads() threads: flops, bytes
 * read, or bytes read and written, a second. The bandwidths hold for a working set of `count` floats at
 * `memory`, shared out among the threads, whose contents the call may change: those of a small one are a
 * cache's. This is one sample of a third of a millisecond or more; take the best of many. TSV_E_RANGE for an
 * unknown ceiling, TSV_E_SHAPE for less memory than three cache lines a thread. */
tsv_status tsv_measure_ceiling(int32_t ceiling, float* memory, int64_t count, double* rate);

/* The names of the kernels, each on every instruction set; NULL past the last. */
const char* tsv_kernel_name(int32_t kernel);

/* ---- The functions as a table, for those who do not link them ---- */

/* Every function above: what it returns, its name without tsv_, its parameters. The first entry stays where
 * it is; new ones go to the end. */
#define TSV_FOR_EACH_FUNCTION(ENTRY) \
  ENTRY(const char*, version, (void)) \
  ENTRY(uint32_t, abi_version, (void)) \
  ENTRY(const char*, argument_path, (int32_t)) \
  ENTRY(int64_t, dtype_bytes, (int32_t)) \
  ENTRY(const char*, isa_name, (int32_t)) \
  ENTRY(int32_t, isa_supported, (int32_t)) \
  ENTRY(int32_t, active_isa, (void)) \
  ENTRY(tsv_status, set_isa, (int32_t)) \
  ENTRY(void, cpu_name, (char*, size_t)) \
  ENTRY(int32_t, threads, (void)) \
  ENTRY(tsv_status, set_threads, (int32_t)) \
  ENTRY(void, set_executor, (tsv_parallel_for, void*)) \
  ENTRY(tsv_status, attention_scores, (tsv_context*, const tsv_attention_args*)) \
  ENTRY(tsv_status, attention, (tsv_context*, const tsv_attention_args*)) \
  ENTRY(tsv_status, top_k, (tsv_context*, const tsv_top_k_args*)) \
  ENTRY(tsv_status, select_threshold, (tsv_context*, const tsv_select_threshold_args*)) \
  ENTRY(tsv_status, token_norms, (tsv_context*, const tsv_token_norms_args*)) \
  ENTRY(tsv_status, gather_tokens, (tsv_context*, const tsv_gather_tokens_args*)) \
  ENTRY(tsv_status, merge_tokens, (tsv_context*, const tsv_merge_tokens_args*)) \
  ENTRY(tsv_status, restore_tokens, (tsv_context*, const tsv_restore_tokens_args*)) \
  ENTRY(tsv_status, rotate_keys, (tsv_context*, const tsv_rotate_keys_args*)) \
  ENTRY(tsv_status, sample_cdf, (tsv_context*, const tsv_sample_cdf_args*)) \
  ENTRY(tsv_status, pool_scores, (tsv_context*, const tsv_pool_scores_args*)) \
  ENTRY(tsv_status, paired_similarity, (tsv_context*, const tsv_paired_similarity_args*)) \
  ENTRY(tsv_status, similarity_argmax, (tsv_context*, const tsv_similarity_argmax_args*)) \
  ENTRY(tsv_status, similarity_reduce, (tsv_context*, const tsv_similarity_reduce_args*)) \
  ENTRY(tsv_status, knn_density, (tsv_context*, const tsv_knn_density_args*)) \
  ENTRY(tsv_status, farthest_point, (tsv_context*, const tsv_farthest_point_args*)) \
  ENTRY(tsv_status, dpp_greedy, (tsv_context*, const tsv_dpp_greedy_args*)) \
  ENTRY(tsv_status, bipartite_match, (tsv_context*, const tsv_bipartite_match_args*)) \
  ENTRY(tsv_status, matmul, (tsv_context*, const tsv_matmul_args*)) \
  ENTRY(tsv_status, measure_ceiling, (int32_t, float*, int64_t, double*)) \
  ENTRY(const char*, kernel_name, (int32_t)) \
  ENTRY(tsv_status, pack_keys, (tsv_context*, const tsv_pack_keys_args*)) \
  ENTRY(int64_t, packed_keys_bytes, (int64_t, int64_t, int64_t, int64_t)) \
  ENTRY(tsv_status, cuda_describe, (tsv_cuda_info*)) \
  ENTRY(tsv_status, cuda_device, (int32_t, char*, size_t, int32_t*)) \
  ENTRY(tsv_status, cuda_open_stream, (tsv_context*, int32_t, void**)) \
  ENTRY(tsv_status, cuda_close_stream, (tsv_context*, int32_t)) \
  ENTRY(tsv_status, cuda_allocate, (tsv_context*, int32_t, uint64_t, void**)) \
  ENTRY(tsv_status, cuda_release, (tsv_context*, int32_t, void*)) \
  ENTRY(tsv_status, cuda_upload, (tsv_context*, int32_t, void*, const void*, uint64_t)) \
  ENTRY(tsv_status, cuda_download, (tsv_context*, int32_t, void*, const void*, uint64_t)) \
  ENTRY(tsv_status, cuda_clear, (tsv_context*, int32_t, void*, uint64_t)) \
  ENTRY(tsv_status, cuda_synchronize, (tsv_context*, int32_t)) \
  ENTRY(tsv_status, cuda_record, (tsv_context*, int32_t, void**)) \
  ENTRY(tsv_status, cuda_wait, (tsv_context*, int32_t, void*)) \
  ENTRY(tsv_status, cuda_follow, (tsv_context*, int32_t, void*)) \
  ENTRY(tsv_status, cuda_mark, (tsv_context*, int32_t, void**)) \
  ENTRY(tsv_status, cuda_elapsed, (tsv_context*, int32_t, void*, void*, double*)) \
  ENTRY(tsv_status, cuda_measure_ceiling, (tsv_context*, int32_t, int32_t, int64_t, double*)) \
  ENTRY(tsv_status, cuda_copy, (tsv_context*, int32_t, void*, const void*, uint64_t)) \
  ENTRY(tsv_status, layer_norm, (tsv_context*, const tsv_layer_norm_args*)) \
  ENTRY(tsv_status, channel_moments, (tsv_context*, const tsv_channel_moments_args*)) \
  ENTRY(tsv_status, gather_channels, (tsv_context*, const tsv_gather_channels_args*))

/* The library that runs in a process, for code that was compiled apart from it: see tokensieve_node.h for how
 * an addon gets it from JavaScript. Before all else, tsv_check_api() must have found it to fit. */
typedef struct tsv_api {
  uint32_t size; /* its sizeof in the library */
  uint32_t abi;  /* the library's TSV_ABI_VERSION */
#define TSV_API_MEMBER(result, name, parameters) result(*name) parameters;
  TSV_FOR_EACH_FUNCTION(TSV_API_MEMBER)
#undef TSV_API_MEMBER
} tsv_api;
const tsv_api* tsv_get_api(void);

/* Whether a table has every function that this header declares: TSV_OK, or TSV_E_ABI with the reason in
 * `error`. A newer library of the same TSV_ABI_VERSION has them; an older one may lack some. */
static inline tsv_status tsv_check_api(const tsv_api* api, tsv_error* error) {
  memset(error, 0, sizeof *error);
  if (api && api->abi == TSV_ABI_VERSION && api->size >= sizeof(tsv_api)) return TSV_OK;
  error->status = TSV_E_ABI;
  snprintf(error->expected, sizeof error->expected,
           "a tokensieve of C interface %u with a table of at least %u bytes, as in version %s",
           (unsigned)TSV_ABI_VERSION, (unsigned)sizeof(tsv_api), TSV_VERSION);
  if (!api) {
    snprintf(error->got, sizeof error->got, "NULL");
  } else {
    snprintf(error->got, sizeof error->got, "version %.16s of interface %u with %u bytes", api->version(),
             (unsigned)api->abi, (unsigned)api->size);
  }
  return TSV_E_ABI;
}

#ifdef __cplusplus
}
#endif
#endif
