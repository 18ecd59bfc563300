// What operations on rows of scores share.

import type { AnyOptions } from '../device-tensor.js';
import { rangeError } from '../errors.js';
import { type FloatOperand, readOperand } from '../operand.js';
import { reshape } from '../tensor.js';
import { floatTypes } from './call.js';
import { type MaskOptions, readTokenRows, type TokenRows } from './token-rows.js';

/** Scores as the C interface takes them, `[B,N]` or `[B,H,N]`, and what belongs to their rows. */
export interface RowsOfScores extends TokenRows {
  readonly x: FloatOperand;
}

/** Reads the scores, mask and lengths of an operation on rows. */
export function readRowsOfScores(x: unknown, options: AnyOptions<MaskOptions>, path = 'x'): RowsOfScores {
  const scores = readOperand(path, x, floatTypes);
  if (scores.dims.length === 0) {
    throw rangeError(`${path}.dims`, '1 dimension or more', scores.dims, 'ERR_TOKENSIEVE_SHAPE');
  }
  const { mask, lengths, leading, length, rowDims } = readTokenRows(scores.dims, options);
  return { mask, lengths, leading, length, rowDims, x: reshape(scores, [...rowDims, length]) };
}
