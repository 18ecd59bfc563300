import type {
  AnyOptions,
  AnyResult,
  AnyTensor,
  DeviceOptions,
  DeviceTensor,
  OnDevice,
} from '../device-tensor.js';
import { rangeError, typeError } from '../errors.js';
import type { Operand } from '../operand.js';
import { elementCount, type FloatTensor, type FloatType, type Tensor } from '../tensor.js';
import {
  type CommonOptions,
  type Invocation,
  outputFor,
  readBoolean,
  readChoice,
  readInteger,
  readIntegers,
  readOptions,
  readRequiredArray,
  readSignal,
  runAsync,
  runSync,
  withDims,
} from './call.js';
import { readRowsOfScores } from './rows-of-scores.js';
import type { MaskOptions } from './token-rows.js';

/** Options of {@link topK}. */
export interface TopKOptions<T extends FloatTensor = FloatTensor> extends CommonOptions, MaskOptions {
  /** Highest first (default), or lowest. */
  largest?: boolean;
  /** The order of a row's winners: ascending index (default), or best first. */
  order?: 'index' | 'value';
  /** k from each piece of a row: pieces of one size (the last may be shorter), or their offsets, from 0 to N. */
  segments?: { size: number } | Int32Array | readonly number[] | Tensor<'int32' | 'int64'>;
  /** Tensors to fill. */
  out?: { indices?: Tensor<'int32'>; values?: T };
}

/** The result of {@link topK}. */
export interface TopK<T extends FloatTensor = FloatTensor> {
  /** `[...,k]`, numbered within a row; `[...,S*k]` for S segments. */
  readonly indices: Tensor<'int32'>;
  /** The scores there, in the type of x. */
  readonly values: T;
}

function prepare(
  x: AnyTensor<FloatType>,
  k: number,
  options: AnyOptions<TopKOptions>,
): Invocation<AnyResult<TopK>> {
  const rows = readRowsOfScores(x, options);
  const segments = readSegments(options.segments, rows.length);
  if (typeof k !== 'number') throw typeError('k', 'an integer', k);
  const count = readInteger('k', k, 0);
  const winners = Math.max(0, segments === undefined ? 1 : elementCount(segments.dims) - 1) * count;
  // A k that no row has is refused before a result of that size would be made.
  const dims = [...rows.leading, count >= 0 && count <= rows.length ? winners : 0];
  const indices = outputFor(options.out, 'indices', 'int32', dims, rows.x.data);
  const values = outputFor(options.out, 'values', rows.x.type, dims, rows.x.data);
  const flat = [...rows.rowDims, dims[dims.length - 1]];
  return {
    operation: 'topK',
    inputs: [rows.x, rows.mask, rows.lengths, segments],
    outputs: [withDims(indices, flat), withDims(values, flat)],
    numbers: [
      count,
      readBoolean('options.largest', options.largest, true) ? 1 : 0,
      readChoice('options.order', options.order, ['index', 'value'], 'index'),
    ],
    result: () => ({ indices: indices.shown, values: values.shown }) as AnyResult<TopK>,
  };
}

/** The offsets of segments, of which the C interface says whether they fit. */
function readSegments(value: unknown, length: number): Operand<'int32' | 'int64'> | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'object' && value !== null && 'size' in value) {
    const { size } = value;
    if (typeof size !== 'number') throw typeError('options.segments.size', 'an integer', size);
    if (!Number.isInteger(size) || size < 1)
      throw rangeError('options.segments.size', 'an integer from 1', size);
    const offsets = Int32Array.from({ length: Math.ceil(length / size) + 1 }, (_, s) =>
      Math.min(s * size, length),
    );
    return { type: 'int32', data: offsets, dims: [offsets.length] };
  }
  if (!Array.isArray(value)) return readRequiredArray('options.segments', value, ['int32', 'int64']);
  return readIntegers('options.segments', value, `an integer from 0 to ${length}`);
}

/** {@link topK} of tensors on a device, where the result stays. */
export function topK<T extends FloatType>(
  x: DeviceTensor<T>,
  k: number,
  options?: DeviceOptions<TopKOptions<Tensor<T>>>,
): Promise<OnDevice<TopK<Tensor<T>>>>;
/**
 * The k best scores of every row: higher value first, then lower index; -0 equals +0, and NaN is last in
 * either direction. Kept tokens (mask 1) are always among the k, dropped ones (mask 2) never.
 *
 * @param x `[...,N]`, float32, float16 or bfloat16
 * @param k from the number of kept tokens to the number of those not dropped, in every row (or segment)
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE`, `ERR_TOKENSIEVE_SHAPE`,
 *   `ERR_TOKENSIEVE_OVERLAP`
 */
export function topK<T extends FloatTensor>(x: T, k: number, options?: TopKOptions<T>): Promise<TopK<T>>;
export async function topK(
  x: AnyTensor<FloatType>,
  k: number,
  options?: AnyOptions<TopKOptions>,
): Promise<AnyResult<TopK>> {
  const given = readOptions(options);
  return runAsync(prepare(x, k, given), readSignal(given));
}

/** {@link topKSync} of tensors on a device, where the result stays: checks and enqueues. */
export function topKSync<T extends FloatType>(
  x: DeviceTensor<T>,
  k: number,
  options?: DeviceOptions<TopKOptions<Tensor<T>>>,
): OnDevice<TopK<Tensor<T>>>;
/** {@link topK}, at once on the calling thread. */
export function topKSync<T extends FloatTensor>(x: T, k: number, options?: TopKOptions<T>): TopK<T>;
export function topKSync(
  x: AnyTensor<FloatType>,
  k: number,
  options?: AnyOptions<TopKOptions>,
): AnyResult<TopK> {
  return runSync(prepare(x, k, readOptions(options)));
}
