// Choosing among the free tokens alone: those that are kept stay besides, without a part in the choice.
import { typeError } from '../errors.js';
import { freeTokens } from '../grid.js';
import type { Ragged } from '../ragged.js';
import { byScore } from '../ranking.js';
import type { Tokens } from '../sieve-inputs.js';
import type { Tensor } from '../tensor.js';
import { countsAsked } from './amounts.js';
import { raggedOf } from './nearest.js';
import type { Decision } from './strategy.js';

/** The tokens as if those that are kept were not there. */
export function freeAlone(tokens: Tokens): Tokens {
  const { mask, rows } = tokens;
  if (mask === undefined || rows.every(({ kept }) => kept === 0)) return tokens;
  return {
    ...tokens,
    mask: mask.map((state) => (state === 0 ? 0 : 2)),
    rows: rows.map(({ tokens: all, kept }) => ({ tokens: all - kept, kept: 0 })),
  };
}

/** How many free tokens of each row stay. `reader` is who an error says goes by a number. */
export function freeCounts(decision: Decision, reader: string): number[] {
  const counts = countsAsked(decision, reader);
  if (counts === undefined) throw typeError('budget', `a budget, which ${reader} goes by`, counts);
  return counts.map((count, row) => count - decision.tokens.rows[row].kept);
}

/** What was chosen of each row and what is kept of it, ascending. */
export function withKept({ length, mask }: Tokens, { indices, offsets }: Ragged): Ragged {
  return raggedOf(
    Array.from({ length: offsets.length - 1 }, (_, row) => {
      const stays = new Uint8Array(length);
      for (let i = 0; i < length; i++) stays[i] = Number(mask?.[row * length + i] === 1);
      for (let at = offsets[row]; at < offsets[row + 1]; at++) stays[indices.data[at]] = 1;
      return Int32Array.from(stays.keys()).filter((i) => stays[i] === 1);
    }),
  );
}

/** The kept tokens of a row, ascending. */
export function keptTokens({ length, mask }: Tokens, row: number): Int32Array {
  const own = Int32Array.from({ length }, (_, i) => i);
  return own.filter((i) => mask?.[row * length + i] === 1);
}

/** The tokens of a row that are neither dropped nor in a list, ascending. */
export function tokensBut(
  { length, mask }: Tokens,
  row: number,
  ...lists: readonly ArrayLike<number>[]
): Int32Array {
  const isOther = new Uint8Array(length);
  for (let i = 0; i < length; i++) isOther[i] = Number(mask?.[row * length + i] !== 2);
  for (const list of lists) for (let at = 0; at < list.length; at++) isOther[list[at]] = 0;
  return Int32Array.from(isOther.keys()).filter((i) => isOther[i] === 1);
}

/** The free tokens of a row, best first. */
export function rankedFree(tokens: Tokens, row: number, { data }: Tensor<'float32'>): Int32Array {
  const { length } = tokens;
  return freeTokens(tokens, row).sort(byScore(data.subarray(row * length, (row + 1) * length)));
}
