import type {
  AnyOptions,
  AnyTensor,
  DeviceOptions,
  DeviceTensor,
  FloatDeviceTensor,
} from '../device-tensor.js';
import { rangeError } from '../errors.js';
import { readOperand } from '../operand.js';
import type { FloatTensor, FloatType, Tensor } from '../tensor.js';
import {
  type CommonOptions,
  floatTypes,
  type Invocation,
  outputFor,
  readChoice,
  readInteger,
  readOptions,
  readSignal,
  runAsync,
  runSync,
  withDims,
  withRank,
} from './call.js';
import { readChoiceCount } from './choice-count.js';
import { type MaskOptions, readTokenRows } from './token-rows.js';

/** Options of {@link farthestPoint}. */
export interface FarthestPointOptions extends CommonOptions, MaskOptions {
  /** How many to choose of each batch item: from its kept tokens to those not dropped. */
  count: number;
  /**
   * The first choice: the token whose nearest neighbour is farthest (default), whatever the order of the
   * tokens, at the cost of comparing all with all; or one index for every batch item, dropped in none.
   */
  start?: number | 'isolated';
  /** `1 - cosine` (default; 1 with a zero vector), or the Euclidean distance. */
  metric?: 'cosine' | 'l2';
  /** A tensor to fill. */
  out?: { indices: Tensor<'int32'> };
}

/** As the C interface numbers them: a product is no distance. */
const metricNumbers = { cosine: 0, l2: 2 } as const;
const metrics = ['cosine', 'l2'] as const;

function prepare(
  x: AnyTensor<FloatType>,
  options: AnyOptions<FarthestPointOptions>,
): Invocation<AnyTensor<'int32'>> {
  const given = readOperand('x', x, floatTypes);
  const tokens = withRank('x', given, 3);
  const [batch, length] = tokens.dims;
  const { mask, lengths } = readTokenRows([batch, length], options);
  const { count, room } = readChoiceCount(options.count, length);
  const metric = metrics[readChoice('options.metric', options.metric, metrics, 'cosine')];
  const indices = outputFor(options.out, 'indices', 'int32', [...given.dims.slice(0, -2), room], given.data);
  return {
    operation: 'farthestPoint',
    inputs: [tokens, mask, lengths],
    outputs: [withDims(indices, [batch, room])],
    numbers: [count, readStart(options.start), metricNumbers[metric]],
    result: () => indices.shown,
  };
}

/** An index; `'isolated'` crosses as -1. */
function readStart(value: unknown): number {
  if (typeof value !== 'number') {
    readChoice('options.start', value, ['isolated'], 'isolated');
    return -1;
  }
  const start = readInteger('options.start', value, 0);
  if (start < 0) throw rangeError('options.start', "an integer from 0, or 'isolated'", start);
  return start;
}

/** {@link farthestPoint} of tensors on a device, where the result stays. */
export function farthestPoint(
  x: FloatDeviceTensor,
  options: DeviceOptions<FarthestPointOptions>,
): Promise<DeviceTensor<'int32'>>;
/**
 * Farthest-point sampling, the greedy 2-approximation of k-centre (Gonzalez 1985), as DivPrune prunes by (Alvar et
 * al. 2025, arXiv 2503.02175): after the start, again and again the token whose nearest chosen one is farthest.
 * Kept tokens (mask 1) are chosen first, by index, ahead of the start; dropped ones never.
 *
 * Equal distances go to the lower index. No token is chosen twice; copies of a chosen one, whose distance is exactly
 * 0, come last but for tokens that are not finite, which have no distance. Distances are compared in float64, the
 * same on every instruction set.
 *
 * O(count N C) at most: a token is compared only while it may still be the farthest, which for random directions is
 * a third of that.
 *
 * @param x `[B,N,C]`, or `[N,C]`; float32, float16 or bfloat16
 * @returns int32 `[B,count]`, or `[count]`, in the order of choice
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE`, `ERR_TOKENSIEVE_SHAPE`,
 *   `ERR_TOKENSIEVE_OVERLAP`
 */
export function farthestPoint(x: FloatTensor, options: FarthestPointOptions): Promise<Tensor<'int32'>>;
export async function farthestPoint(
  x: AnyTensor<FloatType>,
  options: AnyOptions<FarthestPointOptions>,
): Promise<AnyTensor<'int32'>> {
  const given = readOptions(options);
  return runAsync(prepare(x, given), readSignal(given));
}

/** {@link farthestPointSync} of tensors on a device, where the result stays: checks and enqueues. */
export function farthestPointSync(
  x: FloatDeviceTensor,
  options: DeviceOptions<FarthestPointOptions>,
): DeviceTensor<'int32'>;
/** {@link farthestPoint}, at once on the calling thread. */
export function farthestPointSync(x: FloatTensor, options: FarthestPointOptions): Tensor<'int32'>;
export function farthestPointSync(
  x: AnyTensor<FloatType>,
  options: AnyOptions<FarthestPointOptions>,
): AnyTensor<'int32'> {
  return runSync(prepare(x, readOptions(options)));
}
