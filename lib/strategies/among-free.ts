// Choosing among the free tokens alone: those that are kept stay besides, without a part in the choice.
import { typeError } from '../errors.js';
import { freeTokens } from '../grid.js';
import type { Ragged } from '../ragged.js';
import { rankedByScore } from '../ranking.js';
import type { Tokens } from '../sieve-inputs.js';
import type { Tensor } from '../tensor.js';
import { countsAsked } from './amounts.js';
import { keptAnd, markedTokens } from './marked.js';
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
export function withKept(tokens: Tokens, { indices, offsets }: Ragged): Ragged {
  return raggedOf(
    tokens.rows.map((_, row) => keptAnd(tokens, row, indices.data.subarray(offsets[row], offsets[row + 1]))),
  );
}

/** The kept tokens of a row, ascending. */
export function keptTokens(tokens: Tokens, row: number): Int32Array {
  return keptAnd(tokens, row, new Int32Array());
}

/** The tokens of a row that are neither dropped nor in one of the lists, ascending. */
export function tokensBut(
  { length, mask }: Pick<Tokens, 'length' | 'mask'>,
  row: number,
  ...lists: readonly ArrayLike<number>[]
): Int32Array {
  const isOther = new Uint8Array(length).fill(1);
  if (mask) for (let i = 0; i < length; i++) if (mask[row * length + i] === 2) isOther[i] = 0;
  for (const list of lists) for (let at = 0; at < list.length; at++) isOther[list[at]] = 0;
  return markedTokens(isOther);
}

/** The free tokens of a row, best first. */
export function rankedFree(tokens: Tokens, row: number, { data }: Tensor<'float32'>): Int32Array {
  const { length } = tokens;
  return rankedByScore(freeTokens(tokens, row), data.subarray(row * length, (row + 1) * length));
}
