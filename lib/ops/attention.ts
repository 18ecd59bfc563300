import type {
  AnyOptions,
  AnyResult,
  AnyTensor,
  DeviceOptions,
  DeviceTensor,
  FloatDeviceTensor,
  OnDevice,
} from '../device-tensor.js';
import type { FloatTensor, FloatType, Tensor } from '../tensor.js';
import { type AttentionOptions, readAttention, swap } from './attention-options.js';
import {
  type Invocation,
  outputFor,
  readBoolean,
  readOptions,
  readSignal,
  runAsync,
  runSync,
  withDims,
} from './call.js';

/** Options of {@link attention}. */
export interface AttentionWithOutputOptions extends AttentionOptions {
  /** Also give the scores of the chosen queries, as {@link attentionScores} does. Default false. */
  scores?: boolean;
  /** With `scores`: multiply each key's score by the norm of its value, which is v's. */
  values?: FloatTensor;
  /** Tensors to fill. */
  out?: {
    output?: FloatTensor;
    lse?: Tensor<'float32'>;
    scores?: Tensor<'float32'>;
    entropy?: Tensor<'float32'>;
  };
}

/** The result of {@link attention}. */
export interface AttentionOutput<T extends FloatType = FloatType> {
  /** `[B,H,Nq,Dv]` in q's rank and layout, q's type; 0 for masked queries and those that see no key. */
  readonly output: Tensor<T>;
  /** Natural log-sum-exp of every row, `[B,H,Nq]`. */
  readonly lse: Tensor<'float32'>;
  /** The chosen queries' scores. */
  readonly scores?: Tensor<'float32'>;
  /** Entropy of every row in nats, `[B,H,Nq]`. */
  readonly entropy?: Tensor<'float32'>;
}

function prepare(
  q: AnyTensor<FloatType>,
  k: AnyTensor<FloatType>,
  v: AnyTensor<FloatType>,
  options: AnyOptions<AttentionWithOutputOptions>,
): Invocation<AnyResult<AttentionOutput>> {
  const call = readAttention(q, k, v, options, true);
  const { batch, heads, queries, ranked } = call;
  const rowDims = [batch, heads, queries];
  const dims = [...rowDims, call.valueDepth];
  const seen = ranked(call.swapped ? swap(dims) : dims);
  const output = outputFor(options.out, 'output', call.q.type, seen, call.q.data);
  const lse = outputFor(options.out, 'lse', 'float32', ranked(rowDims), call.q.data);
  const wantsScores = readBoolean('options.scores', options.scores, false);
  const wantsEntropy = readBoolean('options.entropy', options.entropy, false);
  const scores = wantsScores
    ? outputFor(options.out, 'scores', 'float32', ranked(call.scoreDims), call.q.data)
    : undefined;
  const entropy = wantsEntropy
    ? outputFor(options.out, 'entropy', 'float32', ranked(rowDims), call.q.data)
    : undefined;
  return {
    operation: 'attention',
    inputs: call.inputs,
    outputs: [
      scores && withDims(scores, call.scoreDims),
      withDims(lse, rowDims),
      entropy && withDims(entropy, rowDims),
      withDims(output, dims, call.swapped),
    ],
    numbers: call.numbers,
    result: () =>
      ({
        output: output.shown,
        lse: lse.shown,
        ...(scores === undefined ? {} : { scores: scores.shown }),
        ...(entropy === undefined ? {} : { entropy: entropy.shown }),
      }) as AnyResult<AttentionOutput>,
  };
}

/** {@link attention} of tensors on a device, where the result stays. */
export function attention<T extends FloatType>(
  q: DeviceTensor<T>,
  k: FloatDeviceTensor,
  v: FloatDeviceTensor,
  options?: DeviceOptions<AttentionWithOutputOptions>,
): Promise<OnDevice<AttentionOutput<T>>>;
/**
 * Attention with its output, and from the same pass the attention that each key receives.
 *
 * `output_i = sum_j softmax_j(softcap(scale q_i.k_j) + bias_j) v_j`, for every query; options as in
 * {@link attentionScores}, where `queries`, `keys`, `reduce`, `pool` and `heads` say what is scored.
 *
 * @param q `[B,H,Nq,D]` (leading 1s may be left out), float32, float16 or bfloat16
 * @param k `[B,Hkv,N,D]`, H a multiple of Hkv
 * @param v `[B,Hkv,N,Dv]`
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE`, `ERR_TOKENSIEVE_SHAPE`,
 *   `ERR_TOKENSIEVE_OVERLAP`
 */
export function attention<T extends FloatType>(
  q: Tensor<T>,
  k: FloatTensor,
  v: FloatTensor,
  options?: AttentionWithOutputOptions,
): Promise<AttentionOutput<T>>;
export async function attention(
  q: AnyTensor<FloatType>,
  k: AnyTensor<FloatType>,
  v: AnyTensor<FloatType>,
  options?: AnyOptions<AttentionWithOutputOptions>,
): Promise<AnyResult<AttentionOutput>> {
  const given = readOptions(options);
  return runAsync(prepare(q, k, v, given), readSignal(given));
}

/** {@link attentionSync} of tensors on a device, where the result stays: checks and enqueues. */
export function attentionSync<T extends FloatType>(
  q: DeviceTensor<T>,
  k: FloatDeviceTensor,
  v: FloatDeviceTensor,
  options?: DeviceOptions<AttentionWithOutputOptions>,
): OnDevice<AttentionOutput<T>>;
/** {@link attention}, at once on the calling thread. */
export function attentionSync<T extends FloatType>(
  q: Tensor<T>,
  k: FloatTensor,
  v: FloatTensor,
  options?: AttentionWithOutputOptions,
): AttentionOutput<T>;
export function attentionSync(
  q: AnyTensor<FloatType>,
  k: AnyTensor<FloatType>,
  v: AnyTensor<FloatType>,
  options?: AnyOptions<AttentionWithOutputOptions>,
): AnyResult<AttentionOutput> {
  return runSync(prepare(q, k, v, readOptions(options)));
}
