// Inputs of one number a token: for all rows, or one row's for every one.
import { types } from 'node:util';
import { rangeError } from './errors.js';
import { copyArray, type DataTypeMap, readTensor, type Tensor, zeros } from './tensor.js';

const arrays = {
  float32: types.isFloat32Array,
  int32: types.isInt32Array,
  int64: types.isBigInt64Array,
  uint8: types.isUint8Array,
};

/** One value a token, as a private copy of dims [B,N]; what stands for one row is repeated for all. */
export function readPerToken<T extends keyof typeof arrays>(
  path: string,
  value: unknown,
  allowed: readonly T[],
  batch: number,
  length: number,
): Tensor<T> | undefined {
  if (value === undefined) return undefined;
  const bare = allowed.find((type) => arrays[type](value));
  const { type, data }: { type: T; data: DataTypeMap[T] } =
    bare === undefined ? readTensor(path, value, allowed) : { type: bare, data: value as DataTypeMap[T] };
  const own = copyArray<DataTypeMap[keyof typeof arrays]>(path, data) as DataTypeMap[T];
  if (own.length === batch * length) return { type, data: own, dims: [batch, length] };
  if (own.length !== length) {
    const expected = `[${batch},${length}] or [${length}]`;
    throw rangeError(path, expected, data, 'ERR_TOKENSIEVE_SHAPE');
  }
  const all = zeros(type, [batch, length]);
  for (let row = 0; row < batch; row++) all.data.set(own as never, row * length);
  return all;
}

/** `[B,N]`, finite and not negative. */
export function readSizes(value: unknown, batch: number, length: number): Tensor<'float32'> | undefined {
  const sizes = readPerToken('inputs.sizes', value, ['float32'], batch, length);
  const bad = sizes ? sizes.data.findIndex((size) => !(size >= 0 && size < Number.POSITIVE_INFINITY)) : -1;
  if (bad !== -1) throw rangeError(`inputs.sizes[${bad}]`, 'a finite number from 0', sizes?.data[bad]);
  return sizes;
}

/** `[B,N]` or `[S,B,N]`, a private copy. */
export function readPositions(
  value: unknown,
  batch: number,
  length: number,
  isSingle: boolean,
): Tensor<'int32' | 'int64'> {
  const sections = sectionsOf(value, isSingle);
  if (sections === undefined)
    return (
      readPerToken('inputs.positions', value, ['int32', 'int64'], batch, length) ??
      ascendingPositions(batch, length)
    );
  const read = readTensor('inputs.positions', value, ['int32', 'int64']);
  const data = copyArray('inputs.positions', read.data);
  if (data.length !== sections * batch * length || read.dims[read.dims.length - 1] !== length) {
    const expected = isSingle ? `[S,${length}]` : `[S,${batch},${length}]`;
    throw rangeError('inputs.positions.dims', expected, read.dims, 'ERR_TOKENSIEVE_SHAPE');
  }
  return { ...read, data, dims: [sections, batch, length] };
}

/** Rows of positions that an M-RoPE tensor has; undefined for anything else. */
function sectionsOf(value: unknown, isSingle: boolean): number | undefined {
  if (typeof value !== 'object' || value === null || !('dims' in value) || !Array.isArray(value.dims))
    return undefined;
  const { dims } = value as { dims: readonly unknown[] };
  const hasSections = dims.length === 3 || (dims.length === 2 && isSingle && dims[0] !== 1);
  return hasSections && typeof dims[0] === 'number' ? dims[0] : undefined;
}

function ascendingPositions(batch: number, length: number): Tensor<'int32'> {
  const data = new Int32Array(batch * length);
  for (let row = 0; row < batch; row++) for (let i = 0; i < length; i++) data[row * length + i] = i;
  return { type: 'int32', data, dims: [batch, length] };
}
