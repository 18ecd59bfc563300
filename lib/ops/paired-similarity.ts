import type {
  AnyOptions,
  AnyTensor,
  DeviceOptions,
  DeviceTensor,
  FloatDeviceTensor,
} from '../device-tensor.js';
import { type FloatOperand, readOperand } from '../operand.js';
import type { FloatTensor, FloatType, Tensor } from '../tensor.js';
import {
  type CommonOptions,
  floatTypes,
  type Invocation,
  outputFor,
  readOptions,
  readSignal,
  runAsync,
  runSync,
  withDims,
  withRank,
} from './call.js';
import { readMetric, type SimilarityMetric } from './similarity-metric.js';
import { type MaskOptions, readTokenRows } from './token-rows.js';

/** Options of {@link pairedSimilarity}. */
export interface PairedSimilarityOptions extends CommonOptions, MaskOptions {
  /** `'cosine'` by default. */
  metric?: SimilarityMetric;
  /** A tensor to fill. */
  out?: { similarity: Tensor<'float32'> };
}

function prepare(
  a: AnyTensor<FloatType>,
  b: AnyTensor<FloatType>,
  options: AnyOptions<PairedSimilarityOptions>,
): Invocation<AnyTensor<'float32'>> {
  const left = readOperand('a', a, floatTypes);
  const tokens = withBatch('a', left);
  const dims = tokens.dims.slice(0, -1);
  const { mask, lengths } = readTokenRows(dims, options);
  const similarity = outputFor(options.out, 'similarity', 'float32', left.dims.slice(0, -1), left.data);
  return {
    operation: 'pairedSimilarity',
    inputs: [tokens, withBatch('b', readOperand('b', b, floatTypes)), mask, lengths],
    outputs: [withDims(similarity, dims)],
    numbers: [readMetric(options.metric)],
    result: () => similarity.shown,
  };
}

/** `[B,N,C]` or `[B,H,N,C]`, leading 1s added where they were left out. */
function withBatch(path: string, tensor: FloatOperand): FloatOperand {
  return withRank(path, tensor, tensor.dims.length > 3 ? 4 : 3);
}

/** {@link pairedSimilarity} of tensors on a device, where the result stays. */
export function pairedSimilarity(
  a: FloatDeviceTensor,
  b: FloatDeviceTensor,
  options?: DeviceOptions<PairedSimilarityOptions>,
): Promise<DeviceTensor<'float32'>>;
/**
 * How alike the tokens of a are to those of b at the same place, such as a frame to the frame before: the cosine,
 * the product, or minus the squared distance. Summed in float64 in one order: results are the same bits on every
 * instruction set, and a token and its copy have a cosine of exactly 1 and a distance of exactly 0. A dropped token
 * (mask 2) gives 0.
 *
 * @param a `[B,N,C]` or `[B,H,N,C]` (leading 1s may be left out), float32, float16 or bfloat16
 * @param b the dims of a, of any float type
 * @returns the dims of a but the last, float32
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE`, `ERR_TOKENSIEVE_SHAPE`,
 *   `ERR_TOKENSIEVE_OVERLAP`
 */
export function pairedSimilarity(
  a: FloatTensor,
  b: FloatTensor,
  options?: PairedSimilarityOptions,
): Promise<Tensor<'float32'>>;
export async function pairedSimilarity(
  a: AnyTensor<FloatType>,
  b: AnyTensor<FloatType>,
  options?: AnyOptions<PairedSimilarityOptions>,
): Promise<AnyTensor<'float32'>> {
  const given = readOptions(options);
  return runAsync(prepare(a, b, given), readSignal(given));
}

/** {@link pairedSimilaritySync} of tensors on a device, where the result stays: checks and enqueues. */
export function pairedSimilaritySync(
  a: FloatDeviceTensor,
  b: FloatDeviceTensor,
  options?: DeviceOptions<PairedSimilarityOptions>,
): DeviceTensor<'float32'>;
/** {@link pairedSimilarity}, at once on the calling thread. */
export function pairedSimilaritySync(
  a: FloatTensor,
  b: FloatTensor,
  options?: PairedSimilarityOptions,
): Tensor<'float32'>;
export function pairedSimilaritySync(
  a: AnyTensor<FloatType>,
  b: AnyTensor<FloatType>,
  options?: AnyOptions<PairedSimilarityOptions>,
): AnyTensor<'float32'> {
  return runSync(prepare(a, b, readOptions(options)));
}
