// What operations on tokens in rows share: any leading dims, and a mask for all rows, for each batch item or
// for each row.
import type { AnyOptions } from '../device-tensor.js';
import type { Operand } from '../operand.js';
import { elementCount, reshape, type Tensor } from '../tensor.js';
import { arrayLength, arrayName } from '../typed-array.js';
import { readArray } from './call.js';

/** Options of operations that take a mask of tokens. */
export interface MaskOptions {
  /** uint8 `[B,N]`, `[N]`, or the dims of all tokens: 0 free, 1 kept, 2 dropped. A bare array is `[N]`, or `[B,N]` by its length. */
  mask?: Tensor<'uint8'> | Uint8Array | undefined;
  /** `[B]`: tokens of each batch item; those after them are dropped. */
  lengths?: Int32Array | undefined;
}

/** Tokens as the C interface takes them, `[B,N]` or `[B,H,N]`, and what belongs to their rows. */
export interface TokenRows {
  readonly mask: Operand<'uint8'> | undefined;
  readonly lengths: Operand<'int32'> | undefined;
  /** The dims before the last. */
  readonly leading: readonly number[];
  /** The length of a row. */
  readonly length: number;
  /** The rows' dims as the C interface takes them: `[B]` or `[B,H]`. */
  readonly rowDims: readonly number[];
}

/** Reads the mask and lengths of tokens `[...,N]`; none of the dims at all is one token. */
export function readTokenRows(dims: readonly number[], options: AnyOptions<MaskOptions>): TokenRows {
  const leading = dims.slice(0, -1);
  const length = dims.at(-1) ?? 1;
  const [batch = 1, ...inner] = leading;
  return {
    mask: readTokenMask('options.mask', options.mask, dims),
    lengths: readArray('options.lengths', options.lengths, ['int32']),
    leading,
    length,
    rowDims: inner.length === 0 ? [batch] : [batch, elementCount(inner)],
  };
}

/**
 * A mask of tokens `[...,N]` with the leading dims it shares with them multiplied together; any other is for the C
 * interface to refuse.
 */
export function readTokenMask(
  path: string,
  value: unknown,
  dims: readonly number[],
): Operand<'uint8'> | undefined {
  const [batch, length] = [dims.length > 1 ? dims[0] : 1, dims.at(-1) ?? 1];
  const bare = arrayName(value) !== undefined && arrayLength(value) !== length;
  const mask = readArray(path, value, ['uint8'], bare ? [batch, length] : undefined);
  const sameAsTokens = mask?.dims.length === dims.length && dims.every((dim, i) => dim === mask.dims[i]);
  return mask && sameAsTokens && dims.length > 1
    ? reshape(mask, [elementCount(dims.slice(0, -1)), length])
    : mask;
}
