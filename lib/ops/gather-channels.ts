import type { AnyOptions, AnyTensor, DeviceOptions, DeviceTensor, InEitherPlace } from '../device-tensor.js';
import { type Operand, readOperand } from '../operand.js';
import { type DataType, elementCount, reshape, type Tensor } from '../tensor.js';
import {
  type CommonOptions,
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

/** Options of {@link gatherChannels}. */
export interface GatherChannelsOptions extends CommonOptions {
  /** A tensor to fill. */
  out?: { tokens: Tensor };
}

/** Channels to take: one list for all tokens, or one for each batch item. */
export type ChannelIndices = Tensor<'int32' | 'int64'> | Int32Array | BigInt64Array;

const anyType: readonly DataType[] = ['float32', 'float16', 'bfloat16', 'int32', 'int64', 'uint8'];
const indexTypes = ['int32', 'int64'] as const;

function prepare(
  x: AnyTensor,
  indices: InEitherPlace<ChannelIndices>,
  options: AnyOptions<GatherChannelsOptions>,
): Invocation<AnyTensor> {
  const given = readOperand('x', x, anyType);
  const tokens = withRank('x', given, Math.max(2, given.dims.length));
  const index = asRows(readRequiredArray('indices', indices, indexTypes));
  const leading = elementCount(tokens.dims.slice(0, -2));
  const [length, channels] = tokens.dims.slice(-2);
  const count = index.dims.at(-1) ?? 0;
  const out = outputFor(options.out, 'tokens', tokens.type, [...given.dims.slice(0, -1), count], tokens.data);
  return {
    operation: 'gatherChannels',
    inputs: [reshape(tokens, [leading, length, channels]), index],
    outputs: [withDims(out, [leading, length, count])],
    numbers: [],
    result: () => out.shown,
  };
}

/** `[K]`, or `[...,K]` as `[rows,K]`. */
function asRows<T extends DataType>(index: Operand<T>): Operand<T> {
  const { dims } = index;
  return dims.length < 2 ? index : reshape(index, [elementCount(dims.slice(0, -1)), dims[dims.length - 1]]);
}

/** {@link gatherChannels} of tensors on a device, where the result stays. */
export function gatherChannels<T extends DataType>(
  x: DeviceTensor<T>,
  indices: InEitherPlace<ChannelIndices>,
  options?: DeviceOptions<GatherChannelsOptions>,
): Promise<DeviceTensor<T>>;
/**
 * Channels of x by index, copied bit for bit in the order given: `out[b,...,n,k] = x[b,...,n,indices[b,k]]`.
 *
 * @param x `[...,N,C]`, any type
 * @param indices int32 or int64 `[K]` for all tokens, `[B,K]` for each batch item, or `[...,K]` with the leading dims of
 *   x; an index may come more than once
 * @returns `[...,N,K]`
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_SHAPE`, `ERR_TOKENSIEVE_RANGE` (an index
 *   outside 0..C-1), `ERR_TOKENSIEVE_OVERLAP`
 */
export function gatherChannels<T extends DataType>(
  x: Tensor<T>,
  indices: ChannelIndices,
  options?: GatherChannelsOptions,
): Promise<Tensor<T>>;
export async function gatherChannels(
  x: AnyTensor,
  indices: InEitherPlace<ChannelIndices>,
  options?: AnyOptions<GatherChannelsOptions>,
): Promise<AnyTensor> {
  const given = readOptions(options);
  return runAsync(prepare(x, indices, given), readSignal(given));
}

/** {@link gatherChannelsSync} of tensors on a device, where the result stays: checks and enqueues. */
export function gatherChannelsSync<T extends DataType>(
  x: DeviceTensor<T>,
  indices: InEitherPlace<ChannelIndices>,
  options?: DeviceOptions<GatherChannelsOptions>,
): DeviceTensor<T>;
/** {@link gatherChannels}, at once on the calling thread. */
export function gatherChannelsSync<T extends DataType>(
  x: Tensor<T>,
  indices: ChannelIndices,
  options?: GatherChannelsOptions,
): Tensor<T>;
export function gatherChannelsSync(
  x: AnyTensor,
  indices: InEitherPlace<ChannelIndices>,
  options?: AnyOptions<GatherChannelsOptions>,
): AnyTensor {
  return runSync(prepare(x, indices, readOptions(options)));
}
