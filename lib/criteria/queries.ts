// Whose attention counts, where that differs from row to row.
import type { Tokens } from '../sieve-inputs.js';

/** Chosen queries as the attention ops take them: those that any row asks, and of each row those that count. */
export interface ChosenQueries {
  readonly queries: Int32Array;
  /** `[B * Nq]`: 2 for a query that does not count. */
  readonly queryMask: Uint8Array;
}

/** @param chosen `[B * Nq]`: 1 for a query that counts, else 0 */
export function chosenQueries(chosen: Uint8Array, batch: number): ChosenQueries {
  const length = batch === 0 ? 0 : chosen.length / batch;
  const isAsked = new Uint8Array(length);
  chosen.forEach((counts, place) => {
    isAsked[place % length] |= counts;
  });
  const queries = Int32Array.from(isAsked.keys()).filter((i) => isAsked[i] === 1);
  return { queries, queryMask: chosen.map((counts) => (counts === 1 ? 0 : 2)) };
}

/** The first or the last token of each row that is not dropped. */
export function endOfRows({ batch, length, mask }: Tokens, end: 'first' | 'last'): ChosenQueries {
  const chosen = new Uint8Array(batch * length);
  for (let row = 0; row < batch; row++) {
    const own = mask?.subarray(row * length, (row + 1) * length);
    const isPresent = (state: number) => state !== 2;
    const at =
      own === undefined
        ? end === 'first'
          ? 0
          : length - 1
        : end === 'first'
          ? own.findIndex(isPresent)
          : own.findLastIndex(isPresent);
    if (at !== -1) chosen[row * length + at] = 1;
  }
  return chosenQueries(chosen, batch);
}

/**
 * The text that asks, in a prompt whose picture is the free tokens: of each row the kept tokens behind its last free
 * one; where there are none, all that are kept.
 */
export function textBehind({ batch, length, mask }: Tokens): Uint8Array {
  const text = new Uint8Array(batch * length);
  for (let row = 0; row < batch && mask; row++) {
    const own = mask.subarray(row * length, (row + 1) * length);
    const isKeptFrom = (from: number) => own.map((state, i) => Number(state === 1 && i >= from));
    const behind = isKeptFrom(own.lastIndexOf(0) + 1);
    text.set(behind.includes(1) ? behind : isKeptFrom(0), row * length);
  }
  return text;
}
