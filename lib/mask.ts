import { rangeError } from './errors.js';
import { onHost } from './operand.js';
import { readRequiredArray } from './ops/call.js';
import type { Tensor } from './tensor.js';
import { arrayLength } from './typed-array.js';

const maskTypes = ['int64', 'int32', 'uint8', 'float32'] as const;

/** A tokenizer's mask, 1 for a real token and 0 for padding; a bare array is one row. */
export type AttentionMask =
  | Tensor<'int64' | 'int32' | 'uint8' | 'float32'>
  | BigInt64Array
  | Int32Array
  | Uint8Array
  | Float32Array;

/**
 * The `mask` that operations take out of the attention mask that tokenizers give: 1 (a real token) becomes 0 (free),
 * 0 (padding) becomes 2 (dropped).
 *
 * @param mask int64 (as transformers.js gives it), int32, uint8 or float32, any dims
 * @returns uint8, the same dims
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE` for an element that is neither 1 nor 0
 */
export function fromAttentionMask(mask: AttentionMask): Tensor<'uint8'> {
  const { data: given, dims } = onHost('mask', readRequiredArray('mask', mask, maskTypes));
  const length = arrayLength(given);
  const data = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const element = Number(given[i]);
    if (element !== 0 && element !== 1) {
      throw rangeError(ArrayBuffer.isView(mask) ? `mask[${i}]` : `mask.data[${i}]`, '0 or 1', given[i]);
    }
    data[i] = element === 1 ? 0 : 2;
  }
  return { type: 'uint8', data, dims: [...dims] };
}
