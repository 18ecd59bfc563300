import { isRagged, type Ragged } from '../ragged.js';
import { copyArray, type DataType, readTensor, reshape, type Tensor } from '../tensor.js';
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
const indexTypes = ['int32', 'int64'] as const;

function prepare<T extends DataType>(
  x: Tensor<T>,
  indices: Tensor<'int32' | 'int64'> | Int32Array | BigInt64Array,
  options: GatherTokensOptions,
): Invocation<Tensor<T>> {
  const tokens = readTensor('x', x, anyType) as Tensor<T>;
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
    outputs: [withDims(out, [rows, kept, channels])],
    numbers: [0],
    result: () => out.tensor,
  };
}

function prepareRagged<T extends DataType>(
  x: Tensor<T>,
  ragged: Ragged,
  options: GatherTokensOptions,
): Invocation<RaggedTokens<T>> {
  const tokens = readTensor('x', x, anyType) as Tensor<T>;
  const index = readTensor('indices.indices', ragged.indices, ['int32']);
  const given = readRequiredArray('indices.offsets', ragged.offsets, ['int32']);
  const offsets = { ...given, data: copyArray('indices.offsets', given.data) };
  const packed = readBoolean('options.packed', options.packed, false);
  const rows = offsets.data.length - 1;
  const lengths = offsets.data.slice(1).map((end, row) => end - offsets.data[row]);
  const channels = tokens.dims.at(-1) ?? 0;
  const longest = lengths.reduce((a, b) => Math.max(a, b), 0);
  const total = index.dims[0] ?? 0;
  const sane = longest <= total; // else the C interface names the offset that is wrong
  const dims = packed ? [total, channels] : [Math.max(rows, 0), sane ? longest : 0, channels];
  const out = outputFor(options.out, 'tokens', tokens.type, dims, tokens.data);
  return {
    operation: 'gatherTokens',
    inputs: [flatten(withRank('x', tokens, Math.max(2, tokens.dims.length)), 3), index, offsets],
    outputs: [out],
    numbers: [packed ? 1 : 0],
    result: () => ({ tokens: out.tensor, ...(packed ? { offsets: offsets.data } : { lengths }) }),
  };
}

/** A tensor with its leading dims multiplied together (or 1s added), so that it has `rank` dims. */
function flatten<T extends DataType>(tensor: Tensor<T>, rank: number): Tensor<T> {
  const last = tensor.dims.slice(tensor.dims.length - rank + 1);
  const rows = tensor.dims.slice(0, tensor.dims.length - rank + 1).reduce((a, b) => a * b, 1);
  const missing = new Array<number>(Math.max(0, rank - 1 - last.length)).fill(1);
  return reshape(tensor, [rows, ...missing, ...last]);
}

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
  indices: Tensor<'int32' | 'int64'> | Int32Array | BigInt64Array,
  options?: GatherTokensOptions,
): Promise<Tensor<T>>;
export function gatherTokens<T extends DataType>(
  x: Tensor<T>,
  indices: Ragged,
  options?: GatherTokensOptions,
): Promise<RaggedTokens<T>>;
export async function gatherTokens<T extends DataType>(
  x: Tensor<T>,
  indices: Tensor<'int32' | 'int64'> | Int32Array | BigInt64Array | Ragged,
  options?: GatherTokensOptions,
): Promise<Tensor<T> | RaggedTokens<T>> {
  const given = readOptions(options);
  const signal = readSignal(given);
  return isRagged(indices)
    ? runAsync(prepareRagged(x, indices, given), signal)
    : runAsync(prepare(x, indices, given), signal);
}

/** {@link gatherTokens}, at once on the calling thread. */
export function gatherTokensSync<T extends DataType>(
  x: Tensor<T>,
  indices: Tensor<'int32' | 'int64'> | Int32Array | BigInt64Array,
  options?: GatherTokensOptions,
): Tensor<T>;
export function gatherTokensSync<T extends DataType>(
  x: Tensor<T>,
  indices: Ragged,
  options?: GatherTokensOptions,
): RaggedTokens<T>;
export function gatherTokensSync<T extends DataType>(
  x: Tensor<T>,
  indices: Tensor<'int32' | 'int64'> | Int32Array | BigInt64Array | Ragged,
  options?: GatherTokensOptions,
): Tensor<T> | RaggedTokens<T> {
  const given = readOptions(options);
  return isRagged(indices) ? runSync(prepareRagged(x, indices, given)) : runSync(prepare(x, indices, given));
}
