// The output of operations that choose a number of tokens of their own from every row.
import { types } from 'node:util';
import { typeError } from '../errors.js';
import type { Ragged } from '../ragged.js';
import { type Tensor, viewArray } from '../tensor.js';
import { type Output, outputFor } from './call.js';

/** Arrays to fill: indices of room, of which the result's are the first, and `[R+1]` offsets. */
export interface RaggedOut {
  indices?: Tensor<'int32'>;
  offsets?: Int32Array;
}

/** The outputs of a Ragged of `rows` rows with room for so many indices in all, and the Ragged they make once filled. */
export function raggedOutput(
  out: unknown,
  rows: number,
  room: number,
): { outputs: readonly Output[]; result: () => Ragged } {
  const indices = outputFor(out, 'indices', 'int32', [room]);
  const given = (out as { offsets?: unknown } | undefined)?.offsets;
  if (given !== undefined && !types.isInt32Array(given))
    throw typeError('options.out.offsets', 'an Int32Array', given);
  const own = given && { offsets: { type: 'int32', data: given, dims: [given.length] } };
  const offsets = outputFor(own, 'offsets', 'int32', [rows + 1]);
  return {
    outputs: [indices, offsets],
    result: () => {
      const total = offsets.tensor.data[rows];
      const data = viewArray('options.out.indices', indices.tensor.data, 0, total);
      return { indices: { type: 'int32', data, dims: [total] }, offsets: offsets.tensor.data };
    },
  };
}
