// Which tokens of each row are free, which stay whatever happens, and which are not there.
import { types } from 'node:util';
import { rangeError, typeError } from './errors.js';
import { readPerToken } from './per-token.js';
import type { Protection, RowTokens, SieveInputs } from './sieve-inputs.js';
import { copyArray } from './tensor.js';

/** The tri-state mask of all tokens, with padding and protection written in. */
export function readMask(
  inputs: SieveInputs,
  batch: number,
  length: number,
  protect: Protection,
): Uint8Array {
  const given = readPerToken('inputs.mask', inputs.mask, ['uint8'], batch, length);
  const mask = given?.data ?? new Uint8Array(batch * length);
  const bad = mask.findIndex((state) => state > 2);
  if (bad !== -1) throw rangeError(`inputs.mask[${bad}]`, '0, 1 or 2', mask[bad]);

  const lengths = readLengths(inputs.lengths, batch, length);
  const { first = 0, last = 0 } = protect;
  for (let row = 0; row < batch; row++) {
    const tokens = mask.subarray(row * length, (row + 1) * length);
    if (lengths) tokens.fill(2, lengths[row]);
    if (first + last > 0) keepEnds(tokens, first, last);
  }
  return mask;
}

/** Masks with 1 the first and last tokens of those not dropped. */
function keepEnds(mask: Uint8Array, first: number, last: number): void {
  for (let i = 0, left = first; i < mask.length && left > 0; i++) {
    if (mask[i] === 2) continue;
    mask[i] = 1;
    left--;
  }
  for (let i = mask.length - 1, left = last; i >= 0 && left > 0; i--) {
    if (mask[i] === 2) continue;
    mask[i] = 1;
    left--;
  }
}

function readLengths(value: unknown, batch: number, length: number): Int32Array | undefined {
  if (value === undefined) return undefined;
  if (!types.isInt32Array(value)) throw typeError('inputs.lengths', 'an Int32Array', value);
  const own = copyArray('inputs.lengths', value);
  if (own.length !== batch) throw rangeError('inputs.lengths', `[${batch}]`, value, 'ERR_TOKENSIEVE_SHAPE');
  const bad = own.findIndex((tokens) => tokens < 0 || tokens > length);
  if (bad !== -1) throw rangeError(`inputs.lengths[${bad}]`, `an integer from 0 to ${length}`, own[bad]);
  return own;
}

/** How many tokens there are in a row, and how many of them stay. */
export function countTokens(mask: Uint8Array): RowTokens {
  let tokens = 0;
  let kept = 0;
  for (const state of mask) {
    if (state !== 2) tokens++;
    if (state === 1) kept++;
  }
  return { tokens, kept };
}
