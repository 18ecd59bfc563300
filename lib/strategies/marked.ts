// Lists of tokens of a row, all ascending.
import type { Tokens } from '../sieve-inputs.js';

type Row = Pick<Tokens, 'length' | 'mask'>;

/** The tokens that are marked 1. */
export function markedTokens(marks: Uint8Array): Int32Array {
  const tokens = new Int32Array(marks.length);
  let count = 0;
  for (let i = 0; i < marks.length; i++) if (marks[i] === 1) tokens[count++] = i;
  return tokens.slice(0, count);
}

/** The kept tokens of a row and those listed. */
export function keptAnd({ length, mask }: Row, row: number, listed: Int32Array): Int32Array {
  const stays = new Uint8Array(length);
  if (mask) for (let i = 0; i < length; i++) if (mask[row * length + i] === 1) stays[i] = 1;
  for (let at = 0; at < listed.length; at++) stays[listed[at]] = 1;
  return markedTokens(stays);
}
