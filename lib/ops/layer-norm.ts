import type { AnyOptions, AnyTensor, DeviceOptions, DeviceTensor } from '../device-tensor.js';
import { readOperand } from '../operand.js';
import { elementCount, type FloatType, reshape, type Tensor } from '../tensor.js';
import {
  type CommonOptions,
  floatTypes,
  type Invocation,
  outputFor,
  readArray,
  readNumber,
  readOptions,
  readSignal,
  runAsync,
  runSync,
  withDims,
} from './call.js';

/** Options of {@link layerNorm}. */
export interface LayerNormOptions<T extends FloatType = FloatType> extends CommonOptions {
  /** float32 `[C]`, by which the result is multiplied; 1 by default. */
  weight?: Tensor<'float32'> | Float32Array | undefined;
  /** float32 `[C]`, added last; 0 by default. */
  bias?: Tensor<'float32'> | Float32Array | undefined;
  /** Added to the variance. Default 1e-5. */
  epsilon?: number;
  /** A tensor to fill. */
  out?: { tokens: Tensor<T> };
}

function prepare(
  x: AnyTensor<FloatType>,
  options: AnyOptions<LayerNormOptions>,
): Invocation<AnyTensor<FloatType>> {
  const tokens = readOperand('x', x, floatTypes);
  const rows = [elementCount(tokens.dims.slice(0, -1)), tokens.dims.at(-1) ?? 1];
  const out = outputFor(options.out, 'tokens', tokens.type, tokens.dims, tokens.data);
  return {
    operation: 'layerNorm',
    inputs: [
      reshape(tokens, rows),
      readArray('options.weight', options.weight, ['float32']),
      readArray('options.bias', options.bias, ['float32']),
    ],
    outputs: [withDims(out, rows)],
    numbers: [readNumber('options.epsilon', options.epsilon, 1e-5)],
    result: () => out.shown,
  };
}

/** {@link layerNorm} of tensors on a device, where the result stays. */
export function layerNorm<T extends FloatType>(
  x: DeviceTensor<T>,
  options?: DeviceOptions<LayerNormOptions<T>>,
): Promise<DeviceTensor<T>>;
/**
 * Layer normalization (Ba et al., 2016), over the channels of each token:
 * `(x - mean) / sqrt(variance + epsilon) * weight + bias`, the variance divided by C.
 *
 * In float32 about the mean, so that a mean far from 0 costs no digits. A token whose channels are all equal becomes
 * the bias, even with an epsilon of 0.
 *
 * @param x `[...,N,C]`, float32, float16 or bfloat16
 * @returns a tensor like x
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE` (an epsilon not from 0 to 1e30),
 *   `ERR_TOKENSIEVE_SHAPE`, `ERR_TOKENSIEVE_OVERLAP`
 */
export function layerNorm<T extends FloatType>(
  x: Tensor<T>,
  options?: LayerNormOptions<T>,
): Promise<Tensor<T>>;
export async function layerNorm(
  x: AnyTensor<FloatType>,
  options?: AnyOptions<LayerNormOptions>,
): Promise<AnyTensor<FloatType>> {
  const given = readOptions(options);
  return runAsync(prepare(x, given), readSignal(given));
}

/** {@link layerNormSync} of tensors on a device, where the result stays: checks and enqueues. */
export function layerNormSync<T extends FloatType>(
  x: DeviceTensor<T>,
  options?: DeviceOptions<LayerNormOptions<T>>,
): DeviceTensor<T>;
/** {@link layerNorm}, at once on the calling thread. */
export function layerNormSync<T extends FloatType>(x: Tensor<T>, options?: LayerNormOptions<T>): Tensor<T>;
export function layerNormSync(
  x: AnyTensor<FloatType>,
  options?: AnyOptions<LayerNormOptions>,
): AnyTensor<FloatType> {
  return runSync(prepare(x, readOptions(options)));
}
