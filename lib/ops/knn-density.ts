import type {
  AnyOptions,
  AnyResult,
  AnyTensor,
  DeviceOptions,
  FloatDeviceTensor,
  OnDevice,
} from '../device-tensor.js';
import { typeError } from '../errors.js';
import { readOperand } from '../operand.js';
import type { FloatTensor, FloatType, Tensor } from '../tensor.js';
import {
  type CommonOptions,
  floatTypes,
  type Invocation,
  outputFor,
  readInteger,
  readOptions,
  readSignal,
  runAsync,
  runSync,
  withDims,
  withRank,
} from './call.js';
import { readMetric, type SimilarityMetric } from './similarity-metric.js';
import { type MaskOptions, readTokenRows } from './token-rows.js';

/** Options of {@link knnDensity}. */
export interface KnnDensityOptions extends CommonOptions, MaskOptions {
  /** Neighbours that a density is taken over, the token itself among them; no more than an item has tokens. */
  k: number;
  /** `'l2'` (default): `|x_i - x_j| / sqrt(C)`. `'cosine'`: 1 minus the cosine. */
  metric?: Exclude<SimilarityMetric, 'dot'>;
  /** Tensors to fill. */
  out?: { density?: Tensor<'float32'>; separation?: Tensor<'float32'> };
}

/** The result of {@link knnDensity}. */
export interface KnnDensity {
  /** `[B,N]`, from 0 to 1. */
  readonly density: Tensor<'float32'>;
  /** `[B,N]`, in units of distance. */
  readonly separation: Tensor<'float32'>;
}

function prepare(
  x: AnyTensor<FloatType>,
  options: AnyOptions<KnnDensityOptions>,
): Invocation<AnyResult<KnnDensity>> {
  const given = readOperand('x', x, floatTypes);
  const tokens = withRank('x', given, 3);
  const dims = tokens.dims.slice(0, -1);
  const { mask, lengths } = readTokenRows(dims, options);
  if (options.k === undefined) throw typeError('options.k', 'an integer', options.k);
  const shown = given.dims.slice(0, -1);
  const density = outputFor(options.out, 'density', 'float32', shown, given.data);
  const separation = outputFor(options.out, 'separation', 'float32', shown, given.data);
  if ((options.metric as unknown) === 'dot') {
    throw typeError('options.metric', "'l2' or 'cosine'", options.metric);
  }
  return {
    operation: 'knnDensity',
    inputs: [tokens, mask, lengths],
    outputs: [withDims(density, dims), withDims(separation, dims)],
    numbers: [readInteger('options.k', options.k, 1), readMetric(options.metric, 'l2')],
    result: () => ({ density: density.shown, separation: separation.shown }) as AnyResult<KnnDensity>,
  };
}

/** {@link knnDensity} of tensors on a device, where the result stays. */
export function knnDensity(
  x: FloatDeviceTensor,
  options: DeviceOptions<KnnDensityOptions>,
): Promise<OnDevice<KnnDensity>>;
/**
 * What clustering by density peaks chooses centres by (DPC-KNN: Du et al., 2016; Zeng et al., TCFormer, 2022), for
 * each token: its density, `exp(-mean of d^2 to its k nearest)`, itself included; and its separation, the least
 * distance to a token of higher density (of equal densities the lower index is the higher), or for a token that has
 * none the greatest distance in its batch item. The matrix of distances is never stored.
 *
 * Distances are taken token by token in float64 once it is known which count; that is decided in float32, on tokens
 * about their middle, so an offset that all share does no harm. A dropped token (mask 2) gives 0 and 0. A token that is
 * not finite is nobody's neighbour while there are others, and its separation is NaN.
 *
 * @param x `[B,N,C]` (leading 1s may be left out), float32, float16 or bfloat16
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE` (a k that an item has no tokens for),
 *   `ERR_TOKENSIEVE_SHAPE`, `ERR_TOKENSIEVE_OVERLAP`
 */
export function knnDensity(x: FloatTensor, options: KnnDensityOptions): Promise<KnnDensity>;
export async function knnDensity(
  x: AnyTensor<FloatType>,
  options: AnyOptions<KnnDensityOptions>,
): Promise<AnyResult<KnnDensity>> {
  const given = readOptions(options);
  return runAsync(prepare(x, given), readSignal(given));
}

/** {@link knnDensitySync} of tensors on a device, where the result stays: checks and enqueues. */
export function knnDensitySync(
  x: FloatDeviceTensor,
  options: DeviceOptions<KnnDensityOptions>,
): OnDevice<KnnDensity>;
/** {@link knnDensity}, at once on the calling thread. */
export function knnDensitySync(x: FloatTensor, options: KnnDensityOptions): KnnDensity;
export function knnDensitySync(
  x: AnyTensor<FloatType>,
  options: AnyOptions<KnnDensityOptions>,
): AnyResult<KnnDensity> {
  return runSync(prepare(x, readOptions(options)));
}
