import { types } from 'node:util';
import type { DeviceTensor } from './device-tensor.js';
import { rangeError, typeError } from './errors.js';
import { copyArray, readTensor, type Tensor } from './tensor.js';

/**
 * Token indices whose number differs from row to row, ascending within a row: row r holds
 * `indices.data[offsets[r]]` up to, not including, `indices.data[offsets[r + 1]]`.
 */
export interface Ragged {
  /** `[total]`, all rows one after another. */
  readonly indices: Tensor<'int32'>;
  /** `[rows + 1]`, from 0 to total. */
  readonly offsets: Int32Array;
}

/**
 * A {@link Ragged} on a device. The host does not know how long its rows are, so there is room for all that there could
 * be: indices past `offsets[rows]` are 0 and mean nothing.
 */
export interface DeviceRagged {
  /** `[room]`, all rows one after another. */
  readonly indices: DeviceTensor<'int32'>;
  /** `[rows + 1]`, from 0 to the number of indices that count. */
  readonly offsets: DeviceTensor<'int32'>;
}

/** Whether a value is meant as a {@link Ragged} rather than as a tensor; says nothing of its content. */
export function isRagged<R extends Ragged | DeviceRagged>(value: unknown): value is R {
  return typeof value === 'object' && value !== null && 'offsets' in value && 'indices' in value;
}

/**
 * Checks a {@link Ragged} over rows of `inputLength` tokens and returns a private copy.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`; RangeError `ERR_TOKENSIEVE_SHAPE` when offsets do not start at 0,
 * fall, or do not end at total; RangeError `ERR_TOKENSIEVE_RANGE` for an index that is no token or does not
 * ascend
 */
export function readRagged(path: string, value: Ragged, inputLength: number): Ragged {
  const { indices: source, offsets: given } = value;
  const indices = copyArray(`${path}.indices`, readTensor(`${path}.indices`, source, ['int32']).data);
  if (!types.isInt32Array(given)) throw typeError(`${path}.offsets`, 'an Int32Array', given);
  const offsets = copyArray(`${path}.offsets`, given);
  const rows = offsets.length - 1;
  if (rows < 0 || offsets[0] !== 0 || offsets[rows] !== indices.length) {
    const expected = `offsets from 0 to ${indices.length}, the number of indices`;
    throw rangeError(`${path}.offsets`, expected, given, 'ERR_TOKENSIEVE_SHAPE');
  }
  for (let row = 0; row < rows; row++) {
    if (offsets[row + 1] < offsets[row] || offsets[row + 1] > indices.length) {
      const expected = `an integer from ${offsets[row]} to ${indices.length}`;
      throw rangeError(`${path}.offsets[${row + 1}]`, expected, offsets[row + 1], 'ERR_TOKENSIEVE_SHAPE');
    }
    let least = 0;
    for (let i = offsets[row]; i < offsets[row + 1]; i++) {
      if (indices[i] < least || indices[i] >= inputLength) {
        const expected = `an integer from ${least} to ${inputLength - 1}`;
        throw rangeError(`${path}.indices.data[${i}]`, expected, indices[i]);
      }
      least = indices[i] + 1;
    }
  }
  return { indices: { type: 'int32', data: indices, dims: [indices.length] }, offsets };
}
