import type { AnyOptions, AnyTensor, DeviceOptions, DeviceTensor } from '../device-tensor.js';
import { typeError } from '../errors.js';
import { type Operand, readOperand } from '../operand.js';
import { type DataType, elementCount, reshape, type Tensor } from '../tensor.js';
import type { TokenMap } from '../token-map.js';
import {
  type CommonOptions,
  type Invocation,
  outputFor,
  readOptions,
  readSignal,
  runAsync,
  runSync,
  withDims,
  withRank,
} from './call.js';
import { checkLeadingDims, placeMap, readMap, readWeights } from './map-inputs.js';

/** Options of {@link restoreTokens}. */
export interface RestoreTokensOptions<T extends DataType = DataType> extends CommonOptions {
  /**
   * What stands where a token has no owner: zeros (default), the token of the nearest index that has one (the
   * lower of two as near; zeros when the row has none), or a tensor `[B,N,C]` to take it from.
   */
  dropped?: 'zero' | 'nearest' | Tensor<T>;
  /**
   * What each token is multiplied by, float32 `[B,N]` (or `[B,Hkv,N]` with a map per head); 1 by default. With weights
   * or a residual y is of a float type.
   */
  weights?: Tensor<'float32'> | Float32Array | undefined;
  /** `[B,N,C]` (or `[B,Hkv,N,C]`) of y's type, added to the tokens; 0 by default. */
  residual?: Tensor<T> | undefined;
  /** A tensor to fill. */
  out?: { tokens?: Tensor<T> };
}

const anyType: readonly DataType[] = ['float32', 'float16', 'bfloat16', 'int32', 'int64', 'uint8'];
const fillings: readonly unknown[] = ['zero', 'nearest'];

function prepare(
  y: AnyTensor,
  map: TokenMap,
  options: AnyOptions<RestoreTokensOptions>,
): Invocation<AnyTensor> {
  const given = readOperand('y', y, anyType);
  const reduced = withRank('y', given, Math.max(2, given.dims.length));
  const readable = readMap(map);
  const leading = given.dims.slice(0, -2);
  checkLeadingDims('y', leading, readable);
  const [length, channels] = reduced.dims.slice(-2);
  const rows = elementCount(leading);
  const { inputs, inputLength: N, rows: mapRows } = placeMap(readable, given.data);
  const { filling, tokens: dropped } = readDropped(options.dropped ?? 'zero', reduced.type);
  const weights = readWeights(options.weights, N);
  const residual =
    options.residual === undefined
      ? undefined
      : readTokens('options.residual', options.residual, reduced.type);
  const out = outputFor(options.out, 'tokens', reduced.type, [...leading, N, channels], reduced.data);
  return {
    operation: 'restoreTokens',
    inputs: [reshape(reduced, [rows, length, channels]), ...inputs, dropped, weights, residual],
    outputs: [withDims(out, [rows, N, channels])],
    numbers: [mapRows, N, filling],
    result: () => out.shown,
  };
}

/** The way to fill by its number, and the tensor it takes, which the C interface refuses if it does not fit. */
function readDropped<T extends DataType>(
  value: unknown,
  type: T,
): { filling: number; tokens: Operand<T> | undefined } {
  const filling = fillings.indexOf(value);
  if (filling >= 0) return { filling, tokens: undefined };
  if (typeof value !== 'object') {
    throw typeError('options.dropped', "'zero', 'nearest' or a tensor", value);
  }
  return { filling: fillings.length, tokens: readTokens('options.dropped', value, type) };
}

/** Tokens `[...,N,C]` of a type, as rows which the C interface refuses if they do not fit. */
function readTokens<T extends DataType>(path: string, value: unknown, type: T): Operand<T> {
  const tokens = readOperand(path, value, [type]);
  const { dims } = tokens;
  const rows = elementCount(dims.slice(0, -2));
  const last = [...(dims.length < 2 ? [1] : []), ...dims.slice(-2)];
  return reshape(tokens, [rows, ...last]);
}

/** {@link restoreTokens} of tensors on a device, where the result stays. */
export function restoreTokens<T extends DataType>(
  y: DeviceTensor<T>,
  map: TokenMap,
  options?: DeviceOptions<RestoreTokensOptions<T>>,
): Promise<DeviceTensor<T>>;
/**
 * Every input token again, for dense prediction: each is a copy, bit for bit, of the slot that owns it. With `weights`
 * or a `residual` it is `residual + weight * copy`, in float32 and rounded once: what a layer makes of fewer tokens,
 * added to what all of them were (ToMeSD), or a sum over layers by weights that each token has (A-ViT). There a token
 * without an owner, and with nothing to stand for it, is its residual alone.
 *
 * @param y `[B,M,C]`, or `[B,Hkv,M,C]` with a map per head, M the slots of the map's longest row; any type
 * @param map that made M tokens of N
 * @returns `[B,N,C]` or `[B,Hkv,N,C]`
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` (also for a map that is no {@link TokenMap}), RangeError
 *   `ERR_TOKENSIEVE_SHAPE`, `ERR_TOKENSIEVE_OVERLAP`
 */
export function restoreTokens<T extends DataType>(
  y: Tensor<T>,
  map: TokenMap,
  options?: RestoreTokensOptions<T>,
): Promise<Tensor<T>>;
export async function restoreTokens(
  y: AnyTensor,
  map: TokenMap,
  options?: AnyOptions<RestoreTokensOptions>,
): Promise<AnyTensor> {
  const given = readOptions(options);
  return runAsync(prepare(y, map, given), readSignal(given));
}

/** {@link restoreTokensSync} of tensors on a device, where the result stays: checks and enqueues. */
export function restoreTokensSync<T extends DataType>(
  y: DeviceTensor<T>,
  map: TokenMap,
  options?: DeviceOptions<RestoreTokensOptions<T>>,
): DeviceTensor<T>;
/** {@link restoreTokens}, at once on the calling thread. */
export function restoreTokensSync<T extends DataType>(
  y: Tensor<T>,
  map: TokenMap,
  options?: RestoreTokensOptions<T>,
): Tensor<T>;
export function restoreTokensSync(
  y: AnyTensor,
  map: TokenMap,
  options?: AnyOptions<RestoreTokensOptions>,
): AnyTensor {
  return runSync(prepare(y, map, readOptions(options)));
}
