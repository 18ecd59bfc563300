import type {
  AnyOptions,
  AnyResult,
  AnyTensor,
  DeviceOptions,
  DeviceTensor,
  InEitherPlace,
  OnDevice,
} from '../device-tensor.js';
import { isHost, type Operand, readOperand, sharedTensor } from '../operand.js';
import { type DeviceRagged, isRagged, type Ragged } from '../ragged.js';
import { copyArray, type DataType, elementCount, reshape, type Tensor } from '../tensor.js';
import {
  type CommonOptions,
  type Invocation,
  outputFor,
  readBoolean,
  readOptions,
  readRequiredArray,
  readSignal,
  runAsync,
  runSync,
  withDims,
  withRank,
} from './call.js';

/** Options of {@link gatherTokens}. */
export interface GatherTokensOptions extends CommonOptions {
  /** Ragged indices only: rows one after another, `[total,C]`, instead of padded with zeros. */
  packed?: boolean;
  /** A tensor to fill. */
  out?: { tokens: Tensor };
}

/** The result of {@link gatherTokens} with ragged indices. */
export interface RaggedTokens<T extends DataType = DataType> {
  /** `[R,maxM,C]`, zero-padded; `[total,C]` when packed. */
  readonly tokens: Tensor<T>;
  /** Tokens in each row, when padded. */
  readonly lengths?: Int32Array;
  /** Where each row begins, `[R+1]`, when packed. */
  readonly offsets?: Int32Array;
}

const anyType: readonly DataType[] = ['float32', 'float16', 'bfloat16', 'int32', 'int64', 'uint8'];
/** One row, or rows, of indices. */
export type TokenIndices = Tensor<'int32' | 'int64'> | Int32Array | BigInt64Array;

const indexTypes = ['int32', 'int64'] as const;

function prepare(
  x: AnyTensor,
  indices: InEitherPlace<TokenIndices>,
  options: AnyOptions<GatherTokensOptions>,
): Invocation<AnyTensor> {
  const tokens = readOperand('x', x, anyType);
  const index = readRequiredArray('indices', indices, indexTypes);
  const leading = tokens.dims.slice(0, -2);
  const rows = leading.reduce((a, b) => a * b, 1);
  const channels = tokens.dims.at(-1) ?? 0;
  const kept = index.dims.at(-1) ?? 0;
  const out = outputFor(options.out, 'tokens', tokens.type, [...leading, kept, channels], tokens.data);
  return {
    operation: 'gatherTokens',
    inputs: [
      flatten(withRank('x', tokens, Math.max(2, tokens.dims.length)), 3),
      flatten(index, 2),
      undefined,
    ],
    outputs: [withDims(out, [rows, kept, channels]), undefined],
    numbers: [0],
    result: () => out.shown,
  };
}

function prepareRagged(
  x: AnyTensor,
  ragged: Ragged | DeviceRagged,
  options: AnyOptions<GatherTokensOptions>,
): Invocation<AnyResult<RaggedTokens>> {
  const tokens = readOperand('x', x, anyType);
  const index = readOperand('indices.indices', ragged.indices, ['int32']);
  const offsets = ownOffsets(readRequiredArray('indices.offsets', ragged.offsets, ['int32']));
  const packed = readBoolean('options.packed', options.packed, false);
  const [length = 1, channels = 0] = tokens.dims.slice(-2);
  const total = index.dims[0] ?? 0;
  const rows = Math.max(0, elementCount(offsets.dims) - 1);
  const lengths = isHost(offsets) ? rowLengths(offsets.data) : undefined;
  // What the host cannot know has room for all that there could be.
  const longest = lengths?.reduce((a, b) => Math.max(a, b), 0) ?? Math.min(length, total);
  const sane = longest <= total; // else the C interface names the offset that is wrong
  const dims = packed ? [total, channels] : [rows, sane ? longest : 0, channels];
  const out = outputFor(options.out, 'tokens', tokens.type, dims, tokens.data);
  const counted =
    packed || lengths !== undefined
      ? undefined
      : outputFor(undefined, 'lengths', 'int32', [rows], offsets.data);
  return {
    operation: 'gatherTokens',
    inputs: [flatten(withRank('x', tokens, Math.max(2, tokens.dims.length)), 3), index, offsets],
    outputs: [out, counted],
    numbers: [packed ? 1 : 0],
    result: () =>
      ({
        tokens: out.shown,
        ...(packed ? { offsets: shownOffsets(offsets) } : { lengths: lengths ?? counted?.shown }),
      }) as AnyResult<RaggedTokens>,
  };
}

/** Offsets on the host as a private copy; they are read more than once. */
function ownOffsets(offsets: Operand<'int32'>): Operand<'int32'> {
  return isHost(offsets) ? { ...offsets, data: copyArray('indices.offsets', offsets.data) } : offsets;
}

function rowLengths(offsets: Int32Array): Int32Array {
  return offsets.slice(1).map((end, row) => end - offsets[row]);
}

/** The offsets of packed rows, which are those of their indices; on the device both results share them. */
function shownOffsets(offsets: Operand<'int32'>): Int32Array | DeviceTensor<'int32'> {
  return isHost(offsets) ? offsets.data : sharedTensor(offsets);
}

/** A tensor with its leading dims multiplied together (or 1s added), so that it has `rank` dims. */
function flatten<T extends DataType>(tensor: Operand<T>, rank: number): Operand<T> {
  const last = tensor.dims.slice(tensor.dims.length - rank + 1);
  const rows = tensor.dims.slice(0, tensor.dims.length - rank + 1).reduce((a, b) => a * b, 1);
  const missing = new Array<number>(Math.max(0, rank - 1 - last.length)).fill(1);
  return reshape(tensor, [rows, ...missing, ...last]);
}

/** {@link gatherTokens} of tensors on a device, where the result stays. */
export function gatherTokens<T extends DataType>(
  x: DeviceTensor<T>,
  indices: InEitherPlace<TokenIndices>,
  options?: DeviceOptions<GatherTokensOptions>,
): Promise<DeviceTensor<T>>;
/** {@link gatherTokens} of rows whose lengths the device may alone know: padded to N tokens then, or to all indices. */
export function gatherTokens<T extends DataType>(
  x: DeviceTensor<T>,
  indices: DeviceRagged | Ragged,
  options?: DeviceOptions<GatherTokensOptions>,
): Promise<OnDevice<RaggedTokens<T>>>;
/**
 * Rows of x by index, copied bit for bit: `out[...,i,:] = x[...,indices[...,i],:]`.
 *
 * @param x `[...,N,C]`, any type
 * @param indices `[...,K]` int32 or int64 with the leading dims of x (bare arrays: one row), or {@link Ragged}
 * @returns `[...,K,C]`; for ragged indices {@link RaggedTokens}
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_SHAPE`, `ERR_TOKENSIEVE_RANGE` (an index
 *   outside 0..N-1), `ERR_TOKENSIEVE_OVERLAP`
 */
export function gatherTokens<T extends DataType>(
  x: Tensor<T>,
  indices: TokenIndices,
  options?: GatherTokensOptions,
): Promise<Tensor<T>>;
export function gatherTokens<T extends DataType>(
  x: Tensor<T>,
  indices: Ragged,
  options?: GatherTokensOptions,
): Promise<RaggedTokens<T>>;
export async function gatherTokens(
  x: AnyTensor,
  indices: InEitherPlace<TokenIndices> | Ragged | DeviceRagged,
  options?: AnyOptions<GatherTokensOptions>,
): Promise<AnyTensor | AnyResult<RaggedTokens>> {
  const given = readOptions(options);
  const signal = readSignal(given);
  return isRagged(indices)
    ? runAsync(prepareRagged(x, indices, given), signal)
    : runAsync(prepare(x, indices, given), signal);
}

/** {@link gatherTokensSync} of tensors on a device, where the result stays: checks and enqueues. */
export function gatherTokensSync<T extends DataType>(
  x: DeviceTensor<T>,
  indices: InEitherPlace<TokenIndices>,
  options?: DeviceOptions<GatherTokensOptions>,
): DeviceTensor<T>;
/** {@link gatherTokensSync} of rows whose lengths the device may alone know: checks and enqueues. */
export function gatherTokensSync<T extends DataType>(
  x: DeviceTensor<T>,
  indices: DeviceRagged | Ragged,
  options?: DeviceOptions<GatherTokensOptions>,
): OnDevice<RaggedTokens<T>>;
/** {@link gatherTokens}, at once on the calling thread. */
export function gatherTokensSync<T extends DataType>(
  x: Tensor<T>,
  indices: TokenIndices,
  options?: GatherTokensOptions,
): Tensor<T>;
export function gatherTokensSync<T extends DataType>(
  x: Tensor<T>,
  indices: Ragged,
  options?: GatherTokensOptions,
): RaggedTokens<T>;
export function gatherTokensSync(
  x: AnyTensor,
  indices: InEitherPlace<TokenIndices> | Ragged | DeviceRagged,
  options?: AnyOptions<GatherTokensOptions>,
): AnyTensor | AnyResult<RaggedTokens> {
  const given = readOptions(options);
  return isRagged(indices) ? runSync(prepareRagged(x, indices, given)) : runSync(prepare(x, indices, given));
}
