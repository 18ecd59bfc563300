import type {
  AnyOptions,
  AnyTensor,
  DeviceOptions,
  DeviceTensor,
  FloatDeviceTensor,
  InEitherPlace,
} from '../device-tensor.js';
import { readOperand } from '../operand.js';
import type { FloatTensor, FloatType, Tensor } from '../tensor.js';
import {
  type CommonOptions,
  floatTypes,
  type Invocation,
  outputFor,
  readOptions,
  readRequiredArray,
  readSignal,
  runAsync,
  runSync,
  withDims,
  withRank,
} from './call.js';
import { readChoiceCount } from './choice-count.js';
import { type MaskOptions, readTokenRows } from './token-rows.js';

/** Options of {@link dppGreedy}. */
export interface DppGreedyOptions extends CommonOptions, MaskOptions {
  /** How many to choose of each batch item: from its kept tokens to those not dropped. */
  count: number;
  /** A tensor to fill. */
  out?: { indices: Tensor<'int32'> };
}

function prepare(
  x: AnyTensor<FloatType>,
  relevance: InEitherPlace<Tensor<'float32'> | Float32Array>,
  options: AnyOptions<DppGreedyOptions>,
): Invocation<AnyTensor<'int32'>> {
  const given = readOperand('x', x, floatTypes);
  const tokens = withRank('x', given, 3);
  const [batch, length] = tokens.dims;
  const { mask, lengths } = readTokenRows([batch, length], options);
  const { count, room } = readChoiceCount(options.count, length);
  const dims = [...given.dims.slice(0, -2), room];
  const indices = outputFor(options.out, 'indices', 'int32', dims, given.data);
  const weights = readRequiredArray('relevance', relevance, ['float32'], [batch, length]);
  return {
    operation: 'dppGreedy',
    inputs: [tokens, withRank('relevance', weights, 2), mask, lengths],
    outputs: [withDims(indices, [batch, room])],
    numbers: [count],
    result: () => indices.shown,
  };
}

/** {@link dppGreedy} of tensors on a device, where the result stays. */
export function dppGreedy(
  x: FloatDeviceTensor,
  relevance: InEitherPlace<Tensor<'float32'> | Float32Array>,
  options: DeviceOptions<DppGreedyOptions>,
): Promise<DeviceTensor<'int32'>>;
/**
 * Greedy MAP inference for a determinantal point process (Chen et al. 2018, arXiv 1709.05135), as CDPruner prunes by
 * (arXiv 2506.10967): tokens that are relevant and unlike each other, by the kernel `diag(r) S diag(r)` of relevance
 * and cosines. Each choice is the token with the greatest gain, `r_i^2` times what the chosen ones leave of it; once
 * no gain is left, as with copies or with more tokens than dimensions, the choice goes on by relevance.
 *
 * Kept tokens (mask 1) are chosen first, by index; dropped ones never. Equal gains and equal relevance go to the
 * lower index. What is left of a token counts as 0 up to 2^-40 of it, the rounding of float32 squared. Gains are
 * float64, the same on every instruction set. O(count N C + count^2 N) at most: a gain is brought up to
 * date only while it may still be the greatest.
 *
 * @param x `[B,N,C]`, or `[N,C]`; float32, float16 or bfloat16
 * @param relevance float32 `[B,N]`, or `[N]`: finite and not negative, since a gain is a square; CDPruner brings its
 *   own to 0..1. NaN comes last, as a token does that is not finite
 * @returns int32 `[B,count]`, or `[count]`, in the order of choice
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE`, `ERR_TOKENSIEVE_SHAPE`,
 *   `ERR_TOKENSIEVE_OVERLAP`
 */
export function dppGreedy(
  x: FloatTensor,
  relevance: Tensor<'float32'> | Float32Array,
  options: DppGreedyOptions,
): Promise<Tensor<'int32'>>;
export async function dppGreedy(
  x: AnyTensor<FloatType>,
  relevance: InEitherPlace<Tensor<'float32'> | Float32Array>,
  options: AnyOptions<DppGreedyOptions>,
): Promise<AnyTensor<'int32'>> {
  const given = readOptions(options);
  return runAsync(prepare(x, relevance, given), readSignal(given));
}

/** {@link dppGreedySync} of tensors on a device, where the result stays: checks and enqueues. */
export function dppGreedySync(
  x: FloatDeviceTensor,
  relevance: InEitherPlace<Tensor<'float32'> | Float32Array>,
  options: DeviceOptions<DppGreedyOptions>,
): DeviceTensor<'int32'>;
/** {@link dppGreedy}, at once on the calling thread. */
export function dppGreedySync(
  x: FloatTensor,
  relevance: Tensor<'float32'> | Float32Array,
  options: DppGreedyOptions,
): Tensor<'int32'>;
export function dppGreedySync(
  x: AnyTensor<FloatType>,
  relevance: InEitherPlace<Tensor<'float32'> | Float32Array>,
  options: AnyOptions<DppGreedyOptions>,
): AnyTensor<'int32'> {
  return runSync(prepare(x, relevance, readOptions(options)));
}
