import type {
  AnyOptions,
  AnyResult,
  AnyTensor,
  DeviceOptions,
  FloatDeviceTensor,
  OnDevice,
} from '../device-tensor.js';
import { readOperand } from '../operand.js';
import { type FloatTensor, type FloatType, reshape, type Tensor } from '../tensor.js';
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
} from './call.js';
import { type MaskOptions, readTokenRows } from './token-rows.js';

/** Options of {@link channelMoments}. */
export interface ChannelMomentsOptions extends CommonOptions, MaskOptions {
  /** What the number of tokens is lessened by before the variance is divided by it: 0 (default) or 1. */
  ddof?: 0 | 1;
  /** Tensors to fill. */
  out?: { mean?: Tensor<'float32'>; variance?: Tensor<'float32'> };
}

/** The result of {@link channelMoments}. */
export interface ChannelMoments {
  /** `[...,C]` */
  readonly mean: Tensor<'float32'>;
  /** `[...,C]` */
  readonly variance: Tensor<'float32'>;
}

function prepare(
  x: AnyTensor<FloatType>,
  options: AnyOptions<ChannelMomentsOptions>,
): Invocation<AnyResult<ChannelMoments>> {
  const tokens = readOperand('x', x, floatTypes);
  const channels = tokens.dims.at(-1) ?? 0;
  const { mask, lengths, leading, rowDims, length } = readTokenRows(tokens.dims.slice(0, -1), options);
  const dims = [...leading, channels];
  const mean = outputFor(options.out, 'mean', 'float32', dims, tokens.data);
  const variance = outputFor(options.out, 'variance', 'float32', dims, tokens.data);
  const flat = [...rowDims, channels];
  return {
    operation: 'channelMoments',
    inputs: [reshape(tokens, [...rowDims, length, channels]), mask, lengths],
    outputs: [withDims(mean, flat), withDims(variance, flat)],
    numbers: [readInteger('options.ddof', options.ddof, 0)],
    result: () => ({ mean: mean.shown, variance: variance.shown }) as AnyResult<ChannelMoments>,
  };
}

/** {@link channelMoments} of tensors on a device, where the result stays. */
export function channelMoments(
  x: FloatDeviceTensor,
  options?: DeviceOptions<ChannelMomentsOptions>,
): Promise<OnDevice<ChannelMoments>>;
/**
 * Mean and variance of every channel over the tokens that are not dropped (mask 2), float32 whatever the type of x:
 * the variance is the sum of the squared distances to the mean over the number of tokens less `ddof`. VidCom2 picks
 * channels by it.
 *
 * No offset costs digits: blocks of tokens are measured about their own means and joined (Chan, Golub and LeVeque,
 * 1983). A row without tokens has mean 0 and variance 0, one token less ddof 1 variance 0, a channel with an element
 * that is not finite NaN and NaN.
 *
 * @param x `[...,N,C]`, float32, float16 or bfloat16
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE` (a ddof that is not 0 or 1),
 *   `ERR_TOKENSIEVE_SHAPE`, `ERR_TOKENSIEVE_OVERLAP`
 */
export function channelMoments(x: FloatTensor, options?: ChannelMomentsOptions): Promise<ChannelMoments>;
export async function channelMoments(
  x: AnyTensor<FloatType>,
  options?: AnyOptions<ChannelMomentsOptions>,
): Promise<AnyResult<ChannelMoments>> {
  const given = readOptions(options);
  return runAsync(prepare(x, given), readSignal(given));
}

/** {@link channelMomentsSync} of tensors on a device, where the result stays: checks and enqueues. */
export function channelMomentsSync(
  x: FloatDeviceTensor,
  options?: DeviceOptions<ChannelMomentsOptions>,
): OnDevice<ChannelMoments>;
/** {@link channelMoments}, at once on the calling thread. */
export function channelMomentsSync(x: FloatTensor, options?: ChannelMomentsOptions): ChannelMoments;
export function channelMomentsSync(
  x: AnyTensor<FloatType>,
  options?: AnyOptions<ChannelMomentsOptions>,
): AnyResult<ChannelMoments> {
  return runSync(prepare(x, readOptions(options)));
}
