import type {
  AnyOptions,
  AnyTensor,
  DeviceOptions,
  DeviceTensor,
  FloatDeviceTensor,
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

/** Options of {@link tokenNorms}. */
export interface TokenNormsOptions extends CommonOptions, MaskOptions {
  /** 2: Euclidean (default). 1: sum of absolute values. */
  p?: 1 | 2;
  /** A tensor to fill. */
  out?: { norms: Tensor<'float32'> };
}

function prepare(
  x: AnyTensor<FloatType>,
  options: AnyOptions<TokenNormsOptions>,
): Invocation<AnyTensor<'float32'>> {
  const tokens = readOperand('x', x, floatTypes);
  const channels = tokens.dims.at(-1) ?? 0;
  const dims = tokens.dims.slice(0, -1);
  const { mask, lengths, rowDims, length } = readTokenRows(dims, options);
  const norms = outputFor(options.out, 'norms', 'float32', dims, tokens.data);
  return {
    operation: 'tokenNorms',
    inputs: [reshape(tokens, [...rowDims, length, channels]), mask, lengths],
    outputs: [withDims(norms, [...rowDims, length])],
    numbers: [readInteger('options.p', options.p, 2)],
    result: () => norms.shown,
  };
}

/** {@link tokenNorms} of tensors on a device, where the result stays. */
export function tokenNorms(
  x: FloatDeviceTensor,
  options?: DeviceOptions<TokenNormsOptions>,
): Promise<DeviceTensor<'float32'>>;
/**
 * The norm of every token: `norms[b,n] = ||x[b,n,:]||_p`, float32 whatever the type of x; 0 for a dropped token
 * (mask 2).
 *
 * @param x `[...,N,C]`, float32, float16 or bfloat16
 * @returns `[...,N]`, float32
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE`, `ERR_TOKENSIEVE_SHAPE`,
 *   `ERR_TOKENSIEVE_OVERLAP`
 */
export function tokenNorms(x: FloatTensor, options?: TokenNormsOptions): Promise<Tensor<'float32'>>;
export async function tokenNorms(
  x: AnyTensor<FloatType>,
  options?: AnyOptions<TokenNormsOptions>,
): Promise<AnyTensor<'float32'>> {
  const given = readOptions(options);
  return runAsync(prepare(x, given), readSignal(given));
}

/** {@link tokenNormsSync} of tensors on a device, where the result stays: checks and enqueues. */
export function tokenNormsSync(
  x: FloatDeviceTensor,
  options?: DeviceOptions<TokenNormsOptions>,
): DeviceTensor<'float32'>;
/** {@link tokenNorms}, at once on the calling thread. */
export function tokenNormsSync(x: FloatTensor, options?: TokenNormsOptions): Tensor<'float32'>;
export function tokenNormsSync(
  x: AnyTensor<FloatType>,
  options?: AnyOptions<TokenNormsOptions>,
): AnyTensor<'float32'> {
  return runSync(prepare(x, readOptions(options)));
}
