import type {
  AnyOptions,
  AnyTensor,
  DeviceOptions,
  DeviceTensor,
  FloatDeviceTensor,
} from '../device-tensor.js';
import { typeError } from '../errors.js';
import { readOperand } from '../operand.js';
import type { FloatTensor, FloatType, Tensor } from '../tensor.js';
import {
  type CommonOptions,
  floatTypes,
  type Invocation,
  outputFor,
  readBoolean,
  readNumber,
  readOptions,
  readSignal,
  runAsync,
  runSync,
  withDims,
  withRank,
} from './call.js';
import { readMetric, type SimilarityMetric } from './similarity-metric.js';
import { type MaskOptions, readTokenRows } from './token-rows.js';

/** What of the similarities s of a token is averaged, or counted. */
export type SimilarityFunction =
  /** s itself: how redundant a token is. */
  | 'mean'
  /** s^2: with the mean it gives the variance, mean of squares less square of mean. */
  | 'square'
  /** `s - m` where s is over the margin m, else `exp(s - m) - 1`: the energy of Tran et al., PiToMe, 2024. */
  | { elu: number }
  /** `exp(-((1 - s) / sigma)^2 / 2)`, sigma from 1e-18 to 1e18: their energy for text. */
  | { gaussian: number }
  /** How many s are greater than the number. */
  | { countAbove: number };

/** Options of {@link similarityReduce}. */
export interface SimilarityReduceOptions extends CommonOptions, MaskOptions {
  /** `'mean'` by default. */
  f?: SimilarityFunction;
  /** `'cosine'` by default. */
  metric?: SimilarityMetric;
  /** Whether a token's similarity to itself counts: true by default. */
  self?: boolean;
  /** A tensor to fill. */
  out?: { similarity: Tensor<'float32'> };
}

function prepare(
  x: AnyTensor<FloatType>,
  options: AnyOptions<SimilarityReduceOptions>,
): Invocation<AnyTensor<'float32'>> {
  const given = readOperand('x', x, floatTypes);
  const tokens = withRank('x', given, 3);
  const dims = tokens.dims.slice(0, -1);
  const { mask, lengths } = readTokenRows(dims, options);
  const similarity = outputFor(options.out, 'similarity', 'float32', given.dims.slice(0, -1), given.data);
  return {
    operation: 'similarityReduce',
    inputs: [tokens, mask, lengths],
    outputs: [withDims(similarity, dims)],
    numbers: [
      ...readFunction(options.f ?? 'mean'),
      readMetric(options.metric),
      readBoolean('options.self', options.self, true) ? 0 : 1,
    ],
    result: () => similarity.shown,
  };
}

const functions = ['elu', 'gaussian', 'countAbove'] as const;

/** The number by which the C interface knows a function, and its parameter. */
function readFunction(value: unknown): [number, number] {
  if (value === 'mean') return [0, 0];
  if (value === 'square') return [functions.length + 1, 0];
  if (typeof value === 'object' && value !== null) {
    for (const [i, name] of functions.entries()) {
      const parameter = (value as Record<string, unknown>)[name];
      if (parameter !== undefined) return [i + 1, readNumber(`options.f.${name}`, parameter, 0)];
    }
  }
  throw typeError('options.f', "'mean', 'square', { elu }, { gaussian } or { countAbove }", value);
}

/** {@link similarityReduce} of tensors on a device, where the result stays. */
export function similarityReduce(
  x: FloatDeviceTensor,
  options?: DeviceOptions<SimilarityReduceOptions>,
): Promise<DeviceTensor<'float32'>>;
/**
 * For each token, the mean over all tokens that are not dropped of a function of its similarity with them; for
 * `{ countAbove }` their number. The matrix of similarities is never stored, and `'mean'` takes the time of N tokens, not
 * of N^2 pairs.
 *
 * Similarities are products in float32, cosines no further than 1 from 0; sums are in float64. A square past the range of
 * float32 counts as infinite. A dropped token
 * (mask 2) gives 0, and so does one that no other is left for with `self: false`. A similarity with a token that is
 * not finite is NaN, or minus infinity for its distance from one that is; means over it are what comes of that.
 *
 * @param x `[B,N,C]` (leading 1s may be left out), float32, float16 or bfloat16
 * @returns `[B,N]`, float32
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE`, `ERR_TOKENSIEVE_SHAPE`,
 *   `ERR_TOKENSIEVE_OVERLAP`
 */
export function similarityReduce(
  x: FloatTensor,
  options?: SimilarityReduceOptions,
): Promise<Tensor<'float32'>>;
export async function similarityReduce(
  x: AnyTensor<FloatType>,
  options?: AnyOptions<SimilarityReduceOptions>,
): Promise<AnyTensor<'float32'>> {
  const given = readOptions(options);
  return runAsync(prepare(x, given), readSignal(given));
}

/** {@link similarityReduceSync} of tensors on a device, where the result stays: checks and enqueues. */
export function similarityReduceSync(
  x: FloatDeviceTensor,
  options?: DeviceOptions<SimilarityReduceOptions>,
): DeviceTensor<'float32'>;
/** {@link similarityReduce}, at once on the calling thread. */
export function similarityReduceSync(x: FloatTensor, options?: SimilarityReduceOptions): Tensor<'float32'>;
export function similarityReduceSync(
  x: AnyTensor<FloatType>,
  options?: AnyOptions<SimilarityReduceOptions>,
): AnyTensor<'float32'> {
  return runSync(prepare(x, readOptions(options)));
}
