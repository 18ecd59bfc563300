import type {
  AnyOptions,
  AnyResult,
  AnyTensor,
  DeviceOptions,
  FloatDeviceTensor,
  OnDevice,
} from '../device-tensor.js';
import type { FloatTensor, FloatType, Tensor } from '../tensor.js';
import { type AttentionOptions, readAttention } from './attention-options.js';
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
import type { PackedKeys } from './packed-keys.js';

/** Options of {@link attentionScores}. */
export interface AttentionScoresOptions extends AttentionOptions {
  /** `[B,Hkv,N,Dv]`: each key's score is multiplied by the norm of its value. */
  values?: FloatTensor;
  /** Tensors to fill. */
  out?: { scores?: Tensor<'float32'>; lse?: Tensor<'float32'>; entropy?: Tensor<'float32'> };
}

/** The result of {@link attentionScores}. */
export interface AttentionScores {
  /** `[B,n]`; with heads `'none'` `[B,H,n]`, with `'group'` `[B,Hkv,n]`; n scored keys. */
  readonly scores: Tensor<'float32'>;
  /** Natural log-sum-exp of each chosen row's logits, `[B,H,chosen]`; -Infinity where no key is seen. */
  readonly lse: Tensor<'float32'>;
  /** Entropy of each chosen row in nats, `[B,H,chosen]`. */
  readonly entropy?: Tensor<'float32'>;
}

function prepare(
  q: AnyTensor<FloatType>,
  k: AnyTensor<FloatType> | PackedKeys,
  options: AnyOptions<AttentionScoresOptions>,
): Invocation<AnyResult<AttentionScores>> {
  const call = readAttention(q, k, undefined, options, false);
  const rowDims = [call.batch, call.heads, call.chosen];
  const scores = outputFor(options.out, 'scores', 'float32', call.ranked(call.scoreDims), call.q.data);
  const lse = outputFor(options.out, 'lse', 'float32', call.ranked(rowDims), call.q.data);
  const wantsEntropy = readBoolean('options.entropy', options.entropy, false);
  const entropy = wantsEntropy
    ? outputFor(options.out, 'entropy', 'float32', call.ranked(rowDims), call.q.data)
    : undefined;
  return {
    operation: 'attentionScores',
    inputs: call.inputs,
    outputs: [
      withDims(scores, call.scoreDims),
      withDims(lse, rowDims),
      entropy && withDims(entropy, rowDims),
    ],
    numbers: call.numbers,
    result: () =>
      ({
        scores: scores.shown,
        lse: lse.shown,
        ...(entropy === undefined ? {} : { entropy: entropy.shown }),
      }) as AnyResult<AttentionScores>,
  };
}

/** {@link attentionScores} of tensors on a device, where the result stays. */
export function attentionScores(
  q: FloatDeviceTensor,
  k: FloatDeviceTensor,
  options?: DeviceOptions<AttentionScoresOptions>,
): Promise<OnDevice<AttentionScores>>;
/**
 * The attention that each key receives, without the attention matrix (arXiv 2505.18227, eq. 2).
 *
 * Per query head: the softmax over unmasked keys of `softcap(scale q.k) + bias`; reduced over the chosen, unmasked
 * queries; times `||v_j||` when `values` is given; pooled along the scored keys; then reduced over heads. Query head
 * h reads key head `floor(h Hkv / H)`. A query that sees no key contributes 0; a key that no query sees scores 0.
 * Memory is O(N D) and a strip of at most 4.5 MB a thread. The relative error of a score is at most
 * `1e-5 + 4u max_j(sum_c |q_ic k_jc|) scale`, u = 2^-24, bits the same for any number of threads. With `distanceScale`
 * each product counts, there and above, times its factor.
 *
 * @param q `[B,H,Nq,D]` (leading 1s may be left out), float32, float16 or bfloat16
 * @param k `[B,Hkv,N,D]`, H a multiple of Hkv; with precision `'fast'` also what {@link packKeys} made
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE`, `ERR_TOKENSIEVE_SHAPE`,
 *   `ERR_TOKENSIEVE_OVERLAP`
 */
export function attentionScores(
  q: FloatTensor,
  k: FloatTensor | PackedKeys,
  options?: AttentionScoresOptions,
): Promise<AttentionScores>;
export async function attentionScores(
  q: AnyTensor<FloatType>,
  k: AnyTensor<FloatType> | PackedKeys,
  options?: AnyOptions<AttentionScoresOptions>,
): Promise<AnyResult<AttentionScores>> {
  const given = readOptions(options);
  return runAsync(prepare(q, k, given), readSignal(given));
}

/** {@link attentionScoresSync} of tensors on a device, where the result stays: checks and enqueues. */
export function attentionScoresSync(
  q: FloatDeviceTensor,
  k: FloatDeviceTensor,
  options?: DeviceOptions<AttentionScoresOptions>,
): OnDevice<AttentionScores>;
/** {@link attentionScores}, at once on the calling thread. */
export function attentionScoresSync(
  q: FloatTensor,
  k: FloatTensor | PackedKeys,
  options?: AttentionScoresOptions,
): AttentionScores;
export function attentionScoresSync(
  q: AnyTensor<FloatType>,
  k: AnyTensor<FloatType> | PackedKeys,
  options?: AnyOptions<AttentionScoresOptions>,
): AnyResult<AttentionScores> {
  return runSync(prepare(q, k, readOptions(options)));
}
