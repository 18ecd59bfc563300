// The output of operations that choose a number of tokens of their own from every row.
import { types } from 'node:util';
import { memoryOf } from '../device-memory.js';
import type { DeviceTensor } from '../device-tensor.js';
import { typeError } from '../errors.js';
import { isHost, type Operand } from '../operand.js';
import type { DeviceRagged, Ragged } from '../ragged.js';
import { type Tensor, viewArray } from '../tensor.js';
import { type Output, outputFor } from './call.js';

/** Arrays to fill: indices of room, of which the result's are the first, and `[R+1]` offsets. */
export interface RaggedOut {
  indices?: Tensor<'int32'>;
  offsets?: Int32Array;
}

/**
 * The outputs of a Ragged of `rows` rows with room for so many indices in all, and the Ragged they make once filled.
 *
 * @param like data of the input, by whose place theirs is chosen
 */
export function raggedOutput(
  out: unknown,
  rows: number,
  room: number,
  like: Operand['data'],
): { outputs: readonly Output[]; result: () => Ragged | DeviceRagged } {
  const indices = outputFor(out, 'indices', 'int32', [room], like);
  const offsets = outputFor(readOffsets(out), 'offsets', 'int32', [rows + 1], like);
  return {
    outputs: [indices, offsets],
    result: () => {
      if (!isHost(indices.tensor) || !isHost(offsets.tensor))
        return { indices: indices.shown, offsets: offsets.shown } as DeviceRagged;
      const total = offsets.tensor.data[rows];
      const data = viewArray('options.out.indices', indices.tensor.data, 0, total);
      return { indices: { type: 'int32', data, dims: [total] }, offsets: offsets.tensor.data };
    },
  };
}

/** Offsets to fill, as a tensor: on the host they are a bare array. */
function readOffsets(out: unknown): { offsets: Tensor<'int32'> | DeviceTensor } | undefined {
  const given = (out as { offsets?: unknown } | undefined)?.offsets;
  if (given === undefined) return undefined;
  if (memoryOf(given) !== undefined) return { offsets: given as DeviceTensor };
  if (!types.isInt32Array(given)) throw typeError('options.out.offsets', 'an Int32Array', given);
  return { offsets: { type: 'int32', data: given, dims: [given.length] } };
}
