// What operations on rows of scores share: any leading dims, and a mask for all rows, for each batch item or
// for each row.
import { rangeError } from '../errors.js';
import { elementCount, type FloatTensor, readTensor, type Tensor } from '../tensor.js';
import { floatTypes, readArray } from './call.js';

/** Options of operations that select among scores. */
export interface ScoreOptions {
  /** uint8 `[B,N]`, `[N]`, or the dims of x: 0 free, 1 kept, 2 dropped. A bare array is `[N]`, or `[B,N]` by its length. */
  mask?: Tensor<'uint8'> | Uint8Array | undefined;
  /** `[B]`: tokens of each batch item; those after them are dropped. */
  lengths?: Int32Array | undefined;
}

/** Scores as the C interface takes them, `[B,N]` or `[B,H,N]`, and what belongs to their rows. */
export interface RowsOfScores {
  readonly x: FloatTensor;
  readonly mask: Tensor<'uint8'> | undefined;
  readonly lengths: Tensor<'int32'> | undefined;
  /** The dims of x before its last. */
  readonly leading: readonly number[];
  /** The length of a row. */
  readonly length: number;
  /** The rows' dims as the C interface takes them: `[B]` or `[B,H]`. */
  readonly rowDims: readonly number[];
}

/** Reads the scores, mask and lengths of an operation on rows. */
export function readRowsOfScores<T extends FloatTensor>(
  x: T,
  options: ScoreOptions,
): RowsOfScores & { readonly x: T } {
  const scores = readTensor('x', x, floatTypes) as T;
  if (scores.dims.length === 0) {
    throw rangeError('x.dims', '1 dimension or more', scores.dims, 'ERR_TOKENSIEVE_SHAPE');
  }
  const leading = scores.dims.slice(0, -1);
  const length = scores.dims[scores.dims.length - 1];
  const [batch = 1, ...inner] = leading;
  const rowDims = inner.length === 0 ? [batch] : [batch, elementCount(inner)];
  return {
    x: { ...scores, dims: [...rowDims, length] },
    mask: readMask(options.mask, scores.dims, batch, length),
    lengths: readArray('options.lengths', options.lengths, ['int32']),
    leading,
    length,
    rowDims,
  };
}

/** A mask with the leading dims it shares with x multiplied together; any other is for the C interface to refuse. */
function readMask(
  value: unknown,
  dims: readonly number[],
  batch: number,
  length: number,
): Tensor<'uint8'> | undefined {
  const bare = ArrayBuffer.isView(value) && (value as unknown as ArrayLike<unknown>).length !== length;
  const mask = readArray('options.mask', value, ['uint8'], bare ? [batch, length] : undefined);
  const sameAsScores = mask?.dims.length === dims.length && dims.every((dim, i) => dim === mask.dims[i]);
  return mask && sameAsScores && dims.length > 1
    ? { ...mask, dims: [elementCount(dims.slice(0, -1)), length] }
    : mask;
}
